import EnclaveCrypto
import PayloadFormat

/// What an instance that waits for a job says of itself. The quote behind it vouches for every byte of it.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 16 | header (`JobFileKind`), magic `CLOFFER` |
/// | 16 | 64 | the owner's public key (`OwnerContext`) |
/// | 80 | 32 | the owner's nonce |
/// | 112 | 32 | instance: random |
/// | 144 | 32 | SHA-256 of the measured configuration (`JobDigest.configuration`) |
/// | 176 | 8 | when it was made, nanoseconds since 1970 by the provider's clock |
/// | 184 | 4 | flags, see `Flags` |
/// | 188 | 4 | number of keys, 1...4 |
/// | 192 | | the keys, best first: suite (8 bytes, `JobSuite`), count (4), that many bytes |
/// | | 4 | number of volumes whose key a job brings, 0...16 |
/// | | | their names: count (4), that many bytes |
///
/// Then, behind the body, the quote: count (4 bytes), that many bytes. Its report data is
/// `RuntimeReportData(purpose: "offer", digest: digest)`.
public struct Offer: Equatable, Sendable {
  public struct Flags: OptionSet, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The private key lies on the provider's disk, sealed to the processor: it survives the instance, and nobody can tell
    /// how often a job is run.
    public static let keyOnDisk = Flags(rawValue: 1 << 0)
    /// The payload declares that what comes from outside is data, never code.
    public static let inputsAreData = Flags(rawValue: 1 << 1)
    /// No KSS: CONFIGID does not name the owner.
    public static let withoutKSS = Flags(rawValue: 1 << 2)
    /// The payload shows standard output and error to the provider.
    public static let insecureStreams = Flags(rawValue: 1 << 3)
    /// The payload takes arguments, or variables of the environment, from a job.
    public static let takesArguments = Flags(rawValue: 1 << 4)
    public static let takesEnvironment = Flags(rawValue: 1 << 5)
    public static let all = Flags(rawValue: (1 << 6) - 1)
    /// What a receipt repeats.
    static let ofReceipts: Flags = [.keyOnDisk, .inputsAreData, .withoutKSS, .insecureStreams]
  }

  public static let largestQuote = 16 << 10
  public static let mostVolumes = 16
  public static let longestVolumeName = 64

  public var owner: OwnerContext
  /// 32 bytes.
  public var instance: [UInt8]
  /// 32 bytes.
  public var configuration: [UInt8]
  public var madeNs: UInt64
  public var flags: Flags
  /// Those of suites that are known here.
  public var keys: [JobPublicKey]
  /// Names of the payload's volumes that are opened with keys that a job brings.
  public var volumes: [[UInt8]]
  /// Names the offer: in the quote, and in every job for it.
  public let digest: [UInt8]
  /// Header and body.
  public let body: [UInt8]

  public init(
    owner: OwnerContext, instance: [UInt8], configuration: [UInt8], madeNs: UInt64, flags: Flags,
    keys: [JobPublicKey], volumes: [[UInt8]] = []
  ) {
    precondition(instance.count == 32 && configuration.count == 32 && (1...4).contains(keys.count))
    precondition(Self.areVolumeNames(volumes))
    self.owner = owner
    self.instance = instance
    self.configuration = configuration
    self.madeNs = madeNs
    self.flags = flags
    self.keys = keys
    self.volumes = volumes
    var b = owner.encoded() + instance + configuration
    b.appendLittleEndian(madeNs, count: 8)
    b.appendLittleEndian(UInt64(flags.rawValue), count: 4)
    b.appendLittleEndian(UInt64(keys.count), count: 4)
    for key in keys { b += key.encoded() }
    b.appendLittleEndian(UInt64(volumes.count), count: 4)
    for name in volumes { b.appendCounted(name) }
    body = JobFileKind.offer.header(bodySize: b.count) + b
    digest = JobDigest.of("cloister offer 1", body)
  }

  /// The whole file.
  public func encoded(quote: [UInt8]) -> [UInt8] {
    var out = body
    out.appendCounted(quote)
    return out
  }

  /// Reads a whole file. Nothing in it is believed before its quote is verified and says `digest`.
  public static func parse(_ file: [UInt8]) throws(JobFormatError) -> (offer: Offer, quote: [UInt8])
  {
    let size = try JobFileKind.offer.bodySize(header: file)
    let end = JobFileKind.headerSize + size
    guard file.count >= end else { throw .truncated }
    var rest = JobReader(file, from: end)
    let quote = try rest.counted(atMost: largestQuote)
    try rest.finish()
    return (try Offer(body: [UInt8](file[..<end])), quote)
  }

  private init(body: [UInt8]) throws(JobFormatError) {
    var r = JobReader(body, from: JobFileKind.headerSize)
    guard let owner = OwnerContext(encoded: try r.take(OwnerContext.size)) else {
      throw .truncated
    }
    self.owner = owner
    instance = try r.take(32)
    configuration = try r.take(32)
    madeNs = try r.integer(8)
    flags = Flags(rawValue: UInt32(try r.integer(4)))
    guard flags.isSubset(of: .all) else { throw .malformed("it has flags that are not known") }
    let count = try r.integer(4)
    guard (1...4).contains(count) else { throw .malformed("it has no key, or too many") }
    var keys: [JobPublicKey] = []
    for _ in 0..<count {
      guard let key = try JobPublicKey.read(&r) else { continue }
      for other in keys where other.suite == key.suite {
        throw .malformed("it has two keys of one suite")
      }
      keys.append(key)
    }
    let volumeCount = try r.integer(4)
    guard volumeCount <= UInt64(Self.mostVolumes) else {
      throw .malformed("it has too many volumes")
    }
    var volumes: [[UInt8]] = []
    for _ in 0..<volumeCount {
      volumes.append(try r.counted(atMost: Self.longestVolumeName))
    }
    guard Self.areVolumeNames(volumes) else {
      throw .malformed("a name of a volume is wrong, or is there twice")
    }
    self.volumes = volumes
    try r.finish()
    self.keys = keys
    self.body = body
    digest = JobDigest.of("cloister offer 1", body)
  }

  /// At most 16 names, each another one, of letters, digits, `-`, `_` and `.`, at most 64 bytes.
  public static func areVolumeNames(_ names: [[UInt8]]) -> Bool {
    for (i, name) in names.enumerated() {
      guard JobVolumeKey.isName(name), !names[..<i].contains(name) else { return false }
    }
    return names.count <= mostVolumes
  }

  /// What the quote's REPORTDATA must be.
  public var reportData: RuntimeReportData {
    RuntimeReportData(purpose: JobDigest.bytes("offer"), digest: digest)!
  }

  /// The key to seal to: of the best suite that both sides have. X-Wing, where it is there; which one was chosen is signed
  /// with the job, and which ones were offered is in the quote, so nobody between can take one away.
  public func key(among suites: [JobSuite] = JobSuite.allCases) throws(JobFormatError)
    -> JobPublicKey
  {
    for suite in JobSuite.allCases where suites.contains(suite) {
      for key in keys where key.suite == suite { return key }
    }
    throw .suite
  }
}
