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
