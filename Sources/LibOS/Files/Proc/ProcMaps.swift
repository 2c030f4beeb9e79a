import EnclaveRuntime
import LinuxABI

extension AddressSpace {
  /// /proc/PID/maps, and smaps with `detailed`.
  func describeMaps(detailed: Bool) -> [UInt8] {
    lock.lock()
    let list = vmas
    lock.unlock()
    var out: [UInt8] = []
    out.reserveCapacity(list.count * (detailed ? 700 : 90))
    for vma in list {
      let first = out.count
      out.append(hex: vma.start, width: 8)
      out.append(0x2D)
      out.append(hex: vma.end, width: 8)
      out.append(0x20)
      out.append(vma.protection.contains(.PROT_READ) ? 0x72 : 0x2D)
      out.append(vma.protection.contains(.PROT_WRITE) ? 0x77 : 0x2D)
      out.append(vma.protection.contains(.PROT_EXEC) ? 0x78 : 0x2D)
      out.append(vma.isShared ? 0x73 : 0x70)
      out.append(0x20)
      out.append(hex: UInt(vma.offset), width: 8)
      out.append(0x20)
      let device = vma.object?.device ?? 0
      out.append(hex: UInt(DeviceNumber.major(device)), width: 2)
      out.append(0x3A)
      out.append(hex: UInt(DeviceNumber.minor(device)), width: 2)
      out.append(0x20)
      out.append(decimal: UInt(vma.object?.inodeNumber ?? 0))
      var name = vma.object?.path ?? []
      switch vma.kind {
      case .heap: name = [UInt8](staticString: "[heap]")
      case .stack: name = [UInt8](staticString: "[stack]")
      case .stubs, .plain: break
      }
      if name.isEmpty {
        out.append(0x20)
      } else {
        while out.count - first < 73 { out.append(0x20) }
        // A newline in a name does not end the line (proc_pid_maps(5)).
        for b in name { if b == 0x0A { out.append("\\012") } else { out.append(b) } }
      }
      out.append(0x0A)
      if detailed {
        let resident = CommittedPages.count(vma.start, vma.end) >> 10
        Self.describe(
          UInt(vma.count) >> 10, resident, isAnonymous: vma.object == nil,
          isWritable: vma.protection.contains(.PROT_WRITE), &out)
        out.append("VmFlags:")
        if vma.protection.contains(.PROT_READ) { out.append(" rd") }
        if vma.protection.contains(.PROT_WRITE) { out.append(" wr") }
        if vma.protection.contains(.PROT_EXEC) { out.append(" ex") }
        if vma.isShared { out.append(" sh") }
        out.append(" mr mw me")
        if vma.growsDown { out.append(" gd") }
        if !vma.isShared { out.append(" ac") }
        out.append(" \n")
      }
    }
    return out
  }

  func describeRollup() -> [UInt8] {
    lock.lock()
    let list = vmas
    lock.unlock()
    var total: UInt = 0
    for v in list { total += CommittedPages.count(v.start, v.end) >> 10 }
    var out: [UInt8] = []
    out.append(hex: list.first?.start ?? 0, width: 8)
    out.append(0x2D)
    out.append(hex: list.last?.end ?? 0, width: 8)
    out.append(" ---p 00000000 00:00 0                          [rollup]\n")
    Self.describe(nil, total, isAnonymous: true, isWritable: true, &out)
    return out
  }

  /// Bytes of pages that exist. What another member of the family has in the addresses counts, too.
  var residentBytes: UInt {
    lock.lock()
    let list = vmas
    lock.unlock()
    var total: UInt = 0
    for v in list { total += CommittedPages.count(v.start, v.end) }
    return total
  }

  private static func describe(
    _ size: UInt?, _ resident: UInt, isAnonymous: Bool, isWritable: Bool, _ out: inout [UInt8]
  ) {
    func line(_ name: StaticString, _ value: UInt) {
      out.append(name)
      out.append(decimal: value, width: 24 - name.utf8CodeUnitCount)
      out.append(" kB\n")
    }
    if let size {
      line("Size:", size)
      line("KernelPageSize:", 4)
      line("MMUPageSize:", 4)
    }
    line("Rss:", resident)
    line("Pss:", resident)
    line("Shared_Clean:", 0)
    line("Shared_Dirty:", 0)
    let isDirty = isAnonymous || isWritable
    line("Private_Clean:", isDirty ? 0 : resident)
    line("Private_Dirty:", isDirty ? resident : 0)
    line("Referenced:", resident)
    line("Anonymous:", isDirty ? resident : 0)
    line("LazyFree:", 0)
    line("AnonHugePages:", 0)
    line("Swap:", 0)
    line("SwapPss:", 0)
    line("Locked:", 0)
  }
}

/// /proc/PID/mounts and mountinfo.
enum ProcMounts {
  static func mounts() -> [UInt8] {
    var out: [UInt8] = []
    for fs in unsafe Namespace.mounts {
      out.append(fs.source)
      out.append(0x20)
      out.append(contentsOf: fs.mountPoint)
      out.append(0x20)
      out.append(fs.type)
      out.append(" rw,relatime 0 0\n")
    }
    return out
  }

  static func mountinfo() -> [UInt8] {
    var out: [UInt8] = []
    let root = unsafe Namespace.mounts.first?.mountId ?? 0
    for fs in unsafe Namespace.mounts {
      out.append(decimal: fs.mountId)
      out.append(0x20)
      out.append(decimal: fs.mountId == root ? 1 : root)
      out.append(" 0:")
      out.append(decimal: UInt(DeviceNumber.minor(fs.device)))
      out.append(" / ")
      out.append(contentsOf: fs.mountPoint)
      out.append(" rw,relatime - ")
      out.append(fs.type)
      out.append(0x20)
      out.append(fs.source)
      out.append(" rw\n")
    }
    return out
  }
}
