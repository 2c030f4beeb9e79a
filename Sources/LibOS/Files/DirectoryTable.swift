import LinuxABI

/// The names in one directory: an open-addressed table of indices into entries kept in the order in
/// which they came. An entry keeps its cookie for life, so a reader of the directory never sees a name
/// twice or misses one that was there all the time (readdir(3)).
struct DirectoryTable {
  enum State: UInt8 {
    /// A dentry is there.
    case present
    /// The lower layer has the name; nobody has asked what it is.
    case unloaded
    /// The name is known not to exist (removed here, or not in the lower layer).
    case negative
    case hole
  }

  struct Entry {
    var hash: UInt32
    var state: State
    /// `d_type` of an unloaded entry.
    var type: UInt8 = 0
    /// Inode number of an unloaded entry, 0 when it is not known.
    var inode: UInt64 = 0
    var cookie: UInt64
    var name: [UInt8]
    var dentry: Dentry?
  }

  private(set) var entries: [Entry] = []
  /// Index + 1; 0 free, UInt32.max removed. The count is a power of two.
  private var table: [UInt32] = []
  private var used = 0
  private var holes = 0
  /// 0 and 1 are `.` and `..`.
  private var nextCookie: UInt64 = 2
  /// Names that exist (present or unloaded).
  private(set) var liveCount = 0
  private(set) var negativeCount = 0

  func find(_ name: Name) -> Int? {
    if table.isEmpty { return nil }
    let mask = table.count - 1
    var i = Int(name.hash) & mask
    while true {
      let slot = table[i]
      if slot == 0 { return nil }
      if slot != .max {
        let index = Int(slot - 1)
        if entries[index].hash == name.hash && name.equals(entries[index].name) { return index }
      }
      i = (i + 1) & mask
    }
  }

  func state(_ index: Int) -> State { entries[index].state }
  func dentry(_ index: Int) -> Dentry? { entries[index].dentry }

  /// Adds a name that is not in the table.
  mutating func add(
    _ name: [UInt8], hash: UInt32, state: State, type: UInt8 = 0, inode: UInt64 = 0, dentry: Dentry?
  ) {
    if (used + 1) * 4 > table.count * 3 { rebuild() }
    entries.append(
      Entry(
        hash: hash, state: state, type: type, inode: inode, cookie: nextCookie, name: name,
        dentry: dentry))
    nextCookie += 1
    put(hash, entries.count - 1)
    count(state, 1)
  }

  /// Changes what an existing name stands for.
  mutating func set(_ index: Int, _ state: State, dentry: Dentry?) {
    count(entries[index].state, -1)
    if entries[index].state == .negative && state == .present {
      // A new file comes after those that a reader has seen.
      let hash = entries[index].hash
      let name = entries[index].name
      drop(index)
      add(name, hash: hash, state: state, dentry: dentry)
      return
    }
    entries[index].state = state
    entries[index].dentry = dentry
    count(state, 1)
  }

  /// Removes a name for good.
  mutating func remove(_ index: Int) {
    count(entries[index].state, -1)
    drop(index)
  }

  /// First entry at or after a cookie.
  func index(atCookie cookie: UInt64) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].cookie < cookie { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func count(_ state: State, _ by: Int) {
    switch state {
    case .present, .unloaded: liveCount += by
    case .negative: negativeCount += by
    case .hole: break
    }
  }

  private mutating func put(_ hash: UInt32, _ index: Int) {
    let mask = table.count - 1
    var i = Int(hash) & mask
    while table[i] != 0 && table[i] != .max { i = (i + 1) & mask }
    if table[i] == 0 { used += 1 }
    table[i] = UInt32(index + 1)
  }

  /// Takes an entry out of the table and leaves a hole in the list.
  private mutating func drop(_ index: Int) {
    let mask = table.count - 1
    let wanted = UInt32(index + 1)
    var i = Int(entries[index].hash) & mask
    while table[i] != wanted { i = (i + 1) & mask }
    table[i] = .max
    if index == entries.count - 1 {
      entries.removeLast()
    } else {
      entries[index].state = .hole
      entries[index].dentry = nil
      entries[index].name = []
      holes += 1
    }
    if holes > 32 && holes * 2 > entries.count { rebuild() }
  }

  private mutating func rebuild() {
    if holes > 0 {
      var kept: [Entry] = []
      kept.reserveCapacity(entries.count - holes + 1)
      for e in entries where e.state != .hole { kept.append(e) }
      entries = kept
      holes = 0
    }
    var size = 8
    while size * 3 < (entries.count + 1) * 6 { size *= 2 }
    table = [UInt32](repeating: 0, count: size)
    used = 0
    for i in entries.indices { put(entries[i].hash, i) }
  }
}
