import TOMLInput
import TOMLKit

/// A policy written in TOML. Keys that we do not know are errors: a misspelt rule is no rule.
public enum PolicyFile {
  /// - Parameter readFile: gives the contents of a file that `report_data` names.
  public static func parse(
    _ text: String, readFile: (String) throws -> [UInt8] = { _ in throw CannotReadFiles() }
  ) throws(FormatError) -> Policy {
    let root: TOMLTable
    do throws(TOMLInput.Failure) {
      root = try TOMLInput.parse(text)
    } catch {
      throw FormatError("line \(error.line), column \(error.column): \(error.reason)")
    }
    let reader = TOMLReader(root, path: "")
    var policy = Policy()
    if let table = try reader.table("enclave") { try enclave(table, &policy) }
    if let table = try reader.table("td") { try td(table, &policy.td) }
    if let table = try reader.table("tcb") { try tcb(table, &policy) }
    if let table = try reader.table("platform") { try platform(table, &policy) }
    if let table = try reader.table("report_data") {
      policy.reportData = try reportData(table, readFile)
    }
    if let table = try reader.table("freshness") { try freshness(table, &policy) }
    try reader.finish()
    return policy
  }

  public struct CannotReadFiles: Error { public init() {} }

  private static func enclave(_ table: TOMLReader, _ policy: inout Policy) throws(FormatError) {
    policy.mrenclave = try table.hexList("mrenclave", count: 32)
    for signer in try table.tables("signer") {
      policy.signers.append(
        Policy.Signer(
          MRSIGNER: try signer.require("mrsigner", try signer.hex("mrsigner", count: 32)),
          ISVPRODID: UInt16(
            try signer.require("isvprodid", try signer.integer("isvprodid", in: 0...65535))),
          minimumISVSVN: UInt16(
            try signer.require(
              "minimum_isvsvn", try signer.integer("minimum_isvsvn", in: 0...65535)))))
      try signer.finish()
    }
    policy.insecureAllowDebug = try table.flag("insecure_allow_debug") ?? false
    policy.attributes = try table.masked("attributes", count: 8)
    policy.xfrm = try table.masked("xfrm", count: 8)
    policy.miscselect = try table.masked("miscselect", count: 4)
    policy.configID = try table.hex("configid", count: 64)
    policy.minimumConfigSVN = try table.integer("minimum_configsvn", in: 0...65535).map(UInt16.init)
    policy.isvFamilyID = try table.hex("isvfamilyid", count: 16)
    policy.isvExtProdID = try table.hex("isvextprodid", count: 16)
    try table.finish()
  }

  private static func td(_ table: TOMLReader, _ rules: inout TDRules) throws(FormatError) {
    rules.mrtd = try table.hexList("mrtd", count: 48)
    for index in 0..<4 { rules.rtmr[index] = try table.hexList("rtmr\(index)", count: 48) }
    rules.mrseam = try table.hexList("mrseam", count: 48)
    rules.mrconfigid = try table.hexList("mrconfigid", count: 48)
    rules.mrowner = try table.hexList("mrowner", count: 48)
    rules.mrownerconfig = try table.hexList("mrownerconfig", count: 48)
    rules.mrservicetd = try table.hexList("mrservicetd", count: 48)
    rules.attributes = try table.masked("attributes", count: 8)
    rules.xfam = try table.masked("xfam", count: 8)
    try table.finish()
  }

  private static func tcb(_ table: TOMLReader, _ policy: inout Policy) throws(FormatError) {
    if let names = try table.strings("accepted_statuses") {
      policy.statuses = []
      for name in names {
        guard let status = TCBStatus(rawValue: name) else {
          let hint = WordDistance.suggestion(for: name, among: TCBStatus.allCases.map(\.rawValue))
          throw FormatError("tcb.accepted_statuses: \"\(name)\" is not a TCB status\(hint)")
        }
        guard status != .Revoked else {
          throw FormatError("tcb.accepted_statuses: Revoked cannot be accepted")
        }
        policy.statuses.insert(status)
      }
    }
    policy.allowedAdvisories = Set(try table.strings("allowed_advisories") ?? [])
    policy.refusedAdvisories = Set(try table.strings("refused_advisories") ?? [])
    policy.outOfDateGraceDays = try table.integer("out_of_date_grace_days", in: 0...3650)
    policy.minimumEvaluationDataNumber = try table.integer(
      "minimum_evaluation_data_number", in: 0...Int(Int32.max))
    let acceptsOld =
      policy.statuses.contains(.OutOfDate)
      || policy.statuses.contains(.OutOfDateConfigurationNeeded)
    guard acceptsOld == (policy.outOfDateGraceDays != nil) else {
      throw FormatError(
        "tcb: an accepted status OutOfDate and out_of_date_grace_days need each other")
    }
    try table.finish()
  }

  private static func platform(_ table: TOMLReader, _ policy: inout Policy) throws(FormatError) {
    policy.ppid = try table.hexList("ppid", count: 16)
    policy.platformInstanceID = try table.hexList("piid", count: 16)
    policy.fmspc = try table.hexList("fmspc", count: 6)
    policy.requireHardware = try table.flag("require_hardware") ?? false
    try table.finish()
  }

  private static func freshness(_ table: TOMLReader, _ policy: inout Policy) throws(FormatError) {
    if let nonce = try table.string("nonce") {
      guard let bytes = Hex.decode(nonce), (1...64).contains(bytes.count) else {
        throw FormatError("freshness.nonce is not 1 to 64 bytes in hexadecimal")
      }
      policy.nonce = bytes
    }
    policy.maximumCollateralAgeSeconds = try table.integer(
      "maximum_collateral_age_days", in: 0...3650
    ).map { Int64($0) * 86_400 }
    policy.maximumEvidenceAgeSeconds = try table.integer(
      "maximum_evidence_age_seconds", in: 0...Int(Int32.max)
    ).map(Int64.init)
    try table.finish()
  }

  private static func reportData(
    _ table: TOMLReader, _ readFile: (String) throws -> [UInt8]
  ) throws(FormatError) -> ReportDataRule {
    let exact = try table.hex("exact", count: 64)
    let sha256 = try table.strings("sha256")
    let sha512 = try table.strings("sha512")
    try table.finish()
    switch (exact, sha256, sha512) {
    case (let bytes?, nil, nil): return .exact(bytes)
    case (nil, let parts?, nil): return .sha256(try components(parts, readFile))
    case (nil, nil, let parts?): return .sha512(try components(parts, readFile))
    default: throw FormatError("report_data needs exactly one of exact, sha256 and sha512")
    }
  }

  private static func components(
    _ parts: [String], _ readFile: (String) throws -> [UInt8]
  ) throws(FormatError) -> [ReportDataRule.Component] {
    guard !parts.isEmpty else { throw FormatError("report_data: nothing to hash") }
    var result: [ReportDataRule.Component] = []
    for part in parts {
      if part == "nonce" {
        result.append(.nonce)
      } else if part.hasPrefix("text:") {
        result.append(.bytes(Array(part.dropFirst(5).utf8)))
      } else if part.hasPrefix("hex:") {
        guard let bytes = Hex.decode(String(part.dropFirst(4))) else {
          throw FormatError("report_data: \"\(part)\" is not hexadecimal")
        }
        result.append(.bytes(bytes))
      } else if part.hasPrefix("file:") {
        do {
          result.append(.bytes(try readFile(String(part.dropFirst(5)))))
        } catch {
          throw FormatError("report_data: cannot read \"\(part.dropFirst(5))\"")
        }
      } else {
        throw FormatError(
          "report_data: \"\(part)\" is none of text:..., hex:..., file:... and nonce")
      }
    }
    return result
  }
}
