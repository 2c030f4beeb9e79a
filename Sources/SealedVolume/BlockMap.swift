/// Which blocks are in use, rebuilt from the pointers when a volume is first written to: nothing about it is stored,
/// so nothing about it can be forged. A bit a block: 32 MiB of memory for a volume of 1 TiB.
final class BlockMap {
  private var used: [UInt64] = []
  /// Allocated since the last commit: such a block may be used again at once when it is given back.
  private var fresh: [UInt64] = []
  /// Given back, but part of the last committed state.
  private var pending: [UInt64] = []
  private var cursor: UInt64 = VolumeFormat.firstFreeBlock
  /// One past the highest block in use.
  private(set) var end: UInt64 = VolumeFormat.firstFreeBlock
  private(set) var usedCount = 0

  init() {
    _ = mark(0)
    _ = mark(1)
    usedCount = 0
  }

  private func grow(_ word: Int) {
    while used.count <= word {
      used.append(0)
      fresh.append(0)
    }
  }

  /// False: it was in use already, so two pointers name the same block.
  func mark(_ block: UInt64) -> Bool {
    let word = Int(block >> 6)
    grow(word)
    let bit: UInt64 = 1 << (block & 63)
    if used[word] & bit != 0 { return false }
    used[word] |= bit
    usedCount += 1
    if block >= end { end = block + 1 }
    return true
  }

  func allocate() -> UInt64 {
    var word = Int(cursor >> 6)
    let first = word
    var mask: UInt64 = .max << (cursor & 63)
    while word < used.count {
      let free = ~used[word] & mask
      if free != 0 { return take(word, free.trailingZeroBitCount) }
      mask = .max
      word += 1
    }
    // From the start, where blocks were given back; then beyond the end.
    if usedCount * 8 < used.count * 64 * 7 {
      word = 0
      while word < first {
        if used[word] != .max { return take(word, (~used[word]).trailingZeroBitCount) }
        word += 1
      }
    }
    let next = used.count
    grow(next)
    return take(next, 0)
  }

  private func take(_ word: Int, _ bit: Int) -> UInt64 {
    used[word] |= 1 << UInt64(bit)
    fresh[word] |= 1 << UInt64(bit)
    usedCount += 1
    let block = UInt64(word) << 6 | UInt64(bit)
    cursor = block + 1
    if block >= end { end = block + 1 }
    return block
  }

  func release(_ block: UInt64) {
    let word = Int(block >> 6)
    let bit: UInt64 = 1 << (block & 63)
    if fresh[word] & bit != 0 {
      fresh[word] &= ~bit
      used[word] &= ~bit
      usedCount -= 1
    } else {
      pending.append(block)
    }
  }

  /// A superblock is about to name the fresh blocks.
  func freeze() { for i in fresh.indices { fresh[i] = 0 } }

  /// After a commit: what only the state before it used is free.
  func committed() {
    for block in pending {
      used[Int(block >> 6)] &= ~(1 << (block & 63))
      usedCount -= 1
    }
    if !pending.isEmpty, let lowest = pending.min(), lowest < cursor, pending.count > 64 {
      cursor = lowest
    }
    pending = []
    freeze()
  }
}
