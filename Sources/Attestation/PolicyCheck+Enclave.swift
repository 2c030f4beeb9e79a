extension PolicyCheck {
  mutating func checkEnclave(_ report: EnclaveReport) {
    checkAttributes(report)
    checkIdentity(report)
    checkConfiguration(report)
  }

  private mutating func checkAttributes(_ report: EnclaveReport) {
    var bad: [String] = []
    let flags = report.flags
    // What a policy says about a bit of FLAGS decides; these are the defaults for the others.
    let mask = AttributeFlags(rawValue: policy.attributes.map { littleEndian($0.mask) } ?? 0)
    for flag in [AttributeFlags.INIT, .MODE64BIT] where !mask.contains(flag) {
      if !flags.contains(flag) { bad.append("\(flag.names[0]) is not set") }
    }
    for flag in [AttributeFlags.PROVISIONKEY, .EINITTOKEN_KEY] where !mask.contains(flag) {
      if flags.contains(flag) { bad.append("\(flag.names[0]) is set, which no application needs") }
    }
    if let rule = policy.attributes, !rule.allows(Array(report.ATTRIBUTES[..<8])) {
      bad.append("ATTRIBUTES.FLAGS are \(Hex.encode(report.ATTRIBUTES[..<8]))")
    }
    if let rule = policy.xfrm, !rule.allows(Array(report.ATTRIBUTES[8...])) {
      bad.append("XFRM is \(Hex.encode(report.ATTRIBUTES[8...]))")
    }
    if let rule = policy.miscselect, !rule.allows(report.MISCSELECT) {
      bad.append("MISCSELECT is \(Hex.encode(report.MISCSELECT))")
    }
    step(
      .policyAttributes, bad.isEmpty, "attributes: \(flags.names.joined(separator: ", "))",
      else: bad.joined(separator: "; "))
  }

  private mutating func checkIdentity(_ report: EnclaveReport) {
    if policy.td.names, !policy.namesEnclave {
      step(.policyIdentity, false, "", else: "the policy names TDs, this is an SGX enclave")
      return
    }
    guard policy.namesEnclave else {
      warn("the policy names no enclave: any MRENCLAVE and any signer pass")
      return
    }
    if policy.mrenclave.contains(report.MRENCLAVE) {
      step(.policyIdentity, true, "MRENCLAVE \(Hex.encode(report.MRENCLAVE))", else: "")
      return
    }
    let signers = policy.signers.filter { $0.MRSIGNER == report.MRSIGNER }
    let products = signers.filter { $0.ISVPRODID == report.ISVPRODID }
    if products.contains(where: { report.ISVSVN >= $0.minimumISVSVN }) {
      step(
        .policyIdentity, true,
        "MRSIGNER \(Hex.encode(report.MRSIGNER)), ISVPRODID \(report.ISVPRODID), "
          + "ISVSVN \(report.ISVSVN)", else: "")
      return
    }
    let reason: String
    if let product = products.first {
      reason = "ISVSVN \(report.ISVSVN) is below the minimum, \(product.minimumISVSVN)"
    } else if !signers.isEmpty {
      reason = "ISVPRODID \(report.ISVPRODID) is not that of the policy"
    } else {
      reason =
        "neither MRENCLAVE \(Hex.encode(report.MRENCLAVE)) nor "
        + "MRSIGNER \(Hex.encode(report.MRSIGNER)) is in the policy"
    }
    step(.policyIdentity, false, "", else: reason)
  }

  /// CONFIGID and its kin come from the loader, which nobody trusts; they bind a run to what the
  /// policy expects, and only if KSS is set.
  private mutating func checkConfiguration(_ report: EnclaveReport) {
    var bad: [String] = []
    let needsKSS =
      policy.configID != nil || policy.minimumConfigSVN != nil || policy.isvFamilyID != nil
      || policy.isvExtProdID != nil
    guard needsKSS else {
      if report.CONFIGID.contains(where: { $0 != 0 }) || report.CONFIGSVN != 0 {
        warn("CONFIGID or CONFIGSVN is set and the policy does not say what it must be")
      }
      return
    }
    if !report.flags.contains(.KSS) { bad.append("KSS is not set") }
    if let expected = policy.configID, report.CONFIGID != expected {
      bad.append("CONFIGID is \(Hex.encode(report.CONFIGID))")
    }
    if let minimum = policy.minimumConfigSVN, report.CONFIGSVN < minimum {
      bad.append("CONFIGSVN \(report.CONFIGSVN) is below \(minimum)")
    }
    if let expected = policy.isvFamilyID, report.ISVFAMILYID != expected {
      bad.append("ISVFAMILYID is \(Hex.encode(report.ISVFAMILYID))")
    }
    if let expected = policy.isvExtProdID, report.ISVEXTPRODID != expected {
      bad.append("ISVEXTPRODID is \(Hex.encode(report.ISVEXTPRODID))")
    }
    step(
      .policyConfiguration, bad.isEmpty, "CONFIGID and its kin are as expected",
      else: bad.joined(separator: "; "))
  }
}
