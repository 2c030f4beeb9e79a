import Glibc
import HostRuntime
import SealedVolume
import VolumeFiles

/// `cloister volume put`: files of this machine into a volume.
struct VolumeCopyIn {
  private let volume: SealedVolume
  private let file: String
  private let sources: [String]
  private var packer: VolumePacker
  var files: Int { packer.files }
  var bytes: UInt64 { packer.bytes }
  var warnings: [String] { packer.warnings }

  init(_ volume: SealedVolume, file: String, sources: [String]) {
    self.volume = volume
    self.file = file
    self.sources = sources
    var status = stat()
    let own = stat(file, &status) == 0 ? FileIdentity(status) : nil
    packer = VolumePacker(volume, .init(keepsOwners: true, replaces: true), excluding: own)
  }

  mutating func run(to: String) throws(HostError) {
    let at = withVolumeErrors(file + ": " + to) { () throws(VolumeError) in
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
    let progress = VolumeProgressLine(
      "sealing", total: isatty(2) != 0 ? VolumePacker.size(of: sources.map { HostPath($0) }) : 0)
    packer.onBytes = { progress.add($0) }
    defer { progress.end() }
    for s in sources {
      var name = s[...]
      while name.utf8.count > 1, name.last == "/" { name.removeLast() }
      let base = name.split(separator: "/").last.map(String.init) ?? ""
      do throws(VolumeFilesError) {
        if base == "." || base == ".." || base.isEmpty {
          // The folder's content, as `cp -a DIR/.` does.
          try packer.addContents(of: HostPath(s), to: at)
        } else {
          try packer.add(HostPath(String(name)), to: at, name: Array(base.utf8), follows: false)
        }
      } catch {
        progress.end()
        throw hostError(file, error, "; the volume is as it was")
      }
    }
  }

  private func now() -> Int64 {
    var t = timespec()
    clock_gettime(CLOCK_REALTIME, &t)
    return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
  }
}

/// The other way. A file that exists is not overwritten.
struct VolumeCopyOut {
  private let volume: SealedVolume
  private let file: String
  private var unpacker: VolumeUnpacker
  private var streamed: UInt64?
  var files: Int { streamed == nil ? unpacker.files : 1 }
  var bytes: UInt64 { streamed ?? unpacker.bytes }
  var warnings: [String] {
    var lines = unpacker.warnings
    lines += unpacker.skipped.map { "\($0) is a device, a socket or a pipe: left out" }
    if unpacker.skippedCount > unpacker.skipped.count {
      lines.append("\(unpacker.skippedCount - unpacker.skipped.count) more were left out")
    }
    return lines
  }

  init(_ volume: SealedVolume, file: String, keepsOwners: Bool) {
    self.volume = volume
    self.file = file
    unpacker = VolumeUnpacker(
      volume,
      .init(merges: true, keepsOwners: keepsOwners, keepsFoldersOpen: false, isDurable: false))
  }

  mutating func run(_ path: String, _ output: String) throws(HostError) {
    let volume = volume
    let number = withVolumeErrors(file + ": " + path) { () throws(VolumeError) in
      try volume.resolve(Array(path.utf8))
    }
    let progress = VolumeProgressLine("opening", total: 0)
    defer { progress.end() }
    if output == "-" { return try stream(number, path, progress) }
    unpacker.onBytes = { progress.add($0) }
    do throws(VolumeFilesError) { try unpacker.copy(number, to: HostPath(output)) } catch {
      progress.end()
      throw hostError(file, error)
    }
  }

  private mutating func stream(
    _ number: UInt64, _ path: String, _ progress: VolumeProgressLine
  ) throws(HostError) {
    let volume = volume
    let inode = withVolumeErrors(file) { () throws(VolumeError) in try volume.inode(number) }
    guard inode?.isRegular == true else {
      throw HostError("\(path) is not a file; give a folder with --output")
    }
    let buffer = VolumeBuffer(count: 1 << 20)
    // Its memory goes with it.
    defer { withExtendedLifetime(buffer) {} }
    let memory = buffer.memory
    var at: UInt64 = 0
    while true {
      let n = withVolumeErrors(file) { () throws(VolumeError) in
        try volume.read(number, at, into: memory)
      }
      streamed = at
      if n == 0 { return }
      var done = 0
      while done < n {
        let m = write(1, memory.address + done, n - done)
        if m < 0 && errno == EINTR { continue }
        guard m > 0 else {
          throw HostError("cannot write standard output: \(String(cString: strerror(errno)))")
        }
        done += m
      }
      at += UInt64(n)
      progress.add(n)
    }
  }
}

private func hostError(_ file: String, _ error: VolumeFilesError, _ more: String = "") -> HostError
{
  switch error.kind {
  case .volume, .malformed: HostError("\(file): \(error.text)\(more)")
  default: HostError(error.text + more)
  }
}

/// `VolumeProgress` for those who are called back.
private final class VolumeProgressLine {
  private var line: VolumeProgress
  init(_ what: String, total: UInt64) { line = VolumeProgress(what, total: total) }
  func add(_ bytes: Int) { line.add(bytes) }
  func end() { line.end() }
}

/// Lines that are no reason to fail.
func warn(_ lines: [String]) {
  for line in lines {
    let text = Array("cloister: \(line)\n".utf8)
    _ = write(2, text, text.count)
  }
}
