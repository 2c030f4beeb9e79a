/// Keeps one long read of a large file from filling the page cache (2Q: Johnson and Shasha, 1994).
///
/// Chunks that come in for the first time wait in a queue of bounded length; when it is full the oldest makes way
/// for the next one. A chunk that is asked for again after that stays like any other. So a file that is
/// read once costs 32 MiB, and one that is read again is cached. Guarded by the inode's lock.
struct FirstReads {
  /// Chunks of 128 KiB: 32 MiB.
  static let limit = 256
  /// Chunks from here on (128 GiB) are not counted: a sparse file's may be anywhere.
  static let reach: UInt64 = 1 << 20
  /// Bit i: chunk i has been read before.
  private var seen: [UInt64] = []
  /// A ring of chunk numbers, the oldest at `head` once it is full.
  private var waiting: [UInt64] = []
  private var head = 0

  /// Chunk `index` comes in. The chunk that makes way for it; nil: none has to.
  mutating func note(_ index: UInt64) -> UInt64? {
    let word = Int(index >> 6)
    let bit: UInt64 = 1 << (index & 63)
    while seen.count <= word { seen.append(0) }
    if seen[word] & bit != 0 { return nil }
    seen[word] |= bit
    if waiting.count < Self.limit {
      waiting.append(index)
      return nil
    }
    let oldest = waiting[head]
    waiting[head] = index
    head = (head + 1) % Self.limit
    return oldest
  }
}
