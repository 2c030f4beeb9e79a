import Glibc
import Synchronization

/// One line that is written over, on a terminal; silence elsewhere.
public final class Progress: Sendable {
  private let isShown: Bool
  private let last = Mutex<(time: UInt64, wasShown: Bool)>((0, false))

  public init(isQuiet: Bool = false) { isShown = !isQuiet && isatty(2) == 1 }

  func show(_ what: String, _ done: UInt64, of total: UInt64) {
    guard isShown, total > 0 else { return }
    var t = timespec()
    clock_gettime(CLOCK_MONOTONIC, &t)
    let now = UInt64(t.tv_sec) * 1000 + UInt64(t.tv_nsec) / 1_000_000
    let isDue = last.withLock { last -> Bool in
      guard now >= last.time + 100 else { return false }
      last = (now, true)
      return true
    }
    guard isDue else { return }
    let width = 30
    let filled = Int(min(done, total) * UInt64(width) / total)
    let bar =
      String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    put("\r\(what) [\(bar)] \(done >> 20) of \(total >> 20) MiB")
  }

  func clear() {
    guard isShown else { return }
    if last.withLock({ $0.wasShown }) { put("\r\u{1B}[K") }
  }

  private func put(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(2, bytes, bytes.count)
  }
}
