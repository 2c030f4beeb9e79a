import Glibc
import SealedVolume

/// A path of this machine as Linux has it: any bytes but NUL. A `String` cannot hold names that are not UTF-8.
public struct HostPath: Sendable {
  public let bytes: [UInt8]

  public init(_ text: String) { bytes = Array(text.utf8) }
  init(bytes: [UInt8]) { self.bytes = bytes }

  func appending(_ name: [UInt8]) -> HostPath {
    HostPath(bytes: bytes + (bytes.last == 0x2F ? [] : [0x2F]) + name)
  }

  /// For messages: what could play with a terminal is written `\xNN`.
  public var text: String { Self.text(bytes) }

  public static func text(_ name: [UInt8]) -> String {
    if !name.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
      return String(decoding: name, as: UTF8.self)
    }
    var out: [UInt8] = []
    for b in name {
      if b >= 0x20 && b != 0x7F {
        out.append(b)
      } else {
        let digits = Array("0123456789abcdef".utf8)
        out += [0x5C, 0x78, digits[Int(b >> 4)], digits[Int(b & 15)]]
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  func call<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
    (bytes + [0]).withUnsafeBytes { body($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
  }

  func status(follows: Bool = false) -> stat? {
    var status = stat()
    return call { follows ? stat($0, &status) : lstat($0, &status) } == 0 ? status : nil
  }

  /// What is in a folder, sorted, without `.` and `..`; nil: it cannot be read, and errno says why.
  func names() -> [[UInt8]]? {
    guard let stream = call({ opendir($0) }) else { return nil }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: UInt8.self, capacity: 256) { p -> [UInt8] in
          var count = 0
          while count < 255, p[count] != 0 { count += 1 }
          return Array(UnsafeBufferPointer(start: p, count: count))
        }
      }
      if name != [0x2E] && name != [0x2E, 0x2E] { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { return nil }
    names.sort { $0.lexicographicallyPrecedes($1) }
    return names
  }

  /// Removes a file, or a folder with all that is in it; links are not followed. What cannot be removed stays.
  public func removeTree() {
    guard let status = status() else { return }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      _ = call { unlink($0) }
      return
    }
    _ = call { chmod($0, 0o700) }
    for name in names() ?? [] { appending(name).removeTree() }
    _ = call { rmdir($0) }
  }

  /// A symbolic link's target; nil: errno says why.
  func readLink() -> [UInt8]? {
    var target = [UInt8](repeating: 0, count: 4096)
    let n = call { path in
      target.withUnsafeMutableBytes {
        readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
      }
    }
    return n < 0 ? nil : Array(target[..<n])
  }
}

/// Why files were not copied into or out of a volume.
public struct VolumeFilesError: Error {
  public enum Kind: Sendable {
    /// A file of this machine cannot be read.
    case source
    /// It is of a kind that a volume does not take from outside.
    case refused
    /// Two sources have one name.
    case twice
    /// A file of this machine cannot be written.
    case target
    /// The volume makes no sense, which only a holder of its key can bring about.
    case malformed
    case volume(VolumeError)
  }
  public let kind: Kind
  /// One line, without the volume's name.
  public let text: String

  init(_ kind: Kind, _ text: String) {
    self.kind = kind
    self.text = text
  }
}

/// A file of this machine, whatever its names are.
public struct FileIdentity: Hashable, Sendable {
  let device: UInt64
  let inode: UInt64
  public init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}

func errorText() -> String { String(cString: strerror(errno)) }

/// Runs `body`; what the volume cannot do is said of `path`.
func volume<R>(
  _ path: HostPath, _ body: () throws(VolumeError) -> R
) throws(VolumeFilesError) -> R {
  do throws(VolumeError) { return try body() } catch {
    throw VolumeFilesError(.volume(error), "\(path.text): \(error.text)")
  }
}
