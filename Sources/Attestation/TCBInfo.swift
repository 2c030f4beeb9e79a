/// TCB info of version 2 (SGX only) or 3: which security versions mean which status.
public struct TCBInfo: Sendable {
  public struct Level: Sendable {
    public let sgxComponents: [UInt8]
    /// Empty when the document is for SGX.
    public let tdxComponents: [UInt8]
    public let PCESVN: UInt16
    public let date: Timestamp
    public let status: TCBStatus
    public let advisories: [String]
  }

  /// An id of a TDX module's major version, or the module of version 0.
  public struct ModuleIdentity: Sendable {
    /// `TDX_01` for major version 1; nil for the `tdxModule` member.
    public let id: String?
    public let MRSIGNER: [UInt8]
    public let attributes: [UInt8]
    public let attributesMask: [UInt8]
    public let levels: [IdentityLevel]
  }

  /// `SGX` or `TDX`; version 2 has no id and is for SGX.
  public let id: String
  public let version: Int
  public let issueDate: Timestamp
  public let nextUpdate: Timestamp
  public let FMSPC: [UInt8]
  public let PCEID: [UInt8]
  public let evaluationDataNumber: Int
  public let tdxModule: ModuleIdentity?
  public let tdxModuleIdentities: [ModuleIdentity]
  public let levels: [Level]
  /// Version 2 does not say which advisories belong to a level.
  public var knowsAdvisories: Bool { version >= 3 }

  let document: SignedDocument

  public init(_ text: [UInt8]) throws(FormatError) {
    document = try SignedDocument(text, name: "tcbInfo")
    let info = try JSONFields(document.object, path: "tcbInfo")
    version = Int(try info.integer("version", in: 0...1000))
    guard version == 2 || version == 3 else {
      throw FormatError("tcbInfo.version \(version) is not supported, 2 and 3 are")
    }
    id = version == 3 ? try info.string("id") : "SGX"
    guard id == "SGX" || id == "TDX" else {
      throw FormatError("tcbInfo.id \"\(id)\" is neither SGX nor TDX")
    }
    issueDate = try info.time("issueDate")
    nextUpdate = try info.time("nextUpdate")
    FMSPC = try info.hex("fmspc", count: 6)
    PCEID = try info.hex("pceId", count: 2)
    guard try info.integer("tcbType", in: 0...255) == 0 else {
      throw FormatError("tcbInfo.tcbType is not 0, the only comparison that is defined")
    }
    evaluationDataNumber = Int(
      try info.integer("tcbEvaluationDataNumber", in: 0...Int64(Int32.max)))
    tdxModule =
      id == "TDX" ? try ModuleIdentity(try info.object("tdxModule"), hasLevels: false) : nil
    var identities: [ModuleIdentity] = []
    if id == "TDX", info.optional("tdxModuleIdentities") != nil {
      for element in try info.array("tdxModuleIdentities") {
        identities.append(
          try ModuleIdentity(
            try JSONFields(element, path: "tcbInfo.tdxModuleIdentities[]"), hasLevels: true))
      }
    }
    tdxModuleIdentities = identities
    var levels: [Level] = []
    for (index, element) in try info.array("tcbLevels").enumerated() {
      let fields = try JSONFields(element, path: "tcbInfo.tcbLevels[\(index)]")
      levels.append(try Level(fields, version: version, isTDX: id == "TDX"))
    }
    guard !levels.isEmpty else { throw FormatError("tcbInfo.tcbLevels is empty") }
    self.levels = levels
  }
}

extension TCBInfo.Level {
  init(_ fields: JSONFields, version: Int, isTDX: Bool) throws(FormatError) {
    let tcb = try fields.object("tcb")
    if version == 2 {
      var components: [UInt8] = []
      for index in 1...16 {
        let name = "sgxtcbcomp" + (index < 10 ? "0" : "") + "\(index)svn"
        components.append(UInt8(try tcb.integer(name, in: 0...255)))
      }
      sgxComponents = components
    } else {
      sgxComponents = try Self.components(tcb, "sgxtcbcomponents")
    }
    tdxComponents = isTDX ? try Self.components(tcb, "tdxtcbcomponents") : []
    PCESVN = UInt16(try tcb.integer("pcesvn", in: 0...65535))
    date = try fields.time("tcbDate")
    status = try fields.status(among: TCBStatus.ofLevels)
    advisories = try fields.strings("advisoryIDs")
  }

  private static func components(_ tcb: JSONFields, _ name: String) throws(FormatError) -> [UInt8] {
    let elements = try tcb.array(name)
    guard elements.count == 16 else { throw FormatError("\(tcb.path).\(name) has not 16 entries") }
    var components: [UInt8] = []
    for element in elements {
      let fields = try JSONFields(element, path: "\(tcb.path).\(name)[]")
      components.append(UInt8(try fields.integer("svn", in: 0...255)))
    }
    return components
  }
}

extension TCBInfo.ModuleIdentity {
  init(_ fields: JSONFields, hasLevels: Bool) throws(FormatError) {
    id = hasLevels ? try fields.string("id") : nil
    MRSIGNER = try fields.hex("mrsigner", count: 48)
    attributes = try fields.hex("attributes", count: 8)
    attributesMask = try fields.hex("attributesMask", count: 8)
    levels = hasLevels ? try IdentityLevel.list(fields) : []
  }
}

extension JSONFields {
  /// The member `tcbStatus`. Default-deny: a string that we do not know is an error.
  func status(among known: Set<TCBStatus>) throws(FormatError) -> TCBStatus {
    let text = try string("tcbStatus")
    guard let status = TCBStatus(rawValue: text), known.contains(status) else {
      throw FormatError("\(path).tcbStatus \"\(text)\" is not a status that is known")
    }
    return status
  }
}
