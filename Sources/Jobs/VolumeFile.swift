import Glibc
import SealedVolume

/// A volume inside a file of this machine, from an offset on.
///
/// Nothing is synchronised before `synchronize`: jobs and folders are put in place only when they are complete.
final class VolumeFile: VolumeStorage {
  private let fd: Int32
  private let offset: UInt64

  /// The descriptor stays the caller's and must outlive this.
  init(_ fd: Int32, at offset: UInt64) {
    self.fd = fd
    self.offset = offset
  }

  override var largestTransfer: Int { 1 << 20 }

  override func read(_ position: UInt64, into memory: VolumeMemory) throws(VolumeError) {
    guard let start = off_t(exactly: offset + position) else { throw .io }
    var done = 0
    while done < memory.count {
      let n = pread(fd, memory.address + done, memory.count - done, start + done)
      if n < 0 && errno == EINTR { continue }
      if n < 0 { throw .io }
      if n == 0 { return memory.slice(done, memory.count - done).zero() }
      done += n
    }
  }

  override func write(
    _ position: UInt64, from memory: VolumeMemory, durable: Bool
  ) throws(VolumeError) {
    guard let start = off_t(exactly: offset + position) else { throw .noSpace }
    var done = 0
    while done < memory.count {
      let n = pwrite(fd, memory.address + done, memory.count - done, start + done)
      if n < 0 && errno == EINTR { continue }
      if n < 0 { throw errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? .noSpace : .io }
      done += n
    }
  }
}

extension JobsError {
  init(_ error: VolumeError, _ name: String) {
    switch error {
    case .io: self.init(.inputOutput, "\(name): reading or writing failed: \(errorText())")
    case .noSpace:
      self.init(.inputOutput, "\(name): no space is left on the disk; nothing was left behind")
    case .noMemory: self.init(.inputOutput, "\(name): \(error.text)")
    case .rolledBack, .otherVolume, .wrongKey, .damaged, .notAVolume, .newerVersion:
      self.init(
        .refusedByVerification, "\(name): its volume is not the one that was sealed: \(error.text)")
    default: self.init(.malformed, "\(name): \(error.text)")
    }
  }
}

func volume<R>(_ name: String, _ body: () throws(VolumeError) -> R) throws(JobsError) -> R {
  do throws(VolumeError) { return try body() } catch { throw JobsError(error, name) }
}
