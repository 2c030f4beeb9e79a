import EnclaveRuntime
import LinuxABI

/// Process 1: the init of the enclave. It is the kernel's own, has no thread, adopts orphans and never leaves a zombie.
///
/// The payload's program is its child. A program that is process 1 itself would have to reap strangers
/// and would be safe from default signal actions (pid_namespaces(7)), which few programs expect; container engines
/// have an option for such an init (podman run --init).
enum InitProcess {
  static func make() -> Process {
    let process = Process(
      pid: TaskTable.initialPid, parentPid: 0, fileSystem: FileSystemContext(),
      memory: AddressSpace(room: AddressRoom.none))
    process.executablePath = [UInt8](staticString: "/sbin/init")
    process.commandLine = [[UInt8](staticString: "init")]
    return process
  }
}

extension TaskTable {
  /// Who takes the children of a process that ends: its nearest ancestor with PR_SET_CHILD_SUBREAPER, or init. Lock held.
  private func reaperLocked(of process: Process) -> Process? {
    var pid = process.parentPid
    for _ in 0..<(1 << 16) {
      guard let ancestor = processLocked(pid), ancestor.pid != Self.initialPid else { break }
      if ancestor.attributes.childSubreaper, ancestor.zombieStatus == nil { return ancestor }
      pid = ancestor.parentPid
    }
    return processLocked(Self.initialPid)
  }

  /// Gives the children of a process that ends to the one that adopts orphans. Lock held. Returns the adopter when
  /// it has to be told of zombies.
  func adoptChildrenLocked(of process: Process) -> Process? {
    guard let reaper = reaperLocked(of: process), reaper !== process else { return nil }
    let children = process.children
    process.children = []
    var tell = false
    for child in children {
      child.parentPid = reaper.pid
      child.exitSignal = Signal.SIGCHLD.rawValue
      reaper.children.append(child)
      if child.zombieStatus != nil {
        if reaper.pid == Self.initialPid { reapLocked(child) } else { tell = true }
      }
    }
    return tell ? reaper : nil
  }
}
