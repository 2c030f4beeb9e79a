import EnclaveRuntime
import LinuxABI
import Synchronization

/// What families cost, for --stats.
enum FamilyStatistics {
  static let switches = Atomic<UInt64>(0)
  /// Bytes saved, restored and exchanged.
  static let bytes = Atomic<UInt64>(0)
}

/// Which content lies in the pages. For every member and every page of its map: if the page is in `saved`,
/// that is its content; otherwise the page itself is, committed or not ("in place"). The resident member has nothing saved.
/// A committed page is in place for at least one member. All of this with the family's lock held.
extension Family {
  /// Before `owner`, which is resident, changes [start, end): the other members for which private pages are in
  /// place there get copies. False: no memory; some may have them already, which does no harm.
  func detach(_ start: UInt, _ end: UInt, from owner: AddressSpace) -> Bool {
    for member in members where member !== owner {
      var i = member.index(above: start)
      while i < member.vmas.count, member.vmas[i].start < end {
        let vma = member.vmas[i]
        i += 1
        guard save(member, vma, max(start, vma.start), min(end, vma.end)) else { return false }
      }
    }
    return true
  }

  /// The same where it cannot fail: a member whose content cannot be kept is lost.
  func detachOrLose(_ start: UInt, _ end: UInt, from owner: AddressSpace) {
    if detach(start, end, from: owner) { return }
    for member in members where member !== owner { forget(member, start, end) }
  }

  /// Saves what a member has in place in [start, end) of one of its mappings.
  private func save(_ member: AddressSpace, _ vma: VMA, _ start: UInt, _ end: UInt) -> Bool {
    var at = start
    while at < end {
      let (isSaved, until) = member.saved.state(at, end)
      if !isSaved, vma.isShared {
        // Its pages go to the object; the member's next access brings them back.
        vma.evictShared(at, until)
        member.saved.insert(.init(start: at, end: until, content: nil))
      } else if !isSaved {
        var page = at
        while page < until {
          guard let (from, to) = CommittedPages.next(page, until, committed: true) else { break }
          if from > page { member.saved.insert(.init(start: page, end: from, content: nil)) }
          guard let run = PageRun(pageCount: Int(to - from) >> 12, isZeroed: false) else {
            return false
          }
          let hidden = vma.effective.isEmpty
          if hidden { PageChange.protect(from, Int(to - from), from: [], to: .PROT_READ) }
          PageContent.save(from, count: Int(to - from), to: run, 0)
          if hidden { PageChange.protect(from, Int(to - from), from: .PROT_READ, to: []) }
          FamilyStatistics.bytes.add(UInt64(to - from), ordering: .relaxed)
          member.saved.insert(.init(start: from, end: to, content: run))
          page = to
        }
        if page < until { member.saved.insert(.init(start: page, end: until, content: nil)) }
      }
      at = until
    }
    return true
  }

  /// A member for which the page at `address` is in place, but for `excluded`; and up to where the answer holds.
  private func holder(
    _ address: UInt, _ end: UInt, besides excluded: AddressSpace?, _ other: AddressSpace?
  ) -> (member: AddressSpace?, until: UInt) {
    var until = end
    for member in members where member !== excluded && member !== other {
      let i = member.index(above: address)
      guard i < member.vmas.count else { continue }
      let vma = member.vmas[i]
      guard vma.start <= address else {
        until = min(until, vma.start)
        continue
      }
      let state = member.saved.state(address, min(until, vma.end))
      until = min(until, state.until)
      if !state.isSaved { return (member, until) }
    }
    return (nil, until)
  }

  /// Puts everything that `space` has saved into its pages; the members that had them in place save theirs.
  /// `discarding`: a map that is over, whose content nobody needs any more.
  func bringIn(_ space: AddressSpace, discarding: AddressSpace?) {
    FamilyStatistics.switches.add(1, ordering: .relaxed)
    for run in space.saved.takeAll() {
      var at = run.start
      while at < run.end {
        guard let i = space.find(at) else {
          panic("a saved page is in no mapping")
        }
        let vma = space.vmas[i]
        var until = min(run.end, vma.end)
        let isCommitted = CommittedPages.contains(at)
        if let (other, _) = CommittedPages.next(at, until, committed: !isCommitted) {
          until = other
        }
        let (holder, end) = holder(at, until, besides: space, discarding)
        until = end
        var old: Protection = vma.effective
        if let owner = holder ?? discarding, let j = owner.find(at) {
          until = min(until, owner.vmas[j].end)
          old = owner.vmas[j].effective
          owner.vmas[j].evictShared(at, until)
        }
        bringIn(space, vma, run.part(at, until), holder, isCommitted: isCommitted, protection: old)
        at = until
      }
    }
    clearRoomToGrow(space)
  }

  /// Below a stack that grows on its own: what others have there must fault for this member, not be found.
  private func clearRoomToGrow(_ space: AddressSpace) {
    for (i, vma) in space.vmas.enumerated() where vma.growsDown {
      let below = i > 0 ? space.vmas[i - 1].end : AddressSpace.lowest
      let reach = min(space.stackLimit, 64 << 20)
      let start = max(below, vma.end > reach ? vma.end - reach : 0)
      if start >= vma.start { continue }
      for member in members where member !== space {
        let j = member.index(above: start)
        guard j < member.vmas.count, member.vmas[j].start < vma.start else { continue }
        detachOrLose(start, vma.start, from: space)
        release(start, vma.start, of: space)
        break
      }
    }
  }

  /// One stretch of pages that are all alike.
  private func bringIn(
    _ space: AddressSpace, _ vma: VMA, _ run: SavedPages.Run, _ holder: AddressSpace?,
    isCommitted: Bool, protection old: Protection
  ) {
    let start = run.start
    let count = Int(run.end - run.start)
    // More than one member has it in place: the others need copies of their own.
    if let holder {
      for member in members where member !== holder && member !== space {
        var i = member.index(above: start)
        while i < member.vmas.count, member.vmas[i].start < run.end {
          let other = member.vmas[i]
          i += 1
          if !save(member, other, max(start, other.start), min(run.end, other.end)) {
            forget(member, start, run.end)
          }
        }
      }
    }
    let new = vma.effective
    guard let content = run.content else {
      // The incoming member has not touched it.
      if let holder {
        if isCommitted {
          if let copy = PageRun(pageCount: count >> 12, isZeroed: false) {
            makeAccessible(start, count, old, write: false)
            PageContent.save(start, count: count, to: copy, 0)
            FamilyStatistics.bytes.add(UInt64(count), ordering: .relaxed)
            holder.saved.insert(.init(start: start, end: run.end, content: copy))
            clear(vma, start, count, from: old.isEmpty ? .PROT_READ : old, to: new)
            return
          }
          outOfMemory(holder)
        }
        holder.saved.insert(.init(start: start, end: run.end, content: nil))
      }
      if isCommitted { clear(vma, start, count, from: old, to: new) }
      return
    }
    if !isCommitted {
      holder?.saved.insert(.init(start: start, end: run.end, content: nil))
      guard CommittedPages.set(start, run.end, true), PageChange.commit(start, count) else {
        _ = CommittedPages.set(start, run.end, false)
        outOfMemory(space)
        return
      }
      FamilyStatistics.bytes.add(
        UInt64(PageContent.load(start, count: count, from: content, run.offset)), ordering: .relaxed
      )
      PageChange.protect(start, count, from: [.PROT_READ, .PROT_WRITE], to: new)
      return
    }
    let now = makeAccessible(start, count, old, write: true)
    var moved = 0
    if let holder {
      moved = PageContent.exchange(start, count: count, with: content, run.offset)
      holder.saved.insert(run)
    } else {
      moved = PageContent.load(start, count: count, from: content, run.offset)
    }
    FamilyStatistics.bytes.add(UInt64(moved), ordering: .relaxed)
    PageChange.protect(start, count, from: now, to: new)
  }

  /// Pages that the kernel is about to read or write; their permissions afterwards.
  @discardableResult
  private func makeAccessible(_ start: UInt, _ count: Int, _ old: Protection, write: Bool)
    -> Protection
  {
    let need: Protection = write ? [.PROT_READ, .PROT_WRITE] : .PROT_READ
    if need.isSubset(of: old) { return old }
    let now = old.union(need)
    PageChange.protect(start, count, from: old, to: now)
    return now
  }

  /// Pages that the incoming member has not touched: zeros are right for memory without a file and save the
  /// page changes; other pages go.
  private func clear(
    _ vma: VMA, _ start: UInt, _ count: Int, from old: Protection, to new: Protection
  ) {
    if vma.object == nil, !vma.isShared, !new.isEmpty || PageChange.isFixed {
      let now = makeAccessible(start, count, old, write: true)
      PageContent.zero(start, count: count)
      PageChange.protect(start, count, from: now, to: new)
    } else {
      PageChange.release(start, count)
      _ = CommittedPages.set(start, start + UInt(count), false)
    }
  }

  /// Gives back the committed pages of [start, end) that are in place for nobody but `space`.
  func release(_ start: UInt, _ end: UInt, of space: AddressSpace) {
    var at = start
    while let (from, to) = CommittedPages.next(at, end, committed: true) {
      var page = from
      while page < to {
        let (member, until) = holder(page, to, besides: space, nil)
        if member == nil {
          PageChange.release(page, Int(until - page))
          _ = CommittedPages.set(page, until, false)
        }
        page = until
      }
      at = to
    }
  }

  /// What a member has in place in [start, end) is lost.
  private func forget(_ member: AddressSpace, _ start: UInt, _ end: UInt) {
    var i = member.index(above: start)
    while i < member.vmas.count, member.vmas[i].start < end {
      let vma = member.vmas[i]
      i += 1
      var at = max(start, vma.start)
      let last = min(end, vma.end)
      while at < last {
        let (isSaved, until) = member.saved.state(at, last)
        if !isSaved {
          vma.evictShared(at, until)
          member.saved.insert(.init(start: at, end: until, content: nil))
          if !vma.isShared { outOfMemory(member) }
        }
        at = until
      }
    }
  }

  /// A member's content could not be kept: like Linux's OOM killer, end it rather than the enclave.
  private func outOfMemory(_ space: AddressSpace) {
    OutOfMemory.tell()
    space.isLost.store(true, ordering: .sequentiallyConsistent)
  }
}
