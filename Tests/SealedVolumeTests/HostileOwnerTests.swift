import Testing

@testable import SealedVolume

/// Volumes that somebody who has the key made badly on purpose (a job's owner, say): everything is sealed as it should be,
/// and some bytes of what was sealed make no sense. Fuzz/Sources/FuzzVolume does the same for longer.
@Suite("volumes of a hostile owner") struct HostileOwnerTests {
  static func make(
    _ change: @escaping (_ copy: VolumeMemory, _ object: UInt64, _ seal: Int) -> Void
  ) -> [UInt8]? {
    let storage = MemoryStorage()
    do throws(VolumeError) {
      let v = try SealedVolume.create(storage, key: testKey)
      var seal = 0
      v.changeBeforeSealing { copy, object, _, _ in
        change(copy, object, seal)
        seal += 1
      }
      var g = Numbers(state: 5)
      for (i, size) in [10, 5000, 700_000].enumerated() {
        let number = try v.put("folder/\(i)", g.content(size))
        try v.replaceAll(number | VolumeFormat.attributesBit, [1, 0, 1, 0, 0, 0, 0x61, 7])
      }
      try v.commit()
    } catch { return nil }
    return storage.bytes
  }

  /// Everything that can be asked of it. Errors are what is expected; a trap ends the tests.
  static func use(_ image: [UInt8]) {
    for isReadOnly in [true, false] {
      do throws(VolumeError) {
        let storage = MemoryStorage(image)
        storage.capacity = 1 << 23
        let v = try SealedVolume.open(storage, key: testKey, isReadOnly: isReadOnly)
        _ = try? v.check()
        for number in 1..<9 as Range<UInt64> {
          guard let inode = try? v.inode(number) else { continue }
          if inode.isDirectory {
            try? v.forEachEntry(number) { (_) throws(VolumeError) in }
            _ = try? v.lookup(number, bytes("folder"))
          } else {
            _ = try? v.readAll(number, limit: 1 << 20)
            let buffer = VolumeBuffer(count: 8192)
            _ = try? v.read(number, inode.size / 2, into: buffer.memory)
          }
          _ = try? v.readAll(number | VolumeFormat.attributesBit, limit: 1 << 20)
          if !isReadOnly {
            try? v.truncate(number, to: 4100)
            try? v.replaceAll(number, [1, 2, 3])
          }
        }
        if !isReadOnly {
          try v.put("new", [UInt8](repeating: 1, count: 9000))
          try v.commit()
        }
      } catch {}
    }
  }

  @Test("any bytes of any block: an error, never a trap", arguments: 0..<150)
  func random(seed: Int) throws {
    var g = Numbers(state: UInt64(seed) &* 7919 &+ 3)
    let target = Int.random(in: 0..<26, using: &g)
    let isMetadata = seed % 3 != 0
    var seen = 0
    let image = Self.make { copy, object, seal in
      // Most blocks are content, which nobody reads meaning into.
      let counts =
        object == VolumeFormat.superblockObject || object & VolumeFormat.attributesBit != 0
        || object < 3 || object == VolumeFormat.saltTable
      guard counts == isMetadata else { return }
      defer { seen += 1 }
      guard seen == target % (isMetadata ? 9 : 26) else { return }
      for _ in 0..<Int.random(in: 1...6, using: &g) {
        // Small structures stand at the beginning.
        let limit = Bool.random(using: &g) ? 400 : copy.count
        let at = Int.random(in: 0..<limit, using: &g)
        let interesting: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, UInt8(truncatingIfNeeded: g.next())]
        copy[at] = interesting[Int.random(in: 0..<6, using: &g)]
      }
    }
    if let image { Self.use(image) }
  }

  @Test("every field of the superblock's body and of an inode, at its extremes")
  func fields() throws {
    for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] {
      for f in VolumeFormat.Body.all where f.size <= 48 {
        let image = Self.make { copy, object, _ in
          guard object == VolumeFormat.superblockObject else { return }
          for i in 0..<f.size { copy[f.offset + i] = value }
        }
        if let image { Self.use(image) }
      }
      for f in VolumeFormat.Inode.all {
        for number in [1, 2, 3] {
          let image = Self.make { copy, object, _ in
            guard object == VolumeFormat.inodeTable, copy.count == VolumeFormat.blockSize else {
              return
            }
            for i in 0..<f.size { copy[number * VolumeFormat.inodeSize + f.offset + i] = value }
          }
          if let image { Self.use(image) }
        }
      }
    }
  }
}

/// A volume costs memory for what is in it, not for what it says.
@Suite("volumes that point far away") struct FarPointerTests {
  static let far: UInt64 = 1 << 47

  /// The content of the third file (two nodes) leads to `far` blocks; `blockCount`: what the superblock says.
  static func image(blockCount: UInt64?) throws -> [UInt8] {
    let storage = MemoryStorage()
    let v = try SealedVolume.create(storage, key: testKey)
    v.changeBeforeSealing { copy, object, _, level in
      if object == VolumeFormat.superblockObject, let blockCount {
        copy.store(blockCount, VolumeFormat.Body.blockCount.offset)
      }
      guard level == 1, object & VolumeFormat.attributesBit == 0, object > 1, object < 100 else {
        return
      }
      for i in 0..<VolumeFormat.fanOut {
        var p = BlockPointer(copy, i * VolumeFormat.pointerSize)
        if p.isHole { continue }
        p.block = far + UInt64(i) << 20
        p.store(copy, i * VolumeFormat.pointerSize)
      }
    }
    var g = Numbers(state: 5)
    try v.put("file", g.content(120 * 4096))
    try v.commit()
    return storage.bytes
  }

  @Test("a pointer beyond the superblock's count of blocks is damage, to the walk and to a read")
  func beyond() throws {
    let image = try Self.image(blockCount: nil)
    let v = try SealedVolume.open(MemoryStorage(image), key: testKey, isReadOnly: true)
    #expect(throws: VolumeError.damaged("")) { _ = try v.check() }
    let buffer = VolumeBuffer(count: 4096)
    let number = try v.resolve(bytes("file"))
    #expect(throws: VolumeError.damaged("")) { _ = try v.read(number, 0, into: buffer.memory) }
    let w = try SealedVolume.open(MemoryStorage(image), key: testKey, isReadOnly: false)
    do throws(VolumeError) {
      try w.beginWriting()
      Issue.record("it was accepted")
    } catch { #expect("\(error.text)" == "a pointer beyond the volume's end") }
  }

  @Test("a forged count of blocks costs no memory, and new blocks go where there is room")
  func forged() throws {
    let storage = MemoryStorage(try Self.image(blockCount: 1 << 48))
    storage.capacity = 1 << 23
    let v = try SealedVolume.open(storage, key: testKey, isReadOnly: false)
    try v.beginWriting()
    #expect((v.map?.stretchCount ?? 0) <= 122)
    #expect((v.map?.end ?? 0) > Self.far)
    try v.put("new", [UInt8](repeating: 1, count: 9000))
    try v.commit()
    #expect(storage.bytes.count < 1 << 23)
  }

  @Test(
    "a count of blocks that pointers cannot reach is damage",
    arguments: [0, 1, (1 << 48) + 1, .max])
  func impossible(count: UInt64) throws {
    let image = try Self.image(blockCount: count)
    #expect(throws: VolumeError.damaged("")) {
      _ = try SealedVolume.open(MemoryStorage(image), key: testKey, isReadOnly: true)
    }
  }

  @Test("an inode number of 2^39 and a directory of 2^20 buckets cost nothing")
  func largeNumbers() throws {
    let storage = MemoryStorage()
    let v = try SealedVolume.create(storage, key: testKey)
    v.changeBeforeSealing { copy, object, _, _ in
      if object == VolumeFormat.superblockObject {
        copy.store(UInt64(1) << 39, VolumeFormat.Body.nextInode.offset)
        copy.store(
          UInt64(VolumeFormat.inodeSize) << 39,
          VolumeFormat.Body.inodeTable.offset + VolumeFormat.Descriptor.size.offset)
      }
      if object == VolumeFormat.inodeTable {
        // The root directory's size.
        copy.store(
          UInt64(4096) << 20,
          VolumeFormat.inodeSize + VolumeFormat.Inode.content.offset
            + VolumeFormat.Descriptor.size.offset)
      }
    }
    try v.put("file", [1])
    try v.commit()
    let w = try SealedVolume.open(storage, key: testKey, isReadOnly: false)
    let clock = ContinuousClock()
    let start = clock.now
    _ = try? w.check()
    try w.beginWriting()
    try w.forEachEntry(VolumeFormat.rootInode) { (_) throws(VolumeError) in }
    #expect(w.freeInodes.count < 100)
    // Going through them one by one would take minutes.
    #expect(clock.now - start < .seconds(20))
  }
}

@Suite("the map of blocks") struct BlockMapTests {
  @Test("as a set of numbers: marked, allocated, released, committed")
  func model() {
    var g = Numbers(state: 11)
    let map = BlockMap()
    var used: Set<UInt64> = [0, 1]
    var fresh: Set<UInt64> = []
    var pending: Set<UInt64> = []
    for _ in 0..<500 {
      let block = UInt64.random(in: 2..<20_000, using: &g)
      #expect(map.mark(block) == used.insert(block).inserted)
    }
    for step in 0..<40_000 {
      switch Int.random(in: 0..<100, using: &g) {
      case 0..<60:
        let block = map.allocate()
        #expect(block >= 2)
        #expect(used.insert(block).inserted, "step \(step): \(block) was in use")
        fresh.insert(block)
      case 60..<98:
        guard let block = used.randomElement(using: &g), block > 1, !pending.contains(block) else {
          continue
        }
        map.release(block)
        if fresh.remove(block) != nil { used.remove(block) } else { pending.insert(block) }
      default:
        map.freeze()
        fresh = []
        if Bool.random(using: &g) {
          map.committed()
          used.subtract(pending)
          pending = []
        }
      }
      #expect(map.usedCount == used.count - 2)
    }
    #expect(map.end < 60_000)
  }

  @Test("memory follows the number of marks, not the numbers")
  func sparse() {
    var g = Numbers(state: 3)
    let map = BlockMap()
    for _ in 0..<1000 { _ = map.mark(UInt64.random(in: 2..<1 << 48, using: &g)) }
    #expect(map.stretchCount <= 1001)
    #expect(map.allocate() < 4096)
  }
}
