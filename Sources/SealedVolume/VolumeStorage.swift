/// Where a volume's bytes lie: a host file behind `blockRead` and `blockWrite`, a file, or memory in the tests.
/// Nothing it returns is believed.
///
/// Offsets and counts are multiples of 4096 bytes.
open class VolumeStorage {
  public init() {}

  /// Fills `memory` from `offset`. What lies beyond the end of the storage reads as zeros.
  open func read(_ offset: UInt64, into memory: VolumeMemory) throws(VolumeError) { throw .io }

  /// Writes (possibly nothing, for the sake of `durable`); the storage grows as needed. `durable`: returns only when this write and all before it are on the medium.
  /// Otherwise any part of what was written may be lost, in any order, if the machine stops.
  open func write(_ offset: UInt64, from memory: VolumeMemory, durable: Bool) throws(VolumeError) {
    throw .readOnly
  }

  /// The most that one call should move, bytes.
  open var largestTransfer: Int { 63 * 4096 }
}

/// Where salts come from: 32 fresh random bytes.
public typealias SaltSource = () -> [UInt8]
