import EnclaveRuntime
import LinuxABI
import Synchronization

/// Who may touch a process's memory, and when.
///
/// A thread that runs, in user mode or in the kernel, counts in `running` of its memory map; one that
/// sleeps does not. Members of a family have the same addresses, so a member becomes resident only when
/// nobody counts in the one that was. The gate says whether a thread may count itself in.
final class Residency: Sendable {
  /// Threads that may touch the memory now.
  let running = Atomic<Int>(0)
  /// 0: open, the process is resident. Otherwise its threads wait for their turn.
  let gate = Atomic<UInt32>(0)
  /// The map has a family; set before the gate can close.
  let isShared = Atomic<Bool>(false)
  /// Processes with this map (CLONE_VM).
  let users = Atomic<Int>(1)
}

extension AddressSpace {
  /// A thread of the process is about to run. May wait for the process's turn: no lock is held.
  func enter() {
    residency.running.add(1, ordering: .sequentiallyConsistent)
    if residency.gate.load(ordering: .sequentiallyConsistent) == 0 { return }
    leave()
    family!.waitForTurn(self)
  }

  /// A thread of the process is about to sleep, or ends.
  func leave() {
    let left = residency.running.subtract(1, ordering: .sequentiallyConsistent).newValue
    if left == 0, residency.isShared.load(ordering: .acquiring) { family!.becameIdle(self) }
  }

  /// Other members want to run and the time slice is over.
  var mustYield: Bool { residency.gate.load(ordering: .sequentiallyConsistent) != 0 }
}

extension Task {
  /// Gives way to other members of the family; true if it did. On the way to user mode, no lock held.
  func yieldTurn() -> Bool {
    let memory = process.memory
    guard memory.mustYield else { return false }
    stepOut(of: memory)
    stepInto(memory)
    return true
  }

  /// Stops counting as somebody who may touch the memory.
  func stepOut(of memory: AddressSpace) {
    isInside.store(false, ordering: .sequentiallyConsistent)
    memory.leave()
  }

  func stepInto(_ memory: AddressSpace) {
    memory.enter()
    isInside.store(true, ordering: .sequentiallyConsistent)
    if memory.isLost.load(ordering: .relaxed) { process.kill(.SIGKILL) }
  }
}
