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
