import EnclaveRuntime

/// What a member of a family has at addresses where the pages hold somebody else's content now.
///
/// Sorted runs that do not overlap. Guarded by the family's lock.
struct SavedPages {
  struct Run {
    var start: UInt
    var end: UInt
    /// nil: the member has not touched these pages; they read as zeros or from their file.
    var content: PageRun?
    /// Of `start` within `content`, bytes.
    var offset = 0

    func part(_ from: UInt, _ to: UInt) -> Run {
      Run(start: from, end: to, content: content, offset: offset + Int(from - start))
    }
  }

  private(set) var runs: [Run] = []
  var isEmpty: Bool { runs.isEmpty }

  /// Index of the first run that ends above `address`.
  private func index(above address: UInt) -> Int {
    var low = 0
    var high = runs.count
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].end > address { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Whether `address` is in a run, and up to where that answer holds (at most `end`).
  func state(_ address: UInt, _ end: UInt) -> (isSaved: Bool, until: UInt) {
    let i = index(above: address)
    guard i < runs.count else { return (false, end) }
    if runs[i].start <= address { return (true, min(end, runs[i].end)) }
    return (false, min(end, runs[i].start))
  }

  /// The range of the run is in no run yet.
  mutating func insert(_ run: Run) {
    let i = index(above: run.start)
    if i > 0, run.content == nil, runs[i - 1].content == nil, runs[i - 1].end == run.start {
      runs[i - 1].end = run.end
      return
    }
    runs.insert(run, at: i)
  }

  /// Takes everything out.
  mutating func takeAll() -> [Run] {
    let all = runs
    runs = []
    return all
  }

  /// Bytes of content that it keeps.
  var byteCount: UInt {
    var sum: UInt = 0
    for run in runs where run.content != nil { sum += run.end - run.start }
    return sum
  }
}
