import EnclaveCrypto
import PayloadFormat

/// A result as it lies on the provider's disk: the receipt for all to read, the key of the output sealed to the owner's
/// reply key, and behind them the output, a sealed volume.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 16 | header (`JobFileKind`), magic `CLRESULT` |
/// | 16 | 32 | digest of the job |
/// | 48 | 32 | run |
/// | 80 | 8 | suite (`JobSuite`) |
/// | 88 | 8 | where the output volume begins: 65536 |
/// | 96 | 4 + n | the receipt, a whole file of that kind: count, bytes |
/// | | 4 + n | encapsulated key: count, bytes |
/// | | 4 + n | the sealed key of the output: count, bytes |
///
/// Zeros follow up to the volume, which goes to the end of the file.
///
/// What is sealed: key of the output volume (32 bytes), its root (40), digest of the receipt (32). HPKE's info is
/// `cloister result 1`, a zero byte, the job's digest, the run and the suite; additional data are all bytes before the
/// sealed key's count.
public struct JobResult: Sendable {
  public static let volumeOffset: UInt64 = 65536

  public let job: [UInt8]
  public let run: [UInt8]
  public let suite: JobSuite
  /// A whole RECEIPT file.
  public let receipt: [UInt8]
  let encapsulatedKey: [UInt8]
  let sealedKey: [UInt8]
  let clear: [UInt8]

  public struct Secrets: Equatable, Sendable {
    public var outputKey: [UInt8]
    public var outputRoot: [UInt8]
    public var receiptDigest: [UInt8]
    public init(outputKey: [UInt8], outputRoot: [UInt8], receiptDigest: [UInt8]) {
      precondition(outputKey.count == 32 && outputRoot.count == 40 && receiptDigest.count == 32)
      self.outputKey = outputKey
      self.outputRoot = outputRoot
      self.receiptDigest = receiptDigest
    }
  }

  /// What comes before the output volume: exactly `volumeOffset` bytes.
  public static func encode(
    job: [UInt8], run: [UInt8], replyKey: JobPublicKey, receipt: [UInt8], secrets: Secrets
  ) throws(JobFormatError) -> [UInt8] {
    precondition(job.count == 32 && run.count == 32)
    let info = info(job: job, run: run, replyKey.suite)
    guard
      let context = HPKE.Context(
        sendingTo: replyKey.bytes, kem: replyKey.suite.kem, info: info.span)
    else { throw .malformed("the reply key is no public key") }
    let enc = context.encapsulatedKey
    let bodySize = 80 + 4 + receipt.count + 4 + enc.count + 4 + 104 + 16
    guard bodySize <= JobFileKind.result.largestBody else {
      throw .malformed("the receipt is too large")
    }
    var out = JobFileKind.result.header(bodySize: bodySize)
    out += job + run + replyKey.suite.encoded()
    out.appendLittleEndian(volumeOffset, count: 8)
    out.appendCounted(receipt)
    out.appendCounted(enc)
    var plain = secrets.outputKey + secrets.outputRoot + secrets.receiptDigest
    defer { EnclaveCrypto.wipe(&plain) }
    guard let sealed = context.seal(plain.span, authenticating: out.span) else {
      throw .cannotOpen
    }
    out.appendCounted(sealed)
    while UInt64(out.count) < volumeOffset { out.append(0) }
    return out
  }

  private static func info(job: [UInt8], run: [UInt8], _ suite: JobSuite) -> [UInt8] {
    JobDigest.bytes("cloister result 1") + [0] + job + run + suite.encoded()
  }

  /// Reads header and body: the first `16 + bodySize` bytes of a file (more may follow).
  public init(_ bytes: [UInt8]) throws(JobFormatError) {
    let size = try JobFileKind.result.bodySize(header: bytes)
    let end = JobFileKind.headerSize + size
    guard bytes.count >= end else { throw .truncated }
    var r = JobReader(bytes, from: JobFileKind.headerSize, to: end)
    job = try r.take(32)
    run = try r.take(32)
    guard let suite = JobSuite(encoded: try r.take(JobSuite.encodedSize)) else { throw .suite }
    self.suite = suite
    guard try r.integer(8) == Self.volumeOffset else {
      throw .malformed("it states a wrong place of its output")
    }
    receipt = try r.counted(atMost: JobFileKind.result.largestBody)
    encapsulatedKey = try r.counted(atMost: 4096)
    clear = [UInt8](bytes[..<r.position])
    sealedKey = try r.counted(atMost: 4096)
    try r.finish()
  }

  /// Opens the output's key with the owner's private reply key.
  public func open(privateKey: [UInt8]) throws(JobFormatError) -> Secrets {
    guard
      var plain = suite.open(
        sealedKey, encapsulatedKey: encapsulatedKey, privateKey: privateKey,
        info: Self.info(job: job, run: run, suite), authenticating: clear)
    else { throw .cannotOpen }
    defer { EnclaveCrypto.wipe(&plain) }
    guard plain.count == 104 else { throw .malformed("the sealed key has the wrong size") }
    return Secrets(
      outputKey: [UInt8](plain[..<32]), outputRoot: [UInt8](plain[32..<72]),
      receiptDigest: [UInt8](plain[72...]))
  }
}
