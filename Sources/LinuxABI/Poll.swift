/// `struct pollfd` of poll(2).
public struct PollDescriptor: Sendable, BitwiseCopyable {
  public var fd: Int32 = 0
  public var events: UInt16 = 0
  public var revents: UInt16 = 0
  public init() {}
}

/// epoll(7) (linux/eventpoll.h). Its event bits are those of poll(2), and these.
public enum Epoll {
  public static let EPOLL_CTL_ADD: Int32 = 1
  public static let EPOLL_CTL_DEL: Int32 = 2
  public static let EPOLL_CTL_MOD: Int32 = 3
  public static let EPOLLEXCLUSIVE: UInt32 = 1 << 28
  public static let EPOLLWAKEUP: UInt32 = 1 << 29
  public static let EPOLLONESHOT: UInt32 = 1 << 30
  public static let EPOLLET: UInt32 = 1 << 31
  /// Bits that are not events (EP_PRIVATE_BITS).
  public static let privateBits: UInt32 = EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET
  /// `struct epoll_event` is packed on x86-64: events (4), data (8).
  public static let eventSize = 12
}

/// eventfd(2) flags.
public enum EventfdFlags {
  public static let EFD_SEMAPHORE: UInt32 = 1
}
