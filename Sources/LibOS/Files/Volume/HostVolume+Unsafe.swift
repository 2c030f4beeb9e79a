import EnclaveRuntime
import HostInterface
import LinuxABI
import SealedVolume

/// The host's file of a sealed volume. Attacks considered: it answers short (what is missing reads as zeros, and does
/// not open), lies about what it stored (that does not open either), or claims a full disk (ENOSPC, nothing is lost).
final class HostVolume: VolumeStorage {
  private let object: UInt64
  private let index: UInt64
  /// Where in the object the volume begins.
  private let base: UInt64
  /// Both guarded by whatever guards the volume.
  private(set) var bytesRead: UInt64 = 0
  private(set) var bytesWritten: UInt64 = 0
  /// One past the last byte that was ever written, from where the volume begins.
  private(set) var end: UInt64 = 0

  init(index: Int) {
    object = BlockObject.volumesOffset + UInt64(index)
    base = 0
    self.index = UInt64(index)
  }

  /// A volume inside another object, from `base` on; nobody expects a root of it.
  init(object: UInt64, base: UInt64) {
    self.object = object
    self.base = base
    index = 0
  }

  /// The root that whoever started the run expects; nil: he expects none. A host that hides it can as well start the
  /// run without it.
  func expectedRoot() throws(VolumeError) -> VolumeRoot? {
    let place = VolumeBuffer(count: VolumeRoot.size)
    let n: Int
    do throws(Errno) {
      // SAFETY: the buffer's own memory and its length.
      n = try unsafe Host.blockRead(
        object: BlockObject.volumeRoots, offset: index * UInt64(VolumeRoot.size),
        to: place.memory.address, length: VolumeRoot.size)
    } catch { throw .io }
    if n < VolumeRoot.size || place.memory.isZero { return nil }
    return VolumeRoot(place.memory.bytes)
  }

  /// Tells the host the root that the volume has now. It says nothing about what is in the volume.
  static func publish(_ root: VolumeRoot, index: Int) {
    let place = VolumeBuffer(count: VolumeRoot.size)
    place.memory.copy(from: root.bytes)
    // Whether the host keeps it is its own affair.
    // SAFETY: as above.
    _ = try? unsafe Host.blockWrite(
      object: BlockObject.volumeRoots, offset: UInt64(index * VolumeRoot.size),
      from: place.memory.address, length: VolumeRoot.size, durable: false)
  }

  override var largestTransfer: Int { Host.largestTransfer / 4096 * 4096 }

  override func read(_ offset: UInt64, into memory: VolumeMemory) throws(VolumeError) {
    var done = 0
    while done < memory.count {
      let n: Int
      do throws(Errno) {
        let rest = memory.slice(done, memory.count - done)
        // SAFETY: `rest` is memory of that many bytes, which its owner keeps during the call.
        n = try unsafe Host.blockRead(
          object: object, offset: base + offset + UInt64(done), to: rest.address, length: rest.count
        )
      } catch { throw .io }
      if n == 0 {
        memory.slice(done, memory.count - done).zero()
        return
      }
      done += n
      bytesRead += UInt64(n)
    }
  }

  override func write(
    _ offset: UInt64, from memory: VolumeMemory, durable: Bool
  ) throws(VolumeError) {
    var done = 0
    repeat {
      do throws(Errno) {
        let rest = memory.slice(done, memory.count - done)
        let isLast = rest.count <= Host.largestTransfer
        // SAFETY: as above.
        let n = try unsafe Host.blockWrite(
          object: object, offset: base + offset + UInt64(done), from: rest.address,
          length: rest.count,
          durable: durable && isLast)
        if n == 0 && rest.count > 0 { throw Errno.EIO }
        // A short durable write is finished by another one, which is durable as well.
        done += n
        bytesWritten += UInt64(n)
        end = max(end, offset + UInt64(done))
      } catch { throw error == .ENOSPC ? .noSpace : .io }
    } while done < memory.count
  }
}

extension PageRun {
  /// A part of the run for the volume's code. Valid while the run lives.
  func volumeMemory(_ offset: Int, _ count: Int) -> VolumeMemory {
    precondition(offset >= 0 && count >= 0 && offset <= byteCount && count <= byteCount - offset)
    // SAFETY: within the run; the caller holds it, and the lock that guards its content, during the call.
    return unsafe VolumeMemory(
      UnsafeMutableRawPointer(bitPattern: address)! + offset, count: count)
  }
}
