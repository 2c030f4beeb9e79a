import EnclaveRuntime
import LinuxABI

/// /sys: the few files that runtimes read to size themselves (sysfs(5)).
enum SysTree {
  /// "0-3".
  static func cpuList(newline: Bool) -> [UInt8] {
    let count = unsafe Processors.count
    var out: [UInt8] = [0x30]
    if count > 1 {
      out.append(0x2D)
      out.append(decimal: count - 1)
    }
    if newline { out.append(0x0A) }
    return out
  }

  static func entries() -> [ProcEntry] {
    [
      .directory("devices") {
        [
          .directory("system") {
            [
              ProcEntry(name: "cpu") { d in SysCpu(d.fileSystem) },
              .directory("node") {
                [
                  .text("online", "0\n"), .text("possible", "0\n"),
                  .directory("node0") {
                    [
                      .file("cpulist") { (_) throws(Errno) in cpuList(newline: true) },
                      .file("meminfo") { (_) throws(Errno) in nodeMemory() },
                    ]
                  },
                ]
              },
              .directory("clocksource") {
                [
                  .directory("clocksource0") {
                    [
                      .text("current_clocksource", "tsc\n"),
                      .text("available_clocksource", "tsc\n"),
                    ]
                  }
                ]
              },
            ]
          }
        ]
      },
      .directory("kernel") {
        [
          .directory("mm") {
            [
              .directory("transparent_hugepage") {
                [
                  .text("enabled", "always [madvise] never\n"),
                  .text("hpage_pmd_size", "2097152\n"), .text("shmem_enabled", "never\n"),
                ]
              },
              .directory("hugepages") { [] },
            ]
          }
        ]
      },
      .directory("fs") { [.directory("cgroup") { [] }] },
      .directory("class") { [.directory("net") { [] }] },
      .directory("block") { [] }, .directory("bus") { [] }, .directory("dev") { [] },
    ]
  }

  private static func nodeMemory() -> [UInt8] {
    let memory = SystemMemory.current
    var out: [UInt8] = []
    out.append("Node 0 MemTotal:")
    out.append(decimal: UInt(memory.total >> 10), width: 15)
    out.append(" kB\nNode 0 MemFree:")
    out.append(decimal: UInt(memory.free >> 10), width: 16)
    out.append(" kB\n")
    return out
  }
}

/// /sys/devices/system/cpu.
final class SysCpu: ProcDirectory, @unchecked Sendable {
  init(_ fileSystem: FileSystem) { super.init(fileSystem, mode: 0o755) }
  override func entries() -> [ProcEntry] {
    [
      .file("online") { (_) throws(Errno) in SysTree.cpuList(newline: true) },
      .file("possible") { (_) throws(Errno) in SysTree.cpuList(newline: true) },
      .file("present") { (_) throws(Errno) in SysTree.cpuList(newline: true) },
      .text("offline", "\n"), .text("kernel_max", "8191\n"),
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
        .directory("topology") {
          [
            .text("physical_package_id", "0\n"), .text("die_id", "0\n"),
            .file("core_id") { (_) throws(Errno) in line(n) },
            .file("thread_siblings_list") { (_) throws(Errno) in line(n) },
            .file("core_cpus_list") { (_) throws(Errno) in line(n) },
            .file("core_siblings_list") { (_) throws(Errno) in SysTree.cpuList(newline: true) },
            .file("package_cpus_list") { (_) throws(Errno) in SysTree.cpuList(newline: true) },
          ]
        },
        .text("online", "1\n"),
      ]
    }
    func line(_ n: Int) -> [UInt8] {
      var out: [UInt8] = []
      out.append(decimal: n)
      out.append(0x0A)
      return out
    }
  }

  override func names() -> [(name: [UInt8], type: UInt8)] {
    var out: [(name: [UInt8], type: UInt8)] = []
    for i in 0..<(unsafe Processors.count) {
      var name = [UInt8](staticString: "cpu")
      name.append(decimal: i)
      out.append((name, 4))
    }
    return out
  }
}
