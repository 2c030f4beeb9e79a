#if CLOISTER_ENCLAVE
  import CEnclave
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

  /// Enclave pages made, changed and given back with SGX2 (SDM Vol. 3D, 36.5.7-36.5.10).
  ///
  /// The caller knows that the pages of a range are uncommitted (its own bitmap says so): EACCEPT of a
  /// page that is live would let the host replace it by zeros.
  @safe public enum EnclavePages {
    /// Bytes committed now, and the most that may be (the measured `memorySize`).
    public static let committed = Atomic<UInt64>(0)
    nonisolated(unsafe) public static var limit: UInt64 = .max

    private static let regular: UInt64 = 2 << 8
    private static let pending: UInt64 = 1 << 3
    private static let modified: UInt64 = 1 << 4
    private static let restricted: UInt64 = 1 << 5
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
      let n = UInt64(length)
      let (_, now) = committed.add(n, ordering: .relaxed)
      guard unsafe now <= limit, Host.augment(address: UInt64(address), length: n) else {
        committed.subtract(n, ordering: .relaxed)
        return false
      }
      accept(address, length, flags: 3 | pending | regular)
      return true
    }

    /// Changes the permissions of committed pages from `old` to `new`.
    public static func protect(
      _ address: UInt, _ length: Int, from old: PagePermissions, to new: PagePermissions
    ) {
      if old == new { return }
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
      Host.restrict(
        address: UInt64(address), length: UInt64(length), permissions: UInt64(new.rawValue))
      if !old.subtracting(new).isEmpty {
        accept(address, length, flags: UInt64(new.rawValue) | restricted | regular)
      }
    }

    /// EMODT(TRIM) + EACCEPT + EREMOVE: gives committed pages back.
    public static func release(_ address: UInt, _ length: Int) {
      Host.modifyType(address: UInt64(address), length: UInt64(length), type: trimType)
      accept(address, length, flags: modified | trimType << 8)
      Host.remove(address: UInt64(address), length: UInt64(length))
      committed.subtract(UInt64(length), ordering: .relaxed)
    }
  }
#endif
