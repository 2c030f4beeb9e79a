import EnclaveRuntime
import LinuxABI

/// /sys/devices/system/cpu: every processor is a core of its own in one package, with the caches that CPUID tells.
final class SysCpu: ProcDirectory, @unchecked Sendable {
  init(_ fileSystem: FileSystem) { super.init(fileSystem, mode: 0o755) }
  override func entries() -> [ProcEntry] {
    [
      .file("online") { (_) throws(Errno) in SysTree.cpuList(newline: true) },
      .file("possible") { (_) throws(Errno) in SysTree.cpuList(newline: true) },
      .file("present") { (_) throws(Errno) in SysTree.cpuList(newline: true) },
      .text("offline", "\n"), .text("isolated", "\n"), .text("kernel_max", "8191\n"),
      .directory("smt") { [.text("active", "0\n"), .text("control", "notsupported\n")] },
    ]
  }

  private static func number(_ name: Name) -> Int? {
    guard name.count > 3 else { return nil }
    let all = name.array
    guard all[0] == 0x63, all[1] == 0x70, all[2] == 0x75 else { return nil }
    return Name([UInt8](all[3...])).number
  }

  override func find(_ name: Name) -> Inode? {
    let count = unsafe Processors.count
    guard let n = Self.number(name), n < count else { return nil }
    return ProcFixedDirectory(fileSystem) {
      [
        .directory("topology") { Self.topology(n) },
        ProcEntry(name: "cache") { d in SysCache(d, n) },
        .text("online", "1\n"),
      ]
    }
  }

  private static func topology(_ n: Int) -> [ProcEntry] {
    func own(_ name: StaticString) -> ProcEntry {
      .file(name) { (_) throws(Errno) in line(n) }
    }
    func ownMask(_ name: StaticString) -> ProcEntry {
      .file(name) { (_) throws(Errno) in SysTree.cpuMask(n) }
    }
    func all(_ name: StaticString) -> ProcEntry {
      .file(name) { (_) throws(Errno) in SysTree.cpuList(newline: true) }
    }
    func allMask(_ name: StaticString) -> ProcEntry {
      .file(name) { (_) throws(Errno) in SysTree.cpuMask(nil) }
    }
    return [
      .text("physical_package_id", "0\n"), .text("die_id", "0\n"), own("core_id"),
      ownMask("thread_siblings"), own("thread_siblings_list"), ownMask("core_cpus"),
      own("core_cpus_list"), allMask("core_siblings"), all("core_siblings_list"),
      allMask("package_cpus"), all("package_cpus_list"), allMask("die_cpus"), all("die_cpus_list"),
    ]
  }

  static func line(_ n: Int) -> [UInt8] {
    var out: [UInt8] = []
    out.append(decimal: n)
    out.append(0x0A)
    return out
  }

  override func names() -> [(name: [UInt8], type: UInt8)] {
    numbered("cpu", unsafe Processors.count)
  }
}

/// /sys/devices/system/cpu/cpuN/cache.
final class SysCache: ProcDirectory, @unchecked Sendable {
  private let cpu: Int
  init(_ parent: ProcDirectory, _ cpu: Int) {
    self.cpu = cpu
    super.init(parent.fileSystem, mode: 0o755)
  }

  /// One cache, as CPUID leaf 4 or on AMD leaf 0x8000001D tells it (SDM Vol. 2A, CPUID; AMD APM Vol. 3, E.4.15).
  private struct Cache {
    let kind: UInt32, level: Int, line: Int, partitions: Int, ways: Int, sets: Int
    var kilobytes: Int { (ways * partitions * line * sets) >> 10 }

    init?(_ index: Int) {
      var answer = Processor.answer(leaf: 4, subleaf: UInt32(index))
      if answer.eax & 31 == 0 {
        guard Processor.answer(leaf: 0x8000_0000, subleaf: 0).eax >= 0x8000_001D else { return nil }
        answer = Processor.answer(leaf: 0x8000_001D, subleaf: UInt32(index))
      }
      kind = answer.eax & 31
      guard (1...3).contains(kind) else { return nil }
      level = Int(answer.eax >> 5 & 7)
      line = Int(answer.ebx & 0xFFF) + 1
      partitions = Int(answer.ebx >> 12 & 0x3FF) + 1
      ways = Int(answer.ebx >> 22) + 1
      sets = Int(answer.ecx) + 1
    }
  }

  private static let most = 8

  override func find(_ name: Name) -> Inode? {
    let all = name.array
    let prefix = [UInt8](staticString: "index")
    guard all.count == prefix.count + 1, all.starts(with: prefix) else { return nil }
    let index = Int(all[prefix.count]) - 0x30
    guard (0..<Self.most).contains(index), let cache = Cache(index) else { return nil }
    let cpu = cpu
    let isShared = cache.level > 2
    func value(_ name: StaticString, _ n: Int) -> ProcEntry {
      .file(name) { (_) throws(Errno) in SysCpu.line(n) }
    }
    return ProcFixedDirectory(fileSystem) {
      [
        value("level", cache.level),
        .text("type", cache.kind == 1 ? "Data\n" : cache.kind == 2 ? "Instruction\n" : "Unified\n"),
        .file("size") { (_) throws(Errno) in
          var out: [UInt8] = []
          out.append(decimal: cache.kilobytes)
          out.append("K\n")
          return out
        },
        value("coherency_line_size", cache.line), value("number_of_sets", cache.sets),
        value("ways_of_associativity", cache.ways),
        value("physical_line_partition", cache.partitions), value("id", isShared ? 0 : cpu),
        .file("shared_cpu_list") { (_) throws(Errno) in
          isShared ? SysTree.cpuList(newline: true) : SysCpu.line(cpu)
        },
        .file("shared_cpu_map") { (_) throws(Errno) in SysTree.cpuMask(isShared ? nil : cpu) },
      ]
    }
  }

  override func names() -> [(name: [UInt8], type: UInt8)] {
    var count = 0
    while count < Self.most, Cache(count) != nil { count += 1 }
    return numbered("index", count)
  }
}

extension ProcDirectory {
  /// Names of directories: `prefix` and a number.
  func numbered(_ prefix: StaticString, _ count: Int) -> [(name: [UInt8], type: UInt8)] {
    var out: [(name: [UInt8], type: UInt8)] = []
    for i in 0..<count {
      var name = [UInt8](staticString: prefix)
      name.append(decimal: i)
      out.append((name, 4))
    }
    return out
  }
}
