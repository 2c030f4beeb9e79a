import CHostRuntime
import HostInterface
import LinuxABI

/// Block objects, and the two calls of the development root.
extension HostRequest {
  func blockRead() throws(Errno) -> Int {
    guard let data = buffer.data(argument(2)) else { throw .EIO }
    if JobObjects.covers(argument(0)) {
      guard let jobs = process.jobs else { throw .EIO }
      let count = try jobs.read(argument(0), offset: argument(1), into: data)
      thread.statistics.count(.bytesIn, UInt64(count))
      return count
    }
    if argument(0) >= BlockObject.volumesOffset {
      let count = try process.volumes.read(argument(0), offset: argument(1), into: data)
      thread.statistics.count(.bytesIn, UInt64(count))
      return count
    }
    let count: Int
    if let payload = process.payload, PayloadObjects.covers(argument(0)) {
      count = try payload.read(argument(0), offset: argument(1), into: data)
    } else {
      guard let objects = process.objects else { throw .EIO }
      do {
        count = try objects.read(argument(0), offset: argument(1), into: data)
      } catch {
        throw .EIO
      }
    }
    thread.statistics.count(.bytesIn, UInt64(count))
    return count
  }

  func blockWrite() throws(Errno) -> Int {
    let length = argument(2) & ~HostCall.durableBit
    guard let data = buffer.data(length) else { throw .EIO }
    let bytes = UnsafeRawBufferPointer(data)
    let durable = argument(2) & HostCall.durableBit != 0
    if JobObjects.covers(argument(0)) {
      guard let jobs = process.jobs else { throw .EIO }
      try jobs.write(argument(0), offset: argument(1), from: bytes, durable: durable)
    } else {
      try process.volumes.write(
        argument(0), offset: argument(1), from: bytes, durable: durable)
    }
    thread.statistics.count(.bytesOut, length)
    return Int(length)
  }

  /// An empty name asks for the status of the directory itself.
  func lookup() throws(Errno) -> Int {
    guard let source = process.source, argument(1) <= 255, let name = buffer.data(argument(1))
    else { throw .EIO }
    let record =
      name.isEmpty
      ? try source.status(of: argument(0))
      : try source.lookup(directory: argument(0), name: Array(name))
    for (i, word) in record.words.enumerated() {
      clh_store64(buffer.data.baseAddress! + 8 * i, word)
    }
    return Int(record.index)
  }

  func readdir() throws(Errno) -> Int {
    guard let source = process.source else { throw .EIO }
    let entries = try source.entries(
      of: argument(0), cookie: argument(1), limit: Int(HostBuffer.dataSize))
    guard entries.count <= buffer.data.count else { throw .EIO }
    buffer.data.copyBytes(from: entries)
    return entries.count
  }
}
