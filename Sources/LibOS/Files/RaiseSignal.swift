import LinuxABI

extension Task {
  /// SIGPIPE for a write to a pipe or stream that nobody reads (pipe(7)).
  func raiseSIGPIPE() {
    try? process.send(
      SignalInfo(
        .SIGPIPE, code: SignalInfo.SI_USER, pid: process.pid, uid: process.credentials.realUser),
      to: self)
  }
}
