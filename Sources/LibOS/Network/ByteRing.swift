import EnclaveRuntime
import LinuxABI

/// A ring of bytes in pages of its own, which grows as it is filled. Guarded by its owner's lock.
struct ByteRing {
  private var run: PageRun?
  private var head = 0
  private(set) var count = 0

  /// Makes room for `bytes` in all. Throws ENOMEM.
  mutating func reserve(_ bytes: Int) throws(Errno) {
    var size = max(4096, run?.byteCount ?? 0)
    while size < bytes { size *= 2 }
    if let run, run.byteCount == size { return }
    guard let new = PageRun(pageCount: size >> 12) else { throw .ENOMEM }
    if let run, count > 0 {
      let first = min(count, run.byteCount - head)
      new.copy(0, from: run, head, count: first)
      if first < count { new.copy(first, from: run, 0, count: count - first) }
    }
    run = new
    head = 0
  }

  /// Appends up to `wanted` bytes; fewer when the writer's memory ends. There is room for them.
  mutating func append(_ buffer: inout IOBuffer, _ wanted: Int) throws(Errno) -> Int {
    guard let run else { return 0 }
    var done = 0
    while done < wanted {
      let tail = (head + count) % run.byteCount
      let n = min(wanted - done, run.byteCount - tail)
      let moved: Int
      do throws(Errno) { moved = try run.copyIn(tail, count: n, from: &buffer) } catch {
        if done > 0 { return done }
        throw error
      }
      count += moved
      done += moved
      if moved < n { break }
    }
    return done
  }

  /// Takes back the last bytes that were appended.
  mutating func dropLast(_ n: Int) { count -= n }

  /// Copies up to `wanted` bytes from `offset` on to the reader, and leaves them.
  func peek(_ offset: Int, _ buffer: inout IOBuffer, _ wanted: Int) throws(Errno) -> Int {
    guard let run, offset < count else { return 0 }
    let total = min(wanted, count - offset)
    var done = 0
    while done < total {
      let at = (head + offset + done) % run.byteCount
      let n = min(total - done, run.byteCount - at)
      let moved: Int
      do throws(Errno) { moved = try run.copyOut(at, count: n, to: &buffer) } catch {
        if done > 0 { return done }
        throw error
      }
      done += moved
      if moved < n { break }
    }
    return done
  }

  mutating func drop(_ n: Int) {
    guard let run, n > 0 else { return }
    head = (head + n) % run.byteCount
    count -= n
    if count == 0 { head = 0 }
  }

  mutating func clear() {
    run = nil
    head = 0
    count = 0
  }
}
