import EnclaveRuntime

/// A piece of a regular file: the pages of it that are in memory, in one run.
struct Chunk {
  var run: PageRun?
  /// Bit i: page i has content.
  var present: UInt32 = 0
  /// Bit i: page i was written, the lower layer does not have it. Present and not dirty without one:
  /// fallocate(2) reserved it, SEEK_DATA still calls it a hole.
  var dirty: UInt32 = 0

  /// The bits of pages `first` to `last`.
  static func bits(_ first: Int, _ last: Int) -> UInt32 {
    let count = last - first + 1
    let mask: UInt32 = count >= 32 ? .max : (1 << UInt32(count)) - 1
    return mask << UInt32(first)
  }
}

/// The chunks of a file by number: an array for those near its start, a sorted list for those beyond, which sparse
/// files of terabytes have.
///
/// The file's `lock` guards it. It counts nothing: `RegularInode.setChunk` does.
struct ChunkTable {
  /// Chunks 0 ..< nearLimit, as far as needed.
  var near: [Chunk] = []
  /// Chunks beyond, sorted.
  var far: [FarChunk] = []
  static let nearLimit: UInt64 = 1 << 16

  struct FarChunk {
    var index: UInt64
    var chunk: Chunk
  }

  /// The chunk, an empty one where there is none.
  func get(_ index: UInt64) -> Chunk {
    if index < UInt64(near.count) { return near[Int(index)] }
    if index < Self.nearLimit { return Chunk() }
    let at = farIndex(index)
    if at < far.count && far[at].index == index { return far[at].chunk }
    return Chunk()
  }

  mutating func set(_ index: UInt64, _ value: Chunk) {
    if index < Self.nearLimit {
      while UInt64(near.count) <= index { near.append(Chunk()) }
      near[Int(index)] = value
      return
    }
    let at = farIndex(index)
    if at < far.count && far[at].index == index {
      far[at].chunk = value
    } else {
      far.insert(FarChunk(index: index, chunk: value), at: at)
    }
  }

  /// Where in `far` the chunk is, or would be.
  func farIndex(_ index: UInt64) -> Int {
    var low = 0
    var high = far.count
    while low < high {
      let middle = (low + high) / 2
      if far[middle].index < index { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The number after the last chunk's.
  var end: UInt64 { (far.last?.index).map { $0 + 1 } ?? UInt64(near.count) }

  /// The first chunk in the table from `index` on: nothing lies between. nil: there is none.
  func next(from index: UInt64) -> UInt64? {
    if index < UInt64(near.count) { return index }
    let at = farIndex(index)
    return at < far.count ? far[at].index : nil
  }
}
