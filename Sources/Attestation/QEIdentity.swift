/// The identity of an Intel enclave (QE, TD_QE, QvE, QAE): what its report must look like.
public struct QEIdentity: Sendable {
  public let id: String
  public let issueDate: Timestamp
  public let nextUpdate: Timestamp
  public let evaluationDataNumber: Int
  public let MISCSELECT: [UInt8]
  public let MISCSELECTMask: [UInt8]
  public let ATTRIBUTES: [UInt8]
  public let ATTRIBUTESMask: [UInt8]
  public let MRSIGNER: [UInt8]
  public let ISVPRODID: UInt16
  public let levels: [IdentityLevel]

  let document: SignedDocument

  public init(_ text: [UInt8]) throws(FormatError) {
    document = try SignedDocument(text, name: "enclaveIdentity")
    let fields = try JSONFields(document.object, path: "enclaveIdentity")
    id = try fields.string("id")
    let version = try fields.integer("version", in: 0...1000)
    guard version == 2 else {
      throw FormatError("enclaveIdentity.version \(version) is not supported, 2 is")
    }
    issueDate = try fields.time("issueDate")
    nextUpdate = try fields.time("nextUpdate")
    evaluationDataNumber = Int(
      try fields.integer("tcbEvaluationDataNumber", in: 0...Int64(Int32.max)))
    MISCSELECT = try fields.hex("miscselect", count: 4)
    MISCSELECTMask = try fields.hex("miscselectMask", count: 4)
    ATTRIBUTES = try fields.hex("attributes", count: 16)
    ATTRIBUTESMask = try fields.hex("attributesMask", count: 16)
    MRSIGNER = try fields.hex("mrsigner", count: 32)
    ISVPRODID = UInt16(try fields.integer("isvprodid", in: 0...65535))
    levels = try IdentityLevel.list(fields)
  }
}

/// A level of an enclave's or a TDX module's identity.
public struct IdentityLevel: Sendable {
  public let ISVSVN: UInt16
  public let date: Timestamp
  public let status: TCBStatus
  public let advisories: [String]

  static func list(_ fields: JSONFields) throws(FormatError) -> [IdentityLevel] {
    var levels: [IdentityLevel] = []
    for (index, element) in try fields.array("tcbLevels").enumerated() {
      let level = try JSONFields(element, path: "\(fields.path).tcbLevels[\(index)]")
      levels.append(
        IdentityLevel(
          ISVSVN: UInt16(try level.object("tcb").integer("isvsvn", in: 0...65535)),
          date: try level.time("tcbDate"),
          status: try level.status(among: TCBStatus.ofIdentities),
          advisories: try level.strings("advisoryIDs")))
    }
    guard !levels.isEmpty else { throw FormatError("\(fields.path).tcbLevels is empty") }
    return levels
  }
}
