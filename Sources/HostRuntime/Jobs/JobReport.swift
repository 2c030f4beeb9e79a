import Glibc
import JobFormat

/// What `--json` of `cloister offer` and `cloister run --job` says: one object on one line for an offer, and one for a run or
/// for why there is none.
struct JobReport: Sendable {
  /// `-`: standard output.
  private let path: String

  /// Makes the file, empty.
  init(_ path: String) throws(HostError) {
    self.path = path
    guard path != "-" else { return }
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw HostError("cannot write --json \(path): \(lastError())") }
    close(fd)
  }

  private init() { path = "-" }
  static let standardOutput = JobReport()

  /// - Parameter process: the instance that waits; nil: its key is on disk.
  func offer(_ file: String, process: pid_t?, key: String?) {
    var line = JSONLine()
    line.add("offer", file)
    if let bytes = try? readFile(file, limit: 1 << 20, what: "offer"),
      let read = try? Offer.parse(bytes)
    {
      line.add("digest", hexText(read.offer.digest))
    }
    if let process { line.add("process", process) }
    if let key { line.add("key", key) }
    write(line)
  }

  /// Of a run whose result was written. What it says of the program is the receipt's.
  func run(_ result: String) {
    var line = JSONLine()
    line.add("result", result)
    let fd = open(result, O_RDONLY | O_CLOEXEC)
    defer { close(fd) }
    var status = stat()
    if fd >= 0, fstat(fd, &status) == 0 { line.add("size", status.st_size) }
    var head = [UInt8](repeating: 0, count: Int(JobResult.volumeOffset))
    let count = head.withUnsafeMutableBytes { pread(fd, $0.baseAddress, $0.count, 0) }
    if let parsed = try? JobResult(Array(head.prefix(max(0, count)))),
      let receipt = try? Receipt.parse(parsed.receipt).receipt
    {
      line.add("offer", hexText(receipt.offer))
      line.add("job", hexText(receipt.job))
      line.add("run", hexText(receipt.run))
      line.add("exitCode", orNull: receipt.exitCode)
      line.add("signal", orNull: receipt.signal)
      line.add("startNs", receipt.startNs)
      line.add("endNs", receipt.endNs)
      line.add("elapsedNs", receipt.elapsedNs)
      line.add("processorNs", receipt.processorNs)
      line.add("peakMemory", receipt.peakMemory)
      line.add("inputBytes", receipt.inputBytes)
      line.add("outputBytes", receipt.outputBytes)
      line.add("outputSize", receipt.outputSize)
    }
    write(line)
  }

  func failure(_ text: String, exitCode: Int32 = 125) {
    var line = JSONLine()
    line.add("error", text)
    line.add("exitCode", exitCode)
    write(line)
  }

  private func write(_ line: JSONLine) {
    let bytes = Array((line.text + "\n").utf8)
    guard path != "-" else {
      _ = Glibc.write(1, bytes, bytes.count)
      return
    }
    let fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard fd >= 0 else { return }
    _ = Glibc.write(fd, bytes, bytes.count)
    close(fd)
  }
}
