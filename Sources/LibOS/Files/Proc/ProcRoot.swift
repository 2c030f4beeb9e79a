import EnclaveRuntime
import LinuxABI

/// /proc itself.
final class ProcRoot: ProcDirectory, @unchecked Sendable {
  override func entries() -> [ProcEntry] {
    [
      ProcEntry(name: "self") { d in
        ProcLinkInode(
          d.fileSystem,
          text: { (t) throws(Errno) in
            var out: [UInt8] = []
            out.append(decimal: Int(t.process.pid))
            return out
          })
      },
      ProcEntry(name: "thread-self") { d in
        ProcLinkInode(
          d.fileSystem,
          text: { (t) throws(Errno) in
            var out: [UInt8] = []
            out.append(decimal: Int(t.process.pid))
            out.append("/task/")
            out.append(decimal: Int(t.tid))
            return out
          })
      },
      .file("cpuinfo") { (_) throws(Errno) in ProcText.cpuinfo() },
      .file("meminfo") { (_) throws(Errno) in ProcText.meminfo() },
      .file("stat") { (_) throws(Errno) in ProcText.stat() },
      .file("uptime") { (_) throws(Errno) in ProcText.uptime() },
      .file("loadavg") { (t) throws(Errno) in ProcText.loadavg() },
      .file("version") { (_) throws(Errno) in ProcText.version() },
      .text(
        "filesystems", "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevpts\nnodev\toverlay\n"),
      .link("mounts", "self/mounts"),
      .text("cmdline", "\n"),
      .text("devices", "Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n\nBlock devices:\n"),
      .text("cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"),
      .text("swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
      .text("vmstat", "nr_free_pages 0\n"),
      .text("diskstats", ""), .text("partitions", ""), .text("modules", ""),
      .directory("sys", ProcSys.entries),
      .link("net", "self/net"),
    ]
  }

  override func find(_ name: Name) -> Inode? {
    guard let pid = name.number, let id = Int32(exactly: pid) else { return nil }
    if let process = TaskTable.shared.process(id) { return ProcPid(fileSystem, process, nil) }
    if let task = TaskTable.shared.task(id) { return ProcPid(fileSystem, task.process, nil) }
    let current = Task.current.process
    return current.pid == id ? ProcPid(fileSystem, current, nil) : nil
  }

  override func names() -> [(name: [UInt8], type: UInt8)] {
    var pids: [Int] = []
    for p in TaskTable.shared.allProcesses() { pids.append(Int(p.pid)) }
    pids.sort()
    var out: [(name: [UInt8], type: UInt8)] = []
    for p in pids {
      var name: [UInt8] = []
      name.append(decimal: p)
      out.append((name, 4))
    }
    return out
  }
}

/// /proc/sys: the values that programs read.
enum ProcSys {
  static func entries() -> [ProcEntry] {
    [
      .directory("kernel") {
        [
          .file("hostname") { (_) throws(Errno) in
            var out = unsafe SystemIdentity.hostName
            out.append(0x0A)
            return out
          },
          .text("domainname", "(none)\n"), .text("ostype", "Linux\n"),
          .file("osrelease") { (_) throws(Errno) in
            var out = [UInt8](staticString: SystemIdentity.release)
            out.append(0x0A)
            return out
          },
          .file("version") { (_) throws(Errno) in
            var out = [UInt8](staticString: SystemIdentity.version)
            out.append(0x0A)
            return out
          },
          .text("pid_max", "4194304\n"), .text("threads-max", "1024\n"),
          .text("ngroups_max", "65536\n"), .text("cap_last_cap", "40\n"),
          .textSetting("core_pattern", "core"), .setting("randomize_va_space", 2, 0...2),
          .text("shmmax", "18446744073692774399\n"), .text("shmall", "18446744073692774399\n"),
          .text("shmmni", "4096\n"), .text("msgmax", "8192\n"),
          .text("sem", "32000\t1024000000\t500\t32000\n"),
          .text("overflowuid", "65534\n"), .text("overflowgid", "65534\n"),
          .text("osreleases", ""), .text("perf_event_paranoid", "3\n"),
          .text("tainted", "0\n"),
          .text("kptr_restrict", "1\n"), .text("dmesg_restrict", "1\n"),
          .text("printk", "4\t4\t1\t7\n"), .text("panic", "0\n"), .text("numa_balancing", "0\n"),
          .directory("random") {
            [
              .file("uuid") { (_) throws(Errno) in ProcText.uuid(Random.bytes(count: 16)) },
              .file("boot_id") { (_) throws(Errno) in ProcText.uuid(ProcText.bootId) },
              .text("entropy_avail", "256\n"), .text("poolsize", "256\n"),
            ]
          },
          .directory("yama") { [.text("ptrace_scope", "1\n")] },
          .directory("pty") {
            [
              .file("nr") { (_) throws(Errno) in
                var out: [UInt8] = []
                out.append(decimal: PseudoTerminals.count)
                out.append(0x0A)
                return out
              },
              .file("max") { (_) throws(Errno) in
                var out: [UInt8] = []
                out.append(decimal: PseudoTerminals.most)
                out.append(0x0A)
                return out
              },
            ]
          },
        ]
      },
      .directory("vm") {
        [
          .setting("overcommit_memory", 0, 0...2), .setting("overcommit_ratio", 50),
          .text("nr_hugepages", "0\n"), .setting("max_map_count", 65530),
          .text("mmap_min_addr", "65536\n"), .setting("swappiness", 60, 0...200),
          .setting("dirty_ratio", 20, 0...100), .setting("dirty_background_ratio", 10, 0...100),
          .setting("vfs_cache_pressure", 100), .text("overcommit_kbytes", "0\n"),
          .text("admin_reserve_kbytes", "8192\n"), .text("user_reserve_kbytes", "131072\n"),
          .setting("page-cluster", 3), .setting("min_free_kbytes", 0),
        ]
      },
      .directory("fs") {
        [
          .text("file-max", "9223372036854775807\n"), .text("nr_open", "1048576\n"),
          .text("pipe-max-size", "1048576\n"), .text("file-nr", "64\t0\t9223372036854775807\n"),
          .text("lease-break-time", "45\n"), .text("leases-enable", "1\n"),
          .text("aio-max-nr", "65536\n"), .text("aio-nr", "0\n"),
          .text("protected_symlinks", "0\n"), .text("protected_hardlinks", "0\n"),
          .text("protected_fifos", "0\n"), .text("protected_regular", "0\n"),
          .text("suid_dumpable", "0\n"), .text("pipe-user-pages-soft", "0\n"),
          .text("pipe-user-pages-hard", "0\n"),
          .directory("epoll") { [.text("max_user_watches", "1048576\n")] },
          .directory("inotify") {
            [
              .text("max_user_watches", "65536\n"), .text("max_user_instances", "128\n"),
              .text("max_queued_events", "16384\n"),
            ]
          },
        ]
      },
      .directory("net") {
        [
          .directory("core") {
            [
              .text("somaxconn", "4096\n"), .text("rmem_max", "212992\n"),
              .text("wmem_max", "212992\n"),
            ]
          },
          .directory("ipv4") {
            [.text("ip_local_port_range", "32768\t60999\n"), .text("tcp_syncookies", "1\n")]
          },
        ]
      },
    ]
  }
}
