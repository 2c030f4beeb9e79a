import Glibc
import HostRuntime
import SealedVolume

/// Copies files of this machine into a volume, a mebibyte at a time.
struct VolumeCopyIn {
  private let volume: SealedVolume
  private let file: String
  private let sources: [String]
  private var progress: VolumeProgress
  private let buffer = VolumeBuffer(count: 1 << 20)
  private(set) var files = 0
  private(set) var bytes: UInt64 = 0

  init(_ volume: SealedVolume, file: String, sources: [String]) throws(HostError) {
    self.volume = volume
    self.file = file
    self.sources = sources
    var total: UInt64 = 0
    for s in sources {
      var status = stat()
      guard lstat(s, &status) == 0 else {
        throw HostError("cannot read \(s): \(String(cString: strerror(errno)))")
      }
      if status.st_mode & S_IFMT == S_IFREG { total += UInt64(status.st_size) }
    }
    progress = VolumeProgress("sealing", total: sources.count == 1 ? total : 0)
  }

  mutating func run(to: String) throws(HostError) {
    let at = withVolumeErrors(file) { () throws(VolumeError) in
      var at = VolumeFormat.rootInode
      for name in try SealedVolume.split(Array(to.utf8)) {
        if let e = try volume.lookup(at, name) {
          guard e.type == 4 else { throw .notADirectory }
          at = e.inode
        } else {
          var inode = VolumeInode()
          inode.mode = 0o040755
          inode.uid = getuid()
          inode.gid = getgid()
          inode.setTimes(now())
          at = try volume.make(at, name, inode)
        }
      }
      return at
    }
    for s in sources {
      var name = s[...]
      while name.utf8.count > 1, name.last == "/" { name.removeLast() }
      let base = name.split(separator: "/").last.map(String.init) ?? ""
      if base == "." || base == ".." || base.isEmpty {
        // The folder's content, as `cp -a DIR/.` does.
        try copyContents(s, at)
      } else {
        try copy(s, at, base)
      }
    }
    progress.end()
  }

  private func now() -> Int64 {
    var t = timespec()
    clock_gettime(CLOCK_REALTIME, &t)
    return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
  }

  private mutating func copy(_ source: String, _ directory: UInt64, _ name: String)
    throws(HostError)
  {
    func problem() -> HostError {
      HostError("cannot read \(source): \(String(cString: strerror(errno)))")
    }
    var status = stat()
    guard lstat(source, &status) == 0 else { throw problem() }
    var inode = VolumeInode()
    inode.mode = status.st_mode & 0o177777
    inode.uid = status.st_uid
    inode.gid = status.st_gid
    func ns(_ t: timespec) -> Int64 { Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec) }
    inode.atimeNs = ns(status.st_atim)
    inode.mtimeNs = ns(status.st_mtim)
    inode.ctimeNs = ns(status.st_ctim)
    inode.btimeNs = inode.mtimeNs
    let kind = status.st_mode & S_IFMT
    guard kind == S_IFREG || kind == S_IFDIR || kind == S_IFLNK else {
      throw HostError("\(source) is neither a file, nor a folder, nor a link; leave it out")
    }
    let volume = volume
    let number = withVolumeErrors(file) { () throws(VolumeError) -> UInt64 in
      let bytes = Array(name.utf8)
      if let e = try volume.lookup(directory, bytes) {
        let old = try volume.inode(e.inode)
        if kind == S_IFDIR && old?.isDirectory == true {
          inode.nlink = old?.nlink ?? 2
          try volume.setInode(e.inode, inode)
          return e.inode
        }
        try volume.remove(directory, bytes)
      }
      return try volume.make(directory, bytes, inode)
    }
    if kind == S_IFDIR { return try copyContents(source, number) }
    files += 1
    if kind == S_IFLNK {
      var target = [UInt8](repeating: 0, count: 4096)
      let n = target.withUnsafeMutableBytes {
        readlink(source, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
      }
      guard n >= 0 else { throw problem() }
      withVolumeErrors(file) { () throws(VolumeError) in
        try volume.replaceAll(number, Array(target[..<n]))
      }
      return
    }
    let fd = open(source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard fd >= 0 else { throw problem() }
    defer { close(fd) }
    var at: UInt64 = 0
    while true {
      // Full pieces, so that blocks are written once.
      var filled = 0
      while filled < buffer.memory.count {
        let n = read(fd, buffer.memory.address + filled, buffer.memory.count - filled)
        if n < 0 && errno == EINTR { continue }
        guard n >= 0 else { throw problem() }
        if n == 0 { break }
        filled += n
      }
      if filled == 0 { break }
      let piece = buffer.memory.slice(0, filled)
      withVolumeErrors(file) { () throws(VolumeError) in try volume.write(number, at, from: piece) }
      at += UInt64(filled)
      bytes += UInt64(filled)
      progress.add(filled)
      if filled < buffer.memory.count { break }
    }
  }

  private mutating func copyContents(_ source: String, _ number: UInt64) throws(HostError) {
    guard let dir = opendir(source) else {
      throw HostError("cannot read \(source): \(String(cString: strerror(errno)))")
    }
    var names: [String] = []
    while let e = readdir(dir) {
      let name = withUnsafePointer(to: &e.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    closedir(dir)
    for name in names.sorted() { try copy(source + "/" + name, number, name) }
  }
}

/// The other way. A file that exists is not overwritten.
struct VolumeCopyOut {
  private let volume: SealedVolume
  private let file: String
  private let buffer = VolumeBuffer(count: 1 << 20)
  private var progress = VolumeProgress("opening", total: 0)
  private(set) var files = 0
  private(set) var bytes: UInt64 = 0

  init(_ volume: SealedVolume, file: String) {
    self.volume = volume
    self.file = file
  }

  mutating func run(_ path: String, _ output: String) throws(HostError) {
    let volume = volume
    let number = withVolumeErrors(file + ": " + path) { () throws(VolumeError) in
      try volume.resolve(Array(path.utf8))
    }
    if output == "-" {
      let inode = withVolumeErrors(file) { () throws(VolumeError) in try volume.inode(number) }
      guard inode?.isRegular == true else {
        throw HostError("\(path) is not a file; give a folder with --output")
      }
      try content(number, to: 1, "standard output")
    } else {
      try copy(number, output)
    }
    progress.end()
  }

  private mutating func copy(_ number: UInt64, _ output: String) throws(HostError) {
    func problem() -> HostError {
      HostError("cannot write \(output): \(String(cString: strerror(errno)))")
    }
    let volume = volume
    let found = withVolumeErrors(file) { () throws(VolumeError) in try volume.inode(number) }
    guard let inode = found else { throw HostError("\(file): a name leads to no file") }
    let times = [
      timespec(
        tv_sec: Int(inode.atimeNs / 1_000_000_000), tv_nsec: Int(inode.atimeNs % 1_000_000_000)),
      timespec(
        tv_sec: Int(inode.mtimeNs / 1_000_000_000), tv_nsec: Int(inode.mtimeNs % 1_000_000_000)),
    ]
    if inode.isDirectory {
      guard mkdir(output, 0o700) == 0 || errno == EEXIST else { throw problem() }
      var entries: [VolumeEntry] = []
      withVolumeErrors(file) { () throws(VolumeError) in
        try volume.forEachEntry(number) { (e) throws(VolumeError) in entries.append(e) }
      }
      for e in entries { try copy(e.inode, output + "/" + String(decoding: e.name, as: UTF8.self)) }
      chmod(output, mode_t(inode.mode & 0o777))
    } else if inode.isSymlink {
      let target = withVolumeErrors(file) { () throws(VolumeError) in
        try volume.readAll(number, limit: 4095)
      }
      guard symlink(String(decoding: target, as: UTF8.self), output) == 0 else { throw problem() }
    } else if inode.isRegular {
      let fd = open(
        output, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode_t(inode.mode & 0o777))
      guard fd >= 0 else { throw problem() }
      defer { close(fd) }
      try content(number, to: fd, output)
      futimens(fd, times)
      return
    } else {
      return  // devices and sockets are of no use outside
    }
    utimensat(AT_FDCWD, output, times, AT_SYMLINK_NOFOLLOW)
  }

  private mutating func content(_ number: UInt64, to fd: Int32, _ output: String) throws(HostError)
  {
    let volume = volume
    let buffer = buffer
    var at: UInt64 = 0
    files += 1
    while true {
      let n = withVolumeErrors(file) { () throws(VolumeError) in
        try volume.read(number, at, into: buffer.memory)
      }
      if n == 0 { return }
      var done = 0
      while done < n {
        let m = write(fd, buffer.memory.address + done, n - done)
        if m < 0 && errno == EINTR { continue }
        guard m > 0 else {
          throw HostError("cannot write \(output): \(String(cString: strerror(errno)))")
        }
        done += m
      }
      at += UInt64(n)
      bytes += UInt64(n)
      progress.add(n)
    }
  }
}
