import EnclaveRuntime
import HostInterface
import LinuxABI

/// What a waiting instance and the host hand each other, over block objects (`BlockObject`, Docs/Job.md).
///
/// Attacks considered here: the host gives a short, another or a changed job (the signature and the seals
/// say so), no job ever (it may), or says that it stored what it did not (the owner misses it).
enum JobHost {
  /// Up to `count` bytes: fewer where the object ends. Of the job's object the first call waits for a job.
  static func read(_ object: UInt64, offset: UInt64, count: Int) throws(Errno) -> [UInt8] {
    var out: [UInt8] = []
    while out.count < count {
      let piece = try Host.blockRead(
        object: object, offset: offset + UInt64(out.count), length: count - out.count)
      if piece.isEmpty { break }
      out += piece
    }
    return out
  }

  static func write(
    _ object: UInt64, offset: UInt64 = 0, _ bytes: [UInt8], durable: Bool = false
  ) throws(Errno) {
    var done = 0
    while done < bytes.count {
      let piece = [UInt8](bytes[done..<min(bytes.count, done + Host.largestTransfer)])
      let isLast = done + piece.count == bytes.count
      let n = try Host.blockWrite(
        object: object, offset: offset + UInt64(done), piece, durable: durable && isLast)
      if n == 0 { throw .EIO }
      done += n
    }
  }

  /// What the host may know, for whoever waits on its side.
  enum News: UInt64 {
    /// The job is the owner's, and runs now.
    case accepted = 1
    /// It cannot be taken; the instance goes on waiting for another one.
    case refused = 2
    /// The result is written.
    case done = 3
    /// There will be no result.
    case failed = 4
  }

  static func tell(_ news: News, _ text: [UInt8]) {
    var bytes: [UInt8] = []
    for i in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: news.rawValue >> UInt64(8 * i))) }
    // A host that does not listen loses a message.
    try? write(BlockObject.jobStatus, bytes + text.prefix(1000))
  }
}
