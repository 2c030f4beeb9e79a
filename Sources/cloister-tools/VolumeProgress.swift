import Glibc

/// A line on the terminal that says how far a long piece of work is. Nothing when stderr is no terminal.
struct VolumeProgress {
  private let isShown = isatty(2) != 0
  private let what: String
  private let total: UInt64
  private var done: UInt64 = 0
  private var last: Double = 0

  /// `total` 0: not known.
  init(_ what: String, total: UInt64) {
    self.what = what
    self.total = total
  }

  mutating func add(_ bytes: Int) {
    done += UInt64(bytes)
    guard isShown else { return }
    var t = timespec()
    clock_gettime(CLOCK_MONOTONIC, &t)
    let now = Double(t.tv_sec) + Double(t.tv_nsec) / 1e9
    if now - last < 0.1 { return }
    last = now
    var line = "\r\(what) \(done >> 20) MiB"
    if total > 0 {
      let width = 30
      let filled = Int(min(1, Double(done) / Double(total)) * Double(width))
      line +=
        " of \(total >> 20) MiB [" + String(repeating: "#", count: filled)
        + String(repeating: ".", count: width - filled) + "]"
    }
    put(line)
  }

  func end() { if isShown && last > 0 { put("\r\u{1B}[K") } }

  private func put(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(2, bytes, bytes.count)
  }
}
