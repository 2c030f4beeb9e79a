import EnclaveRuntime
import LinuxABI
import Synchronization

/// How many pages of file content exist, and how many may: file data must not eat the whole enclave.
enum TmpfsSpace {
  static let used = Atomic<Int>(0)
  static let limit = Atomic<Int>(1 << 20)

  static func take(_ pages: Int) { used.add(pages, ordering: .relaxed) }
  static func give(_ pages: Int) { if pages != 0 { used.subtract(pages, ordering: .relaxed) } }
  static func hasRoom(_ pages: Int) -> Bool {
    used.load(ordering: .relaxed) + pages <= limit.load(ordering: .relaxed)
  }
}

/// The bound on cached host content. Files that have some are dropped in turn, oldest first.
///
/// `lock` guards the list; it is taken after an inode's `lock` when content arrives, and never held
/// while an inode's `lock` is taken.
enum PageCache {
  private static let lock = Lock()
  private static let cached = Atomic<Int>(0)
  static let limit = Atomic<Int>(1 << 18)
  nonisolated(unsafe) private static var files: [RegularInode] = []

  static func note(_ inode: RegularInode, _ pages: Int) {
    cached.add(pages, ordering: .relaxed)
    lock.lock()
    if !inode.isInCacheList {
      inode.isInCacheList = true
      unsafe files.append(inode)
    }
    lock.unlock()
  }

  /// Pages that a file gave up by itself.
  static func forget(_ pages: Int) {
    cached.subtract(min(pages, cached.load(ordering: .relaxed)), ordering: .relaxed)
  }

  static func reclaimIfNeeded() {
    if cached.load(ordering: .relaxed) <= limit.load(ordering: .relaxed) { return }
    reclaim()
  }

  private static func reclaim() { drop(to: limit.load(ordering: .relaxed) / 4 * 3) }

  /// Memory is short: gives back every clean page. False: there was none.
  static func dropAll() -> Bool {
    let before = cached.load(ordering: .relaxed)
    drop(to: 0)
    return cached.load(ordering: .relaxed) < before
  }

  private static func drop(to goal: Int) {
    while cached.load(ordering: .relaxed) > goal {
      lock.lock()
      var victim: RegularInode?
      if unsafe !files.isEmpty { victim = unsafe files.removeFirst() }
      victim?.isInCacheList = false
      lock.unlock()
      guard let victim else {
        // Every file that was noted has been asked: what is left of the count was written or truncated.
        cached.store(0, ordering: .relaxed)
        break
      }
      let freed = victim.dropClean()
      cached.subtract(freed, ordering: .relaxed)
    }
  }
}
