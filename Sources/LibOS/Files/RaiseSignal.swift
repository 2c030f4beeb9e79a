import LinuxABI
import Synchronization

extension Task {
  /// SIGPIPE for a write to a pipe or stream that nobody reads (pipe(7)).
  func raiseSIGPIPE() { raise(.SIGPIPE) }

  /// RLIMIT_FSIZE (getrlimit(2)): bytes from `start` on that may be written; none: SIGXFSZ and EFBIG.
  func roomBelowLimit(from start: UInt64) throws(Errno) -> UInt64 {
    let limit = process.fileSizeLimit.load(ordering: .relaxed)
    if start < limit { return limit - start }
    raise(.SIGXFSZ)
    throw .EFBIG
  }

  /// The same for a file that becomes `size` bytes long.
  func checkLimit(of size: UInt64) throws(Errno) {
    if size > process.fileSizeLimit.load(ordering: .relaxed) {
      _ = try roomBelowLimit(from: .max)
    }
  }

  private func raise(_ signal: Signal) {
    try? process.send(
      SignalInfo(
        signal, code: SignalInfo.SI_USER, pid: process.pid, uid: process.credentials.realUser),
      to: self)
  }
}
