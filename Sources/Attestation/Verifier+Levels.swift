extension VerificationRun {
  mutating func checkLevels() {
    if let quote, case .td(let report) = quote.body {
      step(.tdxModule, needs: .tcbInfoMatch) { (run) throws(Stop) in
        try run.checkModule(report, run.tcbInfo!)
      }
      step(.tcbLevel, needs: .tcbInfoMatch, .tdxModule) { (run) throws(Stop) in
        try run.findLevels(report)
      }
    } else {
      step(.tcbLevel, needs: .tcbInfoMatch) { (run) throws(Stop) in try run.findLevels(nil) }
    }
    step(.qeLevel, needs: .qeIdentityMatch) { (run) throws(Stop) in
      let svn = run.quote!.signature.qeReport.ISVSVN
      guard let level = run.qeIdentity!.levels.first(where: { svn >= $0.ISVSVN }) else {
        throw .refused(.qeLevel, "the QE's ISVSVN \(svn) is below every known level")
      }
      run.qeLevel = level
      return "ISVSVN \(svn): \(level.status.rawValue)\(Self.list(level.advisories))"
    }
  }

  /// The first level, in the order given, that the PCK certificate's values reach. They come from
  /// the certificate: the report's CPUSVN and the header's SVNs are not certified.
  private mutating func findLevels(_ report: TDReport?) throws(Stop) -> String {
    let pck = pck!
    let reached = tcbInfo!.levels.filter { level in
      zip(pck.components, level.sgxComponents).allSatisfy { $0 >= $1 }
        && pck.PCESVN >= level.PCESVN
    }
    guard let sgx = reached.first else {
      throw .refused(
        .tcbLevel, "the platform's security versions are below every known TCB level")
    }
    sgxLevel = sgx
    guard let report else {
      level = sgx
      return describe(sgx)
    }
    // Bytes 0 and 1 are judged with the module's identity when there is one.
    let first = report.TEE_TCB_SVN[1] > 0 ? 2 : 0
    let tdx = reached.first { level in
      (first..<16).allSatisfy { report.TEE_TCB_SVN[$0] >= level.tdxComponents[$0] }
    }
    guard let tdx else {
      throw .refused(
        .tdxLevel, "TEE_TCB_SVN \(Hex.encode(report.TEE_TCB_SVN)) is below every level")
    }
    level = tdx
    if report.TEE_TCB_SVN[1] > 0 {
      let svn = UInt16(report.TEE_TCB_SVN[0])
      guard let level = moduleIdentity!.levels.first(where: { svn >= $0.ISVSVN }) else {
        throw .refused(
          .tdxModuleLevel, "the TDX module's SVN \(svn) is below every known level")
      }
      moduleLevel = level
      return describe(tdx)
        + "; TDX module \(moduleIdentity!.id!) SVN \(svn): \(level.status.rawValue)"
        + Self.list(level.advisories)
    }
    return describe(tdx)
  }

  private mutating func checkModule(
    _ report: TDReport, _ info: TCBInfo
  ) throws(Stop) -> String {
    let module: TCBInfo.ModuleIdentity
    if report.TEE_TCB_SVN[1] > 0 {
      let id = Self.moduleID(report.TEE_TCB_SVN[1])
      guard let found = info.tdxModuleIdentities.first(where: { $0.id == id }) else {
        throw .refused(.tdxModuleUnknown, "the TCB info knows no TDX module \(id)")
      }
      module = found
      moduleIdentity = found
    } else {
      module = info.tdxModule!
    }
    guard report.MRSIGNERSEAM == module.MRSIGNER else {
      throw .refused(
        .tdxModuleMRSIGNERSEAM,
        "the TDX module's MRSIGNERSEAM is \(Hex.encode(report.MRSIGNERSEAM))")
    }
    guard report.SEAMATTRIBUTES.allSatisfy({ $0 == 0 }),
      equal(report.SEAMATTRIBUTES, under: module.attributesMask, to: module.attributes)
    else {
      throw .refused(
        .tdxModuleSEAMATTRIBUTES,
        "the TDX module's SEAMATTRIBUTES \(Hex.encode(report.SEAMATTRIBUTES)) are not allowed")
    }
    return "the TDX module is Intel's\(module.id.map { " \($0)" } ?? "")"
  }

  /// `TDX_` and the major version in two hexadecimal digits; Intel's are below ten so far.
  static func moduleID(_ version: UInt8) -> String { "TDX_" + Hex.encode([version]).uppercased() }

  /// TEE_TCB_SVN_2 is at the newest values of module and TCB level.
  func isNewestModule(_ report: TDReport, _ info: TCBInfo) -> Bool {
    guard let svn2 = report.TEE_TCB_SVN_2, svn2[1] > 0,
      let module = info.tdxModuleIdentities.first(where: { $0.id == Self.moduleID(svn2[1]) }),
      let newest = module.levels.first, let level = info.levels.first
    else { return false }
    return UInt16(svn2[0]) >= newest.ISVSVN && svn2[2] >= level.tdxComponents[2]
  }

  private func describe(_ level: TCBInfo.Level) -> String {
    "TCB level of \(level.date): \(level.status.rawValue)\(Self.list(level.advisories))"
  }

  private static func list(_ advisories: [String]) -> String {
    advisories.isEmpty ? "" : " (\(advisories.joined(separator: ", ")))"
  }
}
