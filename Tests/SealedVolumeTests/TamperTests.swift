import Testing

@testable import SealedVolume

/// What a host does to a volume's file, a row for each field of the format: nothing of it may ever show a byte that was
/// not committed. A row passes when opening or checking fails, or when the volume is exactly what it was (a copy of the
/// superblock that is destroyed changes nothing).
@Suite("tampering") struct TamperTests {
  typealias F = VolumeFormat

  struct Made {
    var bytes: [UInt8]
    var older: [UInt8]
    var tree: [String: [UInt8]]
    /// One block of each kind: what it is, where it lies, the fields in it.
    var blocks: [(kind: String, block: UInt64, fields: [(String, Int, Int)])]
  }

  static func repeated(_ fields: [F.Field], _ base: Int) -> [(String, Int, Int)] {
    fields.map { ("\($0.name)", base + $0.offset, $0.size) }
  }

  static func make() throws -> Made {
    var g = Numbers(state: 21)
    let s = MemoryStorage()
    let v = try SealedVolume.create(s, key: testKey)
    let a = try v.put("a", g.content(1 << 20))
    try v.put("b", g.content(9000))
    try v.put("dir/c", g.content(5000))
    try v.commit()
    let older = s.bytes
    try v.put("b", g.content(9000))
    try v.put("hole", [])
    try v.truncate(v.resolve(bytes("hole")), to: 100_000)
    try v.commit()
    var blocks: [(kind: String, block: UInt64, fields: [(String, Int, Int)])] = []
    let inodeFields =
      repeated(F.Inode.all, Int(a) * F.inodeSize)
      + repeated(F.Descriptor.all, Int(a) * F.inodeSize + F.Inode.content.offset)
      + repeated(F.Descriptor.all, Int(a) * F.inodeSize + F.Inode.attributes.offset)
    blocks.append(("inode table", v.inodes.root.block, inodeFields))
    blocks.append(("salt table", v.saltsForWalk.root.block, [("salt", 0, 32), ("rest", 32, 4064)]))
    let o = try #require(try v.object(a))
    blocks.append(("node", o.root.block, repeated(F.Pointer.all, 0)))
    let below = try #require(try v.node(o, level: 1, index: 1, forWriting: false))
    blocks.append(("data", below.pointer(3).block, [("content", 0, 4096)]))
    let dir = try #require(try v.object(v.resolve(bytes("dir"))))
    blocks.append(
      (
        "directory", dir.root.block,
        [("used", 0, 2), ("inode", 2, 8), ("type", 10, 1), ("length", 11, 1), ("name", 12, 1)]
      ))
    return Made(bytes: s.bytes, older: older, tree: try v.tree(), blocks: blocks)
  }

  /// True: noticed, or without any effect. Records an issue for anything else.
  static func judge(_ image: [UInt8], _ made: Made, _ row: String, mustFail: Bool) {
    do {
      let v = try SealedVolume.open(MemoryStorage(image), key: testKey, isReadOnly: true)
      _ = try v.check()
      let found = try v.tree()
      #expect(!mustFail, "\(row): not noticed")
      #expect(found == made.tree, "\(row): other content")
    } catch {
      // A clear error, before any content.
    }
  }

  @Test("the fields cover every byte of every structure: a new field without a row fails here")
  func complete() {
    func covers(_ fields: [F.Field], _ size: Int) -> Bool {
      var at = 0
      for f in fields {
        if f.offset != at { return false }
        at += f.size
      }
      return at == size
    }
    #expect(covers(F.Superblock.all, F.blockSize))
    #expect(covers(F.Body.all, F.Superblock.body.size))
    #expect(covers(F.Pointer.all, F.pointerSize))
    #expect(covers(F.Descriptor.all, 48))
    #expect(covers(F.Inode.all, F.inodeSize))
  }

  @Test("superblocks: every field of one copy, of both, swapped, old, duplicated")
  func superblocks() throws {
    let made = try Self.make()
    var rows = 0
    let fields =
      F.Superblock.all.map { ("\($0.name)", $0.offset, $0.size) }
      + F.Body.all.map { ("body.\($0.name)", F.Superblock.body.offset + $0.offset, $0.size) }
    for (name, offset, size) in fields {
      for at in Set([0, size / 2, size - 1]) {
        for slots in [[0], [4096], [0, 4096]] {
          var image = made.bytes
          for slot in slots { image[slot + offset + at] ^= 0x40 }
          Self.judge(image, made, "\(name)+\(at) in \(slots)", mustFail: slots.count == 2)
          rows += 1
        }
      }
      var image = made.bytes
      for slot in [0, 4096] { for i in 0..<size { image[slot + offset + i] = 0 } }
      let isZero = made.bytes[offset..<offset + size].allSatisfy { $0 == 0 }
      Self.judge(image, made, "\(name) zeroed", mustFail: !isZero)
      rows += 1
    }
    var swapped = made.bytes
    for i in 0..<4096 { swapped.swapAt(i, 4096 + i) }
    Self.judge(swapped, made, "swapped copies", mustFail: false)
    // An old copy beside the new one: the new one counts.
    for slot in [0, 4096] {
      var image = made.bytes
      image.replaceSubrange(slot..<slot + 4096, with: made.older[slot..<slot + 4096])
      Self.judge(image, made, "old copy at \(slot)", mustFail: false)
    }
    // Both old: a rollback, which the root that was kept shows.
    let v = try SealedVolume.open(MemoryStorage(made.bytes), key: testKey, isReadOnly: true)
    #expect(throws: VolumeError.rolledBack(found: 2, expected: 3)) {
      try SealedVolume.open(
        MemoryStorage(made.older), key: testKey, isReadOnly: true, expected: v.root)
    }
    #expect(rows > 100)
  }

  @Test("blocks of every kind: every field, zero pages, old versions, swaps, cuts") func blocks()
    throws
  {
    let made = try Self.make()
    for (kind, block, fields) in made.blocks {
      let at = Int(block) * 4096
      for (name, offset, size) in fields {
        for i in Set([0, size - 1]) {
          var image = made.bytes
          image[at + offset + i] ^= 1
          Self.judge(image, made, "\(kind) \(name)+\(i)", mustFail: true)
        }
      }
      var image = made.bytes
      for i in 0..<4096 { image[at + i] = 0 }
      Self.judge(image, made, "\(kind): a zero page", mustFail: true)
      for (other, block, _) in made.blocks where other != kind {
        var image = made.bytes
        for i in 0..<4096 { image[at + i] = made.bytes[Int(block) * 4096 + i] }
        Self.judge(image, made, "\(kind): replaced by \(other)", mustFail: true)
        for i in 0..<4096 { image[Int(block) * 4096 + i] = made.bytes[at + i] }
        Self.judge(image, made, "\(kind) and \(other) swapped", mustFail: true)
      }
    }
    // Any two neighbours, within a file and across files, and every block as it was one commit ago.
    let count = made.bytes.count / 4096
    for b in 2..<count - 1 {
      var image = made.bytes
      for i in 0..<4096 { image.swapAt(b * 4096 + i, (b + 1) * 4096 + i) }
      Self.judge(image, made, "blocks \(b) and \(b + 1) swapped", mustFail: false)
      if (b + 1) * 4096 <= made.older.count {
        image = made.bytes
        image.replaceSubrange(
          b * 4096..<(b + 1) * 4096, with: made.older[b * 4096..<(b + 1) * 4096])
        Self.judge(image, made, "block \(b) as it was", mustFail: false)
      }
    }
  }

  @Test("the file: cut anywhere, made longer") func size() throws {
    let made = try Self.make()
    let used = made.blocks.map { Int($0.block) }.max()! * 4096
    for n in stride(from: 0, to: made.bytes.count, by: 12345) {
      Self.judge([UInt8](made.bytes[..<n]), made, "cut to \(n)", mustFail: n <= used)
    }
    Self.judge(made.bytes + [UInt8](repeating: 9, count: 10000), made, "longer", mustFail: false)
  }

  @Test("random changes: an error or the same content", arguments: 0..<60) func random(seed: Int)
    throws
  {
    let made = try Self.make()
    var g = Numbers(state: UInt64(seed) &* 977)
    var image = made.bytes
    for _ in 0..<Int.random(in: 1...20, using: &g) {
      let at = Int.random(in: 0..<image.count, using: &g)
      image[at] = UInt8(truncatingIfNeeded: g.next())
    }
    Self.judge(image, made, "seed \(seed)", mustFail: false)
  }
}
