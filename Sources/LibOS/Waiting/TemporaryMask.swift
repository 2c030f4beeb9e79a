import EnclaveRuntime
import LinuxABI

extension Task {
  /// Runs `body` with another signal mask, as one atomic step (ppoll(2), pselect(2), epoll_pwait(2)).
  ///
  /// When a signal ended it the mask stays until the handler's frame holds the old one; otherwise it is put back
  /// at once, so that a signal which only the temporary mask let through keeps waiting.
  func withMask<R>(
    _ mask: UInt, size: UInt, _ body: () throws(Errno) -> R
  ) throws(Errno) -> R {
    if mask == 0 { return try body() }
    try checkSetSize(size)
    setTemporaryMask(try UserMemory.read(mask, as: SignalSet.self))
    do throws(Errno) {
      let result = try body()
      restoreMask()
      return result
    } catch {
      if error != .ERESTARTNOHAND, error != .EINTR { restoreMask() }
      throw error
    }
  }

  private func restoreMask() {
    process.signals.lock.lock()
    if let saved = signals.savedMask {
      signals.blocked = saved
      signals.savedMask = nil
    }
    process.signals.lock.unlock()
  }
}
