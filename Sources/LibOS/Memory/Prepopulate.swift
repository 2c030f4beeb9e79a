import EnclaveRuntime
import LinuxABI

/// The image of a small program, committed at once when it is loaded.
///
/// Page by page each segment would cost an exception, and a host call for its pages; most programs touch all
/// of their segments anyway. One EAUG covers the span, and each page appears with its content and the permissions of its
/// segment (EACCEPTCOPY).
extension AddressSpace {
  static let largestPrepopulation: UInt = 1 << 20

  /// Commits [start, end) of a map that no thread runs in yet. Does nothing when the span is large, has holes or
  /// pages already, or when memory is short: then pages come as they are touched.
  func prepopulate(_ start: UInt, _ end: UInt) {
    guard !PageChange.isFixed, end > start, end - start <= Self.largestPrepopulation else { return }
    lock.lock()
    let parts = mappings(covering: start, end)
    lock.unlock()
    var stretches: [FilledStretch] = []
    for part in parts {
      var content: [PagePiece] = []
      if let object = part.object {
        do throws(Errno) { content = try Self.content(of: object, part.offset, part.count) } catch {
          return
        }
      }
      stretches.append(
        FilledStretch(
          end: part.end, protection: part.effective, content: content, rewritten: part.rewritten))
    }
    lock.lock()
    defer { lock.unlock() }
    guard !parts.isEmpty, CommittedPages.set(start, end, true) else { return }
    // Zeros that can be written are what EACCEPT gives by itself.
    let isPlain = parts.allSatisfy {
      $0.object == nil && $0.effective == [.PROT_READ, .PROT_WRITE]
    }
    let ok =
      isPlain
      ? PageChange.commit(start, Int(end - start)) : FilledPages.commit(start, stretches)
    if !ok { _ = CommittedPages.set(start, end, false) }
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
