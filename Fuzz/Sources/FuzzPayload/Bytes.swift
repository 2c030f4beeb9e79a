import PayloadFormat

/// The fuzzer's bytes as the file that a tree is read from.
struct Bytes: TreeSource {
  let content: [UInt8]
  var size: UInt64 { UInt64(content.count) }
  private func range(_ offset: UInt64, _ count: Int) throws(TreeError) -> ArraySlice<UInt8> {
    guard count >= 0, offset <= size, UInt64(count) <= size - offset else {
      throw .damaged("offset")
    }
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
