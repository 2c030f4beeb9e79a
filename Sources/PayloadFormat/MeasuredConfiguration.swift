/// The measured configuration: what to run and how, as it lies at `EnclaveLayout.configurationBase`.
///
/// All integers little-endian. A header of 64 bytes, then records; everything is covered by MRENCLAVE.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 8 | magic `CLCONF02` |
/// | 8 | 4 | total length in bytes, header included, a multiple of 8 |
/// | 12 | 4 | profile: 0 `edmm`, 1 `fixed` |
/// | 16 | 4 | thread count (TCSs) |
/// | 20 | 4 | uid |
/// | 24 | 4 | gid |
/// | 28 | 2 | ISVPRODID that the signature has |
/// | 30 | 2 | ISVSVN that the signature has |
/// | 32 | 8 | memory size in bytes: most the payload and the kernel may commit |
/// | 40 | 8 | flags, see `Flags` |
/// | 48 | 8 | page cache in bytes: most that clean content of files may occupy; 0: an eighth of the memory |
/// | 56 | 4 | network policy, see `Network` |
/// | 60 | 4 | reserved, 0 |
///
/// A record: type (4 bytes), length (4 bytes), that many bytes, zero padding to a multiple of 8. Records come in
/// the order of their types; those that may be there once only are (`Record.isRepeatable`). Version 1
/// (`CLCONF01`) had no manifest and is not read any more: it never left the machine that made it.
public struct MeasuredConfiguration: Sendable {
  public static let magic: [UInt8] = [0x43, 0x4C, 0x43, 0x4F, 0x4E, 0x46, 0x30, 0x32]
  public static let headerSize = 64

  public enum Profile: UInt32, Sendable {
    case edmm = 0
    case fixed = 1
  }

  public struct Flags: OptionSet, Sendable {
    public var rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// The host's own root file system is shown read-only, unverified (host calls `lookup`, `readdir`).
    public static let insecureDevelopmentRoot = Flags(rawValue: 1 << 0)
    /// The kernel may log to the host. Leaks what the program does.
    public static let insecureKernelLog = Flags(rawValue: 1 << 1)
    /// Each system call is written to the log.
    public static let insecureStrace = Flags(rawValue: 1 << 2)
    /// The enclave is to be a debug enclave: its memory can be read from outside.
    public static let insecureDebug = Flags(rawValue: 1 << 3)
    /// What comes from outside is data, never code: said by the vendor, who looked at the program.
    public static let inputsAreData = Flags(rawValue: 1 << 4)
    /// There are quotes: attestation_type is dcap, and /dev/attestation/quote is there.
    public static let remoteAttestation = Flags(rawValue: 1 << 5)
    /// The payload takes jobs (Docs/Job.md), and with them arguments, or variables of the environment; standard output and
    /// error of a job are shown to the provider.
    public static let acceptsJobs = Flags(rawValue: 1 << 6)
    public static let jobArguments = Flags(rawValue: 1 << 7)
    public static let jobEnvironment = Flags(rawValue: 1 << 12)
    public static let insecureJobStreams = Flags(rawValue: 1 << 13)
    /// What the signature demands of XFRM; without these AVX and AVX-512 are the machine's choice.
    public static let requiresAVX = Flags(rawValue: 1 << 8)
    public static let refusesAVX = Flags(rawValue: 1 << 9)
    public static let requiresAVX512 = Flags(rawValue: 1 << 10)
    public static let refusesAVX512 = Flags(rawValue: 1 << 11)
    public static let all: Flags = [
      .insecureDevelopmentRoot, .insecureKernelLog, .insecureStrace, .insecureDebug, .inputsAreData,
      .requiresAVX, .refusesAVX, .requiresAVX512, .refusesAVX512, .remoteAttestation,
      .acceptsJobs, .jobArguments, .jobEnvironment, .insecureJobStreams,
    ]
  }

  /// Which sockets the program may make.
  public enum Network: UInt32, Sendable {
    /// The host's network, as the host likes to show it. (Development runs.)
    case host = 0
    /// None but UNIX sockets inside the enclave.
    case none = 1
  }

  /// The fields of the header, for the tamper campaign.
  public enum Header {
    public static var all: [FormatField] {
      [
        FormatField("magic", 0, 8), FormatField("length", 8, 4), FormatField("profile", 12, 4),
        FormatField("threadCount", 16, 4), FormatField("uid", 20, 4), FormatField("gid", 24, 4),
        FormatField("isvProdID", 28, 2), FormatField("isvSVN", 30, 2),
        FormatField("memorySize", 32, 8), FormatField("flags", 40, 8),
        FormatField("pageCacheSize", 48, 8), FormatField("network", 56, 4),
        FormatField("reserved0", 60, 4),
      ]
    }
  }

  public enum Record: UInt32, CaseIterable, Sendable {
    case argument = 1
    case environment = 2
    case workingDirectory = 3
    case executable = 4
    case hostName = 5
    /// `HOST\0GUEST`, read-only, insecure development mounts only.
    case insecureMount = 6
    /// Root of the hash tree over the manifest (32 bytes), its size (8 bytes): the root file system.
    case manifest = 7
    /// System calls that the program may make: bit N of byte N / 8. Absent: all that there are.
    case systemCalls = 8
    /// An empty tmpfs, `TemporaryMount.encoded`.
    case temporaryMount = 9
    /// A sealed volume, `VolumeMount.encoded`: the i-th such record is block object `volumesOffset + i`.
    case volume = 10

    public var isRepeatable: Bool {
      switch self {
      case .argument, .environment, .insecureMount, .temporaryMount, .volume: true
      case .workingDirectory, .executable, .hostName, .manifest, .systemCalls: false
      }
    }
  }

  /// The verified root.
  public struct Manifest: Equatable, Sendable {
    public var root: [UInt8]
    public var size: UInt64
    public init(root: [UInt8], size: UInt64) {
      self.root = root
      self.size = size
    }
  }

  public var profile: Profile = .edmm
  public var threadCount: UInt32 = 64
  public var uid: UInt32 = 0
  public var gid: UInt32 = 0
  public var isvProdID: UInt16 = 0
  public var isvSVN: UInt16 = 0
  public var memorySize: UInt64 = 4 << 30
  public var flags: Flags = []
  public var pageCacheSize: UInt64 = 0
  public var network: Network = .host
  public var executable: [UInt8] = []
  public var arguments: [[UInt8]] = []
  public var environment: [[UInt8]] = []
  public var workingDirectory: [UInt8] = [0x2F]
  public var hostName: [UInt8] = []
  public var insecureMounts: [[UInt8]] = []
  public var manifest: Manifest?
  /// nil: every system call that there is.
  public var systemCalls: [UInt8]?
  public var temporaryMounts: [TemporaryMount] = []
  public var volumes: [VolumeMount] = []

  public init() {}

  /// The bytes that are measured; always a multiple of 8.
  public func encoded() -> [UInt8] {
    var out = Self.magic
    func put32(_ v: UInt32) {
      for i in 0..<4 { out.append(UInt8(truncatingIfNeeded: v >> (8 * UInt32(i)))) }
    }
    func put64(_ v: UInt64) {
      for i in 0..<8 { out.append(UInt8(truncatingIfNeeded: v >> (8 * UInt64(i)))) }
    }
    func record(_ type: Record, _ bytes: [UInt8]) {
      put32(type.rawValue)
      put32(UInt32(bytes.count))
      out.append(contentsOf: bytes)
      while out.count % 8 != 0 { out.append(0) }
    }
    put32(0)
    put32(profile.rawValue)
    put32(threadCount)
    put32(uid)
    put32(gid)
    put32(UInt32(isvProdID) | UInt32(isvSVN) << 16)
    put64(memorySize)
    put64(flags.rawValue)
    put64(pageCacheSize)
    put32(network.rawValue)
    put32(0)
    for a in arguments { record(.argument, a) }
    for e in environment { record(.environment, e) }
    record(.workingDirectory, workingDirectory)
    record(.executable, executable)
    record(.hostName, hostName)
    for m in insecureMounts { record(.insecureMount, m) }
    if let manifest {
      var value = manifest.root
      value.appendLittleEndian(manifest.size, count: 8)
      record(.manifest, value)
    }
    if let systemCalls { record(.systemCalls, systemCalls) }
    for m in temporaryMounts { record(.temporaryMount, m.encoded()) }
    for v in volumes { record(.volume, v.encoded()) }
    let total = UInt32(out.count)
    for i in 0..<4 { out[8 + i] = UInt8(truncatingIfNeeded: total >> (8 * UInt32(i))) }
    return out
  }

  /// Parses what `encoded()` wrote; nil when anything at all is out of place.
  public init?(_ bytes: [UInt8]) {
    func get32(_ at: Int) -> UInt32 {
      var v: UInt32 = 0
      for i in 0..<4 { v |= UInt32(bytes[at + i]) << (8 * UInt32(i)) }
      return v
    }
    func get64(_ at: Int) -> UInt64 { UInt64(get32(at)) | UInt64(get32(at + 4)) << 32 }
    guard bytes.count >= Self.headerSize, bytes.count % 8 == 0 else { return nil }
    for i in 0..<8 where bytes[i] != Self.magic[i] { return nil }
    guard get32(8) == UInt32(bytes.count), let profile = Profile(rawValue: get32(12)),
      let network = Network(rawValue: get32(56)), get32(60) == 0,
      get64(40) & ~Flags.all.rawValue == 0
    else { return nil }
    isvProdID = UInt16(truncatingIfNeeded: get32(28))
    isvSVN = UInt16(truncatingIfNeeded: get32(28) >> 16)
    pageCacheSize = get64(48)
    self.network = network
    self.profile = profile
    threadCount = get32(16)
    uid = get32(20)
    gid = get32(24)
    memorySize = get64(32)
    flags = Flags(rawValue: get64(40))
    workingDirectory = []
    var at = Self.headerSize
    var last: UInt32 = 0
    while at < bytes.count {
      guard bytes.count - at >= 8, let type = Record(rawValue: get32(at)) else { return nil }
      guard type.rawValue > last || type.rawValue == last && type.isRepeatable else { return nil }
      last = type.rawValue
      let length = Int(get32(at + 4))
      guard length <= bytes.count - at - 8 else { return nil }
      let value = [UInt8](bytes[(at + 8)..<(at + 8 + length)])
      switch type {
      case .argument: arguments.append(value)
      case .environment: environment.append(value)
      case .workingDirectory: workingDirectory = value
      case .executable: executable = value
      case .hostName: hostName = value
      case .insecureMount: insecureMounts.append(value)
      case .manifest:
        guard length == 40 else { return nil }
        let size = value.littleEndian(at: 32, count: 8)
        manifest = Manifest(root: [UInt8](value[0..<32]), size: size)
      case .systemCalls: systemCalls = value
      case .volume:
        guard let v = VolumeMount(value) else { return nil }
        volumes.append(v)
      case .temporaryMount:
        guard let m = TemporaryMount(value) else { return nil }
        temporaryMounts.append(m)
      }
      let end = at + 8 + (length + 7) & ~7
      guard end <= bytes.count else { return nil }
      for i in (at + 8 + length)..<end where bytes[i] != 0 { return nil }
      at = end
    }
    guard at == bytes.count else { return nil }
  }
}
