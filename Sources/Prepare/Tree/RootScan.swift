import Glibc
import HostRuntime

/// `--rootfs DIR`: a whole tree.
struct RootScan {
  let base: [UInt8]
  let files: FileSet
  /// Device and inode of folders that must not be in it (the payload that is being written).
  var excluded: [FileIdentity] = []
  /// Mount points of the enclave's own file systems: there as empty directories.
  static let mountPoints: [[UInt8]] = ["/proc", "/sys", "/dev"].map { Array($0.utf8) }

  func run() throws(HostError) {
    guard let top = status(base), top.st_mode & S_IFMT == S_IFDIR else {
      throw HostError("--rootfs \(text(base)): not a folder that can be read")
    }
    files.root.mode = UInt32(top.st_mode)
    // Not recursive: a tree may be as deep as it likes.
    var stack: [(host: [UInt8], guest: [UInt8], node: TreeNode)] = [(base, [], files.root)]
    while let (host, guest, node) = stack.popLast() {
      if Self.mountPoints.contains(guest) { continue }
      guard let names = names(in: host) else {
        throw HostError("cannot read the folder \(text(host)): \(errorText())")
      }
      for name in names {
        let child = host + [0x2F] + name
        guard let s = lstatus(child) else { throw MappedContent.changed(child) }
        if s.st_mode & S_IFMT == S_IFDIR {
          if excluded.contains(where: { $0.device == s.st_dev && $0.inode == s.st_ino }) {
            continue
          }
          // Another file system: a mount point of this machine.
          let isMount = s.st_dev != top.st_dev
          guard let made = files.node(child, s) else { continue }
          node.insert(name, made)
          if !isMount { stack.append((child, guest + [0x2F] + name, made)) }
          continue
        }
        guard let made = files.node(child, s) else {
          files.warn("\(text(child)): a socket, left out")
          continue
        }
        if s.st_mode & S_IFMT == S_IFREG, withPath(child, { access($0, R_OK) }) != 0 {
          throw HostError("cannot read \(text(child)): \(errorText())")
        }
        node.insert(name, made)
      }
    }
    files.note(Array("/".utf8), "--rootfs \(text(base))")
  }
}
