import CHostRuntime
import Glibc
import HostInterface
import LinuxABI
import PayloadFormat

/// The host files of sealed volumes, opened (and locked against a second user) before the sandbox is entered. To the
/// host they are bytes.
final class VolumeFiles: Sendable {
  private let descriptors: [Int32]
  let roots: VolumeRoots

  struct File {
    /// What the configuration calls the volume.
    var name: String
    var path: String
    var isReadOnly: Bool
    /// An empty file becomes a new volume (the processor's keys).
    var mayBeEmpty: Bool

    init(_ mount: VolumeMount, path: String) {
      name = String(decoding: mount.name, as: UTF8.self)
      self.path = path
      isReadOnly = mount.isReadOnly
      mayBeEmpty = mount.keySource == .sealingMRENCLAVE || mount.keySource == .sealingMRSIGNER
    }
  }

  /// - Parameters:
  ///   - expectations: values of `--expect`.
  ///   - savedTo: the file of `--save-roots`.
  init(
    _ files: [File], expectations: [String] = [], savedTo: String? = nil
  ) throws(HostError) {
    roots = try VolumeRoots(files.map(\.name), expectations: expectations, savedTo: savedTo)
    var opened: [Int32] = []
    for file in files {
      let fd = open(file.path, (file.isReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC)
      guard fd >= 0 else {
        throw HostError(
          "cannot open the volume \(file.path): \(lastError()); "
            + (file.mayBeEmpty
              ? "`touch \(file.path)` makes an empty file, which becomes a new volume"
              : "`cloister volume create` makes one"))
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
    if object == BlockObject.volumeRoots { return roots.read(offset: offset, into: buffer) }
    return try Self.read(try descriptor(object), offset: offset, into: buffer)
  }

  static func read(
    _ fd: Int32, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
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
    if object == BlockObject.volumeRoots {
      guard roots.write(offset: offset, from: buffer) else { throw .EIO }
      return
    }
    try Self.write(try descriptor(object), offset: offset, from: buffer, durable: durable)
  }

  static func write(
    _ fd: Int32, offset: UInt64, from buffer: UnsafeRawBufferPointer, durable: Bool
  ) throws(Errno) {
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
