import EnclaveRuntime
import LinuxABI

/// sched(7) calls.
let schedulingSyscalls: [Syscall] = [
  Syscall(204, "sched_getaffinity") { (t, a) throws(Errno) in
    try t.sys_sched_getaffinity(pid: a.int32(0), size: a.uint32(1), mask: a[2])
  }
]

extension Task {
  /// 0: the caller.
  func schedulingTarget(_ pid: Int32) throws(Errno) -> Task {
    guard pid >= 0 else { throw .EINVAL }
    if pid == 0 { return self }
    guard let task = TaskTable.shared.task(pid) else { throw .ESRCH }
    return task
  }

  /// The raw call returns the size of the kernel's mask, 8 bytes for at most 64 processors.
  func sys_sched_getaffinity(pid: Int32, size: UInt32, mask: UInt) throws(Errno) -> Int {
    let processors = unsafe Processors.count
    let words = (processors + 63) / 64
    guard Int(size) * 8 >= processors, size & 7 == 0 else { throw .EINVAL }
    let task = try schedulingTarget(pid)
    let count = min(Int(size) / 8, words)
    for i in 0..<count {
      let rest = processors - 64 * i
      let all: UInt64 = rest >= 64 ? .max : (1 << UInt64(rest)) - 1
      let chosen = task.scheduling.affinity
      try UserMemory.write(i < chosen.count ? chosen[i] & all : all, to: mask + UInt(8 * i))
    }
    return count * 8
  }
}
