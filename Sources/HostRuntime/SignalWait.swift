import Glibc

/// Host signals end the whole enclave, as Ctrl-C ends a container: exit code 128 + the signal.
///
/// They are blocked in every thread and taken here, by the first one, with sigwait(3); no handler runs.
/// SIGWINCH needs nothing: `streamStatus` asks the terminal each time. SIGPIPE becomes EPIPE.
struct SignalWait {
  private var set = sigset_t()

  /// Before any other thread is made, so that all inherit the mask.
  init() {
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
  }

  func waitForEnd() -> Int32 {
    var copy = set
    var number: Int32 = 0
    while sigwait(&copy, &number) != 0 {}
    return number
  }
}
