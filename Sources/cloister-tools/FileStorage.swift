import Glibc
import HostRuntime
import SealedVolume

/// A volume in a file of this machine, locked against a second user for as long as it is open.
final class FileStorage: VolumeStorage {
  private let fd: Int32

  init(_ path: String, create: Bool = false, isReadOnly: Bool) throws(HostError) {
    let flags = (isReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0)
    fd = open(path, flags, 0o600)
    guard fd >= 0 else {
      if create && errno == EEXIST {
        throw HostError("\(path) exists; a volume is made in a new file")
      }
      throw HostError("cannot open the volume \(path): \(String(cString: strerror(errno)))")
    }
    guard flock(fd, (isReadOnly ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 else {
      close(fd)
      throw HostError("the volume \(path) is in use by another process; wait until it has ended")
    }
  }
  deinit { close(fd) }

  override var largestTransfer: Int { 1 << 20 }

  override func read(_ offset: UInt64, into memory: VolumeMemory) throws(VolumeError) {
    var done = 0
    while done < memory.count {
      let n = pread(fd, memory.address + done, memory.count - done, off_t(offset) + done)
      if n < 0 && errno == EINTR { continue }
      if n < 0 { throw .io }
      if n == 0 {
        memory.slice(done, memory.count - done).zero()
        return
      }
      done += n
    }
  }

  override func write(_ offset: UInt64, from memory: VolumeMemory, durable: Bool)
    throws(VolumeError)
  {
    var done = 0
    while done < memory.count {
      let n = pwrite(fd, memory.address + done, memory.count - done, off_t(offset) + done)
      if n < 0 && errno == EINTR { continue }
      if n < 0 { throw errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? .noSpace : .io }
      done += n
    }
    if durable && fdatasync(fd) != 0 { throw errno == ENOSPC || errno == EDQUOT ? .noSpace : .io }
  }
}
