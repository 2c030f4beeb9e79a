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

  /// A mask of 32-bit words in hexadecimal, the highest first, as wide as there are processors; `cpu`: of one alone.
  static func cpuMask(_ cpu: Int?) -> [UInt8] {
    let count = unsafe Processors.count
    var out: [UInt8] = []
    var word = (count - 1) / 32
    while word >= 0 {
      let bits = min(32, count - word * 32)
      var mask = bits == 32 ? UInt(UInt32.max) : (1 << UInt(bits)) - 1
      if let cpu { mask = cpu / 32 == word ? 1 << UInt(cpu % 32) : 0 }
      out.append(hex: mask, width: (bits + 3) / 4)
      if word > 0 { out.append(0x2C) }
      word -= 1
    }
    out.append(0x0A)
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
                  .text("online", "0\n"), .text("possible", "0\n"), .text("has_cpu", "0\n"),
                  .text("has_memory", "0\n"), .text("has_normal_memory", "0\n"),
                  .directory("node0") {
                    [
                      .file("cpulist") { (_) throws(Errno) in cpuList(newline: true) },
                      .file("meminfo") { (_) throws(Errno) in nodeMemory() },
                      .file("cpumap") { (_) throws(Errno) in cpuMask(nil) },
                      .text("distance", "10\n"),
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
                  .text("hpage_pmd_size", "2097152\n"),
                  .text(
                    "shmem_enabled", "always within_size advise [never] deny force\n"),
                ]
              },
              .directory("hugepages") {
                [
                  .directory("hugepages-2048kB") {
                    [
                      .text("nr_hugepages", "0\n"), .text("free_hugepages", "0\n"),
                      .text("resv_hugepages", "0\n"), .text("surplus_hugepages", "0\n"),
                      .text("nr_overcommit_hugepages", "0\n"),
                    ]
                  }
                ]
              },
            ]
          }
        ]
      },
      .directory("fs") { [.directory("cgroup") { [] }] },
      .directory("class") {
        [
          .directory("net") {
            [
              .directory("lo") {
                [
                  .text("mtu", "65536\n"), .text("address", "00:00:00:00:00:00\n"),
                  .text("broadcast", "00:00:00:00:00:00\n"), .text("operstate", "unknown\n"),
                  .text("flags", "0x9\n"), .text("type", "772\n"), .text("ifindex", "1\n"),
                  .text("carrier", "1\n"), .text("tx_queue_len", "1000\n"),
                ]
              }
            ]
          }
        ]
      },

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
