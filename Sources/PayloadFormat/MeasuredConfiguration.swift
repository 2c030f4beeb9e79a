/// The measured configuration: what to run and how, as it lies at `EnclaveLayout.configurationBase`.
///
/// All integers little-endian. A header of 64 bytes, then records; everything is covered by MRENCLAVE.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 8 | magic `CLCONF01` |
/// | 8 | 4 | total length in bytes, header included, a multiple of 8 |
/// | 12 | 4 | profile: 0 `edmm`, 1 `fixed` |
/// | 16 | 4 | thread count (TCSs) |
/// | 20 | 4 | uid |
/// | 24 | 4 | gid |
/// | 28 | 4 | reserved, 0 |
/// | 32 | 8 | memory size in bytes: most the payload and the kernel may commit |
/// | 40 | 8 | flags, see `Flags` |
/// | 48 | 16 | reserved, 0 |
///
/// A record: type (4 bytes), length (4 bytes), that many bytes, zero padding to a multiple of 8.
public struct MeasuredConfiguration: Sendable {
  public static let magic: [UInt8] = [0x43, 0x4C, 0x43, 0x4F, 0x4E, 0x46, 0x30, 0x31]
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
  }

  public enum Record: UInt32, Sendable {
    case argument = 1
    case environment = 2
    case workingDirectory = 3
    case executable = 4
    case hostName = 5
    /// `HOST\0GUEST`, read-only, insecure development mounts only.
    case insecureMount = 6
  }

  public var profile: Profile = .edmm
  public var threadCount: UInt32 = 64
  public var uid: UInt32 = 0
  public var gid: UInt32 = 0
  public var memorySize: UInt64 = 4 << 30
  public var flags: Flags = []
  public var executable: [UInt8] = []
  public var arguments: [[UInt8]] = []
  public var environment: [[UInt8]] = []
  public var workingDirectory: [UInt8] = [0x2F]
  public var hostName: [UInt8] = []
  public var insecureMounts: [[UInt8]] = []

  public init() {}

  /// The bytes that are measured; always a multiple of 8.
  public func encoded() -> [UInt8] {
    var out = Self.magic
    func put32(_ v: UInt32) { for i in 0..<4 { out.append(UInt8(truncatingIfNeeded: v >> (8 * UInt32(i)))) } }
    func put64(_ v: UInt64) { for i in 0..<8 { out.append(UInt8(truncatingIfNeeded: v >> (8 * UInt64(i)))) } }
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
    put32(0)
    put64(memorySize)
    put64(flags.rawValue)
    put64(0)
    put64(0)
    record(.executable, executable)
    for a in arguments { record(.argument, a) }
    for e in environment { record(.environment, e) }
    record(.workingDirectory, workingDirectory)
    record(.hostName, hostName)
    for m in insecureMounts { record(.insecureMount, m) }
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
      get32(28) == 0, get64(48) == 0, get64(56) == 0
    else { return nil }
    self.profile = profile
    threadCount = get32(16)
    uid = get32(20)
    gid = get32(24)
    memorySize = get64(32)
    flags = Flags(rawValue: get64(40))
    workingDirectory = []
    var at = Self.headerSize
    while at < bytes.count {
      guard bytes.count - at >= 8, let type = Record(rawValue: get32(at)) else { return nil }
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
      }
      at += 8 + (length + 7) & ~7
    }
    guard at == bytes.count else { return nil }
  }
}
