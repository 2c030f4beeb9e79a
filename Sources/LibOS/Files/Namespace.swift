import EnclaveRuntime
import HostInterface
import LinuxABI
import PayloadFormat
import Synchronization

/// The one tree of names that all processes of the enclave see.
///
/// Lock order within the tree: `renameLock`, a directory's `tableLock` (parent first), `lock`, inodes.
enum Namespace {
  /// Taken by renames across directories, so that no directory moves while ancestry is looked at.
  static let renameLock = Lock()
  /// Guards `name`, `parent` and `isDeleted` of every dentry. Held for a few instructions.
  static let lock = Lock()

  nonisolated(unsafe) private static var tree: Dentry?
  /// Mounted file systems in the order of mounting, for /proc/self/mountinfo.
  nonisolated(unsafe) private(set) static var mounts: [FileSystem] = []
  /// Pipes and other things without a place in the tree.
  static let pipeFileSystem = FileSystem(
    type: "pipefs", source: "pipefs", magic: FileSystem.PIPEFS_MAGIC)
  static let anonymousFileSystem = FileSystem(
    type: "anon_inodefs", source: "anon_inodefs", magic: FileSystem.ANON_INODE_FS_MAGIC)
  static let memoryFileSystem = FileSystem(
    type: "tmpfs", source: "tmpfs", magic: FileSystem.TMPFS_MAGIC)

  /// The root of everything; `start` has run.
  static var root: Dentry {
    if let tree = unsafe tree { return tree }
    panic("files are used before they are there")
  }
  static var isStarted: Bool { unsafe tree != nil }

  /// Builds the tree: the root (a payload's verified files, the host's in development, or empty), /proc, /sys,
  /// /dev, /tmp, mounts.
  static func start(_ configuration: MeasuredConfiguration) {
    let hasHost = configuration.flags.contains(.insecureDevelopmentRoot)
    let rootFS = FileSystem(
      type: "overlay", source: "overlay", magic: FileSystem.OVERLAYFS_SUPER_MAGIC)
    var lower: LowerObject?
    if let manifest = configuration.manifest {
      lower = VerifiedTree(manifest).root
    } else if hasHost {
      lower = HostObject(rootIndex: 0)
    }
    if let lower, !lower.isDirectory { VerifiedTree.stop("has a root that is not a directory") }
    let rootInode = DirectoryInode(rootFS, mode: lower?.mode ?? 0o755, lower: lower)
    let root = Dentry(rootInode, name: [], parent: nil)
    root.isMountRoot = true
    rootFS.mountPoint = [0x2F]
    unsafe tree = root
    unsafe mounts = [rootFS]

    let pages = Int(configuration.memorySize >> 12)
    TmpfsSpace.limit.store(max(1024, pages / 2), ordering: .relaxed)
    let cache = configuration.pageCacheSize
    PageCache.limit.store(
      cache == 0 ? max(1024, pages / 8) : max(64, Int(min(cache, 1 << 50) >> 12)),
      ordering: .relaxed)

    mountProc(root)
    mountDev(root)
    mountSys(root)
    // A payload that brings files in /tmp keeps them; writes go to the overlay there, too.
    let isMounted =
      configuration.temporaryMounts.contains { $0.path == [0x2F, 0x74, 0x6D, 0x70] }
      || configuration.volumes.contains { $0.path == [0x2F, 0x74, 0x6D, 0x70] }
    if !isMounted, !((lower as? VerifiedObject)?.hasEntries(in: [0x74, 0x6D, 0x70]) ?? false) {
      let tmp = FileSystem(type: "tmpfs", source: "tmpfs", magic: FileSystem.TMPFS_MAGIC)
      mount(DirectoryInode(tmp, mode: 0o1777), at: [0x2F, 0x74, 0x6D, 0x70])
    }

    for temporary in configuration.temporaryMounts {
      let fs = FileSystem(
        type: "tmpfs", source: "tmpfs", magic: FileSystem.TMPFS_MAGIC,
        pageLimit: Int((temporary.size + 4095) / 4096))
      mount(DirectoryInode(fs, mode: 0o1777), at: temporary.path)
    }

    for (i, record) in configuration.insecureMounts.enumerated() {
      guard let zero = record.firstIndex(of: 0) else { continue }
      let guest = [UInt8](record[(zero + 1)...])
      let fs = FileSystem(
        type: "insecure", source: "host", magic: FileSystem.OVERLAYFS_SUPER_MAGIC)
      let object = HostObject(rootIndex: UInt64(i + 1))
      mount(DirectoryInode(fs, mode: 0o755, lower: object), at: guest)
    }
  }

  /// Commits every persistent file system; the first error counts (sync(2) ignores it, syncfs(2) does not).
  static func commitAll() throws(Errno) {
    var failure: Errno?
    for fs in unsafe mounts {
      do throws(Errno) { try fs.commit() } catch { if failure == nil { failure = error } }
    }
    if let failure { throw failure }
  }

  /// Puts a root inode at a path, making the directories that lead there.
  static func mount(_ inode: Inode, at path: [UInt8]) {
    var at = root
    var start = 0
    var parts: [Name] = []
    for i in 0...path.count where i == path.count || path[i] == 0x2F {
      if i > start { parts.append(Name([UInt8](path[start..<i]))) }
      start = i + 1
    }
    for (i, part) in parts.enumerated() {
      if part.isDot || part.isDotDot { return }
      guard let directory = at.inode as? DirectoryInode else { return }
      directory.tableLock.lock()
      let isLast = i == parts.count - 1
      if isLast {
        let dentry = Dentry(inode, name: part.array, parent: at)
        dentry.isMountRoot = true
        directory.insert(dentry, hash: part.hash)
        at = dentry
      } else {
        var found: Dentry?
        do throws(Errno) { found = try directory.lockedLookup(part, in: at) } catch { found = nil }
        if let found, found.inode.isDirectory {
          at = found
        } else {
          let made = Dentry(
            DirectoryInode(directory.fileSystem, mode: 0o755), name: part.array, parent: at)
          directory.insert(made, hash: part.hash)
          at = made
        }
      }
      directory.tableLock.unlock()
    }
    inode.fileSystem.mountPoint = path
    unsafe mounts.append(inode.fileSystem)
  }
}
