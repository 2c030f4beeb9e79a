extension SealedVolume {
  private func badHole() -> VolumeError { .damaged("a node is missing") }

  /// The node of `level` that covers block `index << 7 * level`; nil: a hole, when not for writing. Nodes on the way
  /// are read, and made if need be; for writing they become dirty.
  func node(
    _ o: VolumeObject, level: Int, index: UInt64, forWriting: Bool
  ) throws(VolumeError) -> VolumeObject.Node? {
    precondition(level > 0 || o.isMetadata)
    let firstBlock = index << UInt64(7 * level)
    if firstBlock >= VolumeObject.reach(o.height) || level > o.height {
      if !forWriting { return nil }
      try raise(o, toReach: firstBlock, level: level)
    }
    use(o)
    if forWriting { try prepareToWrite() }
    if o.top == nil {
      if o.root.isHole && !forWriting { return nil }
      o.top = try load(o, o.root, level: o.height, index: 0)
    }
    guard var at = o.top else { throw badHole() }
    while true {
      if forWriting && !at.isDirty {
        at.isDirty = true
        o.dirtyNodes += 1
      }
      if at.level == level { return at }
      let shift = UInt64(7 * (at.level - 1))
      let childIndex = firstBlock >> shift
      let slot = Int(childIndex & 127)
      if let child = at.child(slot) {
        at = child
        continue
      }
      let p = at.pointer(slot)
      if p.isHole && !forWriting { return nil }
      let child = try load(o, p, level: at.level - 1, index: childIndex)
      at.setChild(slot, child)
      at = child
    }
  }

  private func load(
    _ o: VolumeObject, _ p: BlockPointer, level: Int, index: UInt64
  ) throws(VolumeError) -> VolumeObject.Node {
    let n = VolumeObject.Node(level: level, index: index)
    if !p.isHole { try get(p, into: n.buffer.memory, object: o.number, index: index, level: level) }
    o.nodeCount += 1
    nodeTotal += 1
    return n
  }

  /// Puts nodes on top until the tree reaches `block` and has a node of `level`.
  private func raise(_ o: VolumeObject, toReach block: UInt64, level: Int) throws(VolumeError) {
    try prepareToWrite()
    while block >= VolumeObject.reach(o.height) || level > o.height {
      guard o.height < VolumeFormat.maximumHeight else { throw .fileTooLarge }
      let above = VolumeObject.Node(level: o.height + 1, index: 0)
      above.setPointer(0, o.root)
      // The block that was on top is the new node's now; flushing must not give it back.
      o.root = BlockPointer()
      if let top = o.top { above.setChild(0, top) }
      above.isDirty = true
      o.top = above
      o.height += 1
      o.nodeCount += 1
      o.dirtyNodes += 1
      nodeTotal += 1
      o.isDirty = true
    }
  }

  /// Writes the dirty nodes of an object, children first; its descriptor then names them.
  func flush(_ o: VolumeObject) throws(VolumeError) {
    guard o.dirtyNodes > 0, let top = o.top else { return }
    let p = try flush(o, top, old: o.root)
    if p != o.root {
      o.root = p
      o.isDirty = true
    }
  }

  private func flush(
    _ o: VolumeObject, _ n: VolumeObject.Node, old: BlockPointer
  ) throws(VolumeError) -> BlockPointer {
    if !n.isDirty { return old }
    for i in n.children.indices {
      guard let child = n.children[i], child.isDirty else { continue }
      let before = n.pointer(i)
      n.setPointer(i, try flush(o, child, old: before))
    }
    // A node without a block below it is a hole itself.
    let p =
      n.level > 0 && n.buffer.memory.isZero
      ? BlockPointer()
      : try put(n.buffer.memory, object: o.number, index: n.index, level: n.level)
    release(old)
    n.isDirty = false
    o.dirtyNodes -= 1
    return p
  }

  /// Bounds the memory: writes and drops the nodes of the objects that were not used for longest. `current` is in
  /// the caller's hands and stays known.
  func trim(_ current: VolumeObject?) throws(VolumeError) {
    if nodeTotal <= nodeLimit && objects.count <= 8192 { return }
    var list: [VolumeObject] = []
    for (_, o) in objects { list.append(o) }
    list.sort { $0.lastUse < $1.lastUse }
    for o in list {
      if nodeTotal <= nodeLimit / 2 && objects.count <= 4096 { return }
      try flush(o)
      drop(o)
      if o === current { continue }
      if o.isDirty { try storeDescriptor(o) }
      objects[o.number] = nil
    }
    if nodeTotal > nodeLimit / 2 {
      try flush(inodes)
      drop(inodes)
    }
  }

  private func drop(_ o: VolumeObject) {
    nodeTotal -= o.nodeCount
    o.nodeCount = 0
    o.top = nil
  }

  // MARK: Data blocks

  /// The pointer of a data block.
  private func pointer(_ o: VolumeObject, _ index: UInt64) throws(VolumeError) -> BlockPointer {
    if index >= VolumeObject.reach(o.height) { return BlockPointer() }
    if o.height == 0 { return o.root }
    guard let n = try node(o, level: 1, index: index >> 7, forWriting: false) else {
      return BlockPointer()
    }
    return n.pointer(Int(index & 127))
  }

  private func setPointer(_ o: VolumeObject, _ index: UInt64, _ p: BlockPointer) throws(VolumeError)
  {
    if o.height == 0 && index == 0 {
      count(o, o.root, p)
      release(o.root)
      o.root = p
      o.isDirty = true
      return
    }
    guard let n = try node(o, level: 1, index: index >> 7, forWriting: true) else {
      throw badHole()
    }
    count(o, n.pointer(Int(index & 127)), p)
    release(n.pointer(Int(index & 127)))
    n.setPointer(Int(index & 127), p)
  }

  /// A pointer to data becomes another one.
  private func count(_ o: VolumeObject, _ old: BlockPointer, _ new: BlockPointer) {
    if o.isMetadata || old.isHole == new.isHole { return }
    if old.isHole { o.blocks &+= 1 } else if o.blocks > 0 { o.blocks -= 1 }
    o.isDirty = true
  }

  /// Data from `offset` on (a multiple of 4096): where they begin, not before `offset`, and the hole behind them; nil:
  /// only a hole is left.
  public func nextExtent(
    _ number: UInt64, from offset: UInt64
  ) throws(VolumeError) -> (start: UInt64, end: UInt64)? {
    guard let start = try nextData(number, from: offset), let o = try object(number) else {
      return nil
    }
    let first = max(start, offset) / 4096
    var block = first
    while block < VolumeObject.reach(o.height), try !pointer(o, block).isHole { block += 1 }
    return (first * 4096, block * 4096)
  }

  /// Reads whole blocks of a data object; holes and what lies beyond its end are zeros.
  func readBlocks(_ o: VolumeObject, _ first: UInt64, into memory: VolumeMemory) throws(VolumeError)
  {
    let count = memory.count / 4096
    var i = 0
    while i < count {
      let p = try pointer(o, first + UInt64(i))
      if p.isHole {
        memory.slice(i * 4096, 4096).zero()
        i += 1
        continue
      }
      var run = [p]
      while i + run.count < count, run.count < largestRead {
        let next = try pointer(o, first + UInt64(i + run.count))
        if next.block != p.block + UInt64(run.count) { break }
        run.append(next)
      }
      try get(
        run, into: memory.slice(i * 4096, run.count * 4096), object: o.number,
        index: first + UInt64(i))
      i += run.count
    }
    try trimReading(o)
  }

  /// Bounds the memory of reading, which must not write: before the first change everything may be dropped. `current`
  /// is in the caller's hands; no other object and no node may be.
  func trimReading(_ current: VolumeObject? = nil) throws(VolumeError) {
    if nodeTotal <= nodeLimit && objects.count <= 8192 { return }
    if map != nil { return try trim(current) }
    for (_, o) in objects { drop(o) }
    var kept: [UInt64: VolumeObject] = [:]
    if let current, objects[current.number] === current { kept[current.number] = current }
    objects = kept
    drop(inodes)
  }

  /// The first block from `index` on that is no hole, found without looking at what holes leave out; nil: there is none.
  func nextBlock(_ o: VolumeObject, from index: UInt64) throws(VolumeError) -> UInt64? {
    if index >= VolumeObject.reach(o.height) { return nil }
    if o.top == nil {
      if o.root.isHole { return nil }
      if o.height == 0 { return 0 }
      o.top = try load(o, o.root, level: o.height, index: 0)
    }
    guard let top = o.top else { return nil }
    return try nextBlock(o, top, from: index)
  }

  /// Depth is bounded by `maximumHeight`.
  private func nextBlock(
    _ o: VolumeObject, _ n: VolumeObject.Node, from index: UInt64
  ) throws(VolumeError) -> UInt64? {
    if n.level == 0 { return n.index }
    let shift = UInt64(7 * (n.level - 1))
    let first = max(index >> shift, n.index << 7)
    for childIndex in first..<((n.index + 1) << 7) {
      let slot = Int(childIndex & 127)
      let p = n.pointer(slot)
      if n.child(slot) == nil && p.isHole { continue }
      if n.level == 1 { return childIndex }
      let child: VolumeObject.Node
      if let known = n.child(slot) {
        child = known
      } else {
        child = try load(o, p, level: n.level - 1, index: childIndex)
        n.setChild(slot, child)
      }
      if let found = try nextBlock(o, child, from: max(index, childIndex << shift)) { return found }
    }
    return nil
  }

  /// Writes whole blocks of a data object. Zeros become holes.
  func writeBlocks(_ o: VolumeObject, _ first: UInt64, from memory: VolumeMemory)
    throws(VolumeError)
  {
    try prepareToWrite()
    for i in 0..<memory.count / 4096 {
      let block = memory.slice(i * 4096, 4096)
      let index = first + UInt64(i)
      if block.isZero {
        if try !pointer(o, index).isHole { try setPointer(o, index, BlockPointer()) }
        continue
      }
      if index >= VolumeObject.reach(o.height) {
        _ = try node(o, level: 1, index: index >> 7, forWriting: true)
      }
      let p = try put(block, object: o.number, index: index, level: 0)
      try setPointer(o, index, p)
    }
    try trim(o)
  }

  /// Gives back every block from `size` on. What stays of the last block is not cleared here.
  func truncate(_ o: VolumeObject, to size: UInt64) throws(VolumeError) {
    let keep = (size + 4095) / 4096
    try prepareToWrite()
    if keep == 0 {
      try releaseAll(o)
    } else if keep < VolumeObject.reach(o.height) {
      if o.top == nil && !o.root.isHole && (o.height > 0 || o.isMetadata) {
        o.top = try load(o, o.root, level: o.height, index: 0)
      }
      if let top = o.top { try cut(o, top, keep: keep) }
    }
    if o.size != size {
      o.size = size
      o.isDirty = true
    }
  }

  private func cut(_ o: VolumeObject, _ n: VolumeObject.Node, keep: UInt64) throws(VolumeError) {
    if n.level == 0 { return }
    if !n.isDirty {
      n.isDirty = true
      o.dirtyNodes += 1
    }
    let span = VolumeObject.reach(n.level - 1)
    let start = n.index << UInt64(7 * n.level)
    for i in 0..<VolumeFormat.fanOut {
      let first = start + UInt64(i) * span
      if first + span <= keep { continue }
      if first >= keep {
        try release(o, n, i)
      } else if n.level > 1 || o.isMetadata {
        if n.child(i) == nil {
          let p = n.pointer(i)
          if p.isHole { continue }
          n.setChild(i, try load(o, p, level: n.level - 1, index: n.index << 7 | UInt64(i)))
        }
        if let child = n.child(i) { try cut(o, child, keep: keep) }
      }
    }
  }

  /// Gives back all that one pointer of a node reaches.
  private func release(_ o: VolumeObject, _ n: VolumeObject.Node, _ i: Int) throws(VolumeError) {
    let p = n.pointer(i)
    if n.level > 1 || o.isMetadata {
      var child = n.child(i)
      if child == nil && !p.isHole && n.level > 1 {
        child = try load(o, p, level: n.level - 1, index: n.index << 7 | UInt64(i))
      }
      if let child {
        if child.level > 0 {
          for k in 0..<VolumeFormat.fanOut { try release(o, child, k) }
        }
        if child.isDirty { o.dirtyNodes -= 1 }
        o.nodeCount -= 1
        nodeTotal -= 1
        n.setChild(i, nil)
      }
    }
    if n.level == 1 { count(o, p, BlockPointer()) }
    release(p)
    n.setPointer(i, BlockPointer())
  }

  func releaseAll(_ o: VolumeObject) throws(VolumeError) {
    if o.height > 0 || o.isMetadata {
      if o.top == nil && !o.root.isHole { o.top = try load(o, o.root, level: o.height, index: 0) }
      if let top = o.top {
        if top.level > 0 {
          for k in 0..<VolumeFormat.fanOut { try release(o, top, k) }
        }
        if top.isDirty { o.dirtyNodes -= 1 }
        o.nodeCount -= 1
        nodeTotal -= 1
        o.top = nil
      }
    }
    release(o.root)
    o.root = BlockPointer()
    o.height = 0
    o.size = 0
    o.blocks = 0
    o.isDirty = true
  }
}
