import SwiftASN1

/// The little DER that certificates and CRLs of a software machine need.
enum DERWriter {
  static func node(_ tag: UInt8, _ contents: [UInt8]...) -> [UInt8] {
    let body = contents.flatMap { $0 }
    var length: [UInt8]
    if body.count < 0x80 {
      length = [UInt8(body.count)]
    } else {
      length = []
      var rest = body.count
      while rest > 0 {
        length.insert(UInt8(truncatingIfNeeded: rest), at: 0)
        rest >>= 8
      }
      length.insert(0x80 | UInt8(length.count), at: 0)
    }
    return [tag] + length + body
  }

  static func sequence(_ contents: [UInt8]...) -> [UInt8] { node(0x30, contents.flatMap { $0 }) }
  static func octets(_ bytes: [UInt8]) -> [UInt8] { node(0x04, bytes) }
  static func bits(_ bytes: [UInt8]) -> [UInt8] { node(0x03, [0], bytes) }
  static func flag(_ value: Bool) -> [UInt8] { node(0x01, [value ? 0xFF : 0]) }
  static func enumerated(_ value: UInt8) -> [UInt8] { node(0x0A, [value]) }

  /// An unsigned integer from big-endian bytes.
  static func integer(_ bytes: [UInt8]) -> [UInt8] {
    var body = Array(bytes.drop { $0 == 0 })
    if body.first.map({ $0 >= 0x80 }) ?? true { body.insert(0, at: 0) }
    return node(0x02, body)
  }

  static func integer(_ value: Int) -> [UInt8] {
    precondition(value >= 0)
    return integer(withUnsafeBytes(of: UInt64(value).bigEndian, Array.init))
  }

  static func oid(_ oid: ASN1ObjectIdentifier) -> [UInt8] { serialized(oid) }

  static func serialized(_ value: some DERSerializable) -> [UInt8] {
    var serializer = DER.Serializer()
    do {
      try serializer.serialize(value)
    } catch {
      preconditionFailure("serialising in memory: \(error)")
    }
    return serializer.serializedBytes
  }
}
