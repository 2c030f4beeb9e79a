import EnclaveRuntime
import LinuxABI

/// The image of a small program, committed at once when it is loaded.
///
/// Page by page each segment would cost an exception, and a host call for its pages; most programs touch all
/// of their segments anyway. One EAUG covers the span, then each mapping gets its content and permissions.
extension AddressSpace {
  static let largestPrepopulation: UInt = 1 << 20

  /// Commits [start, end) of a map that no thread runs in yet. Does nothing when the span is large, has holes or
  /// pages already, or when memory is short: then pages come as they are touched.
  func prepopulate(_ start: UInt, _ end: UInt) {
    guard !PageChange.isFixed, end > start, end - start <= Self.largestPrepopulation else { return }
    lock.lock()
    let parts = mappings(covering: start, end)
    lock.unlock()
    var contents: [PageRun?] = []
    for part in parts {
      guard let object = part.object else {
        contents.append(nil)
        continue
      }
      guard let run = PageRun(pageCount: part.count >> 12) else { return }
      var buffer = run.buffer(0, count: run.byteCount)
      do throws(Errno) { _ = try object.read(&buffer, offset: part.offset) } catch { return }
      contents.append(run)
    }
    lock.lock()
    defer { lock.unlock() }
    guard !parts.isEmpty, CommittedPages.set(start, end, true) else { return }
    guard PageChange.commit(start, Int(end - start)) else {
      _ = CommittedPages.set(start, end, false)
      return
    }
    for i in parts.indices {
      let part = parts[i]
      if let content = contents[i] {
        KernelCopy.toCommitted(part.start, content, count: part.count)
        part.rewritten?.apply(part.start, part.end)
      }
      PageChange.protect(
        part.start, part.count, from: [.PROT_READ, .PROT_WRITE], to: part.effective)
    }
  }

  /// The mappings of [start, end) when they are private, cover it without a hole, and have no page yet; else none.
  private func mappings(covering start: UInt, _ end: UInt) -> [VMA] {
    guard CommittedPages.next(start, end, committed: true) == nil else { return [] }
    var found: [VMA] = []
    var at = start
    var i = index(above: start)
    while at < end {
      guard i < vmas.count, vmas[i].start <= at, !vmas[i].isShared, !vmas[i].protection.isEmpty
      else { return [] }
      found.append(vmas[i].part(at, min(end, vmas[i].end)))
      at = vmas[i].end
      i += 1
    }
    return found
  }
}
