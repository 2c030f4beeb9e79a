import Testing

@testable import SealedVolume

@Suite("sealed volume") struct VolumeTests {
  @Test("an empty volume has a root directory") func empty() throws {
    let s = MemoryStorage()
    let v = try SealedVolume.create(s, key: testKey, mode: 0o700, uid: 5)
    #expect(v.sequence == 1)
    let w = try SealedVolume.open(s, key: testKey, isReadOnly: true)
    #expect(try w.inode(1)?.mode == 0o040700)
    #expect(try w.inode(1)?.uid == 5)
    #expect(try w.tree().isEmpty)
    #expect(w.root == v.root)
    #expect(try w.check().directories == 1)
  }

  @Test("files of all sizes come back after opening again") func sizes() throws {
    var g = Numbers(state: 1)
    let s = MemoryStorage()
    let v = try SealedVolume.create(s, key: testKey)
    var expected: [String: [UInt8]] = ["/d": [0x2F]]
    for n in [0, 1, 4095, 4096, 4097, 8192, 300_000, 128 * 4096, 128 * 4096 + 1, 3_000_000] {
      let content = g.content(n)
      try v.put("d/\(n)", content)
      expected["/d/\(n)"] = content
    }
    #expect(try v.tree() == expected)
    try v.commit()
    #expect(try v.tree() == expected)
    let w = try SealedVolume.open(s, key: testKey, isReadOnly: true)
    #expect(try w.tree() == expected)
    #expect(try w.check().files == 10)
    #expect(throws: VolumeError.readOnly) { try w.put("x", [1]) }
  }

  @Test("what a random run of operations leaves is what a dictionary says", arguments: 1...6)
  func model(seed: Int) throws {
    var g = Numbers(state: UInt64(seed))
    let s = MemoryStorage()
    var v = try SealedVolume.create(s, key: testKey)
    v.nodeLimit = seed % 2 == 0 ? 8 : 4096
    var model: [String: [UInt8]] = [:]
    func number(_ name: String) throws -> UInt64 { try v.resolve(bytes(name)) }
    for step in 0..<400 {
      let name = "f\(Int.random(in: 0..<12, using: &g))"
      switch Int.random(in: 0..<10, using: &g) {
      case 0, 1, 2:
        let at = Int.random(in: 0..<(1 << Int.random(in: 1..<21, using: &g)), using: &g)
        let data = g.content(Int.random(in: 1..<30000, using: &g))
        if model[name] == nil {
          try v.put(name, [])
          model[name] = []
        }
        let b = VolumeBuffer(count: data.count)
        b.memory.copy(from: data)
        try v.write(number(name), UInt64(at), from: b.memory)
        var m = model[name]!
        if m.count < at + data.count {
          m += [UInt8](repeating: 0, count: at + data.count - m.count)
        }
        m.replaceSubrange(at..<at + data.count, with: data)
        model[name] = m
      case 3, 4:
        guard var m = model[name] else { continue }
        let n = Int.random(in: 0..<(1 << Int.random(in: 1..<21, using: &g)), using: &g)
        try v.truncate(number(name), to: UInt64(n))
        if n < m.count {
          m.removeLast(m.count - n)
        } else {
          m += [UInt8](repeating: 0, count: n - m.count)
        }
        model[name] = m
      case 5:
        if model.removeValue(forKey: name) != nil { try v.remove(1, bytes(name)) }
      case 6:
        try v.commit()
      case 7:
        try v.commit()
        v = try SealedVolume.open(s, key: testKey, isReadOnly: false)
        v.nodeLimit = seed % 2 == 0 ? 8 : 4096
      default:
        guard let m = model[name] else { continue }
        #expect(try v.readAll(number(name), limit: 1 << 22) == m, "step \(step)")
      }
    }
    try v.commit()
    let w = try SealedVolume.open(s, key: testKey, isReadOnly: true)
    let found = try w.tree()
    #expect(found.count == model.count)
    for (name, m) in model { #expect(found["/" + name] == m) }
    let report = try w.check()
    #expect(report.files == model.count)
    // Nothing is lost: the blocks in use are not many more than the content needs.
    var needed = 8
    for (_, m) in model { needed += (m.count + 4095) / 4096 + (m.count >> 19) + 3 }
    #expect(report.blocks <= needed)
  }

  @Test("a directory of 5000 names") func manyNames() throws {
    let s = MemoryStorage()
    let v = try SealedVolume.create(s, key: testKey)
    v.nodeLimit = 64
    for i in 0..<5000 { try v.put("dir/name-\(i)", bytes("\(i)")) }
    try v.commit()
    let w = try SealedVolume.open(s, key: testKey, isReadOnly: false)
    let dir = try w.resolve(bytes("dir"))
    for i in stride(from: 0, to: 5000, by: 7) {
      let e = try #require(try w.lookup(dir, bytes("name-\(i)")))
      #expect(try w.readAll(e.inode, limit: 100) == bytes("\(i)"))
    }
    #expect(try w.lookup(dir, bytes("name-5000")) == nil)
    for i in 0..<5000 where i % 2 == 0 { try w.remove(dir, bytes("name-\(i)")) }
    try w.commit()
    let r = try SealedVolume.open(s, key: testKey, isReadOnly: true)
    #expect(try r.check().files == 2500)
    #expect(throws: VolumeError.notEmpty) { try w.remove(1, bytes("dir")) }
  }

  @Test("space of removed files is used again") func reuse() throws {
    var g = Numbers(state: 3)
    let s = MemoryStorage()
    let v = try SealedVolume.create(s, key: testKey)
    let content = g.content(1 << 20)
    for _ in 0..<20 {
      try v.put("a", content)
      try v.commit()
    }
    #expect(s.bytes.count < 4 << 20)
    for _ in 0..<20 { try v.put("a", content) }
    try v.commit()
    #expect(s.bytes.count < 5 << 20)
  }

  @Test("sparse files keep their holes") func holes() throws {
    let s = MemoryStorage()
    let v = try SealedVolume.create(s, key: testKey)
    let f = try v.put("sparse", [])
    let b = VolumeBuffer(count: 3)
    b.memory.copy(from: [1, 2, 3])
    try v.write(f, 1 << 40, from: b.memory)
    try v.commit()
    #expect(s.bytes.count < 200_000)
    let w = try SealedVolume.open(s, key: testKey, isReadOnly: true)
    #expect(try w.inode(f)?.size == (1 << 40) + 3)
    let r = VolumeBuffer(count: 10)
    #expect(try w.read(f, (1 << 40) - 2, into: r.memory) == 5)
    #expect(r.memory.slice(0, 5).bytes == [0, 0, 1, 2, 3])
  }

  @Test("a wrong key, no volume, a newer version, the wrong root") func refusals() throws {
    let s = MemoryStorage()
    let v = try SealedVolume.create(s, key: testKey)
    let first = v.root
    try v.put("a", [1])
    try v.commit()
    #expect(throws: VolumeError.wrongKey) {
      try SealedVolume.open(s, key: [UInt8](repeating: 8, count: 32), isReadOnly: true)
    }
    #expect(throws: VolumeError.notAVolume) {
      try SealedVolume.open(MemoryStorage(), key: testKey, isReadOnly: true)
    }
    let newer = MemoryStorage(s.bytes)
    for slot in [0, 4096] { newer.bytes[slot + 8] = 2 }
    #expect(throws: VolumeError.newerVersion(2)) {
      try SealedVolume.open(newer, key: testKey, isReadOnly: true)
    }
    #expect(throws: VolumeError.newerVersion(2)) { try SealedVolume.header(newer) }
    #expect(throws: VolumeError.rolledBack(found: 2, expected: 1)) {
      try SealedVolume.open(s, key: testKey, isReadOnly: true, expected: first)
    }
    #expect(
      try SealedVolume.open(s, key: testKey, isReadOnly: true, expected: v.root).sequence == 2)
    let other = try SealedVolume.create(MemoryStorage(), key: testKey)
    #expect(throws: VolumeError.otherVolume) {
      try SealedVolume.open(s, key: testKey, isReadOnly: true, expected: other.root)
    }
    #expect(VolumeRoot(v.root.bytes) == v.root)
  }

  @Test("a disk that fills up within a commit: nothing is lost, and it may be tried again")
  func diskFull() throws {
    var g = Numbers(state: 9)
    let s = MemoryStorage()
    let v = try SealedVolume.create(s, key: testKey)
    try v.put("kept", bytes("kept"))
    try v.commit()
    let content = g.content(2 << 20)
    for capacity in stride(from: s.bytes.count, to: s.bytes.count + (2 << 20), by: 150_000) {
      s.capacity = capacity
      #expect(throws: VolumeError.noSpace) {
        try v.put("new", content)
        try v.commit()
      }
      let w = try SealedVolume.open(MemoryStorage(s.bytes), key: testKey, isReadOnly: true)
      #expect(try w.tree() == ["/kept": bytes("kept")])
      _ = try w.check()
    }
    s.capacity = .max
    try v.put("new", content)
    try v.commit()
    let w = try SealedVolume.open(s, key: testKey, isReadOnly: true)
    #expect(try w.tree() == ["/kept": bytes("kept"), "/new": content])
    _ = try w.check()
  }

  @Test("no (key, nonce) is ever used twice, not even by a volume that was rolled back")
  func nonces() throws {
    final class Seen { var all: Set<[UInt8]> = []; var repeats = 0 }
    let seen = Seen()
    func record(_ v: SealedVolume) {
      v.recordNonces { (salt, counter) in
        if !seen.all.insert(salt + withUnsafeBytes(of: counter) { Array($0) }).inserted {
          seen.repeats += 1
        }
      }
    }
    var g = Numbers(state: 4)
    let s = MemoryStorage()
    _ = try SealedVolume.create(s, key: testKey)
    var states = [s.bytes]
    for round in 0..<30 {
      // The host puts back any state it ever saw.
      s.bytes = states.randomElement(using: &g)!
      let v = try SealedVolume.open(s, key: testKey, isReadOnly: false)
      record(v)
      for _ in 0..<3 {
        try v.put("f\(Int.random(in: 0..<3, using: &g))", g.content(20000))
        if Bool.random(using: &g) { try v.commit() }
      }
      try v.commit()
      states.append(s.bytes)
      #expect(seen.repeats == 0, "round \(round)")
    }
    #expect(seen.all.count > 500)
  }

  @Test("mounts that left no block give their number back") func mounts() throws {
    let s = MemoryStorage()
    _ = try SealedVolume.create(s, key: testKey)
    for i in 0..<50 {
      let v = try SealedVolume.open(s, key: testKey, isReadOnly: false)
      try v.put("a", bytes("\(i)"))
      try v.commit()
    }
    let v = try SealedVolume.open(s, key: testKey, isReadOnly: true)
    #expect(try v.tree() == ["/a": bytes("49")])
    #expect(v.cipher.salts.count <= 4)
  }

  @Test("files without a name are given back at the next writing") func orphans() throws {
    let s = MemoryStorage()
    let v = try SealedVolume.create(s, key: testKey)
    let f = try v.put("a", [UInt8](repeating: 1, count: 50000))
    try v.removeEntry(1, bytes("a"))
    var i = try #require(try v.inode(f))
    i.nlink = 0
    try v.setInode(f, i)
    try v.commit()
    let w = try SealedVolume.open(s, key: testKey, isReadOnly: false)
    #expect(try w.check().unlinked == 1)
    let x = try SealedVolume.open(s, key: testKey, isReadOnly: false)
    try x.put("b", [2])
    try x.commit()
    let y = try SealedVolume.open(s, key: testKey, isReadOnly: true)
    #expect(
      try y.check()
        == VolumeReport(files: 1, directories: 1, bytes: 1, blocks: 4, mounts: 1, unlinked: 0))
  }

  @Test("blocks of content are counted as a walk counts them, and extents are where they are")
  func blocksAndExtents() throws {
    var g = Numbers(state: 21)
    let storage = MemoryStorage()
    var v = try SealedVolume.create(storage, key: testKey)
    let number = try v.put("file", [])
    /// Blocks that hold something.
    var model: Set<UInt64> = []
    for step in 0..<300 {
      let first = UInt64.random(in: 0..<700, using: &g)
      let count = Int.random(in: 1...40, using: &g)
      switch Int.random(in: 0..<10, using: &g) {
      case 0..<5:
        let buffer = VolumeBuffer(count: count * 4096)
        buffer.memory.copy(from: g.content(count * 4096))
        try v.write(number, first * 4096, from: buffer.memory)
        for i in 0..<count { model.insert(first + UInt64(i)) }
      case 5..<7:
        try v.punch(number, block: first, count: count)
        for i in 0..<count { model.remove(first + UInt64(i)) }
      case 7:
        try v.truncate(number, to: first * 4096)
        model = model.filter { $0 < first }
      default:
        try v.commit()
        v = try SealedVolume.open(storage, key: testKey, isReadOnly: false)
      }
      #expect(try v.inode(number)?.blocks == UInt64(model.count), "step \(step)")
      let from = UInt64.random(in: 0..<800, using: &g)
      let start = model.filter { $0 >= from }.min()
      let found = try v.nextExtent(number, from: from * 4096)
      #expect(found?.start == start.map { $0 * 4096 }, "step \(step)")
      if let start {
        var end = start
        while model.contains(end) { end += 1 }
        #expect(found?.end == end * 4096, "step \(step)")
      }
    }
  }
}
