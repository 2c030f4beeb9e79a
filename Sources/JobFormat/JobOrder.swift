import PayloadFormat

/// What an owner orders: only the instance that it was sealed to reads it.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 4 | flags: 1 the job may be run again |
/// | 4 | 4 | zero |
/// | 8 | 32 | key of the input volume |
/// | 40 | 40 | root of the input volume (Docs/Volume.md) |
/// | 80 | 32 | commitment to the input volume (`JobDigest.volume`) |
/// | 112 | 8 | size of the input volume in bytes: what follows in the job's file, neither less nor more |
/// | 120 | 8 | suite of the reply key |
/// | 128 | 4 + n | the reply key: count, bytes |
/// | | | records: type (4 bytes), count (4), bytes: 1 an argument, 2 a variable `NAME=VALUE`, 3 the key of a volume (`JobVolumeKey`), 0 padding |
///
/// Padding makes the size a multiple of 1024, so that the size says little about the arguments.
public struct JobOrder: Sendable, Equatable {
  public struct Flags: OptionSet, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The owner allows that the job is run more than once.
    public static let repeatable = Flags(rawValue: 1 << 0)
  }

  public static let largestSize = 1 << 20

  public var flags: Flags = []
  /// 32 bytes.
  public var inputKey: [UInt8]
  /// 40 bytes.
  public var inputRoot: [UInt8]
  /// 32 bytes.
  public var inputCommitment: [UInt8]
  public var inputSize: UInt64 = 0
  public var replyKey: JobPublicKey
  /// Appended to the payload's own arguments.
  public var arguments: [[UInt8]] = []
  /// `NAME=VALUE`; replaces the payload's own variable of that name.
  public var environment: [[UInt8]] = []
  /// Of the payload's volumes with `key = "job"`.
  public var volumeKeys: [JobVolumeKey] = []

  public init(
    inputKey: [UInt8], inputRoot: [UInt8], inputCommitment: [UInt8], replyKey: JobPublicKey
  ) {
    precondition(inputKey.count == 32 && inputRoot.count == 40 && inputCommitment.count == 32)
    self.inputKey = inputKey
    self.inputRoot = inputRoot
    self.inputCommitment = inputCommitment
    self.replyKey = replyKey
  }

  /// What is sealed.
  public func encoded() throws(JobFormatError) -> [UInt8] {
    var out: [UInt8] = []
    out.appendLittleEndian(UInt64(flags.rawValue), count: 4)
    out.appendLittleEndian(0, count: 4)
    out += inputKey + inputRoot + inputCommitment
    out.appendLittleEndian(inputSize, count: 8)
    out += replyKey.encoded()
    for argument in arguments {
      guard Self.isArgument(argument) else { throw .malformed("an argument has a zero byte") }
      out.appendLittleEndian(1, count: 4)
      out.appendCounted(argument)
    }
    for pair in environment {
      guard Self.isVariable(pair) else { throw .malformed("a variable is not NAME=VALUE") }
      out.appendLittleEndian(2, count: 4)
      out.appendCounted(pair)
    }
    for key in volumeKeys {
      out.appendLittleEndian(3, count: 4)
      out.appendCounted(key.encoded())
    }
    guard out.count <= Self.largestSize else {
      throw .malformed("arguments and environment are too long")
    }
    out.appendLittleEndian(0, count: 4)
    let padding = (1024 - (out.count + 4) % 1024) % 1024
    out.appendCounted([UInt8](repeating: 0, count: padding))
    return out
  }

  /// Reads what was sealed.
  public init(_ bytes: [UInt8]) throws(JobFormatError) {
    var r = JobReader(bytes)
    flags = Flags(rawValue: UInt32(try r.integer(4)))
    guard flags.isSubset(of: .repeatable) else {
      throw .malformed("the order has flags that are not known")
    }
    try r.zeros(4)
    inputKey = try r.take(32)
    inputRoot = try r.take(40)
    inputCommitment = try r.take(32)
    inputSize = try r.integer(8)
    guard let key = try JobPublicKey.read(&r) else { throw .suite }
    replyKey = key
    var last: UInt64 = 1
    while r.rest > 0 {
      let type = try r.integer(4)
      let value = try r.counted(atMost: Self.largestSize)
      switch type {
      case 0:
        for byte in value where byte != 0 { throw .malformed("padding is not zero") }
        guard r.rest == 0 else { throw .malformed("something follows the padding") }
      case 1:
        guard last == 1, Self.isArgument(value) else { throw .malformed("an argument is wrong") }
        arguments.append(value)
      case 2:
        guard Self.isVariable(value) else { throw .malformed("a variable is not NAME=VALUE") }
        environment.append(value)
      case 3:
        guard let key = JobVolumeKey(value), volumeKeys.count < Offer.mostVolumes,
          !volumeKeys.contains(where: { $0.name == key.name })
        else { throw .malformed("a volume's key is wrong, or there are two for one volume") }
        volumeKeys.append(key)
      default: throw .malformed("the order has a record that is not known")
      }
      last = type
    }
  }

  private static func isArgument(_ bytes: [UInt8]) -> Bool { !bytes.contains(0) }
  private static func isVariable(_ bytes: [UInt8]) -> Bool {
    guard !bytes.contains(0), let equals = bytes.firstIndex(of: 0x3D) else { return false }
    return equals > 0
  }
}
