import CPrepare
import Glibc
import HostRuntime
import PayloadFormat

/// `--trace`: runs the program once on this machine, not in an enclave, and keeps what it used.
public struct Trace: Sendable {
  public private(set) var paths = Set<String>()
  public private(set) var systemCalls = Set<Int>()
  public private(set) var exitStatus: Int32 = 0

  private final class Collector {
    var paths = Set<String>()
    var calls = Set<Int>()
  }

  /// - Parameter arguments: argv, the program's name included.
  public init(
    program: String, arguments: [String], environment: [String], directory: String
  ) throws(HostError) {
    guard access(directory, X_OK) == 0 else {
      throw HostError("--trace: cannot run in fs.start_dir \(directory): \(errorText())")
    }
    guard access(program, X_OK) == 0 else {
      throw HostError("--trace: cannot run \(program): \(errorText())", exitCode: 126)
    }
    let collector = Collector()
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
    defer { for p in argv + envp { free(p) } }
    let context = Unmanaged.passUnretained(collector).toOpaque()
    let status = withExtendedLifetime(collector) {
      clp_trace(
        program, &argv, &envp, directory,
        { (context, number) in
          let c = Unmanaged<Collector>.fromOpaque(context!).takeUnretainedValue()
          c.calls.insert(Int(number))
        },
        { (context, path) in
          let c = Unmanaged<Collector>.fromOpaque(context!).takeUnretainedValue()
          c.paths.insert(String(cString: path!))
        }, context)
    }
    guard status >= 0 else {
      throw HostError("cannot trace \(program): \(String(cString: strerror(-status)))")
    }
    exitStatus = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    paths = collector.paths
    systemCalls = collector.calls
  }

  /// What the library OS's start, and code that a program brings in at run time only, needs on top: calls that differ
  /// between two runs of the same program, and those that end it.
  static let alwaysAllowed: Set<Int> = [
    0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 24, 28, 35, 39, 56, 60, 63, 72, 96, 131, 158, 186,
    201,
    202, 218, 219, 228, 229, 230, 231, 234, 257, 262, 273, 302, 309, 318, 334, 435, 439,
  ]

  /// The calls as the measured configuration has them.
  public var systemCallBits: [UInt8] {
    let all = systemCalls.union(Self.alwaysAllowed).filter { $0 >= 0 && $0 < 512 }
    var bits = [UInt8](repeating: 0, count: (all.max() ?? 0) / 8 + 1)
    for n in all { bits[n / 8] |= 1 << UInt8(n % 8) }
    return bits
  }
}
