import EnclaveRuntime
import LinuxABI

/// Walks a path as Linux does (path_resolution(7)).
///
/// The rules that matter: every component but the last must be a directory that may be searched; a
/// trailing slash makes the last one so, too; at most 40 symbolic links; `..` at the root is the root.
struct PathWalk {
  let task: Task
  let root: Dentry
  var at: Dentry
  private var path: [UInt8]
  private var position = 0
  private var linkCount = 0
  private let credentials: FileCredentials
  var resolve: ResolveFlags = []
  /// RESOLVE_BENEATH and RESOLVE_IN_ROOT: what `..` and absolute links may not leave.
  private var scope: Dentry?
  /// The walk has needed the root already. Linux looks for it only then, and RESOLVE_NO_XDEV takes an absolute link before
  /// that for one out of the mount (nd_jump_root() in fs/namei.c; seen on 6.1).
  private var hasSeenRoot: Bool

  /// What the walk to the parent stopped at.
  enum Last {
    case name(Name)
    case dot
    case dotDot
    /// The path was nothing but slashes.
    case root
  }

  /// `base`: where a relative path starts.
  init(_ task: Task, _ path: [UInt8], base: Dentry?, resolve: ResolveFlags = []) throws(Errno) {
    self.task = task
    self.path = path
    self.resolve = resolve
    credentials = task.fileCredentials
    let context = task.process.fileSystem
    var root = context.root
    if path.isEmpty { throw .ENOENT }
    if !resolve.isDisjoint(with: [.RESOLVE_BENEATH, .RESOLVE_IN_ROOT]) {
      let start = base ?? context.cwd
      scope = start
      if resolve.contains(.RESOLVE_IN_ROOT) { root = start }
      if path[0] == 0x2F {
        if resolve.contains(.RESOLVE_BENEATH) { throw .EXDEV }
      }
      at = start
    } else if path[0] == 0x2F {
      at = root
    } else {
      at = base ?? context.cwd
    }
    self.root = root
    hasSeenRoot = scope != nil || path[0] == 0x2F
  }

  /// Walks everything but the last component. `at` is the directory it is in.
  mutating func walkToLast() throws(Errno) -> (last: Last, trailingSlash: Bool) {
    while true {
      skipSlashes()
      if position >= path.count { return (.root, true) }
      let start = position
      var hash = Name.hashStart
      let end = path.count
      var i = start
      while i < end {
        let b = path[i]
        if b == 0x2F { break }
        hash = Name.step(hash, b)
        i += 1
      }
      position = i
      let name = Name(path, start, i, hash: hash)
      skipSlashes()
      try credentials.check(at.inode, .search)
      let isLast = position >= end
      if name.isDot {
        if isLast { return (.dot, true) }
        continue
      }
      if name.isDotDot {
        if isLast { return (.dotDot, true) }
        try goUp()
        continue
      }
      if isLast { return (.name(name), i < end) }
      guard let next = try at.inode.lookup(name, in: at) else { throw .ENOENT }
      if next.inode.isSymlink {
        try follow(next)
        if !at.inode.isDirectory { throw .ENOTDIR }
      } else {
        guard next.inode.isDirectory else { throw .ENOTDIR }
        try enter(next)
      }
    }
  }

  /// Walks to the end. With `follow` a link at the end is followed; it always is before a slash.
  mutating func walk(follow followLast: Bool) throws(Errno) -> Dentry {
    while true {
      let (last, slash) = try walkToLast()
      switch last {
      case .root: return at
      case .dot: return at
      case .dotDot:
        try goUp()
        return at
      case .name(let name):
        guard let found = try at.inode.lookup(name, in: at) else { throw .ENOENT }
        if found.inode.isSymlink && (followLast || slash) {
          if try followEnd(found) { continue }
          if slash && !at.inode.isDirectory { throw .ENOTDIR }
          return at
        }
        if slash && !found.inode.isDirectory { throw .ENOTDIR }
        try enter(found)
        return found
      }
    }
  }

  /// Follows a link that is the last component. False: it was a magic link, `at` is its target.
  mutating func followEnd(_ link: Dentry) throws(Errno) -> Bool {
    let before = position
    _ = before
    return try follow(link)
  }

  private mutating func skipSlashes() {
    while position < path.count && path[position] == 0x2F { position += 1 }
  }

  private mutating func enter(_ next: Dentry) throws(Errno) {
    if resolve.contains(.RESOLVE_NO_XDEV) && next.inode.fileSystem !== at.inode.fileSystem {
      throw .EXDEV
    }
    at = next
  }

  mutating func goUp() throws(Errno) {
    hasSeenRoot = true
    if let scope, at === scope {
      if resolve.contains(.RESOLVE_BENEATH) { throw .EXDEV }
      return
    }
    if at === root { return }
    let up = at.dotDot
    if resolve.contains(.RESOLVE_NO_XDEV) && up.inode.fileSystem !== at.inode.fileSystem {
      throw .EXDEV
    }
    at = up
  }

  /// Puts the link's target before what is left of the path. True: go on walking.
  @discardableResult
  private mutating func follow(_ link: Dentry) throws(Errno) -> Bool {
    linkCount += 1
    if linkCount > 40 || resolve.contains(.RESOLVE_NO_SYMLINKS) { throw .ELOOP }
    if let target = try link.inode.magicTarget(task) {
      if resolve.contains(.RESOLVE_NO_MAGICLINKS) { throw .ELOOP }
      if scope != nil { throw .EXDEV }
      at = target
      return false
    }
    let target = try link.inode.readLink(task)
    if target.isEmpty { throw .ENOENT }
    let hadSlash = position > 0 && path[position - 1] == 0x2F
    var new = target
    if position < path.count || hadSlash {
      new.append(0x2F)
      if position < path.count { new.append(contentsOf: path[position...]) }
    }
    path = new
    position = 0
    if target[0] == 0x2F {
      if resolve.contains(.RESOLVE_BENEATH) { throw .EXDEV }
      if resolve.contains(.RESOLVE_NO_XDEV),
        !hasSeenRoot || root.inode.fileSystem !== at.inode.fileSystem
      {
        throw .EXDEV
      }
      hasSeenRoot = true
      at = root
    }
    return true
  }
}

/// `how.resolve` of openat2(2).
struct ResolveFlags: OptionSet {
  var rawValue: UInt64
  static var RESOLVE_NO_XDEV: ResolveFlags { ResolveFlags(rawValue: 1) }
  static var RESOLVE_NO_MAGICLINKS: ResolveFlags { ResolveFlags(rawValue: 2) }
  static var RESOLVE_NO_SYMLINKS: ResolveFlags { ResolveFlags(rawValue: 4) }
  static var RESOLVE_BENEATH: ResolveFlags { ResolveFlags(rawValue: 8) }
  static var RESOLVE_IN_ROOT: ResolveFlags { ResolveFlags(rawValue: 16) }
  static var RESOLVE_CACHED: ResolveFlags { ResolveFlags(rawValue: 32) }
  static var all: ResolveFlags { ResolveFlags(rawValue: 63) }
}
