import EnclaveRuntime

/// Calls that answered ENOSYS, logged once each by name.
enum UnsupportedCalls {
  private static let lock = Lock()
  nonisolated(unsafe) private static var seen: [Int] = []

  static func note(_ number: Int) {
    lock.lock()
    let isNew = unsafe !seen.contains(number) && seen.count < 512
    if isNew { unsafe seen.append(number) }
    lock.unlock()
    if isNew {
      KernelLog.line(
        KernelLog.bytes("system call not supported: ") + SyscallNames.name(number)
          + KernelLog.bytes(" (")
          + KernelLog.decimal(number) + KernelLog.bytes(")"))
    }
  }
}
