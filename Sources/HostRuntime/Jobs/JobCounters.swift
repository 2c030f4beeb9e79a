import Glibc

/// All that a provider sees of a job while it runs: how long, and how much output there is. A line on the terminal; with
/// `--progress` an object on a line of its own each second, wherever standard error goes.
struct JobCounters {
  private let showsLines: Bool
  private let isTerminal: Bool
  private let descriptor: Int32
  private let start = Stopwatch.now()
  private var last: UInt64 = 0
  private var isShown = false

  init(_ options: RunOptions, _ result: ResultFile) {
    showsLines = options.showsProgress
    isTerminal = isatty(2) == 1 && !options.isQuiet && !showsLines
    descriptor = result.descriptor
  }

  mutating func show() {
    guard showsLines || isTerminal else { return }
    var status = stat()
    fstat(descriptor, &status)
    let now = Stopwatch.now()
    if showsLines {
      guard now - last >= 990_000_000 else { return }
      last = now
      var line = JSONLine()
      line.add("elapsedNs", now - start)
      line.add("resultBytes", status.st_size)
      put(line.text + "\n")
      return
    }
    put("\rrunning: \((now - start) / 1_000_000_000) s, \(status.st_size >> 20) MiB of output")
    isShown = true
  }

  /// Before something else is said.
  mutating func clear() {
    if isShown { put("\r\u{1B}[K") }
    isShown = false
  }

  private func put(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(2, bytes, bytes.count)
  }
}
