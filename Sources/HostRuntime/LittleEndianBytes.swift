import Glibc

/// Bytes of a file, read with bounds checks. The buffer must outlive it.
struct LittleEndianBytes {
  let storage: UnsafeRawBufferPointer
  init(_ storage: UnsafeRawBufferPointer) { self.storage = storage }
  var count: Int { storage.count }

  func bytes(_ at: UInt64, _ size: UInt64) throws(HostError) -> UnsafeRawBufferPointer {
    guard at <= UInt64(storage.count), size <= UInt64(storage.count) - at else {
      throw HostError("offset \(at) lies outside the file")
    }
    return UnsafeRawBufferPointer(rebasing: storage[Int(at)..<Int(at + size)])
  }

  func u16(_ at: UInt64) throws(HostError) -> UInt16 {
    UInt16(littleEndian: try bytes(at, 2).loadUnaligned(as: UInt16.self))
  }
  func u32(_ at: UInt64) throws(HostError) -> UInt32 {
    UInt32(littleEndian: try bytes(at, 4).loadUnaligned(as: UInt32.self))
  }
  func u64(_ at: UInt64) throws(HostError) -> UInt64 {
    UInt64(littleEndian: try bytes(at, 8).loadUnaligned(as: UInt64.self))
  }
}

func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

/// A whole regular file, or one clear line why not.
public func readFile(_ path: String, limit: Int, what: String) throws(HostError) -> [UInt8] {
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
