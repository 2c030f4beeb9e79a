import FuzzDriver
import PayloadFormat

// The manifest and the measured configuration: whatever the bytes are, the readers answer or refuse.
fuzz { bytes in
  if let read = MeasuredConfiguration(bytes) { precondition(read.encoded() == bytes) }
  _ = SiteTable.decode(bytes)
  guard let tree = try? Tree(Bytes(content: bytes)) else { return }
  for index in 0..<UInt32(min(tree.inodeCount, 64)) {
    guard let inode = try? tree.inode(index) else { continue }
    _ = try? tree.lookup(Array("usr".utf8), in: inode)
    _ = try? tree.attributes(inode)
    _ = try? tree.linkTarget(inode)
    if inode.isDirectory {
      for i in 0..<min(inode.extra, 64) {
        if let entry = try? tree.entry(inode.content + i) { _ = try? tree.name(entry) }
      }
    }
  }
}
