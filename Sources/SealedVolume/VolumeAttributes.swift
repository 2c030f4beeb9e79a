/// An extended attribute (xattr(7)).
public struct VolumeAttribute: Equatable, Sendable {
  public var name: [UInt8]
  public var value: [UInt8]
  public init(name: [UInt8], value: [UInt8]) {
    self.name = name
    self.value = value
  }
}

/// Extended attributes of a file: an object beside its content, {name length u16, value length u32, name, value}...
extension SealedVolume {
  /// Of one file, in bytes.
  public static let maximumAttributesSize = 4 << 20

  public func attributes(of number: UInt64) throws(VolumeError) -> [VolumeAttribute] {
    if try attributesSize(number) == 0 { return [] }
    let bytes = try readAll(
      number | VolumeFormat.attributesBit, limit: Self.maximumAttributesSize)
    let header = VolumeFormat.attributeHeaderSize
    var out: [VolumeAttribute] = []
    var at = 0
    while at < bytes.count {
      guard bytes.count - at >= header else { throw .damaged("extended attributes make no sense") }
      let nameCount = Int(bytes[at]) | Int(bytes[at + 1]) << 8
      var valueCount = 0
      for i in 0..<4 { valueCount |= Int(bytes[at + 2 + i]) << (8 * i) }
      guard nameCount > 0, bytes.count - at - header >= nameCount,
        bytes.count - at - header - nameCount >= valueCount
      else { throw .damaged("extended attributes make no sense") }
      let name = [UInt8](bytes[(at + header)..<(at + header + nameCount)])
      at += header + nameCount
      out.append(VolumeAttribute(name: name, value: [UInt8](bytes[at..<(at + valueCount)])))
      at += valueCount
    }
    return out
  }

  /// Replaces all of them.
  public func setAttributes(_ number: UInt64, _ list: [VolumeAttribute]) throws(VolumeError) {
    var bytes: [UInt8] = []
    for a in list {
      bytes.append(UInt8(truncatingIfNeeded: a.name.count))
      bytes.append(UInt8(truncatingIfNeeded: a.name.count >> 8))
      for i in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: a.value.count >> (8 * i))) }
      bytes += a.name
      bytes += a.value
    }
    guard bytes.count <= Self.maximumAttributesSize else { throw .noSpace }
    let old = try attributesSize(number)
    if bytes.isEmpty && old == 0 { return }
    let object = number | VolumeFormat.attributesBit
    if try readAll(object, limit: Self.maximumAttributesSize) != bytes {
      try replaceAll(object, bytes)
    }
  }
}
