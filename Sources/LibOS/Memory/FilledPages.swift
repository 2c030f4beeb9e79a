import EnclaveRuntime

/// Pages of user memory that appear with their content.
///
/// Several threads may know the address: one that sees the page before it is full reads zeros that Linux would never
/// show. So each page is put together in kernel memory, with the patches of rewritten system-call sites, and accepted
/// with EACCEPTCOPY (SDM Vol. 3D): content and permissions come in one step, and who is too early faults and waits for
/// the lock that the caller holds. Pages of the page cache that need no change are copied from where they are.
enum FilledPages {
  /// Commits [from, to), of which `content` has the bytes, ascending; the rest is zero. False: out of memory.
  static func commit(
    _ from: UInt, _ to: UInt, _ content: [PagePiece], _ rewritten: RewrittenObject?,
    as protection: Protection
  ) -> Bool {
    guard let staging = PageRun(pageCount: 1) else { return false }
    var isClear = true
    var next = 0
    return PageChange.commit(from, Int(to - from), as: protection) { page in
      let at = Int(page - from)
      while next < content.count, content[next].at + content[next].count <= at { next += 1 }
      let isPatched = rewritten?.isPatched(page, page + 4096) ?? false
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
        rewritten?.apply(page, page + 4096, in: staging.address)
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
