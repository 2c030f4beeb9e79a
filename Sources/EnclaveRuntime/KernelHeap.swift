#if CLOISTER_ENCLAVE
  import CEnclave
  import PayloadFormat

  /// The kernel's memory: page runs for file data and stacks, and `malloc` for Swift objects on top.
  ///
  /// The region grows at its end, committed in pieces of 2 MiB. It is managed in units of 64 KiB: a run of
  /// units is free or used; the first and the last unit of a run carry its length and state in a table
  /// at the region's start (boundary tags), so that neighbours merge. Runs below 64 KiB and objects come
  /// from spans: one unit cut into slots of one size class, the first slot's place taken by the header.
  ///
  /// `lock` guards everything here. Nothing is allocated while it is held.
  @safe public enum KernelHeap {
    static let unitShift = 16
    static let unit = 1 << 16
    static let base = UInt(EnclaveLayout.kernelHeapBase)
    static let end = UInt(EnclaveLayout.kernelHeapEnd)
    static let growth = 2 << 20

    private static let lock = SpinLock()
    nonisolated(unsafe) private static var used = 0
    /// First uncommitted address; 0 until `start`.
    nonisolated(unsafe) private static var top: UInt = 0
    /// Units in use or free below `unitTop`.
    nonisolated(unsafe) private static var unitTop = 0
    nonisolated(unsafe) private static var tableTop: UInt = 0

    // One 32-bit word a unit: bits 0...27 run length in units, bit 30 free, bit 31 span.
    private static let tableBytes: UInt = 32 << 20
    private static let freeBit: UInt32 = 1 << 30
    private static let spanBit: UInt32 = 1 << 31
    private static let lengthMask: UInt32 = (1 << 28) - 1

    private static let classCount = 44
    /// Free slots by size class: chains through the slots' first word.
    nonisolated(unsafe) private static var slots = InlineArray<44, UInt>(repeating: 0)
    /// Heads of free run chains by length (1...63 units, 0: longer), linked through the free memory:
    /// word 0 next, word 1 previous.
    nonisolated(unsafe) private static var runs = InlineArray<64, UInt>(repeating: 0)

    /// Start of the units, after the table.
    private static var unitsBase: UInt { base + tableBytes }

    @inline(__always) private static func word(_ a: UInt) -> UnsafeMutablePointer<UInt> {
      // SAFETY: callers pass addresses of committed heap memory only.
      unsafe UnsafeMutablePointer<UInt>(bitPattern: a)!
    }
    @inline(__always) private static func tag(_ u: Int) -> UnsafeMutablePointer<UInt32> {
      // SAFETY: the table is committed up to `unitTop` before a unit is used.
      unsafe UnsafeMutablePointer<UInt32>(bitPattern: base + UInt(u) * 4)!
    }
    @inline(__always) private static func address(_ u: Int) -> UInt { unitsBase + UInt(u) << 16 }
    @inline(__always) private static func index(_ a: UInt) -> Int { Int((a - unitsBase) >> 16) }

    // MARK: Runs of units

    private static func grow(_ count: Int) -> Int? {
      if unsafe top == 0 {
        unsafe top = unitsBase
        unsafe tableTop = base
      }
      let first = unsafe unitTop
      let newEnd = address(first + count)
      guard newEnd <= end else { return nil }
      let tableEnd = base + UInt(first + count + 1) * 4
      while unsafe tableTop < tableEnd {
        guard unsafe EnclavePages.commit(tableTop, unit) else { return nil }
        unsafe tableTop += UInt(unit)
      }
      if unsafe newEnd > top {
        var piece = unsafe Int(newEnd - top)
        // The first piece is what starting a program needs: one host call instead of three.
        let growth = unsafe top == unitsBase ? 2 * growth : growth
        piece = (piece + growth - 1) & ~(growth - 1)
        if unsafe !EnclavePages.commit(top, piece) {
          piece = unsafe Int(newEnd - top)
          guard unsafe EnclavePages.commit(top, piece) else { return nil }
        }
        unsafe top += UInt(piece)
      }
      unsafe unitTop = first + count
      return first
    }

    private static func setRun(_ first: Int, _ count: Int, _ bits: UInt32) {
      let value = UInt32(count) | bits
      unsafe tag(first).pointee = value
      unsafe tag(first + count - 1).pointee = value
    }

    private static func push(_ first: Int, _ count: Int) {
      setRun(first, count, freeBit)
      let list = count < 64 ? count : 0
      let a = address(first)
      unsafe word(a)[0] = runs[list]
      unsafe word(a)[1] = 0
      if unsafe runs[list] != 0 { unsafe word(runs[list])[1] = a }
      unsafe runs[list] = a
    }

    private static func unlink(_ first: Int, _ count: Int) {
      let list = count < 64 ? count : 0
      let a = address(first)
      let next = unsafe word(a)[0]
      let previous = unsafe word(a)[1]
      if previous != 0 { unsafe word(previous)[0] = next } else { unsafe runs[list] = next }
      if next != 0 { unsafe word(next)[1] = previous }
    }

    /// Takes `count` units; the first unit's index. Content is undefined.
    private static func takeUnits(_ count: Int, _ bits: UInt32) -> Int? {
      var found = -1
      var foundCount = 0
      if count < 64 {
        for list in count..<64 where unsafe runs[list] != 0 {
          found = unsafe index(runs[list])
          foundCount = list
          break
        }
      }
      if found < 0 {
        var a = unsafe runs[0]
        while a != 0 {
          let n = unsafe Int(tag(index(a)).pointee & lengthMask)
          if n >= count {
            found = index(a)
            foundCount = n
            break
          }
          a = unsafe word(a)[0]
        }
      }
      if found < 0 {
        guard let first = grow(count) else { return nil }
        setRun(first, count, bits)
        return first
      }
      unlink(found, foundCount)
      if foundCount > count { push(found + count, foundCount - count) }
      setRun(found, count, bits)
      return found
    }

    private static func giveUnits(_ first: Int) {
      var first = first
      var count = unsafe Int(tag(first).pointee & lengthMask)
      if unsafe first + count < unitTop {
        let next = unsafe tag(first + count).pointee
        if next & freeBit != 0 {
          unlink(first + count, Int(next & lengthMask))
          count += Int(next & lengthMask)
        }
      }
      if first > 0 {
        let previous = unsafe tag(first - 1).pointee
        if previous & freeBit != 0 {
          let n = Int(previous & lengthMask)
          unlink(first - n, n)
          first -= n
          count += n
        }
      }
      push(first, count)
    }

    // MARK: Slots

    /// Class sizes: 16...128 by 16, then four per doubling up to 32 KiB (all but the smallest multiples of 64
    /// from 256 on), and 4 KiB page slots are naturally aligned because a span's header takes a whole slot.
    private static func sizeClass(_ n: Int) -> Int {
      if n <= 128 { return (max(n, 16) + 15) / 16 - 1 }
      let log = Int.bitWidth - 1 - (n - 1).leadingZeroBitCount
      let step = (n - 1 - (1 << log)) >> (log - 2)
      return 8 + (log - 7) * 4 + step
    }
    private static func classSize(_ c: Int) -> Int {
      if c < 8 { return (c + 1) * 16 }
      let log = 7 + (c - 8) / 4
      return (1 << log) + (((c - 8) % 4) + 1) << (log - 2)
    }

    private static func takeSlot(_ c: Int) -> UInt {
      if unsafe slots[c] == 0 {
        guard let u = takeUnits(1, spanBit) else { return 0 }
        let size = classSize(c)
        let start = address(u)
        unsafe word(start)[0] = UInt(c)
        var a = start + UInt(max(size, 64))
        if size & 63 != 0 { a = start + UInt((64 + size - 1) / size * size) }
        // Slots of a multiple of their alignment: pages stay page aligned.
        while a + UInt(size) <= start + UInt(unit) {
          unsafe word(a)[0] = slots[c]
          unsafe slots[c] = a
          a += UInt(size)
        }
      }
      let a = unsafe slots[c]
      unsafe slots[c] = unsafe word(a)[0]
      return a
    }

    // MARK: Interface

    // Never inlined, like `release`: the optimiser may move a caller's own object allocation, which comes here
    // again, to between the lock and the unlock.
    @inline(never)
    static func allocate(_ size: Int, alignment: Int) -> UnsafeMutableRawPointer? {
      lock.lock()
      defer { lock.unlock() }
      var a: UInt = 0
      if size <= 16384, alignment <= 4096 {
        var n = size
        if alignment > 16 {
          // Slots start at multiples of their size from a 64 KiB boundary: round up to a power of two.
          n = max(n, alignment)
          if n & (n - 1) != 0 { n = 1 << (Int.bitWidth - (n - 1).leadingZeroBitCount) }
        }
        let c = sizeClass(n)
        a = takeSlot(c)
        if a != 0 { unsafe used += classSize(c) }
      } else {
        guard size < 1 << 40, alignment <= unit else { return nil }
        guard let u = takeUnits((size + unit - 1) >> unitShift, 0) else { return nil }
        a = address(u)
        unsafe used += Int(tag(u).pointee & lengthMask) << unitShift
      }
      return unsafe UnsafeMutableRawPointer(bitPattern: a)
    }

    @inline(never)
    static func release(_ p: UnsafeMutableRawPointer) {
      let a = UInt(bitPattern: p)
      guard a >= unitsBase, unsafe a < top else {
        panic("free of a pointer that is not of the heap")
      }
      lock.lock()
      defer { lock.unlock() }
      let u = index(a)
      if unsafe tag(u).pointee & spanBit != 0 {
        let c = unsafe Int(word(address(u))[0])
        unsafe word(a)[0] = slots[c]
        unsafe slots[c] = a
        unsafe used -= classSize(c)
      } else {
        unsafe used -= Int(tag(u).pointee & lengthMask) << unitShift
        giveUnits(u)
      }
    }

    /// Bytes that somebody has: what of the committed heap is not free.
    public static var usedBytes: Int {
      lock.lock()
      defer { lock.unlock() }
      return unsafe used
    }

    /// Zeroed pages, page aligned.
    @unsafe public static func allocatePages(_ count: Int) -> UnsafeMutableRawPointer? {
      guard let p = unsafe allocate(count << 12, alignment: 4096) else { return nil }
      unsafe p.initializeMemory(as: UInt8.self, repeating: 0, count: count << 12)
      return unsafe p
    }
    @unsafe public static func freePages(_ p: UnsafeMutableRawPointer, _ count: Int) {
      unsafe release(p)
    }
  }

  // What the Swift runtime asks for; Library.c gives these the names it knows.

  @c(cl_heap_allocate) public func cl_heap_allocate(_ alignment: Int, _ size: Int)
    -> UnsafeMutableRawPointer?
  {
    unsafe KernelHeap.allocate(size, alignment: alignment)
  }
  @c(cl_heap_free) public func cl_heap_free(_ p: UnsafeMutableRawPointer?) {
    if let p = unsafe p { unsafe KernelHeap.release(p) }
  }
  @c(cl_random_fill) public func cl_random_fill(_ p: UnsafeMutableRawPointer, _ n: Int) {
    unsafe Random.fill(p, count: n)
  }
#endif
