/// What one page change applies to: addresses and lengths in bytes, page multiples.
///
/// `value` is what the host call takes beside the range: permissions, or a page type.
public struct PageRange: Sendable, Equatable {
  public var address: UInt64
  public var length: UInt64
  public var value: UInt64

  public init(_ address: UInt64, _ length: UInt64, _ value: UInt64 = 0) {
    self.address = address
    self.length = length
    self.value = value
  }
}
