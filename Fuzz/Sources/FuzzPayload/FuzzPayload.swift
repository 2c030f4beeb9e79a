import PayloadFormat

/// The manifest and the measured configuration: whatever the bytes are, the readers answer or refuse.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPayload(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  if let read = MeasuredConfiguration(bytes) { precondition(read.encoded() == bytes) }
  _ = SiteTable.decode(bytes)
  guard let tree = try? Tree(Bytes(content: bytes)) else { return 0 }
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
  return 0
}

struct Bytes: TreeSource {
  let content: [UInt8]
  var size: UInt64 { UInt64(content.count) }
  private func range(_ offset: UInt64, _ count: Int) throws(TreeError) -> ArraySlice<UInt8> {
    guard count >= 0, offset <= size, UInt64(count) <= size - offset else { throw .damaged("offset") }
    return content[Int(offset)..<(Int(offset) + count)]
  }
  func load32(_ offset: UInt64) throws(TreeError) -> UInt32 {
    precondition(offset % 4 == 0)
    return UInt32(Array(try range(offset, 4)).littleEndian(at: 0, count: 4))
  }
  func load64(_ offset: UInt64) throws(TreeError) -> UInt64 {
    precondition(offset % 8 == 0)
    return Array(try range(offset, 8)).littleEndian(at: 0, count: 8)
  }
  func bytes(_ offset: UInt64, count: Int) throws(TreeError) -> [UInt8] {
    Array(try range(offset, count))
  }
  func compare(_ offset: UInt64, count: Int, with name: [UInt8]) throws(TreeError) -> Int {
    let here = try bytes(offset, count: count)
    for (a, b) in zip(here, name) where a != b { return Int(a) - Int(b) }
    return here.count - name.count
  }
}
