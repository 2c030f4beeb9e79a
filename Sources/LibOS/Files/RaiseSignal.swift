import LinuxABI

extension Task {
  /// SIGPIPE for a write to a pipe or stream that nobody reads (pipe(7)).
  func raiseSIGPIPE() {
  }
}
