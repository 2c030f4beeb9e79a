import Glibc
import HostInterface
import LinuxABI
import Synchronization

/// Open objects, the least recently used closed first, so that descriptors do not run out.
final class ObjectCache: Sendable {
  /// Closed when the last reader is done with it, even after it has left the cache.
  final class Entry: Sendable {
    let data: ObjectData
    init(_ data: ObjectData) { self.data = data }
    deinit { if case .descriptor(let fd) = data { close(fd) } }
  }
  private struct State {
    var entries: [UInt64: (entry: Entry, used: UInt64)] = [:]
    var clock: UInt64 = 0
  }
  private let source: any ObjectSource
  private let capacity: Int
  private let state = Mutex(State())

  init(source: any ObjectSource, capacity: Int = 256) {
    self.source = source
    self.capacity = capacity
  }

  func read(
    _ object: UInt64, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    switch try entry(object).data {
    case .bytes(let bytes):
      guard offset < UInt64(bytes.count) else { return 0 }
      let part = bytes[Int(offset)...].prefix(buffer.count)
      buffer.copyBytes(from: part)
      return part.count
    case .descriptor(let fd):
      guard offset <= UInt64(Int64.max) else { throw .EIO }
      var done = 0
      while done < buffer.count {
        let n = pread(fd, buffer.baseAddress! + done, buffer.count - done, off_t(offset) + done)
        if n < 0 && errno == EINTR { continue }
        if n < 0 { throw .EIO }
        if n == 0 { break }
        done += n
      }
      return done
    }
  }

  private func entry(_ object: UInt64) throws(Errno) -> Entry {
    let hit = state.withLock { state -> Entry? in
      state.clock += 1
      guard let found = state.entries[object] else { return nil }
      state.entries[object] = (found.entry, state.clock)
      return found.entry
    }
    if let hit { return hit }
    let entry = Entry(try source.open(object))
    state.withLock { state in
      if state.entries.count >= capacity,
        let oldest = state.entries.min(by: { $0.value.used < $1.value.used })
      {
        state.entries[oldest.key] = nil
      }
      state.entries[object] = (entry, state.clock)
    }
    return entry
  }
}
