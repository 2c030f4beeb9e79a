/// `struct sysinfo` of sysinfo(2), 112 bytes.
public struct Sysinfo: Sendable, BitwiseCopyable {
  public var uptime: Int64 = 0
  public var load1: UInt64 = 0
  public var load5: UInt64 = 0
  public var load15: UInt64 = 0
  public var totalRAM: UInt64 = 0
  public var freeRAM: UInt64 = 0
  public var sharedRAM: UInt64 = 0
  public var bufferRAM: UInt64 = 0
  public var totalSwap: UInt64 = 0
  public var freeSwap: UInt64 = 0
  public var processes: UInt16 = 0
  public var padding0: UInt16 = 0
  public var padding1: UInt32 = 0
  public var totalHigh: UInt64 = 0
  public var freeHigh: UInt64 = 0
  public var unit: UInt32 = 1
  public var padding2: UInt32 = 0
  public init() {}
}
