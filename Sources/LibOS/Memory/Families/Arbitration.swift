import EnclaveRuntime
import LinuxABI
import Synchronization

/// What happens when a process needs addresses that another one has.
extension AddressSpace {
  /// Before something is put at an address that the program or its ELF file names: takes the room. If another process has it
  /// the two become a family, and this one waits for its turn. No lock is held.
  ///
  /// - Throws: ENOMEM if the owner cannot be found.
  func arbitrate(_ start: UInt, _ length: UInt) throws(Errno) {
    guard start >= Self.lowest, start <= Self.highest, length <= Self.highest - start else {
      return
    }
    for _ in 0..<1000 {
      let owner = UserChunks.claim(start, start + length, room.number)
      if owner == 0 { return }
      if !join(owner) { Parking.yield() }
    }
    throw .ENOMEM
  }

  /// Joins the process that has room `number`. False: it is on its way to or from it, look again.
  private func join(_ number: UInt16) -> Bool {
    guard let task = Task.currentIfAny, task.process.memory === self else { return false }
    var target: AddressSpace?
    for process in TaskTable.shared.allProcesses() {
      let memory = process.memory
      if memory !== self, memory.room.number == number { target = memory }
    }
    guard let target else { return false }
    // The other threads stop first: members that are not resident do not change their maps.
    let own = ensureFamily()
    own.quiesce(self, task)
    Family.joinLock.lock()
    guard target.room.number == number, !target.isGone else {
      Family.joinLock.unlock()
      own.resume(self)
      return false
    }
    let common = target.ensureFamily()
    common.absorb(self)
    Family.joinLock.unlock()
    task.stepOut(of: self)
    task.stepInto(self)
    return true
  }

  /// The family of this map; one of its own if it has none yet.
  func ensureFamily() -> Family {
    if let family { return family }
    let made = Family(self)
    family = made
    residency.isShared.store(true, ordering: .sequentiallyConsistent)
    return made
  }

  // MARK: Other members

  /// Before this process changes pages of [start, end): other members keep what they have there. The map's lock is held.
  func detachOthers(_ start: UInt, _ end: UInt) {
    guard let family = sharedFamily else { return }
    family.lock.lock()
    family.detachOrLose(start, end, from: self)
    family.lock.unlock()
  }

  /// Before a mapping appears in [start, end): what other members have there goes out of the way.
  func clearOthers(_ start: UInt, _ end: UInt) {
    guard let family = sharedFamily else { return }
    family.lock.lock()
    family.detachOrLose(start, end, from: self)
    family.release(start, end, of: self)
    family.lock.unlock()
  }

  /// The family, if it has other members. Only the resident member's own threads ask.
  var sharedFamily: Family? {
    guard residency.isShared.load(ordering: .acquiring), let family, family.members.count > 1 else {
      return nil
    }
    return family
  }

  /// Start of the lowest mapping of another member in [start, end).
  func firstOfOthers(_ start: UInt, _ end: UInt) -> UInt? {
    guard let family = sharedFamily else { return nil }
    family.lock.lock()
    defer { family.lock.unlock() }
    var first: UInt?
    for member in family.members where member !== self {
      let i = member.index(above: start)
      if i < member.vmas.count, member.vmas[i].start < end {
        first = min(first ?? .max, member.vmas[i].start)
      }
    }
    return first
  }
}
