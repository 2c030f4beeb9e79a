import EnclaveCrypto
import PayloadFormat

/// What an instance vouches for after a run, for anybody to check who has no secret at all.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 16 | header (`JobFileKind`), magic `CLRECPT` |
/// | 16 | 64 | the owner's public key |
/// | 80 | 32 | the owner's nonce |
/// | 112 | 32 | digest of the offer |
/// | 144 | 32 | digest of the job |
/// | 176 | 32 | run: random, so that two runs of one job are never the same |
/// | 208 | 32 | SHA-256 of the measured configuration (`JobDigest.configuration`) |
/// | 240 | 32 | commitment to the input volume (`JobDigest.volume`) |
/// | 272 | 32 | commitment to the output volume |
/// | 304 | 4 | exit status, as wait(2) has it: code << 8, or the signal (and 0x80: core dumped) |
/// | 308 | 4 | flags, see `Flags` |
/// | 312 | 8 | start, nanoseconds since 1970 by the provider's clock |
/// | 320 | 8 | end |
/// | 328 | 8 | elapsed, nanoseconds by the provider's monotonic clock |
/// | 336 | 8 | processor time of the payload's processes, nanoseconds |
/// | 344 | 8 | most memory at a time, bytes |
/// | 352 | 8 | bytes read of the input volume |
/// | 360 | 8 | bytes written to the output volume |
/// | 368 | 8 | size of the output volume in bytes: what follows in the result's file, neither less nor more |
///
/// Then, behind the body, the quote: count (4 bytes), that many bytes. Its report data is
/// `RuntimeReportData(purpose: "receipt", digest: digest)`.
public struct Receipt: Equatable, Sendable {
  public struct Flags: OptionSet, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// What it repeats of its offer's flags, bit by bit.
    public init(_ offer: Offer.Flags) {
      rawValue = offer.intersection(.ofReceipts).rawValue
    }
    public static let keyOnDisk = Flags(.keyOnDisk)
    public static let inputsAreData = Flags(.inputsAreData)
    public static let withoutKSS = Flags(.withoutKSS)
    public static let insecureStreams = Flags(.insecureStreams)
    /// The owner allowed that the job is run more than once.
    public static let repeatable = Flags(rawValue: 1 << 8)
    public static let all: Flags = [Flags(.ofReceipts), .repeatable]
  }

  public static let bodySize = 360

  public var owner: OwnerContext
  public var offer: [UInt8]
  public var job: [UInt8]
  public var run: [UInt8]
  public var configuration: [UInt8]
  public var inputCommitment: [UInt8]
  public var outputCommitment: [UInt8]
  public var waitStatus: UInt32 = 0
  public var flags: Flags = []
  public var startNs: UInt64 = 0
  public var endNs: UInt64 = 0
  public var elapsedNs: UInt64 = 0
  public var processorNs: UInt64 = 0
  public var peakMemory: UInt64 = 0
  public var inputBytes: UInt64 = 0
  public var outputBytes: UInt64 = 0
  public var outputSize: UInt64 = 0

  public init(
    owner: OwnerContext, offer: [UInt8], job: [UInt8], run: [UInt8], configuration: [UInt8],
    inputCommitment: [UInt8], outputCommitment: [UInt8]
  ) {
    for part in [offer, job, run, configuration, inputCommitment, outputCommitment] {
      precondition(part.count == 32)
    }
    self.owner = owner
    self.offer = offer
    self.job = job
    self.run = run
    self.configuration = configuration
    self.inputCommitment = inputCommitment
    self.outputCommitment = outputCommitment
  }

  /// The payload's exit code; nil: a signal ended it.
  public var exitCode: UInt32? { waitStatus & 0x7F == 0 ? waitStatus >> 8 & 0xFF : nil }
  /// The signal that ended it; nil: it ended by itself.
  public var signal: UInt32? { waitStatus & 0x7F == 0 ? nil : waitStatus & 0x7F }

  /// Header and body.
  public var body: [UInt8] {
    var b = owner.encoded() + offer + job + run
    b += configuration + inputCommitment + outputCommitment
    b.appendLittleEndian(UInt64(waitStatus), count: 4)
    b.appendLittleEndian(UInt64(flags.rawValue), count: 4)
    for v in [startNs, endNs, elapsedNs, processorNs, peakMemory] {
      b.appendLittleEndian(v, count: 8)
    }
    for v in [inputBytes, outputBytes, outputSize] { b.appendLittleEndian(v, count: 8) }
    return JobFileKind.receipt.header(bodySize: b.count) + b
  }

  /// Names the receipt: in its quote and in the result.
  public var digest: [UInt8] { JobDigest.of("cloister receipt 1", body) }

  /// What the quote's REPORTDATA must be.
  public var reportData: RuntimeReportData {
    RuntimeReportData(purpose: JobDigest.bytes("receipt"), digest: digest)!
  }

  /// The whole file.
  public func encoded(quote: [UInt8]) -> [UInt8] {
    var out = body
    out.appendCounted(quote)
    return out
  }

  /// Reads a whole file. Nothing in it is believed before its quote is verified and says `digest`.
  public static func parse(
    _ file: [UInt8]
  ) throws(JobFormatError) -> (receipt: Receipt, quote: [UInt8]) {
    let size = try JobFileKind.receipt.bodySize(header: file)
    guard size == bodySize else { throw .malformed("a receipt of another size") }
    let end = JobFileKind.headerSize + size
    guard file.count >= end else { throw .truncated }
    var rest = JobReader(file, from: end)
    let quote = try rest.counted(atMost: Offer.largestQuote)
    try rest.finish()
    var r = JobReader(file, from: JobFileKind.headerSize, to: end)
    guard let owner = OwnerContext(encoded: try r.take(OwnerContext.size)) else {
      throw .truncated
    }
    var receipt = Receipt(
      owner: owner, offer: try r.take(32), job: try r.take(32), run: try r.take(32),
      configuration: try r.take(32), inputCommitment: try r.take(32),
      outputCommitment: try r.take(32))
    receipt.waitStatus = UInt32(try r.integer(4))
    receipt.flags = Flags(rawValue: UInt32(try r.integer(4)))
    guard receipt.flags.isSubset(of: .all) else {
      throw .malformed("it has flags that are not known")
    }
    receipt.startNs = try r.integer(8)
    receipt.endNs = try r.integer(8)
    receipt.elapsedNs = try r.integer(8)
    receipt.processorNs = try r.integer(8)
    receipt.peakMemory = try r.integer(8)
    receipt.inputBytes = try r.integer(8)
    receipt.outputBytes = try r.integer(8)
    receipt.outputSize = try r.integer(8)
    try r.finish()
    return (receipt, quote)
  }
}
