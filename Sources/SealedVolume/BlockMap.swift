/// Which blocks are in use, rebuilt from the pointers when a volume is first written to: nothing about it is stored,
/// so nothing about it can be forged.
///
/// Stretches of 4096 blocks that nothing points into take no memory, and those with few pointers take little: who has the
/// key can make pointers that lead anywhere, and each costs us no more than some 200 bytes. A volume of 1 TiB that is in
/// full use takes 50 MiB, and as much again for the blocks that are written between two commits.
final class BlockMap {
  /// 4096 blocks, 16 MiB of the storage.
  private final class Stretch {
    static let shift: UInt64 = 12
    static let size: UInt64 = 1 << shift
    /// Of that many blocks a list is kept, of more a bit for each.
    static let listLimit = 32

    /// The blocks in use while they are few, in no order. Empty when there are `bits`.
    private var list: [UInt16] = []
    private var bits: [UInt64] = []
    /// Allocated since the last commit, a bit a block; empty: none.
    private var fresh: [UInt64] = []
    private(set) var count = 0

    func contains(_ i: Int) -> Bool {
      bits.isEmpty ? list.contains(UInt16(i)) : bits[i >> 6] & (1 << UInt64(i & 63)) != 0
    }

    /// False: it is in use already.
    func insert(_ i: Int) -> Bool {
      if contains(i) { return false }
      count += 1
      if bits.isEmpty && list.count < Self.listLimit {
        list.append(UInt16(i))
        return true
      }
      if bits.isEmpty {
        bits = [UInt64](repeating: 0, count: Int(Self.size) / 64)
        for k in list { bits[Int(k) >> 6] |= 1 << UInt64(k & 63) }
        list = []
      }
      bits[i >> 6] |= 1 << UInt64(i & 63)
      return true
    }

    func remove(_ i: Int) {
      guard contains(i) else { return }
      count -= 1
      if bits.isEmpty {
        list.removeAll { $0 == UInt16(i) }
      } else {
        bits[i >> 6] &= ~(1 << UInt64(i & 63))
      }
    }

    /// The first block from `i` on that is not in use.
    func free(from i: Int) -> Int? {
      if count == Int(Self.size) { return nil }
      if bits.isEmpty {
        var at = i
        while at < Int(Self.size), list.contains(UInt16(at)) { at += 1 }
        return at < Int(Self.size) ? at : nil
      }
      var word = i >> 6
      var mask: UInt64 = .max << UInt64(i & 63)
      while word < bits.count {
        let free = ~bits[word] & mask
        if free != 0 { return word << 6 | free.trailingZeroBitCount }
        mask = .max
        word += 1
      }
      return nil
    }

    func isFresh(_ i: Int) -> Bool {
      !fresh.isEmpty && fresh[i >> 6] & (1 << UInt64(i & 63)) != 0
    }
    func setFresh(_ i: Int) {
      if fresh.isEmpty { fresh = [UInt64](repeating: 0, count: Int(Self.size) / 64) }
      fresh[i >> 6] |= 1 << UInt64(i & 63)
    }
    func clearFresh(_ i: Int) { fresh[i >> 6] &= ~(1 << UInt64(i & 63)) }
    func freeze() { fresh = [] }
  }

  private var stretches: [UInt64: Stretch] = [:]
  /// The one that was used last.
  private var last: (index: UInt64, stretch: Stretch)?
  /// Those with fresh blocks.
  private var freshStretches: Set<UInt64> = []
  /// Given back, but part of the last committed state.
  private var pending: [UInt64] = []
  private var cursor: UInt64 = VolumeFormat.firstFreeBlock
  /// One past the highest block in use.
  private(set) var end: UInt64 = VolumeFormat.firstFreeBlock
  private(set) var usedCount = 0

  init() {
    for block in 0..<VolumeFormat.firstFreeBlock { _ = mark(block) }
    usedCount = 0
  }

  /// Stretches that take memory.
  var stretchCount: Int { stretches.count }

  private func existing(_ index: UInt64) -> Stretch? {
    if let last, last.index == index { return last.stretch }
    guard let found = stretches[index] else { return nil }
    last = (index, found)
    return found
  }

  private func stretch(_ block: UInt64) -> Stretch {
    let index = block >> Stretch.shift
    if let found = existing(index) { return found }
    let made = Stretch()
    stretches[index] = made
    last = (index, made)
    return made
  }

  private func place(_ block: UInt64) -> Int { Int(block & (Stretch.size - 1)) }

  /// False: it was in use already, so two pointers name the same block.
  func mark(_ block: UInt64) -> Bool {
    guard stretch(block).insert(place(block)) else { return false }
    usedCount += 1
    if block >= end { end = block + 1 }
    return true
  }

  func allocate() -> UInt64 {
    var block = free(from: cursor, below: end)
    // From the start, where blocks were given back; then beyond the end.
    if block == nil && UInt64(usedCount) * 8 < end * 7 {
      block = free(from: VolumeFormat.firstFreeBlock, below: min(cursor, end))
    }
    let taken = block ?? end
    _ = mark(taken)
    stretch(taken).setFresh(place(taken))
    freshStretches.insert(taken >> Stretch.shift)
    cursor = taken + 1
    return taken
  }

  private func free(from first: UInt64, below limit: UInt64) -> UInt64? {
    var at = first
    while at < limit {
      guard let stretch = existing(at >> Stretch.shift) else { return at }
      let start = at & ~(Stretch.size - 1)
      if let i = stretch.free(from: place(at)) {
        let block = start + UInt64(i)
        return block < limit ? block : nil
      }
      at = start + Stretch.size
    }
    return nil
  }

  func release(_ block: UInt64) {
    let stretch = stretch(block)
    if stretch.isFresh(place(block)) {
      stretch.clearFresh(place(block))
      stretch.remove(place(block))
      usedCount -= 1
    } else {
      pending.append(block)
    }
  }

  /// A superblock is about to name the fresh blocks.
  func freeze() {
    for index in freshStretches { stretches[index]?.freeze() }
    freshStretches = []
  }

  /// After a commit: what only the state before it used is free.
  func committed() {
    for block in pending {
      stretch(block).remove(place(block))
      usedCount -= 1
    }
    if !pending.isEmpty, let lowest = pending.min(), lowest < cursor, pending.count > 64 {
      cursor = lowest
    }
    pending = []
    freeze()
  }
}
