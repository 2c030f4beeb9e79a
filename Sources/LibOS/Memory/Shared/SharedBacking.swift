import EnclaveRuntime
import LinuxABI

/// Where the pages of a shared object are while no mapping has them. Called with the object's
/// `SharedPages.lock` held, so never with an access to user memory that could fault.
protocol SharedBacking: AnyObject {
  /// Bytes; accesses to pages beyond are SIGBUS.
  var sharedSize: UInt64 { get }
  /// Content into zeroed pages of the kernel's; the object keeps it.
  func loadShared(_ offset: UInt64, into address: UInt, count: Int)
  /// Pages that were loaded can be written where they are now, and will be stored: nothing need be kept of them.
  func releaseShared(_ offset: UInt64, count: Int)
  /// Content of pages that were writable. False: no memory.
  func storeShared(_ offset: UInt64, from address: UInt, count: Int) -> Bool
  /// A page is about to be written for the first time: there must be room for it.
  func reserveShared(_ offset: UInt64) -> Bool
}

/// Anonymous memory that processes share (MAP_SHARED | MAP_ANONYMOUS, /dev/zero). As in Linux it shows as a deleted
/// file in /proc/PID/maps.
final class SharedMemory: MappedObject, SharedBacking, @unchecked Sendable {
  private let pages = SharedPages(tracksWrites: false)
  /// Pages that no mapping has, by number. Guarded by `pages.lock`.
  private var stored: [UInt64: PageRun] = [:]
  private let number: UInt64

  /// As long as its first mapping; what mremap(2) adds is beyond its end.
  init(length: UInt) {
    sharedSize = UInt64(length)
    number = Namespace.memoryFileSystem.newInodeNumber()
    super.init()
  }

  override var size: UInt64 { sharedSize }
  override var shared: SharedPages? { pages }
  override var sharedBacking: (any SharedBacking)? { self }
  override var path: [UInt8] { KernelLog.bytes("/dev/zero (deleted)") }
  override var device: UInt64 { 1 }
  override var inodeNumber: UInt64 { number }

  let sharedSize: UInt64

  func loadShared(_ offset: UInt64, into address: UInt, count: Int) {
    if stored.isEmpty { return }
    for i in 0..<UInt64(count >> 12) {
      guard let run = stored[(offset >> 12) + i] else { continue }
      KernelCopy.toCommitted(address + UInt(i << 12), run, count: 4096)
    }
  }

  func releaseShared(_ offset: UInt64, count: Int) {
    if stored.isEmpty { return }
    for i in 0..<UInt64(count >> 12) { stored[(offset >> 12) + i] = nil }
  }

  func storeShared(_ offset: UInt64, from address: UInt, count: Int) -> Bool {
    for i in 0..<UInt64(count >> 12) {
      let from = address + UInt(i << 12)
      if KernelCopy.isZero(from) {
        stored[(offset >> 12) + i] = nil
        continue
      }
      guard let run = PageRun(pageCount: 1) else { return false }
      KernelCopy.move(to: run.address, from: from, count: 4096)
      stored[(offset >> 12) + i] = run
    }
    return true
  }

  override func punch(_ offset: UInt64, _ count: UInt64) throws(Errno) {
    pages.lock.lock()
    defer { pages.lock.unlock() }
    pages.beginWrite(offset, count, self)
    for page in (offset >> 12)..<((offset + count) >> 12) {
      // In profile `fixed` mappings get the content, and so need zeros to get.
      stored[page] = PageChange.isFixed ? PageRun(pageCount: 1) : nil
    }
    pages.endWrite(offset, count, self)
  }

  func reserveShared(_ offset: UInt64) -> Bool { true }
}
