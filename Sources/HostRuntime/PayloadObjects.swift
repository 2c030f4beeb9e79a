import Glibc
import HostInterface
import LinuxABI
import PayloadFormat

/// The two files of a signed payload that the enclave reads by number, opened before the process can open
/// nothing any more. What they hold is verified inside.
final class PayloadObjects: Sendable {
  private let manifest: Int32
  private let data: Int32

  init(_ folder: PayloadFolder) throws(HostError) {
    func open(_ name: String) throws(HostError) -> Int32 {
      let path = folder.path + "/" + name
      let fd = Glibc.open(path, O_RDONLY | O_CLOEXEC)
      guard fd >= 0 else { throw HostError("cannot open \(path): \(lastError())") }
      return fd
    }
    manifest = try open(PayloadFolder.manifestName)
    data = try open(PayloadFolder.dataName)
  }

  deinit {
    close(manifest)
    close(data)
  }

  /// Whether an object's number is one of a payload's.
  static func covers(_ object: UInt64) -> Bool {
    object == BlockObject.manifest || object == BlockObject.data
  }

  func read(
    _ object: UInt64, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    guard offset <= UInt64(Int64.max) else { throw .EIO }
    let fd = object == BlockObject.manifest ? manifest : data
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
}
