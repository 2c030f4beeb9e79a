import HostInterface
import LinuxABI

/// What `lookup` says of an object; `ObjectStatus` gives the layout.
struct ObjectRecord: Sendable, Equatable {
  var index: UInt64 = 0
  var mode: UInt32 = 0
  var nlink: UInt32 = 0
  var uid: UInt32 = 0
  var gid: UInt32 = 0
  var size: UInt64 = 0
  var inode: UInt64 = 0
  var device: UInt64 = 0
  var rdev: UInt64 = 0
  var mtimeNs: UInt64 = 0
  var ctimeNs: UInt64 = 0
  var atimeNs: UInt64 = 0

  /// The ten words of `ObjectStatus`.
  var words: [UInt64] {
    [
      index, UInt64(mode) | UInt64(nlink) << 32, UInt64(uid) | UInt64(gid) << 32, size, inode,
      device, rdev, mtimeNs, ctimeNs, atimeNs,
    ]
  }

  /// The same as bytes, for the broker's messages.
  var bytes: [UInt8] {
    var out: [UInt8] = []
    for word in words { withUnsafeBytes(of: word.littleEndian) { out.append(contentsOf: $0) } }
    return out
  }
}

extension ObjectRecord {
  init?(words bytes: [UInt8]) {
    guard bytes.count == 80 else { return nil }
    let w = bytes.withUnsafeBytes { p in
      (0..<10).map {
        UInt64(littleEndian: p.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self))
      }
    }
    self.init(
      index: w[0], mode: UInt32(truncatingIfNeeded: w[1]), nlink: UInt32(w[1] >> 32),
      uid: UInt32(truncatingIfNeeded: w[2]), gid: UInt32(w[2] >> 32), size: w[3], inode: w[4],
      device: w[5], rdev: w[6], mtimeNs: w[7], ctimeNs: w[8], atimeNs: w[9])
  }
}

/// Data of an object: an open descriptor, or the bytes themselves when they are few (a link's target).
enum ObjectData: Sendable {
  case descriptor(Int32)
  case bytes([UInt8])
}

/// Where objects come from: the development root, in this process or behind the broker.
protocol ObjectSource: AnyObject, Sendable {
  func lookup(directory: UInt64, name: [UInt8]) throws(Errno) -> ObjectRecord
  func status(of index: UInt64) throws(Errno) -> ObjectRecord
  /// Packed entries for `HostCall.readdir`, at most `limit` bytes.
  func entries(of directory: UInt64, cookie: UInt64, limit: Int) throws(Errno) -> [UInt8]
  func open(_ index: UInt64) throws(Errno) -> ObjectData
}
