/// An Internet socket's name as it crosses the boundary: four words.
///
/// | word | content |
/// | --- | --- |
/// | 0 | family (16 bits; 2 or 10, 0: no name), port (16 bits, host order), flow information (32 bits) |
/// | 1, 2 | the address as it lies in memory: 16 bytes of IPv6, or 4 bytes of IPv4 and zeros |
/// | 3 | scope (32 bits, IPv6), and above it what the call says of its own |
public struct SocketName: Sendable, Equatable {
  public var family: UInt16 = 0
  public var port: UInt16 = 0
  public var flowInfo: UInt32 = 0
  public var address: (UInt64, UInt64) = (0, 0)
  public var scope: UInt32 = 0
  public init() {}

  public static let inet: UInt16 = 2
  public static let inet6: UInt16 = 10

  public static func == (a: SocketName, b: SocketName) -> Bool {
    a.family == b.family && a.port == b.port && a.flowInfo == b.flowInfo && a.scope == b.scope
      && a.address.0 == b.address.0 && a.address.1 == b.address.1
  }

  public var words: (UInt64, UInt64, UInt64, UInt64) {
    (
      UInt64(family) | UInt64(port) << 16 | UInt64(flowInfo) << 32, address.0, address.1,
      UInt64(scope)
    )
  }

  /// nil: not a name of that family, or bits that a name of that family does not have. The upper half of
  /// word 3 is not looked at.
  public init?(_ words: (UInt64, UInt64, UInt64, UInt64), family expected: UInt16) {
    let family = UInt16(truncatingIfNeeded: words.0)
    guard family == expected, family == Self.inet || family == Self.inet6 else { return nil }
    self.family = family
    port = UInt16(truncatingIfNeeded: words.0 >> 16)
    flowInfo = UInt32(truncatingIfNeeded: words.0 >> 32)
    address = (words.1, words.2)
    scope = UInt32(truncatingIfNeeded: words.3)
    if family == Self.inet {
      guard flowInfo == 0, scope == 0, address.0 >> 32 == 0, address.1 == 0 else { return nil }
    }
  }
}

/// What may go into `flags` of `streamRead` and `streamWrite` on sockets.
public enum SocketFlags {
  /// EAGAIN instead of waiting.
  public static let dontWait: UInt64 = 1
  /// streamRead: leave the data where it is.
  public static let peek: UInt64 = 2
  /// Urgent data (tcp(7)).
  public static let outOfBand: UInt64 = 4
  public static let all: UInt64 = 7
}
