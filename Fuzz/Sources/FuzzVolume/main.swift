import FuzzDriver
import SealedVolume

/// A volume in memory.
final class Storage: VolumeStorage {
  var content: [UInt8]
  init(_ content: [UInt8] = []) { self.content = content }
  override var largestTransfer: Int { 1 << 16 }

  override func read(_ offset: UInt64, into memory: VolumeMemory) throws(VolumeError) {
    memory.zero()
    guard offset < UInt64(content.count) else { return }
    let n = min(memory.count, content.count - Int(offset))
    memory.copy(from: [UInt8](content[Int(offset)..<Int(offset) + n]))
  }
  override func write(
    _ offset: UInt64, from memory: VolumeMemory, durable: Bool
  ) throws(VolumeError) {
    // A pointer that leads far away must not make the fuzzer run out of memory.
    guard offset < 1 << 22 else { throw .noSpace }
    let end = Int(offset) + memory.count
    if end > content.count { content += [UInt8](repeating: 0, count: end - content.count) }
    content.replaceSubrange(Int(offset)..<end, with: memory.bytes)
  }
}

let key = [UInt8](repeating: 7, count: 32)

func file(_ mode: UInt32) -> VolumeInode {
  var inode = VolumeInode()
  inode.mode = mode
  return inode
}

/// The volume, made with some bytes other than they should be; nil: making it failed.
func make(_ changes: [UInt8]) -> [UInt8]? {
  let storage = Storage()
  do throws(VolumeError) {
    let volume = try SealedVolume.create(storage, key: key)
    var seal = 0
    // Four bytes a change: which block in the order of sealing, where in it (two bytes), what to add.
    volume.changeBeforeSealing { copy, _, _, _ in
      for at in stride(from: 0, to: changes.count - 3, by: 4) where Int(changes[at]) == seal {
        let place = (Int(changes[at + 1]) | Int(changes[at + 2]) << 8) % copy.count
        copy.slice(place, 1).copy(from: [copy.slice(place, 1).bytes[0] &+ changes[at + 3]])
      }
      seal += 1
    }
    let root: UInt64 = 1
    let folder = try volume.make(root, Array("folder".utf8), file(0o040755))
    for (i, size) in [0, 100, 5000, 700_000].enumerated() {
      let number = try volume.make(folder, Array("file\(i)".utf8), file(0o100644))
      // The large one has holes: a tall tree of few blocks.
      try volume.replaceAll(number, (0..<size).map { $0 % 50_000 < 5000 ? UInt8($0 % 251) : 0 })
      try volume.replaceAll(number | 1 << 63, [3, 0, 2, 0, 0, 0, 0x61, 0x2E, 0x62, 1, 2])
    }
    let link = try volume.make(root, Array("link".utf8), file(0o120777))
    try volume.replaceAll(link, Array("folder".utf8))
    try volume.commit()
  } catch { return nil }
  return storage.content
}

/// Looks at everything, not trusting the directories to be a tree.
func visit(_ volume: SealedVolume) {
  var seen: Set<UInt64> = []
  var next: [UInt64] = [1]
  while let number = next.popLast(), seen.count < 200 {
    guard seen.insert(number).inserted, let inode = try? volume.inode(number) else { continue }
    if inode.isDirectory {
      try? volume.forEachEntry(number) { (e) throws(VolumeError) in next.append(e.inode) }
      _ = try? volume.lookup(number, Array("folder".utf8))
    } else {
      _ = try? volume.readAll(number, limit: 1 << 20)
      let buffer = VolumeBuffer(count: 8192)
      _ = try? volume.read(number, inode.size / 2, into: buffer.memory)
    }
    _ = try? volume.readAll(number | 1 << 63, limit: 1 << 20)
  }
}

// What the host can do: any bytes as a volume's file. What a hostile holder of the key can do: a volume of which any
// byte before sealing is another one. Readers answer or refuse, and writing to what was opened does so, too.
fuzz { bytes in
  _ = try? SealedVolume.header(Storage(bytes))
  _ = try? SealedVolume.open(Storage(bytes), key: key, isReadOnly: true)
  guard let made = make(bytes) else { return }
  if let volume = try? SealedVolume.open(Storage(made), key: key, isReadOnly: true) {
    _ = try? volume.check()
    visit(volume)
  }
  guard let volume = try? SealedVolume.open(Storage(made), key: key, isReadOnly: false) else {
    return
  }
  visit(volume)
  do throws(VolumeError) {
    let number = try volume.make(1, Array("new".utf8), file(0o100600))
    try volume.replaceAll(number, [UInt8](repeating: 9, count: 10000))
    for i in 2..<8 as Range<UInt64> where try volume.inode(i)?.isRegular == true {
      try volume.truncate(i, to: 4100)
      try volume.replaceAll(i | 1 << 63, [])
    }
    try volume.commit()
  } catch {}
}
