import CVolumeFiles
import Glibc
import SealedVolume

/// Extended attributes of the user's own (`user.*`, xattr(7)) of files and folders of this machine. Others (capabilities,
/// labels) mean something to this machine's kernel alone and stay where they are.
enum HostAttributes {
  static let prefix = Array("user.".utf8)

  /// nil: errno says why. A file system without attributes has none.
  static func read(_ path: HostPath) -> [VolumeAttribute]? {
    guard let list = bytes({ buffer, size in path.call { llistxattr($0, buffer, size) } }) else {
      return errno == ENOTSUP ? [] : nil
    }
    var out: [VolumeAttribute] = []
    for name in list.split(separator: 0) where name.starts(with: prefix) {
      let found = bytes { buffer, size in
        path.call { path in
          HostPath(bytes: Array(name)).call { lgetxattr(path, $0, buffer, size) }
        }
      }
      guard let value = found else {
        // It was removed meanwhile.
        if errno == ENODATA { continue }
        return nil
      }
      out.append(VolumeAttribute(name: Array(name), value: value))
    }
    return out
  }

  /// Asks for the size, then for the bytes, until they fit.
  private static func bytes(_ call: (UnsafeMutablePointer<CChar>?, Int) -> Int) -> [UInt8]? {
    while true {
      let size = call(nil, 0)
      if size < 0 { return nil }
      if size == 0 { return [] }
      var buffer = [UInt8](repeating: 0, count: size)
      let n = buffer.withUnsafeMutableBytes {
        call($0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
      }
      if n < 0 && errno == ERANGE { continue }
      return n < 0 ? nil : Array(buffer[..<n])
    }
  }

  /// False: it could not be set, and errno says why.
  static func set(_ path: HostPath, _ attribute: VolumeAttribute) -> Bool {
    path.call { path in
      HostPath(bytes: attribute.name).call { name in
        attribute.value.withUnsafeBytes {
          lsetxattr(path, name, $0.baseAddress, $0.count, 0)
        }
      }
    } == 0
  }
}
