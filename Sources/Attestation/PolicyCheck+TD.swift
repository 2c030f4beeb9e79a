extension PolicyCheck {
  mutating func checkTD(_ report: TDReport) {
    let rules = policy.td
    if policy.namesEnclave, !rules.names {
      step(.policyIdentity, false, "", else: "the policy names SGX enclaves, this is a TD")
    } else if rules.names {
      step(
        .policyIdentity, rules.mrtd.contains(report.MRTD), "MRTD \(Hex.encode(report.MRTD))",
        else: "MRTD \(Hex.encode(report.MRTD)) is not in the policy")
    } else {
      warn("the policy names no TD: any MRTD passes")
    }

    var bad: [String] = []
    var isAsked = false
    func check(_ name: String, _ value: [UInt8], in allowed: [[UInt8]]) {
      guard !allowed.isEmpty else { return }
      isAsked = true
      if !allowed.contains(value) { bad.append("\(name) is \(Hex.encode(value))") }
    }
    for (index, allowed) in rules.rtmr.enumerated() {
      check("RTMR\(index)", report.RTMR[index], in: allowed)
    }
    check("MRSEAM", report.MRSEAM, in: rules.mrseam)
    check("MRCONFIGID", report.MRCONFIGID, in: rules.mrconfigid)
    check("MROWNER", report.MROWNER, in: rules.mrowner)
    check("MROWNERCONFIG", report.MROWNERCONFIG, in: rules.mrownerconfig)
    check("MRSERVICETD", report.MRSERVICETD ?? [], in: rules.mrservicetd)
    if let rule = rules.attributes {
      isAsked = true
      if !rule.allows(report.TDATTRIBUTES) {
        bad.append("TDATTRIBUTES are \(Hex.encode(report.TDATTRIBUTES))")
      }
    }
    if let rule = rules.xfam {
      isAsked = true
      if !rule.allows(report.XFAM) { bad.append("XFAM is \(Hex.encode(report.XFAM))") }
    }
    if isAsked {
      step(.policyTD, bad.isEmpty, "the TD is as expected", else: bad.joined(separator: "; "))
    }
    if !report.hasSeptVeDisable, rules.attributes == nil {
      warn("SEPT_VE_DISABLE is not set: the host can make pages of the TD fault")
    }
    if rules.mrservicetd.isEmpty, report.MRSERVICETD?.contains(where: { $0 != 0 }) == true {
      warn("a service TD is bound to this TD and the policy does not say which it may be")
    }
  }
}
