import EnclaveRuntime
import LinuxABI
import PayloadFormat
import Synchronization

/// The memory map of a process (Linux: mm_struct).
///
/// `lock` guards everything here. It is a sleeping lock and held over page-change host calls, never over
/// file reads: a fault on a file mapping reads the content first, then looks again (the order is inode,
/// page cache, memory map).
final class AddressSpace: @unchecked Sendable {
  let lock = Lock()
  /// Sorted by address, not overlapping.
  var vmas: [VMA] = []

  /// Top of the area for mappings without an address; they go downwards from here.
  var mmapBase: UInt = 0
  var stackTop: UInt = 0
  /// What the program was started with, for /proc/PID/auxv.
  var auxiliaryVector: [UInt] = []
  /// The part of the one user address range that is this map's, alone or with its family.
  var room: AddressRoom
  /// Who may touch the memory when, and with whom it takes turns (Families/README.md).
  let residency = Residency()
  var family: Family?
  /// Guarded by the family's lock.
  var saved = SavedPages()
  /// The map that this one is a copy of, while the process has not called execve(2).
  var origin: AddressSpace?
  /// No process has it any more. Guarded by `Family.joinLock`.
  var isGone = false
  /// Content was lost for want of memory: its processes end.
  let isLost = Atomic<Bool>(false)
  /// Program break: start of the heap and its current end.
  var brkStart: UInt = 0
  var brkEnd: UInt = 0
  /// RLIMIT_STACK, and the others that limit a map.
  var stackLimit: UInt = 8 << 20
  var limits = MemoryLimits()
  /// mlockall(2) MCL_FUTURE, MCL_ONFAULT.
  var locksFuture = false
  var locksOnFault = false
  /// Bytes in mappings (RLIMIT_AS, /proc/self/statm).
  var totalBytes: UInt = 0

  static let lowest = UInt(EnclaveLayout.userBase)
  static var highest: UInt {
    #if CLOISTER_ENCLAVE
      if unsafe EnclavePages.isFixed { return unsafe EnclavePages.fixedUserEnd }
    #endif
    return UInt(EnclaveLayout.userEnd)
  }

  init(room: AddressRoom = AddressRoom()) { self.room = room }

  /// Index of the first mapping that ends above `address`.
  func index(above address: UInt) -> Int {
    var low = 0
    var high = vmas.count
    while low < high {
      let middle = (low + high) / 2
      if vmas[middle].end > address { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The mapping that holds `address`.
  func find(_ address: UInt) -> Int? {
    let i = index(above: address)
    return i < vmas.count && vmas[i].start <= address ? i : nil
  }

  /// No mapping meets [start, end).
  func isFree(_ start: UInt, _ end: UInt) -> Bool {
    let i = index(above: start)
    return i == vmas.count || vmas[i].start >= end
  }

  /// Highest gap of `size` bytes below `top`, above `bottom`, where no other process has anything; its room is
  /// taken. Mappings stand off the stack by its guard.
  func gap(_ size: UInt, below top: UInt, above bottom: UInt) -> UInt? {
    if let place = gap(size, below: top, above: bottom, avoidingOthers: true) { return place }
    return sharedFamily == nil ? nil : gap(size, below: top, above: bottom, avoidingOthers: false)
  }

  /// Members of the family may have mappings at the same addresses, but then pages must be exchanged.
  private func gap(
    _ size: UInt, below top: UInt, above bottom: UInt, avoidingOthers: Bool
  ) -> UInt? {
    var top = top
    while let place = ownGap(size, below: top, above: bottom) {
      if let foreign = UserChunks.firstForeign(place, place + size, room.number) {
        top = foreign
      } else if avoidingOthers, let other = firstOfOthers(place, place + size) {
        top = other
      } else if claim(place, place + size) {
        return place
      }
    }
    return nil
  }

  /// Highest gap among this map's own mappings.
  private func ownGap(_ size: UInt, below top: UInt, above bottom: UInt) -> UInt? {
    if top <= bottom { return nil }
    var ceiling = top
    var i = index(above: top - 1)
    if i < vmas.count, vmas[i].start < top { ceiling = vmas[i].startWithGuard }
    while true {
      let floor = i > 0 ? max(vmas[i - 1].end, bottom) : bottom
      if ceiling >= floor, ceiling - floor >= size { return ceiling - size }
      if i == 0 || vmas[i - 1].start <= bottom { return nil }
      i -= 1
      ceiling = min(ceiling, vmas[i].startWithGuard)
    }
  }

  /// Puts a mapping into a free range, merged with its neighbours where they are alike. `isClear`: other members of the
  /// family are known to have nothing in the range.
  func insert(_ vma: VMA, isClear: Bool = false) {
    if !isClear { clearOthers(vma.start, vma.end) }
    var i = index(above: vma.start)
    totalBytes += vma.end - vma.start
    if i > 0, vmas[i - 1].continues(vma) {
      vmas[i - 1].end = vma.end
      i -= 1
    } else {
      vmas.insert(vma, at: i)
    }
    if i + 1 < vmas.count, vmas[i].continues(vmas[i + 1]) {
      vmas[i].end = vmas[i + 1].end
      vmas.remove(at: i + 1)
    }
  }

  /// Makes `address` a boundary between mappings.
  func split(at address: UInt) {
    guard let i = find(address), vmas[i].start < address else { return }
    let v = vmas[i]
    vmas[i] = v.part(v.start, address)
    vmas.insert(v.part(address, v.end), at: i + 1)
  }

  func mergeAround(_ start: UInt, _ end: UInt) {
    var i = max(0, index(above: start) - 1)
    while i + 1 < vmas.count, vmas[i].start < end {
      if vmas[i].continues(vmas[i + 1]) {
        vmas[i].end = vmas[i + 1].end
        vmas.remove(at: i + 1)
      } else {
        i += 1
      }
    }
  }

  /// Gives the committed pages of [start, end) back to the machine.
  func decommit(_ start: UInt, _ end: UInt) {
    if sharedFamily != nil {
      clearOthers(start, end)
      return
    }
    var gone: [PageRange] = []
    Self.collectCommitted(start, end, &gone)
    Self.release(gone)
  }

  /// Adds the committed pages of [start, end) to `ranges`.
  static func collectCommitted(_ start: UInt, _ end: UInt, _ ranges: inout [PageRange]) {
    var at = start
    while let (from, to) = CommittedPages.next(at, end, committed: true) {
      ranges.append(PageRange(UInt64(from), UInt64(to - from)))
      at = to
    }
  }

  /// Gives committed pages back to the machine, all with two host calls.
  static func release(_ ranges: [PageRange]) {
    if ranges.isEmpty { return }
    PageChange.release(ranges)
    for range in ranges {
      _ = CommittedPages.set(UInt(range.address), UInt(range.address + range.length), false)
    }
  }

  /// Removes [start, end) from the map; the lock is held.
  func removeRange(_ start: UInt, _ end: UInt) {
    if isFree(start, end) { return }
    split(at: start)
    split(at: end)
    let first = index(above: start)
    var last = first
    while last < vmas.count, vmas[last].start < end {
      totalBytes -= vmas[last].end - vmas[last].start
      last += 1
    }
    var gone = Array(vmas[first..<last])
    vmas.removeSubrange(first..<last)
    decommit(start, end)
    while var vma = gone.popLast() { vma.leaveShared() }
  }
}

/// Page changes of user memory; in plain-Swift tests there is no enclave, and nothing happens.
enum PageChange {
  static var isFixed: Bool {
    #if CLOISTER_ENCLAVE
      return unsafe EnclavePages.isFixed
    #else
      return false
    #endif
  }
  static func commit(_ address: UInt, _ length: Int) -> Bool {
    #if CLOISTER_ENCLAVE
      return EnclavePages.commit(address, length)
    #else
      return true
    #endif
  }
  /// Pages that appear with their content and permissions at once; `source` names a page to copy for each.
  static func commit(
    _ address: UInt, _ length: Int, as protection: Protection, from source: (UInt) -> UInt
  ) -> Bool {
    commit(address, [(address + UInt(length), protection)], from: source)
  }
  /// The same for stretches that follow each other, each with permissions of its own.
  static func commit(
    _ address: UInt, _ stretches: [(end: UInt, protection: Protection)],
    from source: (UInt) -> UInt
  ) -> Bool {
    #if CLOISTER_ENCLAVE
      return EnclavePages.commit(
        address,
        stretches.map {
          PageStretch(end: $0.end, permissions: PagePermissions(rawValue: $0.protection.rawValue))
        }, from: source)
    #else
      return true
    #endif
  }
  static func release(_ address: UInt, _ length: Int) {
    release([PageRange(UInt64(address), UInt64(length))])
  }
  static func release(_ ranges: [PageRange]) {
    #if CLOISTER_ENCLAVE
      EnclavePages.release(ranges)
    #endif
  }
  static func protect(_ address: UInt, _ length: Int, from: Protection, to: Protection) {
    #if CLOISTER_ENCLAVE
      EnclavePages.protect(
        address, length, from: PagePermissions(rawValue: from.rawValue),
        to: PagePermissions(rawValue: to.rawValue))
    #endif
  }
}
