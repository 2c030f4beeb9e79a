import Glibc
import Synchronization

/// Signals that people end commands with, kept until a moment at which what is half done can be removed.
enum Interruption {
  /// The signal that came; 0: none.
  private static let caught = Atomic<Int32>(0)

  static func watch() {
    // Made here, not in the handler.
    caught.store(0, ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let before = signal(number) { Interruption.caught.store($0, ordering: .relaxed) }
      // One that is ignored (nohup(1)) stays so: SIG_IGN is 1, and functions cannot be compared.
      if unsafeBitCast(before, to: Int.self) == 1 { signal(number, SIG_IGN) }
    }
  }

  /// If a signal came: runs `cleanUp`, and ends as the signal would have ended the process.
  static func check(_ cleanUp: () -> Void) {
    let number = caught.load(ordering: .relaxed)
    if number == 0 { return }
    cleanUp()
    signal(number, SIG_DFL)
    raise(number)
  }
}
