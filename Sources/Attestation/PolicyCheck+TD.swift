extension PolicyCheck {
  mutating func checkTD(_ report: TDReport) {
    let rules = policy.td
    if policy.namesEnclave, !rules.names {
      refuse(.policyIdentity, .policyForEnclaves, "the policy names SGX enclaves, this is a TD")
    } else if rules.names {
      step(
        .policyIdentity, .policyMRTD, rules.mrtd.contains(report.MRTD),
        "MRTD \(Hex.encode(report.MRTD))",
        else: "MRTD \(Hex.encode(report.MRTD)) is not in the policy")
    } else {
      warn("the policy names no TD: any MRTD passes")
    }

    var broken: Broken = []
    var isAsked = false
    func check(_ rule: Rule, _ name: String, _ value: [UInt8], in allowed: [[UInt8]]) {
      guard !allowed.isEmpty else { return }
      isAsked = true
      if !allowed.contains(value) { broken.append((rule, "\(name) is \(Hex.encode(value))")) }
    }
    func check(_ rule: Rule, _ name: String, _ value: [UInt8], under masked: Policy.Masked?) {
      guard let masked else { return }
      isAsked = true
      if !masked.allows(value) { broken.append((rule, "\(name) is \(Hex.encode(value))")) }
    }
    for (index, allowed) in rules.rtmr.enumerated() {
      check(.policyRTMR, "RTMR\(index)", report.RTMR[index], in: allowed)
    }
    check(.policyMRSEAM, "MRSEAM", report.MRSEAM, in: rules.mrseam)
    check(.policyMRCONFIGID, "MRCONFIGID", report.MRCONFIGID, in: rules.mrconfigid)
    check(.policyMROWNER, "MROWNER", report.MROWNER, in: rules.mrowner)
    check(
      .policyMROWNERCONFIG, "MROWNERCONFIG", report.MROWNERCONFIG, in: rules.mrownerconfig)
    check(
      .policyMRSERVICETD, "MRSERVICETD", report.MRSERVICETD ?? [], in: rules.mrservicetd)
    check(.policyTDATTRIBUTES, "TDATTRIBUTES", report.TDATTRIBUTES, under: rules.attributes)
    check(.policyXFAM, "XFAM", report.XFAM, under: rules.xfam)
    if isAsked { step(.policyTD, broken, "the TD is as expected") }
    if !report.hasSeptVeDisable, rules.attributes == nil {
      warn("SEPT_VE_DISABLE is not set: the host can make pages of the TD fault")
    }
    if rules.mrservicetd.isEmpty, report.MRSERVICETD?.contains(where: { $0 != 0 }) == true {
      warn("a service TD is bound to this TD and the policy does not say which it may be")
    }
  }
}
