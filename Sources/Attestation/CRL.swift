import Crypto
import SwiftASN1
import X509

/// A certificate revocation list (RFC 5280, section 5), as Intel issues them.
///
/// Critical extensions that we do not know, delta and indirect CRLs are refused: reading such a
/// list as a complete one could call a revoked certificate good.
public struct CRL: Sendable {
  static let maximumSize = 4 << 20

  let issuer: DistinguishedName
  public let thisUpdate: Timestamp
  public let nextUpdate: Timestamp
  /// Serial numbers, big-endian, without leading zeros.
  let revoked: Set<[UInt8]>
  let number: [UInt8]

  private let signedBytes: ArraySlice<UInt8>
  private let signature: ArraySlice<UInt8>

  public var revokedCount: Int { revoked.count }

  /// From DER; or from PEM or hexadecimal DER, in which some caches keep CRLs.
  public init(_ input: [UInt8]) throws(FormatError) {
    guard input.count <= Self.maximumSize else { throw FormatError("the CRL is over 4 MiB") }
    var der = input
    if input.starts(with: Array("-----".utf8)) {
      let blocks = try PEM.decode(input[...], label: "X509 CRL")
      guard blocks.count == 1 else { throw FormatError("\(blocks.count) CRLs in PEM instead of 1") }
      der = blocks[0]
    } else if input.first == 0x33, let bytes = Hex.decode(Self.trimmed(input)) {
      der = bytes
    }
    do {
      self = try Self(der: der)
    } catch let error as FormatError {
      throw error
    } catch {
      throw FormatError("bad CRL: \(PlainWords.of(error))")
    }
  }

  private static func trimmed(_ text: [UInt8]) -> ArraySlice<UInt8> {
    var slice = text[...]
    while let last = slice.last, last == 0x0A || last == 0x0D { slice = slice.dropLast() }
    return slice
  }

  func isRevoked(_ serial: [UInt8]) -> Bool { revoked.contains(Self.canonical(serial[...])) }

  func isSigned(by key: P256.Signing.PublicKey) -> Bool {
    guard let signature = try? P256.Signing.ECDSASignature(derRepresentation: signature) else {
      return false
    }
    return key.isValidSignature(signature, for: signedBytes)
  }

  private static func canonical(_ serial: ArraySlice<UInt8>) -> [UInt8] {
    Array(serial.drop { $0 == 0 })
  }
}

extension CRL {
  private static let ecdsaWithSHA256: ASN1ObjectIdentifier = [1, 2, 840, 10045, 4, 3, 2]
  private static let crlNumber: ASN1ObjectIdentifier = [2, 5, 29, 20]
  private static let authorityKeyIdentifier: ASN1ObjectIdentifier = [2, 5, 29, 35]

  private init(der: [UInt8]) throws {
    let root = try DER.parse(der)
    let (tbs, signature): (ASN1Node, ASN1BitString) =
      try DER.sequence(root, identifier: .sequence) { nodes in
        guard let tbs = nodes.next() else { throw FormatError("the CRL is empty") }
        try Self.checkAlgorithm(nodes.next())
        return (tbs, try ASN1BitString(derEncoded: &nodes))
      }
    guard signature.paddingBits == 0 else { throw FormatError("bad CRL signature") }
    signedBytes = tbs.encodedBytes
    self.signature = signature.bytes

    var revoked: Set<[UInt8]> = []
    var extensions: [ASN1ObjectIdentifier: ArraySlice<UInt8>] = [:]
    let (issuer, thisUpdate, nextUpdate) = try DER.sequence(tbs, identifier: .sequence) {
      nodes -> (DistinguishedName, Timestamp, Timestamp) in
      guard try Int(derEncoded: &nodes) == 1 else { throw FormatError("the CRL is not version 2") }
      try Self.checkAlgorithm(nodes.next())
      guard let name = nodes.next() else { throw FormatError("the CRL is cut short") }
      let issuer = try DistinguishedName(derEncoded: name)
      let thisUpdate = try Self.time(nodes.next())
      let nextUpdate = try Self.time(nodes.next())
      var next = nodes.next()
      if let list = next, list.identifier == .sequence {
        revoked = try Self.entries(list)
        next = nodes.next()
      }
      guard let wrapper = next,
        wrapper.identifier == ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific)
      else { throw FormatError("the CRL has no extensions") }
      extensions = try Self.extensions(wrapper)
      return (issuer, thisUpdate, nextUpdate)
    }
    self.issuer = issuer
    self.thisUpdate = thisUpdate
    self.nextUpdate = nextUpdate
    self.revoked = revoked
    guard let number = extensions[Self.crlNumber],
      extensions[Self.authorityKeyIdentifier] != nil
    else { throw FormatError("the CRL has no CRL number or no authority key identifier") }
    self.number = Array(try ArraySlice<UInt8>(derEncoded: DER.parse(number)))
  }

  private static func checkAlgorithm(_ node: ASN1Node?) throws {
    guard let node else { throw FormatError("the CRL is cut short") }
    try DER.sequence(node, identifier: .sequence) { nodes in
      guard try ASN1ObjectIdentifier(derEncoded: &nodes) == ecdsaWithSHA256 else {
        throw FormatError("the CRL is not signed with ECDSA and SHA-256")
      }
    }
  }

  private static func entries(_ sequence: ASN1Node) throws -> Set<[UInt8]> {
    try DER.sequence(sequence, identifier: .sequence) { entries in
      var revoked: Set<[UInt8]> = []
      while let entry = entries.next() {
        try DER.sequence(entry, identifier: .sequence) { nodes in
          let serial = try ArraySlice<UInt8>(derEncoded: &nodes)
          _ = try time(nodes.next())
          if let extensions = nodes.next() {
            for item in try list(of: extensions) where item.critical {
              throw FormatError("a CRL entry has a critical extension")
            }
          }
          revoked.insert(canonical(serial))
        }
      }
      return revoked
    }
  }

  private static func extensions(
    _ wrapper: ASN1Node
  ) throws -> [ASN1ObjectIdentifier: ArraySlice<UInt8>] {
    guard case .constructed(let children) = wrapper.content else {
      throw FormatError("bad CRL extensions")
    }
    var iterator = children.makeIterator()
    guard let sequence = iterator.next(), iterator.next() == nil else {
      throw FormatError("bad CRL extensions")
    }
    var result: [ASN1ObjectIdentifier: ArraySlice<UInt8>] = [:]
    for item in try list(of: sequence) {
      let known = item.oid == crlNumber || item.oid == authorityKeyIdentifier
      guard known || !item.critical else {
        throw FormatError("the CRL has the unknown critical extension \(item.oid)")
      }
      guard result.updateValue(item.value, forKey: item.oid) == nil else {
        throw FormatError("the CRL has the extension \(item.oid) twice")
      }
    }
    return result
  }

  private static func list(of node: ASN1Node) throws -> [X509.Certificate.Extension] {
    try DER.sequence(of: X509.Certificate.Extension.self, identifier: .sequence, rootNode: node)
  }

  private static func time(_ node: ASN1Node?) throws -> Timestamp {
    guard let node else { throw FormatError("a time is missing in the CRL") }
    let time: Timestamp?
    if node.identifier == .utcTime {
      let t = try UTCTime(derEncoded: node)
      time = Timestamp(
        year: t.year, month: t.month, day: t.day, hour: t.hours, minute: t.minutes,
        second: t.seconds)
    } else {
      let t = try GeneralizedTime(derEncoded: node)
      time = Timestamp(
        year: t.year, month: t.month, day: t.day, hour: t.hours, minute: t.minutes,
        second: t.seconds)
    }
    guard let time else { throw FormatError("a bad time in the CRL") }
    return time
  }
}
