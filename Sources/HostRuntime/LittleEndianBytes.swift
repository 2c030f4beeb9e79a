import Glibc

/// Bytes from a file, read with bounds checks.
struct LittleEndianBytes {
  let storage: [UInt8]
  init(_ bytes: [UInt8]) { storage = bytes }
  var count: Int { storage.count }

  func bytes(_ at: UInt64, _ size: UInt64) throws(HostError) -> ArraySlice<UInt8> {
    guard at <= UInt64(storage.count), size <= UInt64(storage.count) - at else {
      throw HostError("offset \(at) lies outside the file")
    }
    return storage[Int(at)..<Int(at + size)]
  }

  private func integer(_ at: UInt64, _ size: UInt64) throws(HostError) -> UInt64 {
    var value: UInt64 = 0
    for (i, byte) in try bytes(at, size).enumerated() { value |= UInt64(byte) << (8 * UInt64(i)) }
    return value
  }
  func u16(_ at: UInt64) throws(HostError) -> UInt16 { UInt16(try integer(at, 2)) }
  func u32(_ at: UInt64) throws(HostError) -> UInt32 { UInt32(try integer(at, 4)) }
  func u64(_ at: UInt64) throws(HostError) -> UInt64 { try integer(at, 8) }
}

func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

/// A whole regular file, or one clear line why not.
func readFile(_ path: String, limit: Int, what: String) throws(HostError) -> [UInt8] {
  let fd = open(path, O_RDONLY | O_CLOEXEC)
  guard fd >= 0 else {
    throw HostError("cannot open \(what) \(path): \(String(cString: strerror(errno)))")
  }
  defer { close(fd) }
  var status = stat()
  guard fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
    throw HostError("\(what) \(path) is not a regular file")
  }
  guard status.st_size <= limit else { throw HostError("\(what) \(path) is too large") }
  let size = Int(status.st_size)
  var failed = false
  let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    count = 0
    while count < size {
      let n = read(fd, buffer.baseAddress! + count, size - count)
      if n <= 0 {
        failed = n < 0
        return
      }
      count += n
    }
  }
  guard !failed, bytes.count == size else { throw HostError("cannot read \(what) \(path)") }
  return bytes
}
