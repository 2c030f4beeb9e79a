import EnclaveRuntime

/// mmap(2) PROT_* bits.
struct Protection: OptionSet, Sendable {
  var rawValue: UInt8
  static let PROT_READ = Protection(rawValue: 1)
  static let PROT_WRITE = Protection(rawValue: 2)
  static let PROT_EXEC = Protection(rawValue: 4)
  static let none: Protection = []
  static let all: Protection = [.PROT_READ, .PROT_WRITE, .PROT_EXEC]
}

/// What a mapping is for, beside its file: names in /proc/PID/maps, brk and stack growth.
enum VMAKind: UInt8 {
  case plain, heap, stack, stubs
}

/// One mapping (Linux: vm_area_struct). Committed pages of it always have exactly `effective` permissions.
struct VMA {
  var start: UInt
  var end: UInt
  var protection: Protection
  var isShared = false
  /// A shared mapping of a file that is not open for writing: it can never be made writable (mprotect(2), EACCES).
  var isReadOnlyFile = false
  var growsDown = false
  /// MAP_NORESERVE: never counts as committed (`Overcommit`).
  var isNotReserved = false
  /// madvise(2) MADV_DONTFORK, MADV_WIPEONFORK.
  var isDroppedInChild = false
  var isWipedInChild = false
  /// mlock(2).
  var isLocked = false
  var kind = VMAKind.plain
  var object: MappedObject?
  /// File offset of `start`.
  var offset: UInt64 = 0
  /// The patches of rewritten instructions, when the mapping is (or was) executable file content.
  var rewritten: RewrittenObject?
  /// Where the last fault's window ended, and its size: sequential touching gets larger windows.
  var faultEnd: UInt = 0
  var faultWindow: UInt = 0

  var count: Int { Int(end - start) }

  /// Where room for other mappings ends: a mapping that grows keeps its guard free.
  var startWithGuard: UInt {
    growsDown ? start - min(start, AddressSpace.growGuard) : start
  }

  /// Permissions in the enclave. x86 has no page that is writable or executable but not readable; SGX
  /// refuses W without R (SDM Vol. 3D, 36.5.9).
  var effective: Protection {
    protection.isEmpty ? [] : protection.union(.PROT_READ)
  }

  /// The pages that other mappings of the object share.
  var shared: SharedPages? { isShared ? object?.shared : nil }

  /// The part [from, to) of this mapping.
  func part(_ from: UInt, _ to: UInt) -> VMA {
    var v = self
    v.start = from
    v.end = to
    if object != nil { v.offset = offset + UInt64(from - start) }
    return v
  }

  /// `next` can be merged behind this mapping.
  func continues(_ next: VMA) -> Bool {
    end == next.start && protection == next.protection && isShared == next.isShared
      && isReadOnlyFile == next.isReadOnlyFile
      && isDroppedInChild == next.isDroppedInChild && isWipedInChild == next.isWipedInChild
      && growsDown == next.growsDown && isNotReserved == next.isNotReserved && kind == next.kind
      && isLocked == next.isLocked
      && object === next.object
      && rewritten === next.rewritten && (object == nil || offset + UInt64(count) == next.offset)
  }
}
