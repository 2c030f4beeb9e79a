import EnclaveRuntime
import LinuxABI

/// The texts of /proc that are about the machine.
enum ProcText {
  static let bootId = Random.bytes(count: 16)
  static let bootTime =
    (Clock.realtimeNs() - min(Clock.realtimeNs(), Clock.monotonicNs())) / 1_000_000_000

  static func uuid(_ bytes: [UInt8]) -> [UInt8] {
    var b = bytes
    b[6] = b[6] & 0x0F | 0x40
    b[8] = b[8] & 0x3F | 0x80
    var out: [UInt8] = []
    for i in 0..<16 {
      if i == 4 || i == 6 || i == 8 || i == 10 { out.append(0x2D) }
      out.append(hex: UInt(b[i]), width: 2)
    }
    out.append(0x0A)
    return out
  }

  static func version() -> [UInt8] {
    var out = [UInt8](staticString: "Linux version ")
    out.append(SystemIdentity.release)
    out.append(" (cloister) ")
    out.append(SystemIdentity.version)
    out.append(0x0A)
    return out
  }

  static func meminfo() -> [UInt8] {
    let memory = SystemMemory.current
    let total = UInt(memory.total >> 10)
    let free = UInt(memory.free >> 10)
    let user = UInt(SystemMemory.userBytes >> 10)
    let kernel = UInt(SystemMemory.kernelBytes >> 10)
    var out: [UInt8] = []
    let lines: [(StaticString, UInt)] = [
      ("MemTotal:", total), ("MemFree:", free), ("MemAvailable:", free), ("Buffers:", 0),
      ("Cached:", 0), ("SwapCached:", 0), ("Active:", 0), ("Inactive:", 0), ("SwapTotal:", 0),
      ("SwapFree:", 0), ("Dirty:", 0), ("Writeback:", 0), ("AnonPages:", user),
      ("Mapped:", 0), ("Shmem:", 0), ("Slab:", kernel), ("PageTables:", 0), ("CommitLimit:", total),
      ("Committed_AS:", total - min(total, free)), ("VmallocTotal:", 34_359_738_367),
      ("VmallocUsed:", 0),
    ]
    for (name, value) in lines {
      out.append(name)
      out.append(decimal: value, width: 24 - name.utf8CodeUnitCount)
      out.append(" kB\n")
    }
    out.append("HugePages_Total:       0\nHugePages_Free:        0\nHugepagesize:       2048 kB\n")
    return out
  }

  static func uptime() -> [UInt8] {
    let ns = Clock.monotonicNs()
    var out: [UInt8] = []
    out.append(decimal: UInt(ns / 1_000_000_000))
    out.append(0x2E)
    let hundredths = UInt(ns / 10_000_000 % 100)
    if hundredths < 10 { out.append(0x30) }
    out.append(decimal: hundredths)
    out.append(0x20)
    let idle = SystemLoad.idleNs
    out.append(decimal: UInt(idle / 1_000_000_000))
    out.append(0x2E)
    let idleHundredths = UInt(idle / 10_000_000 % 100)
    if idleHundredths < 10 { out.append(0x30) }
    out.append(decimal: idleHundredths)
    out.append(0x0A)
    return out
  }

  static func loadavg() -> [UInt8] {
    let loads = SystemLoad.current
    var out: [UInt8] = []
    for load in [loads.0, loads.1, loads.2] {
      out.append(contentsOf: SystemLoad.text(load))
      out.append(0x20)
    }
    out.append(decimal: TaskTable.shared.runningCount)
    out.append(0x2F)
    out.append(decimal: TaskTable.shared.taskCount)
    out.append(0x20)
    out.append(decimal: Int(TaskTable.shared.newestNumber))
    out.append(0x0A)
    return out
  }

  static func stat() -> [UInt8] {
    var out: [UInt8] = []
    let count = unsafe Processors.count
    // Which processor a thread ran on an enclave cannot know: the work is shared out evenly.
    let used = UInt(SystemLoad.totalNs / 10_000_000)
    let idle = UInt(SystemLoad.idleNs / 10_000_000)
    for i in -1..<count {
      out.append("cpu")
      if i >= 0 { out.append(decimal: i) } else { out.append(0x20) }
      out.append(0x20)
      out.append(decimal: i < 0 ? used : used / UInt(count))
      out.append(" 0 0 ")
      out.append(decimal: i < 0 ? idle : idle / UInt(count))
      out.append(" 0 0 0 0 0 0\n")
    }
    out.append("intr 0\nctxt 0\nbtime ")
    out.append(decimal: UInt(bootTime))
    out.append("\nprocesses ")
    out.append(decimal: UInt(TaskTable.shared.processCount))
    out.append("\nprocs_running ")
    out.append(decimal: TaskTable.shared.runningCount)
    out.append("\nprocs_blocked 0\n")
    return out
  }

  /// Name of each feature bit, by leaf and register, as Linux spells it (cpufeatures.h).
  private static let features: [(leaf: UInt32, register: Int, bits: [(Int, StaticString)])] = [
    (
      1, 3,
      [
        (0, "fpu"), (4, "tsc"), (8, "cx8"), (15, "cmov"), (19, "clflush"), (23, "mmx"),
        (24, "fxsr"),
        (25, "sse"), (26, "sse2"), (28, "ht"),
      ]
    ),
    (
      0x8000_0001, 3,
      [(11, "syscall"), (20, "nx"), (26, "pdpe1gb"), (27, "rdtscp"), (29, "lm")]
    ),
    (
      1, 2,
      [
        (0, "pni"), (1, "pclmulqdq"), (9, "ssse3"), (12, "fma"), (13, "cx16"), (19, "sse4_1"),
        (20, "sse4_2"), (22, "movbe"), (23, "popcnt"), (25, "aes"), (26, "xsave"), (28, "avx"),
        (29, "f16c"), (30, "rdrand"), (31, "hypervisor"),
      ]
    ),
    (0x8000_0001, 2, [(0, "lahf_lm"), (5, "abm")]),
    (
      7, 1,
      [
        (0, "fsgsbase"), (3, "bmi1"), (5, "avx2"), (8, "bmi2"), (9, "erms"), (16, "avx512f"),
        (17, "avx512dq"), (18, "rdseed"), (19, "adx"), (21, "avx512ifma"), (23, "clflushopt"),
        (24, "clwb"), (28, "avx512cd"), (29, "sha_ni"), (30, "avx512bw"), (31, "avx512vl"),
      ]
    ),
    (7, 2, [(8, "gfni"), (9, "vaes"), (10, "vpclmulqdq"), (14, "avx512_vpopcntdq")]),
  ]

  static func cpuinfo() -> [UInt8] {
    #if CLOISTER_ENCLAVE
      let zero = Processor.answer(leaf: 0, subleaf: 0)
      let one = Processor.answer(leaf: 1, subleaf: 0)
      var vendor: [UInt8] = []
      for r in [zero.ebx, zero.edx, zero.ecx] { vendor.append(littleEndian: r) }
      var brand: [UInt8] = []
      for leaf: UInt32 in 0x8000_0002...0x8000_0004 {
        let a = Processor.answer(leaf: leaf, subleaf: 0)
        for r in [a.eax, a.ebx, a.ecx, a.edx] { brand.append(littleEndian: r) }
      }
      while let last = brand.last, last == 0 || last == 0x20 { brand.removeLast() }
      var family = (one.eax >> 8) & 15
      var model = (one.eax >> 4) & 15
      if family == 15 { family += (one.eax >> 20) & 255 }
      if family >= 6 { model += ((one.eax >> 16) & 15) << 4 }
      let count = unsafe Processors.count
      var flags: [UInt8] = []
      for f in features {
        let a = Processor.answer(leaf: f.leaf, subleaf: 0)
        let word = f.register == 1 ? a.ebx : f.register == 2 ? a.ecx : a.edx
        for (bit, name) in f.bits where word & (1 << UInt32(bit)) != 0 {
          flags.append(0x20)
          flags.append(name)
        }
      }
      var out: [UInt8] = []
      for i in 0..<count {
        out.append("processor\t: ")
        out.append(decimal: i)
        out.append("\nvendor_id\t: ")
        out.append(contentsOf: vendor)
        out.append("\ncpu family\t: ")
        out.append(decimal: UInt(family))
        out.append("\nmodel\t\t: ")
        out.append(decimal: UInt(model))
        out.append("\nmodel name\t: ")
        out.append(contentsOf: brand)
        out.append("\nstepping\t: ")
        out.append(decimal: UInt(one.eax & 15))
        out.append("\ncpu MHz\t\t: 1000.000\ncache size\t: 1024 KB\nphysical id\t: 0\nsiblings\t: ")
        out.append(decimal: count)
        out.append("\ncore id\t\t: ")
        out.append(decimal: i)
        out.append("\ncpu cores\t: ")
        out.append(decimal: count)
        out.append("\nfpu\t\t: yes\nfpu_exception\t: yes\nwp\t\t: yes\nflags\t\t:")
        out.append(contentsOf: flags)
        out.append("\nbogomips\t: 2000.00\nclflush size\t: 64\ncache_alignment\t: 64\n")
        out.append("address sizes\t: 46 bits physical, 48 bits virtual\npower management:\n\n")
      }
      return out
    #else
      return [UInt8](staticString: "processor\t: 0\n")
    #endif
  }
}

extension [UInt8] {
  mutating func append(littleEndian word: UInt32) {
    var v = word
    for _ in 0..<4 {
      append(UInt8(truncatingIfNeeded: v))
      v >>= 8
    }
  }
}
