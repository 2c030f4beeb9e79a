import Foundation
import LinuxABI
import Testing

@testable import LibOS

/// The same random sequence of calls on our tmpfs and on the host's /dev/shm: the same answers, the
/// same memory written, and the same tree in the end. A failure prints the seed and the step.
@Suite("tmpfs against the host's tmpfs", .serialized)
struct DifferentialTests {
  static var seeds: [UInt64] {
    if let text = ProcessInfo.processInfo.environment["FILES_SEED"], let seed = UInt64(text) {
      return [seed]
    }
    let count = Int(ProcessInfo.processInfo.environment["FILES_SEEDS"] ?? "") ?? 40
    return (0..<count).map { UInt64($0) + 1 }
  }

  @Test("random operations") func randomOperations() throws {
    guard geteuid() == 0 else { return }
    for seed in Self.seeds {
      let difference = try DifferentialRun(seed: seed).run(steps: 1500)
      if let difference {
        Issue.record("seed \(seed): \(difference)")
      }
    }
  }
}

/// One sequence. Everything that is compared is normalised to text.
final class DifferentialRun {
  let ours: OurKernel
  let native = NativeKernel()
  var random: SeededGenerator
  let seed: UInt64
  let memory = Memory()
  let nativeRoot: String
  var ourRootFd = 0
  var nativeRootFd = 0
  /// Open descriptors, pairwise.
  var fds: [(ours: Int, native: Int)] = []
  var log: [String] = []

  init(seed: UInt64) throws {
    self.seed = seed
    random = SeededGenerator(state: seed)
    ours = OurKernel(FilesHarness.makeTask())
    ours.task.makeCurrent()
    nativeRoot = "/dev/shm/cloister-differential-\(getpid())-\(seed)"
  }

  deinit { try? FileManager.default.removeItem(atPath: nativeRoot) }

  func run(steps: Int) throws -> String? {
    let ourRoot = "/tmp/differential-\(seed)"
    umask(0o022)
    mkdir(nativeRoot, 0o755)
    _ = ours.call(83, [memory.string(ourRoot), 0o755])
    nativeRootFd = native.call(2, [memory.string(nativeRoot), 0o200000])
    ourRootFd = ours.call(2, [memory.string(ourRoot), 0o200000])
    defer {
      for f in fds { _ = native.call(3, [UInt(f.native)]) }
      _ = native.call(3, [UInt(nativeRootFd)])
    }
    for step in 0..<steps {
      if let difference = self.step() {
        return "step \(step): \(difference)\nlast: \(log.suffix(12).joined(separator: "\n      "))"
      }
    }
    let a = tree(ours, ourRootFd, "", 0)
    let b = tree(native, nativeRootFd, "", 0)
    if a != b {
      return "final trees differ: ours \(a.filter { !b.contains($0) }.prefix(3)), "
        + "native \(b.filter { !a.contains($0) }.prefix(3))"
    }
    return nil
  }

  // MARK: Random arguments

  func pick<T>(_ values: [T]) -> T { values.randomElement(using: &random)! }
  func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  func path() -> String {
    let names = ["a", "b", "c", "d", "e"]
    var depth = pick([1, 1, 1, 2, 2, 3])
    var out = ""
    while depth > 0 {
      var part = pick(names)
      if chance(2) { part = ".." }
      if chance(2) { part = "." }
      if chance(1) { part = String(repeating: "x", count: pick([255, 256])) }
      out += part
      depth -= 1
      if depth > 0 { out += chance(3) ? "//" : "/" }
    }
    if chance(4) { out += "/" }
    if chance(1) { out = "" }
    // Never above the root of the test.
    if out.contains("..") { out = "a/b/" + out.replacingOccurrences(of: "../..", with: "..") }
    return out
  }

  func offset() -> Int {
    pick([0, 1, 100, 4095, 4096, 4097, 8192, 20000, 65535, 65536, 70000, 131072, 200_000])
      + Int.random(in: 0..<3, using: &random)
  }

  // MARK: Comparing

  func both(_ name: String, _ number: Int, _ arguments: (Kernel, Int) -> [UInt]) -> (
    Int, Int, String?
  ) {
    let a = ours.call(number, arguments(ours, 0))
    let b = native.call(number, arguments(native, 1))
    log.append("\(name) = \(a) / \(b)")
    return (a, b, a == b ? nil : "\(name): ours \(a), native \(b)")
  }

  /// A call on relative paths below the roots.
  func at(_ name: String, _ number: Int, _ arguments: (UInt) -> [UInt]) -> String? {
    both(name, number) { (_, i) in arguments(UInt(i == 0 ? ourRootFd : nativeRootFd)) }.2
  }

  func step() -> String? {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<16: return open()
    case 16..<22: return close()
    case 22..<34: return write()
    case 34..<42: return read()
    case 42..<47: return seek()
    case 47..<52: return resize()
    case 52..<60:
      let p = path()
      let mode = pick([0o755, 0o700, 0o1777, 0o2755] as [UInt])
      return at("mkdirat \(p)", 258) { [$0, memory.string(p), mode] }
    case 60..<64:
      let p = path()
      return at("rmdir \(p)", 263) { [$0, memory.string(p), 0x200] }
    case 64..<68:
      let p = path()
      return at("unlink \(p)", 263) { [$0, memory.string(p), 0] }
    case 68..<77: return rename()
    case 77..<80:
      let (p, q) = (path(), path())
      let flags = pick([0, 0x400] as [UInt])
      return at("link \(p) \(q)", 265) { [$0, memory.string(p), $0, memory.string(q), flags] }
    case 80..<83:
      let (p, q) = (path(), path())
      return at("symlink \(p) \(q)", 266) { [memory.string(p), $0, memory.string(q)] }
    case 83..<85: return readlink()
    case 85..<90: return stat()
    case 90..<92: return attributes()
    case 92..<94: return xattr()
    case 94..<96: return directory()
    case 96..<98: return descriptors()
    case 98..<99:
      let p = path()
      return at("mknod \(p)", 259) { [$0, memory.string(p), 0o010644, 0] }
    default: return copy()
    }
  }

  func open() -> String? {
    if fds.count > 24 { return close() }
    let p = path()
    var flags: UInt = pick([0, 1, 2, 2, 2])
    if chance(60) { flags |= 0o100 }
    if chance(10) { flags |= 0o200 }
    if chance(15) { flags |= 0o1000 }
    if chance(12) { flags |= 0o2000 }
    if chance(6) { flags |= 0o200000 }
    if chance(6) { flags |= 0o400000 }
    if chance(3) { flags |= 0o10000000 }
    if chance(3) { flags = flags & ~0o100 | 0o20200000 }
    // How much fits into a fifo depends on Linux's pages: they are not opened here.
    let probe = memory.allocate(144)
    if native.call(262, [UInt(nativeRootFd), memory.string(p), probe, 0]) == 0,
      Memory.read(probe + 24, 2)[1] & 0xF0 == 0x10
    {
      return nil
    }
    let mode: UInt = pick([0o644, 0o600, 0o4755])
    let (a, b, difference) = both("openat \(p) \(String(flags, radix: 8))", 257) {
      [UInt($1 == 0 ? ourRootFd : nativeRootFd), memory.string(p), flags, mode]
    }
    if a >= 0 && b >= 0 {
      fds.append((a, b))
      return nil
    }
    if a < 0 && b >= 0 { _ = native.call(3, [UInt(b)]) }
    return difference
  }

  func close() -> String? {
    guard let i = fds.indices.randomElement(using: &random) else { return nil }
    let f = fds.remove(at: i)
    return both("close", 3) { [UInt($1 == 0 ? f.ours : f.native)] }.2
  }

  func fd() -> (ours: Int, native: Int)? { fds.randomElement(using: &random) }

  func write() -> String? {
    guard let f = fd() else { return open() }
    var data = [UInt8](repeating: 0, count: pick([0, 1, 10, 511, 4096, 5000, 70000, 140_000]))
    let salt = UInt8.random(in: 1...255, using: &random)
    for i in data.indices { data[i] = UInt8(truncatingIfNeeded: i &* 7) &+ salt }
    let address = memory.bytes(data)
    if chance(50) {
      let at = UInt(offset())
      return both("pwrite \(f) \(data.count) at \(at)", 18) {
        [UInt($1 == 0 ? f.ours : f.native), address, UInt(data.count), at]
      }.2
    }
    return both("write \(f) \(data.count)", 1) {
      [UInt($1 == 0 ? f.ours : f.native), address, UInt(data.count)]
    }.2
  }

  func read() -> String? {
    guard let f = fd() else { return open() }
    let count = pick([0, 1, 100, 4096, 9000, 100_000, 300_000])
    let first = memory.allocate(count)
    let second = memory.allocate(count)
    let at = chance(50) ? UInt(offset()) : nil
    let (a, b, difference) = both(
      "read \(f) \(count) \(at.map { "at \($0)" } ?? "")", at == nil ? 0 : 17
    ) {
      [UInt($1 == 0 ? f.ours : f.native), $1 == 0 ? first : second, UInt(count), at ?? 0]
    }
    if let difference { return difference }
    if a == b && a > 0 && Memory.read(first, a) != Memory.read(second, a) {
      return "read \(f) \(count): content differs"
    }
    return nil
  }

  func seek() -> String? {
    guard let f = fd() else { return open() }
    // Directory positions are the file system's own business.
    if isDirectory(f) { return nil }
    let whence: UInt = pick([0, 1, 2, 3, 4, 5])
    let value = chance(15) ? -offset() : offset()
    return both("lseek \(f) \(value) \(whence)", 8) {
      [UInt($1 == 0 ? f.ours : f.native), UInt(bitPattern: value), whence]
    }.2
  }

  func isDirectory(_ f: (ours: Int, native: Int)) -> Bool {
    let s = memory.allocate(144)
    _ = native.call(5, [UInt(f.native), s])
    let bytes = Memory.read(s, 144)
    return UInt32(bytes[24]) | UInt32(bytes[25]) << 8 & 0xF000 == 0x4000 || bytes[25] & 0xF0 == 0x40
  }

  func resize() -> String? { resizeDescriptor(UInt(offset())) }

  func resizeDescriptor(_ size: UInt) -> String? {
    guard let f = fd() else { return open() }
    if chance(50) {
      return both("ftruncate \(f) \(size)", 77) { [UInt($1 == 0 ? f.ours : f.native), size] }.2
    }
    let mode: UInt = pick([0, 1, 3, 2, 8])
    let start = UInt(offset())
    return both("fallocate \(f) \(mode) \(start) \(size)", 285) {
      [UInt($1 == 0 ? f.ours : f.native), mode, start, size]
    }.2
  }

  func rename() -> String? {
    let (p, q) = (path(), path())
    let flags: UInt = pick([0, 0, 0, 0, 1, 2, 3])
    return at("rename \(p) \(q) \(flags)", 316) {
      [$0, memory.string(p), $0, memory.string(q), flags]
    }
  }

  func readlink() -> String? {
    let p = path()
    let first = memory.allocate(300)
    let second = memory.allocate(300)
    let size: UInt = pick([300, 2])
    let (a, _, difference) = both("readlink \(p)", 267) {
      [UInt($1 == 0 ? ourRootFd : nativeRootFd), memory.string(p), $1 == 0 ? first : second, size]
    }
    if let difference { return difference }
    if a > 0 && Memory.read(first, a) != Memory.read(second, a) { return "readlink \(p): differs" }
    return nil
  }

  /// nlink, mode, uid, gid, size and, of files, blocks.
  func describe(_ s: UInt) -> String {
    let b = Memory.read(s, 144)
    func word(_ at: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(b[at + $1]) << (8 * UInt64($1)) }
    }
    func half(_ at: Int) -> UInt64 { word(at) & 0xFFFF_FFFF }
    return
      "nlink \(word(16)) mode \(String(half(24), radix: 8)) uid \(half(28)) gid \(half(32)) size \(word(48)) blocks \(word(64))"
  }

  func stat() -> String? {
    let first = memory.allocate(144)
    let second = memory.allocate(144)
    if chance(50), let f = fd() {
      let difference = both("fstat \(f)", 5) {
        [UInt($1 == 0 ? f.ours : f.native), $1 == 0 ? first : second]
      }.2
      if let difference { return difference }
      if describe(first) != describe(second) {
        return "fstat \(f): ours \(describe(first)), native \(describe(second))"
      }
      return nil
    }
    let p = path()
    let flags: UInt = pick([0, 0x100])
    let difference = both("fstatat \(p) \(flags)", 262) {
      [UInt($1 == 0 ? ourRootFd : nativeRootFd), memory.string(p), $1 == 0 ? first : second, flags]
    }.2
    if let difference { return difference }
    if describe(first) != describe(second) {
      return "fstatat \(p): ours \(describe(first)), native \(describe(second))"
    }
    return nil
  }

  func attributes() -> String? {
    let p = path()
    switch Int.random(in: 0..<4, using: &random) {
    case 0:
      let mode: UInt = pick([0o644, 0o755, 0o6755, 0o000])
      return at("chmod \(p)", 268) { [$0, memory.string(p), mode] }
    case 1:
      let uid: UInt = pick([0, 1000, 0xFFFF_FFFF])
      return at("chown \(p)", 260) { [$0, memory.string(p), uid, 5, 0x100] }
    case 2:
      let mode: UInt = pick([0, 1, 2, 4, 7, 8])
      return at("access \(p) \(mode)", 269) { [$0, memory.string(p), mode] }
    default:
      let times = memory.bytes(
        [UInt8](repeating: 1, count: 4) + [UInt8](repeating: 0, count: 12)
          + [UInt8](repeating: 2, count: 4) + [UInt8](repeating: 0, count: 12))
      return at("utimensat \(p)", 280) { [$0, memory.string(p), times, 0x100] }
    }
  }

  func xattr() -> String? {
    guard let f = fd() else { return open() }
    let name = memory.string(pick(["user.a", "user.b", "trusted.c", "foo", "user."]))
    let value = memory.bytes([1, 2, 3])
    switch Int.random(in: 0..<3, using: &random) {
    case 0:
      let flags: UInt = pick([0, 1, 2])
      return both("fsetxattr \(f)", 190) {
        [UInt($1 == 0 ? f.ours : f.native), name, value, 3, flags]
      }.2
    case 1:
      let out = memory.allocate(16)
      let size: UInt = pick([0, 2, 16])
      return both("fgetxattr \(f)", 193) {
        [UInt($1 == 0 ? f.ours : f.native), name, out, size]
      }.2
    default: return both("fremovexattr \(f)", 199) { [UInt($1 == 0 ? f.ours : f.native), name] }.2
    }
  }

  func directory() -> String? {
    let p = path()
    let a = names(ours, ours.call(257, [UInt(ourRootFd), memory.string(p), 0o204000]))
    let b = names(native, native.call(257, [UInt(nativeRootFd), memory.string(p), 0o204000]))
    log.append("list \(p)")
    return a == b ? nil : "list \(p): ours \(a), native \(b)"
  }

  /// Names and types in a directory, sorted; a small buffer now and then. Closes the descriptor.
  func names(_ kernel: Kernel, _ fd: Int) -> [String] {
    if fd < 0 { return ["error \(fd)"] }
    var out: [String] = []
    let size = 400
    let buffer = memory.allocate(size)
    while true {
      let n = kernel.call(217, [UInt(fd), buffer, UInt(size)])
      if n <= 0 {
        if n < 0 { out.append("error \(n)") }
        break
      }
      let bytes = Memory.read(buffer, n)
      var at = 0
      while at < n {
        let length = Int(bytes[at + 16]) | Int(bytes[at + 17]) << 8
        let name = bytes[(at + 19)..<(at + length)].prefix { $0 != 0 }
        out.append("\(String(decoding: name, as: UTF8.self)):\(bytes[at + 18])")
        at += length
      }
    }
    _ = kernel.call(3, [UInt(fd)])
    return out.sorted()
  }

  func descriptors() -> String? {
    guard let f = fd() else { return open() }
    switch Int.random(in: 0..<4, using: &random) {
    case 0:
      let (a, b, _) = both("dup \(f)", 32) { [UInt($1 == 0 ? f.ours : f.native)] }
      if a >= 0 && b >= 0 { fds.append((a, b)) }
      return (a >= 0) == (b >= 0) ? nil : "dup \(f): ours \(a), native \(b)"
    case 1: return both("F_GETFL \(f)", 72) { [UInt($1 == 0 ? f.ours : f.native), 3] }.2
    case 2:
      let flags: UInt = pick([0, 0o2000, 0o6000])
      return both("F_SETFL \(f)", 72) {
        [UInt($1 == 0 ? f.ours : f.native), 4, flags | 0o4000]
      }.2
    default: return both("fsync \(f)", 74) { [UInt($1 == 0 ? f.ours : f.native)] }.2
    }
  }

  func copy() -> String? {
    guard let f = fd(), let g = fd() else { return open() }
    let count = UInt(pick([0, 10, 5000, 100_000]))
    if chance(50) {
      return both("sendfile \(g) \(f)", 40) { (_, i) in
        [UInt(i == 0 ? g.ours : g.native), UInt(i == 0 ? f.ours : f.native), 0, count]
      }.2
    }
    let first = memory.bytes([0, 16, 0, 0, 0, 0, 0, 0])
    let second = memory.bytes([0, 16, 0, 0, 0, 0, 0, 0])
    return both("copy_file_range \(f) \(g)", 326) { (_, i) in
      [
        UInt(i == 0 ? f.ours : f.native), i == 0 ? first : second,
        UInt(i == 0 ? g.ours : g.native), 0, count, 0,
      ]
    }.2
  }

  // MARK: The tree at the end

  func tree(_ kernel: Kernel, _ directory: Int, _ prefix: String, _ depth: Int) -> [String] {
    if depth > 12 { return [] }
    var out: [String] = []
    let dup = kernel.call(257, [UInt(directory), memory.string("."), 0o200000])
    for entry in names(kernel, dup) {
      let name = entry.split(separator: ":")[0]
      if name == "." || name == ".." { continue }
      let s = memory.allocate(144)
      _ = kernel.call(262, [UInt(directory), memory.string(String(name)), s, 0x100])
      var line = "\(prefix)\(name) \(describe(s))"
      if entry.hasSuffix(":8") {
        let fd = kernel.call(257, [UInt(directory), memory.string(String(name)), 0])
        let buffer = memory.allocate(400_000)
        let n = kernel.call(0, [UInt(fd), buffer, 400_000])
        var hash: UInt64 = 14_695_981_039_346_656_037
        for b in Memory.read(buffer, n) { hash = (hash ^ UInt64(b)) &* 1_099_511_628_211 }
        line += " content \(hash)"
        _ = kernel.call(3, [UInt(fd)])
      }
      out.append(line)
      if entry.hasSuffix(":4") {
        let fd = kernel.call(257, [UInt(directory), memory.string(String(name)), 0o200000])
        if fd >= 0 {
          out += tree(kernel, fd, prefix + name + "/", depth + 1)
          _ = kernel.call(3, [UInt(fd)])
        }
      }
    }
    return out
  }
}
