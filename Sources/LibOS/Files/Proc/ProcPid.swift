import EnclaveRuntime
import LinuxABI

/// /proc/PID, and with `task` set /proc/PID/task/TID.
final class ProcPid: ProcDirectory, @unchecked Sendable {
  let process: Process
  let task: Task?

  init(_ fileSystem: FileSystem, _ process: Process, _ task: Task?) {
    self.process = process
    self.task = task
    super.init(
      fileSystem, uid: process.credentials.effectiveUser, gid: process.credentials.effectiveGroup)
  }

  override var isGone: Bool {
    if let task { return TaskTable.shared.task(task.tid) !== task }
    let current = Task.current.process
    return process !== current && TaskTable.shared.process(process.pid) !== process
  }

  override func entries() -> [ProcEntry] {
    let process = process
    let thread = task
    var list: [ProcEntry] = [
      .file("cmdline") { (_) throws(Errno) in
        process.zombieStatus != nil ? [] : Self.joined(process.commandLine)
      },
      ProcEntry(name: "environ") { d in
        ProcFileInode(d.fileSystem, mode: 0o400, uid: d.uid, gid: d.gid) { (_) throws(Errno) in
          process.zombieStatus != nil ? [] : Self.joined(process.environment)
        }
      },
      ProcEntry(name: "comm") { d in
        ProcFileInode(
          d.fileSystem, mode: 0o644, uid: d.uid, gid: d.gid,
          store: { (_, bytes) throws(Errno) in
            var name = bytes
            while let last = name.last, last == 0x0A { name.removeLast() }
            if name.count > 15 { name.removeLast(name.count - 15) }
            (thread ?? process.tasks.first)?.name = name
          }
        ) { (_) throws(Errno) in
          var out = ProcPid.name(process, thread)
          out.append(0x0A)
          return out
        }
      },
      .file("stat") { (_) throws(Errno) in ProcPid.stat(process, thread) },
      .file("statm") { (_) throws(Errno) in ProcPid.statm(process) },
      .file("status") { (_) throws(Errno) in ProcPid.status(process, thread) },
      .file("limits") { (_) throws(Errno) in ProcPid.limits(process) },
      .file("maps") { (_) throws(Errno) in process.memory.describeMaps(detailed: false) },
      .file("smaps") { (_) throws(Errno) in process.memory.describeMaps(detailed: true) },
      .file("smaps_rollup") { (_) throws(Errno) in process.memory.describeRollup() },
      .file("mounts") { (_) throws(Errno) in ProcMounts.mounts() },
      .file("mountinfo") { (_) throws(Errno) in ProcMounts.mountinfo() },
      .text("cgroup", "0::/\n"), .text("cpuset", "/\n"),
      .directory("net", ProcNet.entries),
      ProcEntry(name: "mem") { d in
        OwnMemoryInode(d.fileSystem, process, uid: d.uid, gid: d.gid)
      },
      ProcEntry(name: "auxv") { d in
        ProcFileInode(d.fileSystem, mode: 0o400, uid: d.uid, gid: d.gid) { (_) throws(Errno) in
          var out: [UInt8] = []
          for word in process.memory.auxiliaryVector {
            for shift in 0..<8 { out.append(UInt8(truncatingIfNeeded: word >> UInt(8 * shift))) }
          }
          return out
        }
      },
      ProcEntry(name: "oom_score_adj") { d in
        ProcFileInode(
          d.fileSystem, mode: 0o644, uid: d.uid, gid: d.gid,
          store: { (_, bytes) throws(Errno) in
            guard let value = ProcSettings.number(bytes), value >= -1000, value <= 1000 else {
              throw .EINVAL
            }
            process.attributes.oomScoreAdjustment = Int32(value)
          }
        ) { (_) throws(Errno) in
          var out: [UInt8] = []
          out.append(decimal: Int(process.attributes.oomScoreAdjustment))
          out.append(0x0A)
          return out
        }
      },
      .text("oom_score", "0\n"), .text("coredump_filter", "00000033\n"),
      .text("loginuid", "4294967295"),
      .text("sessionid", "4294967295"), .text("wchan", "0"), .text("personality", "00000000\n"),
      ProcEntry(name: "io") { d in
        ProcFileInode(d.fileSystem, mode: 0o400, uid: d.uid, gid: d.gid) { (_) throws(Errno) in
          ProcPid.io(thread?.transfers.values ?? process.transferValues)
        }
      },
      .text("uid_map", "         0          0 4294967295\n"),
      .text("gid_map", "         0          0 4294967295\n"), .text("setgroups", "allow\n"),
      ProcEntry(name: "fd") { d in ProcFd(d.fileSystem, process, links: true) },
      ProcEntry(name: "fdinfo") { d in ProcFd(d.fileSystem, process, links: false) },
      ProcEntry(name: "exe") { d in
        ProcLinkInode(
          d.fileSystem,
          text: { (t) throws(Errno) in
            guard let executable = Self.executable(process) else { throw Errno.ENOENT }
            return executable.path(from: t.process.fileSystem.root).bytes
          }, target: { (_) throws(Errno) in Self.executable(process) })
      },
      ProcEntry(name: "cwd") { d in
        ProcLinkInode(
          d.fileSystem,
          text: { (t) throws(Errno) in
            process.fileSystem.cwd.path(from: t.process.fileSystem.root).bytes
          }, target: { (_) throws(Errno) in process.fileSystem.cwd })
      },
      ProcEntry(name: "root") { d in
        ProcLinkInode(
          d.fileSystem,
          text: { (t) throws(Errno) in
            process.fileSystem.root.path(from: t.process.fileSystem.root).bytes
          }, target: { (_) throws(Errno) in process.fileSystem.root })
      },
    ]
    if thread == nil {
      list.append(ProcEntry(name: "task") { d in ProcTasks(d.fileSystem, process) })
    }
    return list
  }

  /// A zombie has none any more.
  private static func executable(_ process: Process) -> Dentry? {
    process.zombieStatus != nil ? nil : process.executable
  }

  static func joined(_ strings: [[UInt8]]) -> [UInt8] {
    var out: [UInt8] = []
    for s in strings {
      out.append(contentsOf: s)
      out.append(0)
    }
    return out
  }

  /// comm: what PR_SET_NAME set, else the program's last name, 15 bytes.
  static func name(_ process: Process, _ task: Task?) -> [UInt8] {
    if let t = task ?? process.tasks.first, !t.name.isEmpty { return t.name }
    let path = process.executablePath
    var start = 0
    for i in path.indices where path[i] == 0x2F { start = i + 1 }
    return [UInt8](path[start..<min(path.count, start + 15)])
  }

  /// State letter: stopped, zombie, running (who asks) or sleeping.
  private static func state(_ process: Process, _ task: Task?) -> UInt8 {
    if process.zombieStatus != nil { return 0x5A }
    let current = Task.current
    if task === current || (task == nil && current.process === process) { return 0x52 }
    return 0x53
  }

  static func stat(_ process: Process, _ task: Task?) -> [UInt8] {
    let memory = process.memory
    var out: [UInt8] = []
    out.append(decimal: Int(task?.tid ?? process.pid))
    out.append(" (")
    out.append(contentsOf: name(process, task))
    out.append(") ")
    out.append(state(process, task))
    let tickNs: UInt64 = 10_000_000
    let used = task?.cpuTime.split ?? process.cpuTime
    let children = process.usage.waitedChildren
    let nice = Int((task ?? process.tasks.first)?.scheduling.nice ?? 0)
    let started = Int(process.startedNs / tickNs)
    let terminal = ControllingTerminal.of(process)
    let values: [Int] = [
      Int(process.parentPid), Int(process.group), Int(process.session),
      terminal.map { Int(DeviceNumber.make(136, UInt64($0.number))) } ?? 0,
      terminal?.foregroundGroup ?? -1, 4_194_304, 0, 0, 0, 0,
      Int(used.userTicks), Int(used.systemTicks), Int(children.userTicks),
      Int(children.systemTicks), 20 + nice, nice, max(1, process.tasks.count), 0, started,
      Int(memory.totalBytes),
      Int(memory.residentBytes >> 12), Int(bitPattern: UInt(process.limits[5].current)), 1, 1, 0, 0,
      0, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0,
      0,
      0, Int(memory.brkStart), 0, 0, 0, 0, 0,
    ]
    for (i, v) in values.enumerated() {
      out.append(0x20)
      // RLIMIT_RSS, with all bits set when there is none.
      if i == 21 { out.append(decimal: UInt(bitPattern: v)) } else { out.append(decimal: v) }
    }
    out.append(0x0A)
    return out
  }

  /// `values`: as in `TransferCount`. Writes go to memory, and to volumes when they are committed.
  static func io(_ values: [UInt64]) -> [UInt8] {
    let names: [StaticString] = [
      "rchar: ", "\nwchar: ", "\nsyscr: ", "\nsyscw: ", "\nread_bytes: ",
    ]
    var out: [UInt8] = []
    for (i, name) in names.enumerated() {
      out.append(name)
      out.append(decimal: UInt(values[i]))
    }
    out.append("\nwrite_bytes: 0\ncancelled_write_bytes: 0\n")
    return out
  }

  static func statm(_ process: Process) -> [UInt8] {
    let pages = UInt(process.memory.totalBytes >> 12)
    let resident = UInt(process.memory.residentBytes >> 12)
    var out: [UInt8] = []
    for v in [pages, resident, 0, 1, 0, pages, 0] as [UInt] {
      if !out.isEmpty { out.append(0x20) }
      out.append(decimal: v)
    }
    out.append(0x0A)
    return out
  }

  static func status(_ process: Process, _ task: Task?) -> [UInt8] {
    let c = process.credentials
    let thread = task ?? process.tasks.first
    var out = [UInt8](staticString: "Name:\t")
    // A line of its own cannot be smuggled in by prctl(2) PR_SET_NAME.
    for b in name(process, task) {
      switch b {
      case 0x0A: out.append("\\n")
      case 0x5C: out.append("\\\\")
      default: out.append(b)
      }
    }
    out.append("\nUmask:\t")
    out.append(octal: UInt(process.fileSystem.umask), width: 4)
    out.append("\nState:\t")
    switch state(process, task) {
    case 0x5A: out.append("Z (zombie)")
    case 0x52: out.append("R (running)")
    default: out.append("S (sleeping)")
    }
    func line(_ name: StaticString, _ values: [UInt]) {
      out.append(0x0A)
      out.append(name)
      for v in values {
        out.append(0x09)
        out.append(decimal: v)
      }
    }
    line("Tgid:", [UInt(process.pid)])
    line("Ngid:", [0])
    line("Pid:", [UInt(task?.tid ?? process.pid)])
    line("PPid:", [UInt(max(0, process.parentPid))])
    line("TracerPid:", [0])
    line("Uid:", [c.realUser, c.effectiveUser, c.savedUser, c.fileSystemUser].map { UInt($0) })
    line("Gid:", [c.realGroup, c.effectiveGroup, c.savedGroup, c.fileSystemGroup].map { UInt($0) })
    line("FDSize:", [UInt(max(64, process.files.descriptors().count))])
    out.append("\nGroups:\t")
    for g in c.groups {
      out.append(decimal: UInt(g))
      out.append(0x20)
    }
    if c.groups.isEmpty { out.append(0x20) }
    line("NStgid:", [UInt(process.pid)])
    line("NSpid:", [UInt(task?.tid ?? process.pid)])
    line("NSpgid:", [UInt(max(0, process.group))])
    line("NSsid:", [UInt(max(0, process.session))])
    line("Kthread:", [0])
    let kilobytes = UInt(process.memory.totalBytes >> 10)
    let resident = UInt(process.memory.residentBytes >> 10)
    let memory = process.memory
    let kinds = memory.lock.withLock {
      (locked: memory.lockedBytes, data: memory.dataBytes, stack: memory.stackBytes)
    }
    let lines: [(StaticString, UInt)] = [
      ("VmPeak:", kilobytes), ("VmSize:", kilobytes), ("VmLck:", kinds.locked >> 10), ("VmPin:", 0),
      ("VmHWM:", resident), ("VmRSS:", resident), ("RssAnon:", resident), ("RssFile:", 0),
      ("RssShmem:", 0), ("VmData:", kinds.data >> 10), ("VmStk:", kinds.stack >> 10), ("VmExe:", 0),
      ("VmLib:", 0),
      ("VmPTE:", 0), ("VmSwap:", 0), ("HugetlbPages:", 0),
    ]
    for (name, value) in lines {
      out.append(0x0A)
      out.append(name)
      out.append(0x09)
      out.append(decimal: value, width: 8)
      out.append(" kB")
    }
    line("CoreDumping:", [0])
    line("THP_enabled:", [1])
    line("Threads:", [UInt(max(1, process.tasks.count))])
    out.append("\nSigQ:\t")
    out.append(
      decimal: process.signals.pending.queue.count + (thread?.signals.pending.queue.count ?? 0))
    out.append(0x2F)
    out.append(decimal: UInt(process.limits[11].current))
    func mask(_ name: StaticString, _ bits: UInt64) {
      out.append(0x0A)
      out.append(name)
      out.append(0x09)
      out.append(hex: UInt(bits), width: 16)
    }
    var ignored: UInt64 = 0
    var caught: UInt64 = 0
    for i in 0..<64 {
      let handler = process.signals.actions[i].handler
      if handler == 1 {
        ignored |= 1 << UInt64(i)
      } else if handler != 0 {
        caught |= 1 << UInt64(i)
      }
    }
    mask("SigPnd:", thread?.signals.pending.set.bits ?? 0)
    mask("ShdPnd:", process.signals.pending.set.bits)
    mask("SigBlk:", thread?.signals.blocked.bits ?? 0)
    mask("SigIgn:", ignored)
    mask("SigCgt:", caught)
    mask("CapInh:", c.capabilities.inheritable)
    mask("CapPrm:", c.capabilities.permitted)
    mask("CapEff:", c.capabilities.effective)
    mask("CapBnd:", c.capabilities.bounding)
    mask("CapAmb:", c.capabilities.ambient)
    line("NoNewPrivs:", [process.attributes.noNewPrivileges ? 1 : 0])
    line("Seccomp:", [0])
    line("Seccomp_filters:", [0])
    out.append("\nCpus_allowed:\t")
    let count = unsafe Processors.count
    out.append(hex: count >= 64 ? .max : (1 << UInt(count)) - 1)
    out.append("\nCpus_allowed_list:\t")
    out.append(contentsOf: SysTree.cpuList(newline: false))
    out.append(
      "\nMems_allowed:\t00000001\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n"
    )
    return out
  }

  static func limits(_ process: Process) -> [UInt8] {
    let names: [(StaticString, StaticString)] = [
      ("Max cpu time", "seconds"), ("Max file size", "bytes"), ("Max data size", "bytes"),
      ("Max stack size", "bytes"), ("Max core file size", "bytes"), ("Max resident set", "bytes"),
      ("Max processes", "processes"), ("Max open files", "files"), ("Max locked memory", "bytes"),
      ("Max address space", "bytes"), ("Max file locks", "locks"),
      ("Max pending signals", "signals"),
      ("Max msgqueue size", "bytes"), ("Max nice priority", ""), ("Max realtime priority", ""),
      ("Max realtime timeout", "us"),
    ]
    var out = [UInt8](
      staticString:
        "Limit                     Soft Limit           Hard Limit           Units     \n")
    func padded(_ bytes: [UInt8], _ width: Int) {
      out.append(contentsOf: bytes)
      for _ in bytes.count..<max(width, bytes.count) { out.append(0x20) }
    }
    for (i, n) in names.enumerated() {
      padded([UInt8](staticString: n.0), 26)
      let limit = process.limits[i]
      for v in [limit.current, limit.maximum] {
        var text: [UInt8] = []
        if v == .max { text.append("unlimited") } else { text.append(decimal: UInt(v)) }
        padded(text, 21)
      }
      let unit = [UInt8](staticString: n.1)
      if !unit.isEmpty { padded(unit, 10) }
      out.append(0x0A)
    }
    return out
  }
}

/// /proc/PID/task.
final class ProcTasks: ProcDirectory, @unchecked Sendable {
  private let process: Process
  init(_ fileSystem: FileSystem, _ process: Process) {
    self.process = process
    super.init(fileSystem)
  }
  private var tasks: [Task] { process.lock.withLock { process.tasks } }
  override func find(_ name: Name) -> Inode? {
    guard let tid = name.number else { return nil }
    for t in tasks where Int(t.tid) == tid { return ProcPid(fileSystem, process, t) }
    return nil
  }
  override func names() -> [(name: [UInt8], type: UInt8)] {
    var out: [(name: [UInt8], type: UInt8)] = []
    for t in tasks {
      var name: [UInt8] = []
      name.append(decimal: Int(t.tid))
      out.append((name, 4))
    }
    return out
  }
}

/// /proc/PID/fd and /proc/PID/fdinfo.
final class ProcFd: ProcDirectory, @unchecked Sendable {
  private let process: Process
  private let links: Bool
  init(_ fileSystem: FileSystem, _ process: Process, links: Bool) {
    self.process = process
    self.links = links
    super.init(fileSystem, mode: links ? 0o500 : 0o555)
  }

  override func find(_ name: Name) -> Inode? {
    guard let n = name.number, let fd = Int32(exactly: n) else { return nil }
    let file: File
    do throws(Errno) { file = try process.files.get(fd, path: true) } catch { return nil }
    if links {
      var mode: UInt32 = 0
      if file.isReadable && !file.isPath { mode |= 0o500 }
      if file.isWritable && !file.isPath { mode |= 0o300 }
      return ProcLinkInode(
        fileSystem, mode: mode,
        text: { (t) throws(Errno) in file.dentry.path(from: t.process.fileSystem.root).bytes },
        target: { (_) throws(Errno) in file.dentry })
    }
    let process = process
    return ProcFileInode(fileSystem) { (_) throws(Errno) in
      var out = [UInt8](staticString: "pos:\t")
      out.append(decimal: UInt(file.offset))
      out.append("\nflags:\t0")
      var flags = UInt(file.statusFlags.rawValue)
      if try process.files.closeOnExec(fd) { flags |= 0o2000000 }
      out.append(octal: flags)
      out.append("\nmnt_id:\t")
      out.append(decimal: file.inode.fileSystem.mountId)
      out.append("\nino:\t")
      out.append(decimal: UInt(file.inode.number))
      out.append(0x0A)
      FileLocks.describe(file, in: process, &out)
      file.describe(&out)
      return out
    }
  }

  override var namesAreNumbers: Bool { true }
  override func names() -> [(name: [UInt8], type: UInt8)] {
    var out: [(name: [UInt8], type: UInt8)] = []
    for fd in process.files.descriptors() {
      var name: [UInt8] = []
      name.append(decimal: fd)
      out.append((name, links ? 10 : 8))
    }
    return out
  }
}
