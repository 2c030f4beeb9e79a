#if CLOISTER_ENCLAVE
  import CEnclave
  import HostInterface
  import PayloadFormat
  import Synchronization

  /// Page permissions, as in SECINFO.FLAGS.
  public struct PagePermissions: OptionSet, Sendable {
    public var rawValue: UInt8
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let read = PagePermissions(rawValue: 1)
    public static let write = PagePermissions(rawValue: 2)
    public static let execute = PagePermissions(rawValue: 4)
    public static let readWrite: PagePermissions = [.read, .write]
  }

  /// A stretch of pages that appear with one set of permissions, up to `end`.
  public struct PageStretch: Sendable {
    public let end: UInt
    public let permissions: PagePermissions
    public init(end: UInt, permissions: PagePermissions) {
      self.end = end
      self.permissions = permissions
    }
  }

  /// Enclave pages made, changed and given back with SGX2 (SDM Vol. 3D, 36.5.7-36.5.10).
  ///
  /// The caller knows that the pages of a range are uncommitted (its own bitmap says so): EACCEPT of a
  /// page that is live would let the host replace it by zeros.
  @safe public enum EnclavePages {
    /// Bytes committed now, and the most that may be (the measured `memorySize`).
    public static let committed = Atomic<UInt64>(0)
    /// The most that ever was.
    public static let peak = Atomic<UInt64>(0)
    nonisolated(unsafe) public static var limit: UInt64 = 1 << 62
    static let kernelReserve: UInt64 = 8 << 20

    /// Profile `fixed`: every page was added at the start, with permissions that never change. Committing
    /// clears, protecting does nothing (guard pages do not fault, code stays writable), releasing only counts.
    nonisolated(unsafe) public static var isFixed = false
    nonisolated(unsafe) public static var fixedHeapEnd: UInt = 0
    nonisolated(unsafe) public static var fixedUserEnd: UInt = 0

    public static func useFixedMemory(_ memory: UInt64) {
      unsafe isFixed = true
      unsafe fixedHeapEnd = UInt(
        EnclaveLayout.kernelHeapBase + EnclaveLayout.fixedKernelSize(memory: memory))
      unsafe fixedUserEnd = UInt(
        EnclaveLayout.userBase + EnclaveLayout.fixedUserSize(memory: memory))
    }

    private static func isWithinFixed(_ address: UInt, _ length: Int) -> Bool {
      let end = address + UInt(length)
      let isUser = unsafe address < UInt(EnclaveLayout.userEnd) && end <= fixedUserEnd
      let isHeap = unsafe address >= UInt(EnclaveLayout.kernelHeapBase) && end <= fixedHeapEnd
      let isStack =
        address >= UInt(EnclaveLayout.kernelStackBase) && end <= UInt(EnclaveLayout.imageBase)
      return isUser || isHeap || isStack
    }

    private static func commitFixed(_ address: UInt, _ length: Int) -> Bool {
      guard isWithinFixed(address, length) else { return false }
      // SAFETY: the range was added to the enclave and the caller knows that nobody uses it.
      unsafe UnsafeMutableRawPointer(bitPattern: address)!.initializeMemory(
        as: UInt8.self, repeating: 0, count: length)
      return true
    }

    private static let regular: UInt64 = 2 << 8
    private static let pending: UInt64 = 1 << 3
    private static let modified: UInt64 = 1 << 4
    private static let restricted: UInt64 = 1 << 5
    static let tcsType: UInt64 = 1
    static let trimType: UInt64 = 4

    private static func accept(_ address: UInt, _ length: Int, flags: UInt64) {
      var at = address
      let end = address + UInt(length)
      while at < end {
        guard cl_accept_page(flags, UInt64(at)) == 0 else { hostLied("page change", "EACCEPT") }
        at += 4096
      }
    }

    /// EAUG + EACCEPT: zeroed pages, read-write. False: over the limit, or the host has none.
    public static func commit(_ address: UInt, _ length: Int) -> Bool {
      if unsafe isFixed { return commitFixed(address, length) }
      guard augment(address, length, copied: false) else { return false }
      accept(address, length, flags: 3 | pending | regular)
      return true
    }

    /// EAUG + EACCEPTCOPY: pages that appear with their content and their permissions; nobody sees them before.
    ///
    /// `stretches` follow each other from `address` on, none is empty and none without permissions. `source` names a
    /// readable page of the kernel's for each page, one after the other; its content must stay as it is until the next
    /// is asked for. False: as for `commit`.
    ///
    /// Profile `fixed`: the pages were there all the time, with what they had; each is overwritten word by word.
    public static func commit(
      _ address: UInt, _ stretches: [PageStretch], from source: (UInt) -> UInt
    ) -> Bool {
      guard let end = stretches.last?.end else { return true }
      let length = Int(end - address)
      if unsafe isFixed {
        guard isWithinFixed(address, length) else { return false }
      } else {
        guard augment(address, length, copied: true) else { return false }
      }
      var pageTables: [PageRange] = []
      var at = address
      for stretch in stretches {
        let start = at
        while at < stretch.end {
          copy(source(at), to: at, flags: UInt64(stretch.permissions.rawValue) | regular)
          at += 4096
        }
        pageTables.append(
          PageRange(
            UInt64(start), UInt64(at - start),
            UInt64(stretch.permissions.rawValue) | PageRestriction.pageTablesOnly))
      }
      if unsafe !isFixed { Host.change(.restrict, pageTables, "restrict") }
      return true
    }

    private static func copy(_ page: UInt, to address: UInt, flags: UInt64) {
      if unsafe isFixed {
        // SAFETY: the caller checked that these are added pages; its own caller owns them, and the source is a page.
        unsafe UnsafeMutableRawPointer(bitPattern: address)!.copyMemory(
          from: UnsafeRawPointer(bitPattern: page)!, byteCount: 4096)
      } else if cl_accept_copy(flags, UInt64(address), UInt64(page)) != 0 {
        hostLied("page change", "EACCEPTCOPY")
      }
    }

    /// EAUG within the limit.
    private static func augment(_ address: UInt, _ length: Int, copied: Bool) -> Bool {
      let n = UInt64(length)
      let (_, now) = committed.add(n, ordering: .relaxed)
      // The last of it is the kernel's: a failed allocation of its own would stop the enclave.
      // Threads are the program's too.
      let isHeap =
        address >= UInt(EnclaveLayout.kernelHeapBase) && address < UInt(EnclaveLayout.kernelHeapEnd)
      let reserve = isHeap ? 0 : kernelReserve
      guard unsafe now + reserve <= limit,
        Host.augment(address: UInt64(address), length: n, copied: copied)
      else {
        committed.subtract(n, ordering: .relaxed)
        return false
      }
      if now > peak.load(ordering: .relaxed) { peak.max(now, ordering: .relaxed) }
      return true
    }

    /// Changes the permissions of committed pages from `old` to `new`.
    public static func protect(
      _ address: UInt, _ length: Int, from old: PagePermissions, to new: PagePermissions
    ) {
      if unsafe old == new || isFixed { return }
      if new.isEmpty {
        // EMODPR needs R (SDM Vol. 3D, EMODPR): the page keeps R in the EPCM, and the page tables hide it.
        if old != .read { protect(address, length, from: old, to: .read) }
        Host.restrict(address: UInt64(address), length: UInt64(length), permissions: 0)
        return
      }
      let old = old.isEmpty ? .read : old
      let added = new.subtracting(old)
      if !added.isEmpty {
        // EMODPE extends at once; the page tables follow with the host call below.
        var at = address
        let flags = UInt64(old.union(new).rawValue) | regular
        while at < address + UInt(length) {
          cl_extend_page(flags, UInt64(at))
          at += 4096
        }
      }
      if old.isSubset(of: new) {
        Host.mapPermissions(
          address: UInt64(address), length: UInt64(length), permissions: UInt64(new.rawValue))
        return
      }
      Host.restrict(
        address: UInt64(address), length: UInt64(length), permissions: UInt64(new.rawValue))
      accept(address, length, flags: UInt64(new.rawValue) | restricted | regular)
    }

    /// EMODT(TCS) + EACCEPT: a committed page, filled as SDM Vol. 3D, "Thread Control Structure", wants it, lets a host
    /// thread in.
    static func becomeTCS(_ address: UInt) {
      Host.modifyType(address: UInt64(address), length: 4096, type: tcsType)
      accept(address, 4096, flags: modified | tcsType << 8)
    }

    /// EMODT(TRIM) + EACCEPT + EREMOVE: gives committed pages back.
    public static func release(_ address: UInt, _ length: Int) {
      release([PageRange(UInt64(address), UInt64(length))])
    }

    /// The same for several ranges at once.
    public static func release(_ ranges: [PageRange]) {
      if unsafe isFixed { return }
      var trimmed = ranges
      for i in trimmed.indices { trimmed[i].value = trimType }
      Host.change(.modifyType, trimmed, "modifyType")
      for range in ranges {
        accept(UInt(range.address), Int(range.length), flags: modified | trimType << 8)
      }
      Host.change(.remove, ranges, "remove")
      for range in ranges { committed.subtract(range.length, ordering: .relaxed) }
    }
  }
#endif
