import CHostRuntime
import Glibc
import HostInterface
import LinuxABI

/// The host files of sealed volumes, opened (and locked against a second user) before the sandbox is entered. To the
/// host they are bytes.
final class VolumeFiles: Sendable {
  private let descriptors: [Int32]

  /// - Parameter files: path and whether it is opened for reading only.
  init(_ files: [(path: String, isReadOnly: Bool)]) throws(HostError) {
    var opened: [Int32] = []
    for file in files {
      let fd = open(file.path, (file.isReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC)
      guard fd >= 0 else {
        throw HostError(
          "cannot open the volume \(file.path): \(lastError()); `cloister volume create` makes one")
      }
      // Two writers would destroy each other's blocks.
      guard flock(fd, (file.isReadOnly ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 else {
        close(fd)
        throw HostError(
          "the volume \(file.path) is in use by another process; wait until it has ended")
      }
      opened.append(fd)
    }
    descriptors = opened
  }

  private func descriptor(_ object: UInt64) throws(Errno) -> Int32 {
    guard object >= BlockObject.volumesOffset,
      object - BlockObject.volumesOffset < UInt64(descriptors.count)
    else { throw .EIO }
    return descriptors[Int(object - BlockObject.volumesOffset)]
  }

  func read(
    _ object: UInt64, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    let fd = try descriptor(object)
    guard offset <= UInt64(Int64.max) - UInt64(buffer.count) else { throw .EIO }
    var done = 0
    while done < buffer.count {
      let n = pread(fd, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + done)
      if n < 0 && errno == EINTR { continue }
      if n < 0 { throw .EIO }
      if n == 0 { break }
      done += n
    }
    return done
  }

  func write(
    _ object: UInt64, offset: UInt64, from buffer: UnsafeRawBufferPointer, durable: Bool
  ) throws(Errno) {
    let fd = try descriptor(object)
    guard offset <= UInt64(Int64.max) - UInt64(buffer.count) else { throw .EIO }
    var done = 0
    while done < buffer.count {
      let n = pwrite(fd, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + done)
      if n < 0 && errno == EINTR { continue }
      if n < 0 { throw errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? .ENOSPC : .EIO }
      done += n
    }
    if durable && fdatasync(fd) != 0 { throw errno == ENOSPC || errno == EDQUOT ? .ENOSPC : .EIO }
  }
}
