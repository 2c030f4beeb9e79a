@testable import SealedVolume

/// A volume in memory that remembers what was written when, and can fail.
final class MemoryStorage: VolumeStorage {
  struct Write {
    var offset: Int
    var bytes: [UInt8]
    var durable: Bool
  }
  var bytes: [UInt8]
  var log: [Write] = []
  var isLogging = false
  /// Writes beyond this fail as on a full disk.
  var capacity = Int.max
  /// This many writes succeed, the next ones fail.
  var writesLeft = Int.max
  private(set) var readCount = 0

  init(_ bytes: [UInt8] = []) { self.bytes = bytes }

  override func read(_ offset: UInt64, into memory: VolumeMemory) throws(VolumeError) {
    readCount += 1
    memory.zero()
    if offset >= UInt64(bytes.count) { return }
    let n = min(memory.count, bytes.count - Int(offset))
    memory.copy(from: [UInt8](bytes[Int(offset)..<Int(offset) + n]))
  }

  override func write(_ offset: UInt64, from memory: VolumeMemory, durable: Bool)
    throws(VolumeError)
  {
    if writesLeft == 0 { throw .io }
    if writesLeft != .max { writesLeft -= 1 }
    if Int(offset) + memory.count > capacity { throw .noSpace }
    let w = Write(offset: Int(offset), bytes: memory.bytes, durable: durable)
    if isLogging { log.append(w) }
    Self.apply(w, to: &bytes)
  }

  static func apply(_ w: Write, to bytes: inout [UInt8]) {
    let end = w.offset + w.bytes.count
    if end > bytes.count { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
    bytes.replaceSubrange(w.offset..<end, with: w.bytes)
  }
}

let testKey = [UInt8](repeating: 7, count: 32)

func bytes(_ s: String) -> [UInt8] { Array(s.utf8) }

extension SealedVolume {
  @discardableResult
  func put(_ path: String, _ content: [UInt8]) throws(VolumeError) -> UInt64 {
    var parts = try Self.split(Array(path.utf8))
    let name = parts.removeLast()
    var at = VolumeFormat.rootInode
    for p in parts {
      if let e = try lookup(at, p) {
        at = e.inode
      } else {
        var i = VolumeInode()
        i.mode = 0o040755
        at = try make(at, p, i)
      }
    }
    let number: UInt64
    if let e = try lookup(at, name) {
      number = e.inode
    } else {
      var i = VolumeInode()
      i.mode = 0o100644
      number = try make(at, name, i)
    }
    try replaceAll(number, content)
    return number
  }

  /// Everything: path to content (directories: a slash).
  func tree(_ at: UInt64 = VolumeFormat.rootInode, _ path: String = "") throws(VolumeError)
    -> [String: [UInt8]]
  {
    var out: [String: [UInt8]] = [:]
    var entries: [VolumeEntry] = []
    try forEachEntry(at) { entries.append($0) }
    for e in entries {
      let p = path + "/" + String(decoding: e.name, as: UTF8.self)
      if e.type == 4 {
        out[p] = [0x2F]
        for (k, v) in try tree(e.inode, p) { out[k] = v }
      } else {
        out[p] = try readAll(e.inode, limit: 1 << 30)
      }
    }
    return out
  }
}

/// A generator that gives the same numbers each time.
struct Numbers: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
  mutating func content(_ n: Int) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: n)
    for i in out.indices { out[i] = UInt8(truncatingIfNeeded: next()) }
    return out
  }
}
