import EnclaveRuntime
import LinuxABI

/// A stretch of pages to fill: those of one mapping, up to `end`.
struct FilledStretch {
  let end: UInt
  let protection: Protection
  /// What it is filled with, ascending; the rest is zero. `at` counts from the start of the stretch.
  let content: [PagePiece]
  let rewritten: RewrittenObject?
}

/// Pages of user memory that appear with their content.
///
/// Several threads may know the address: one that sees the page before it is full reads zeros that Linux would never
/// show. So each page is put together in kernel memory, with the patches of rewritten system-call sites, and accepted
/// with EACCEPTCOPY (SDM Vol. 3D): content and permissions come in one step, and who is too early faults and waits for
/// the lock that the caller holds. Pages of the page cache that need no change are copied from where they are.
enum FilledPages {
  /// Commits the stretches, which follow each other from `start` on. False: out of memory.
  static func commit(_ start: UInt, _ stretches: [FilledStretch]) -> Bool {
    guard let staging = PageRun(pageCount: 1) else { return false }
    var filler = Filler(staging: staging)
    var current = 0
    var base = start
    return PageChange.commit(start, stretches.map { ($0.end, $0.protection) }) { page in
      while page >= stretches[current].end {
        base = stretches[current].end
        current += 1
        filler.next = 0
      }
      return filler.page(page, from: base, stretches[current])
    }
  }

  /// Puts pages together, ascending within a stretch.
  private struct Filler {
    let staging: PageRun
    var isClear = true
    /// The first piece that may reach the page.
    var next = 0

    init(staging: PageRun) { self.staging = staging }

    /// The address of a page of the kernel's with the content.
    mutating func page(_ page: UInt, from base: UInt, _ stretch: FilledStretch) -> UInt {
      let content = stretch.content
      let at = Int(page - base)
      while next < content.count, content[next].at + content[next].count <= at { next += 1 }
      let isPatched = stretch.rewritten?.isPatched(page, page + 4096) ?? false
      if !isPatched, next < content.count, let whole = content[next].page(at) { return whole }
      if !isClear { staging.zero(0, count: 4096) }
      isClear = true
      var i = next
      while i < content.count, content[i].at < at + 4096 {
        let piece = content[i]
        let begin = max(piece.at, at)
        let end = min(piece.at + piece.count, at + 4096)
        staging.copy(
          begin - at, from: piece.run, piece.from + (begin - piece.at), count: end - begin)
        isClear = false
        i += 1
      }
      if isPatched {
        stretch.rewritten?.apply(page, page + 4096, in: staging.address)
        isClear = false
      }
      return staging.address
    }
  }
}

extension PagePiece {
  /// The address of the page that lies `at` bytes behind the offset asked for, if the piece has all of it as a page.
  fileprivate func page(_ at: Int) -> UInt? {
    let start = from + (at - self.at)
    guard at >= self.at, at + 4096 <= self.at + count, start & 4095 == 0 else { return nil }
    return run.address + UInt(start)
  }
}
