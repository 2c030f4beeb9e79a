import Foundation

/// The fields of a quote by their names, for people and for JSON.
struct QuoteFields {
  struct Field {
    let name: String
    let value: String
    /// Measurements are also shown with their bytes reversed, as some tools print them.
    let reversed: String?
  }

  var fields: [Field] = []

  init(_ quote: Quote) {
    let header = quote.header
    add("version", "\(header.version)")
    add("teeType", header.tee == .sgx ? "sgx" : "tdx")
    add("attestationKeyType", "\(header.attestationKeyType)")
    if header.version == 3 {
      add("qeSVN", "\(littleEndian(header.svnBytes[..<2]))")
      add("pceSVN", "\(littleEndian(header.svnBytes[2...]))")
    } else {
      add("reserved", hex: header.svnBytes)
    }
    add("qeVendorId", hex: header.vendorID)
    add("userData", hex: header.userData)
    if header.version == 5 {
      let start = QuoteHeader.size
      add("bodyType", "\(littleEndian(quote.bytes[start..<start + 2]))")
      add("bodySize", "\(littleEndian(quote.bytes[start + 2..<start + 6]))")
    }
    switch quote.body {
    case .enclave(let report): add(report, prefix: "")
    case .td(let report): add(report)
    }
    let signature = quote.signature
    add("signatureDataSize", "\(quote.bytes.count - quote.signedBytes.count - 4)")
    add("signature", hex: signature.signature)
    add("attestationKey", hex: signature.attestationKey)
    add(signature.qeReport, prefix: "qe.")
    add("qe.signature", hex: signature.qeReportSignature)
    add("qe.authenticationData", hex: signature.qeAuthenticationData)
    add(signature.certificationData)
    add("size", "\(quote.bytes.count)")
  }

  mutating func add(_ name: String, _ value: String) {
    fields.append(Field(name: name, value: value, reversed: nil))
  }

  mutating func add(_ name: String, hex: [UInt8]) { add(name, Hex.encode(hex)) }

  private mutating func add(_ name: String, measurement: [UInt8]) {
    fields.append(
      Field(
        name: name, value: Hex.encode(measurement), reversed: Hex.encode(measurement.reversed())))
  }

  private mutating func add(_ report: EnclaveReport, prefix: String) {
    add(prefix + "cpusvn", hex: report.CPUSVN)
    add(prefix + "miscselect", hex: report.MISCSELECT)
    add(prefix + "cetAttributes", "\(report.CET_ATTRIBUTES)")
    add(prefix + "isvextprodid", hex: report.ISVEXTPRODID)
    add(prefix + "attributes", hex: report.ATTRIBUTES)
    add(prefix + "flags", report.flags.names.joined(separator: " "))
    add(prefix + "xfrm", "0x" + String(report.XFRM, radix: 16))
    add(prefix + "mrenclave", measurement: report.MRENCLAVE)
    add(prefix + "mrsigner", measurement: report.MRSIGNER)
    add(prefix + "configid", hex: report.CONFIGID)
    add(prefix + "isvprodid", "\(report.ISVPRODID)")
    add(prefix + "isvsvn", "\(report.ISVSVN)")
    add(prefix + "configsvn", "\(report.CONFIGSVN)")
    add(prefix + "isvfamilyid", hex: report.ISVFAMILYID)
    add(prefix + "reportData", hex: report.REPORTDATA)
    add(prefix + "debug", "\(report.flags.contains(.DEBUG))")
  }

  private mutating func add(_ report: TDReport) {
    add("teeTcbSvn", hex: report.TEE_TCB_SVN)
    add("mrseam", measurement: report.MRSEAM)
    add("mrsignerseam", measurement: report.MRSIGNERSEAM)
    add("seamattributes", hex: report.SEAMATTRIBUTES)
    add("tdattributes", hex: report.TDATTRIBUTES)
    add("xfam", hex: report.XFAM)
    add("mrtd", measurement: report.MRTD)
    add("mrconfigid", measurement: report.MRCONFIGID)
    add("mrowner", measurement: report.MROWNER)
    add("mrownerconfig", measurement: report.MROWNERCONFIG)
    for (index, rtmr) in report.RTMR.enumerated() { add("rtmr\(index)", measurement: rtmr) }
    add("reportData", hex: report.REPORTDATA)
    if let svn = report.TEE_TCB_SVN_2 { add("teeTcbSvn2", hex: svn) }
    if let service = report.MRSERVICETD { add("mrservicetd", measurement: service) }
    add("debug", "\(report.isDebug)")
  }
}

extension Quote {
  /// Every field, one a line; measurements in both byte orders.
  public var text: String {
    QuoteFields(self).fields.map { field in
      let name = field.name + String(repeating: " ", count: max(1, 24 - field.name.count))
      let reversed = field.reversed.map { "\n\(String(repeating: " ", count: 24))\($0) (reversed)" }
      return name + field.value + (reversed ?? "")
    }.joined(separator: "\n")
  }

  /// The same as a JSON object.
  public func json() -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(QuoteJSON(self)) else {
      preconditionFailure("strings, numbers and flags always encode")
    }
    return String(decoding: data, as: UTF8.self)
  }
}

struct QuoteJSON: Encodable {
  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private let fields: [QuoteFields.Field]

  init(_ quote: Quote) { fields = QuoteFields(quote).fields }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for field in fields {
      let key = Key(stringValue: field.name)
      switch field.value {
      case "true": try container.encode(true, forKey: key)
      case "false": try container.encode(false, forKey: key)
      default:
        if field.value.count <= 10, let number = Int(field.value), field.reversed == nil,
          Self.numeric.contains(where: field.name.hasSuffix)
        {
          try container.encode(number, forKey: key)
        } else {
          try container.encode(field.value, forKey: key)
        }
      }
      if let reversed = field.reversed {
        try container.encode(reversed, forKey: Key(stringValue: field.name + ".reversed"))
      }
    }
  }

  private static let numeric = [
    "version", "attestationKeyType", "qeSVN", "pceSVN", "cetAttributes", "isvprodid", "isvsvn",
    "configsvn", "certificationDataType", "size", "pcesvn", "bodyType", "bodySize",
    "signatureDataSize",
  ]
}
