extension PolicyCheck {
  mutating func checkEnclave(_ report: EnclaveReport) {
    checkAttributes(report)
    checkIdentity(report)
    checkConfiguration(report)
  }

  private mutating func checkAttributes(_ report: EnclaveReport) {
    var broken: Broken = []
    let flags = report.flags
    // What a policy says about a bit of FLAGS decides; these are the defaults for the others.
    let mask = AttributeFlags(rawValue: policy.attributes.map { littleEndian($0.mask) } ?? 0)
    let needed: [(AttributeFlags, Rule)] = [(.INIT, .policyINIT), (.MODE64BIT, .policyMODE64BIT)]
    for (flag, rule) in needed where !mask.contains(flag) && !flags.contains(flag) {
      broken.append((rule, "\(flag.names[0]) is not set"))
    }
    let unneeded: [(AttributeFlags, Rule)] = [
      (.PROVISIONKEY, .policyPROVISIONKEY), (.EINITTOKEN_KEY, .policyEINITTOKEN_KEY),
    ]
    for (flag, rule) in unneeded where !mask.contains(flag) && flags.contains(flag) {
      broken.append((rule, "\(flag.names[0]) is set, which no application needs"))
    }
    if let rule = policy.attributes, !rule.allows(Array(report.ATTRIBUTES[..<8])) {
      broken.append(
        (.policyATTRIBUTES, "ATTRIBUTES.FLAGS are \(Hex.encode(report.ATTRIBUTES[..<8]))"))
    }
    if let rule = policy.xfrm, !rule.allows(Array(report.ATTRIBUTES[8...])) {
      broken.append((.policyXFRM, "XFRM is \(Hex.encode(report.ATTRIBUTES[8...]))"))
    }
    if let rule = policy.miscselect, !rule.allows(report.MISCSELECT) {
      broken.append((.policyMISCSELECT, "MISCSELECT is \(Hex.encode(report.MISCSELECT))"))
    }
    step(
      .policyAttributes, broken, "attributes: \(flags.names.joined(separator: ", "))")
  }

  private mutating func checkIdentity(_ report: EnclaveReport) {
    if policy.td.names, !policy.namesEnclave {
      refuse(.policyIdentity, .policyForTDs, "the policy names TDs, this is an SGX enclave")
      return
    }
    guard policy.namesEnclave else {
      warn("the policy names no enclave: any MRENCLAVE and any signer pass")
      return
    }
    if policy.mrenclave.contains(report.MRENCLAVE) {
      step(.policyIdentity, [], "MRENCLAVE \(Hex.encode(report.MRENCLAVE))")
      return
    }
    let signers = policy.signers.filter { $0.MRSIGNER == report.MRSIGNER }
    let products = signers.filter { $0.ISVPRODID == report.ISVPRODID }
    if products.contains(where: { report.ISVSVN >= $0.minimumISVSVN }) {
      step(
        .policyIdentity, [],
        "MRSIGNER \(Hex.encode(report.MRSIGNER)), ISVPRODID \(report.ISVPRODID), "
          + "ISVSVN \(report.ISVSVN)")
      return
    }
    if let product = products.first {
      refuse(
        .policyIdentity, .policyISVSVN,
        "ISVSVN \(report.ISVSVN) is below the minimum, \(product.minimumISVSVN)")
    } else if !signers.isEmpty {
      refuse(
        .policyIdentity, .policyISVPRODID,
        "ISVPRODID \(report.ISVPRODID) is not that of the policy")
    } else {
      refuse(
        .policyIdentity, .policyMRENCLAVE,
        "neither MRENCLAVE \(Hex.encode(report.MRENCLAVE)) nor "
          + "MRSIGNER \(Hex.encode(report.MRSIGNER)) is in the policy")
    }
  }

  /// CONFIGID and its kin come from the loader, which nobody trusts; they bind a run to what the
  /// policy expects, and only if KSS is set.
  private mutating func checkConfiguration(_ report: EnclaveReport) {
    var broken: Broken = []
    let needsKSS =
      policy.configID != nil || policy.minimumConfigSVN != nil || policy.isvFamilyID != nil
      || policy.isvExtProdID != nil
    guard needsKSS else {
      if report.CONFIGID.contains(where: { $0 != 0 }) || report.CONFIGSVN != 0 {
        warn("CONFIGID or CONFIGSVN is set and the policy does not say what it must be")
      }
      return
    }
    if !report.flags.contains(.KSS) { broken.append((.policyKSS, "KSS is not set")) }
    if let expected = policy.configID, report.CONFIGID != expected {
      broken.append((.policyCONFIGID, "CONFIGID is \(Hex.encode(report.CONFIGID))"))
    }
    if let minimum = policy.minimumConfigSVN, report.CONFIGSVN < minimum {
      broken.append((.policyCONFIGSVN, "CONFIGSVN \(report.CONFIGSVN) is below \(minimum)"))
    }
    if let expected = policy.isvFamilyID, report.ISVFAMILYID != expected {
      broken.append((.policyISVFAMILYID, "ISVFAMILYID is \(Hex.encode(report.ISVFAMILYID))"))
    }
    if let expected = policy.isvExtProdID, report.ISVEXTPRODID != expected {
      broken.append((.policyISVEXTPRODID, "ISVEXTPRODID is \(Hex.encode(report.ISVEXTPRODID))"))
    }
    step(.policyConfiguration, broken, "CONFIGID and its kin are as expected")
  }
}
