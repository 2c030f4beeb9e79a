import EnclaveRuntime
import LinuxABI

/// A name in the tree (Linux: dentry), or the only name of something without a place in it (a pipe).
///
/// `inode` never changes: a name that comes to mean something else gets another dentry. `name`,
/// `parent` and `isDeleted` are guarded by `Namespace.lock`. A mounted file system's root dentry takes
/// the mount point's place in its parent's table, so that walking needs no notion of mounts; it is
/// marked `isMountRoot`.
final class Dentry: @unchecked Sendable {
  let inode: Inode
  private(set) var name: [UInt8]
  private(set) var parent: Dentry?
  private(set) var isDeleted = false
  var isMountRoot = false

  /// `parent` nil: the root of everything, or (with a name) an anonymous object.
  init(_ inode: Inode, name: [UInt8], parent: Dentry?) {
    self.inode = inode
    self.name = name
    self.parent = parent
  }

  deinit {
    // The last user of a file whose last name is gone (fsnotify_inoderemove).
    if isDeleted && inode.nlink == 0 { Inotify.deleted(inode) }
  }

  /// The parent for `..`; the root is its own.
  var dotDot: Dentry {
    Namespace.lock.withLock { parent ?? self }
  }

  /// Its name was removed.
  var isGone: Bool { Namespace.lock.withLock { isDeleted } }

  func markDeleted() {
    Namespace.lock.lock()
    isDeleted = true
    Namespace.lock.unlock()
  }

  func move(to parent: Dentry, name: [UInt8]) {
    Namespace.lock.lock()
    let old = self.parent
    self.parent = parent
    self.name = name
    Namespace.lock.unlock()
    _ = old
  }

  func isAncestor(of other: Dentry) -> Bool {
    Namespace.lock.withLock {
      var at: Dentry? = other
      while let d = at {
        if d === self { return true }
        at = d.parent
      }
      return false
    }
  }

  /// The absolute path as seen from `root`; `reachable` is false when `root` is no ancestor.
  ///
  /// Deleted things get Linux's " (deleted)" at the end (proc(5)).
  func path(from root: Dentry, markDeleted: Bool = true) -> (bytes: [UInt8], reachable: Bool) {
    var parts: [[UInt8]] = []
    var reachable = false
    var deleted = false
    Namespace.lock.withLock {
      var at = self
      deleted = isDeleted
      while true {
        if at === root {
          reachable = true
          break
        }
        parts.append(at.name)
        guard let up = at.parent else { break }
        at = up
      }
    }
    var out: [UInt8] = []
    if !reachable, let top = parts.last {
      // Anonymous: "pipe:[12]", "anon_inode:[eventpoll]", "/memfd:x (deleted)".
      if top.count > 0 {
        out = top
        parts.removeLast()
      } else {
        parts.removeLast()
      }
    }
    for part in parts.reversed() {
      out.append(0x2F)
      out.append(contentsOf: part)
    }
    if out.isEmpty { out.append(0x2F) }
    if deleted && markDeleted { out.append(" (deleted)") }
    return (out, reachable)
  }
}
