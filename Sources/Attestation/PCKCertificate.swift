import SwiftASN1
import X509

/// The SGX extension of a PCK certificate, OID 1.2.840.113741.1.13.1 (PCK certificate profile).
public struct PCKExtension: Hashable, Sendable {
  public enum SGXType: Int, Sendable {
    case standard = 0
    case scalable = 1
    case scalableWithIntegrity = 2
  }

  public let PPID: [UInt8]
  /// The 16 security versions that the key stands for.
  public let components: [UInt8]
  public let PCESVN: UInt16
  public let CPUSVN: [UInt8]
  public let PCEID: [UInt8]
  public let FMSPC: [UInt8]
  public let type: SGXType
  /// Certificates of the platform CA only.
  public let platformInstanceID: [UInt8]?
  public let dynamicPlatform: Bool?
  public let cachedKeys: Bool?
  public let smtEnabled: Bool?

  static let oid: ASN1ObjectIdentifier = [1, 2, 840, 113_741, 1, 13, 1]
}

extension PCKExtension {
  /// From a PCK certificate. Nothing is verified.
  public init(certificateDER: [UInt8]) throws(FormatError) {
    try self.init(try PKICertificate(der: certificateDER))
  }

  init(_ certificate: PKICertificate) throws(FormatError) {
    guard let item = certificate.x509.extensions[oid: Self.oid] else {
      throw FormatError("the PCK certificate has no SGX extension")
    }
    do {
      self = try Self(DER.parse(item.value))
    } catch {
      throw FormatError("bad SGX extension: \(PlainWords.of(error))")
    }
  }

  private init(_ root: ASN1Node) throws {
    var values = try Self.members(root, under: Self.oid)
    func take(_ suffix: UInt) throws -> ASN1Node {
      guard let node = values.removeValue(forKey: suffix) else {
        throw FormatError("member .\(suffix) is missing")
      }
      return node
    }
    PPID = try Self.octets(try take(1), count: 16)
    var tcb = try Self.members(try take(2), under: Self.oid, 2)
    var components: [UInt8] = []
    for index in 1...16 as ClosedRange<UInt> {
      guard let node = tcb.removeValue(forKey: index) else {
        throw FormatError("TCB component \(index) is missing")
      }
      components.append(UInt8(try Self.integer(node, in: 0...255)))
    }
    self.components = components
    guard let pcesvn = tcb.removeValue(forKey: 17), let cpusvn = tcb.removeValue(forKey: 18) else {
      throw FormatError("PCESVN or CPUSVN is missing")
    }
    PCESVN = UInt16(try Self.integer(pcesvn, in: 0...65535))
    CPUSVN = try Self.octets(cpusvn, count: 16)
    guard tcb.isEmpty else { throw FormatError("unknown members in the TCB") }
    PCEID = try Self.octets(try take(3), count: 2)
    FMSPC = try Self.octets(try take(4), count: 6)
    guard let type = SGXType(rawValue: try Self.enumerated(try take(5))) else {
      throw FormatError("unknown SGX type")
    }
    self.type = type
    platformInstanceID = try values.removeValue(forKey: 6).map { try Self.octets($0, count: 16) }
    if let node = values.removeValue(forKey: 7) {
      let configuration = try Self.members(node, under: Self.oid, 7)
      func flag(_ suffix: UInt) throws -> Bool? {
        try configuration[suffix].map { try Bool(derEncoded: $0) }
      }
      dynamicPlatform = try flag(1)
      cachedKeys = try flag(2)
      smtEnabled = try flag(3)
    } else {
      dynamicPlatform = nil
      cachedKeys = nil
      smtEnabled = nil
    }
    guard values.isEmpty else { throw FormatError("unknown members") }
  }

  /// SEQUENCE OF SEQUENCE { OID, value }: the values by the last component of their OID.
  private static func members(
    _ node: ASN1Node, under base: ASN1ObjectIdentifier, _ suffix: UInt...
  ) throws -> [UInt: ASN1Node] {
    let prefix = base.oidComponents + suffix
    return try DER.sequence(node, identifier: .sequence) { nodes in
      var members: [UInt: ASN1Node] = [:]
      while let pair = nodes.next() {
        try DER.sequence(pair, identifier: .sequence) { pair in
          let oid = try ASN1ObjectIdentifier(derEncoded: &pair).oidComponents
          guard oid.count == prefix.count + 1, oid.starts(with: prefix), let value = pair.next()
          else { throw FormatError("an OID from elsewhere, or no value") }
          guard members.updateValue(value, forKey: oid[prefix.count]) == nil else {
            throw FormatError("member .\(oid[prefix.count]) twice")
          }
        }
      }
      return members
    }
  }

  private static func octets(_ node: ASN1Node, count: Int) throws -> [UInt8] {
    let bytes = Array(try ASN1OctetString(derEncoded: node).bytes)
    guard bytes.count == count else {
      throw FormatError("\(bytes.count) bytes instead of \(count)")
    }
    return bytes
  }

  private static func integer(_ node: ASN1Node, in range: ClosedRange<Int>) throws -> Int {
    let value = try Int(derEncoded: node)
    guard range.contains(value) else { throw FormatError("\(value) is not in \(range)") }
    return value
  }

  private static func enumerated(_ node: ASN1Node) throws -> Int {
    try Int(derEncoded: node, withIdentifier: .enumerated)
  }
}
