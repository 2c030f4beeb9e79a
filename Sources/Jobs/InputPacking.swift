import Glibc
import SealedVolume

/// Puts the owner's files into an input volume: of a folder its contents, of anything else itself by its name.
///
/// Owners and groups are left behind (all is root's inside) and everybody inside may read everything, because the
/// program may not run as root; the bits for execution and the times of modification stay.
struct InputPacking {
  private let target: SealedVolume
  /// The job's file, for messages: what fails here is its side.
  private let name: String
  private let progress: JobProgress?
  private let buffer = VolumeBuffer(count: 1 << 20)
  private var total: UInt64 = 0
  private(set) var files = 0
  private(set) var bytes: UInt64 = 0

  init(_ target: SealedVolume, name: String, progress: JobProgress?) {
    self.target = target
    self.name = name
    self.progress = progress
  }

  mutating func run(_ inputs: [String]) throws(JobsError) {
    total = progress == nil ? 0 : Self.size(of: inputs)
    for input in inputs {
      let status = try Self.status(input)
      if status.st_mode & S_IFMT == S_IFDIR {
        try addContents(of: input, to: VolumeFormat.rootInode)
      } else {
        var name = input[...]
        if let slash = name.lastIndex(of: "/") { name = name[name.index(after: slash)...] }
        // What the owner names is followed, as a copy would.
        try add(input, to: VolumeFormat.rootInode, name: String(name), follows: true)
      }
    }
    if total > 0 { progress?("sealing", total, total) }
  }

  private static func status(_ path: String) throws(JobsError) -> stat {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw JobsError(.missing, "cannot read the input \(path): \(errorText())")
    }
    return status
  }

  private mutating func addContents(of folder: String, to directory: UInt64) throws(JobsError) {
    guard let names = Files.names(in: folder) else {
      throw JobsError(.missing, "cannot read the input \(folder): \(errorText())")
    }
    for name in names.sorted() {
      try add(folder + "/" + name, to: directory, name: name, follows: false)
    }
  }

  private mutating func add(
    _ path: String, to directory: UInt64, name: String, follows: Bool
  ) throws(JobsError) {
    var status = stat()
    guard (follows ? stat(path, &status) : lstat(path, &status)) == 0 else {
      throw JobsError(.missing, "cannot read the input \(path): \(errorText())")
    }
    let kind = status.st_mode & S_IFMT
    guard kind == S_IFREG || kind == S_IFDIR || kind == S_IFLNK else {
      throw JobsError(
        .usage, "the input \(path) is neither a file, nor a folder, nor a link; leave it out")
    }
    var inode = VolumeInode()
    let readable: mode_t = kind == S_IFDIR ? 0o555 : 0o444
    inode.mode = kind == S_IFLNK ? S_IFLNK | 0o777 : kind | (status.st_mode & 0o777) | readable
    inode.setTimes(
      Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
    let bytes = Array(name.utf8)
    let number: UInt64
    do throws(VolumeError) { number = try target.make(directory, bytes, inode) } catch {
      if error == .exists {
        throw JobsError(.usage, "two inputs have the name \(name); rename one")
      }
      throw JobsError(error, self.name)
    }
    switch kind {
    case S_IFDIR: try addContents(of: path, to: number)
    case S_IFLNK: try addLink(path, number)
    default: try addContent(path, number)
    }
  }

  private mutating func addLink(_ path: String, _ number: UInt64) throws(JobsError) {
    files += 1
    var text = [UInt8](repeating: 0, count: 4096)
    let count = text.withUnsafeMutableBytes {
      readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
    }
    guard count >= 0 else {
      throw JobsError(.missing, "cannot read the input \(path): \(errorText())")
    }
    let target = target
    try volume(name) { () throws(VolumeError) in
      try target.replaceAll(number, Array(text[..<count]))
    }
  }

  private mutating func addContent(_ path: String, _ number: UInt64) throws(JobsError) {
    files += 1
    let fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard fd >= 0 else {
      throw JobsError(.missing, "cannot read the input \(path): \(errorText())")
    }
    defer { close(fd) }
    let target = target
    let memory = buffer.memory
    var at: UInt64 = 0
    while true {
      // Full pieces, so that each block is written once.
      var filled = 0
      while filled < memory.count {
        let n = read(fd, memory.address + filled, memory.count - filled)
        if n < 0 && errno == EINTR { continue }
        guard n >= 0 else {
          throw JobsError(.inputOutput, "cannot read the input \(path): \(errorText())")
        }
        if n == 0 { break }
        filled += n
      }
      if filled == 0 { return }
      let piece = memory.slice(0, filled)
      let start = at
      try volume(name) { () throws(VolumeError) in
        try target.write(number, start, from: piece)
      }
      at += UInt64(filled)
      bytes += UInt64(filled)
      progress?("sealing", bytes, max(total, bytes))
      if filled < memory.count { return }
    }
  }

  /// Bytes of all regular files, for the progress bar; what cannot be read is reported later.
  private static func size(of inputs: [String]) -> UInt64 {
    var sum: UInt64 = 0
    var waiting = inputs
    while let path = waiting.popLast() {
      var status = stat()
      guard lstat(path, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFREG { sum += UInt64(status.st_size) }
      guard status.st_mode & S_IFMT == S_IFDIR, let stream = opendir(path) else { continue }
      while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { waiting.append(path + "/" + name) }
      }
      closedir(stream)
    }
    return sum
  }
}
