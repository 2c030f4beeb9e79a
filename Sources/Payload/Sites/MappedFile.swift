import Glibc

/// A regular file, mapped for reading (mmap(2)).
final class MappedFile {
  let bytes: UnsafeRawBufferPointer
  let status: stat

  init(_ path: String) throws(SiteAnalysisError) {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { throw .unreadable(path: path, errno: errno) }
    defer { close(fd) }
    var status = stat()
    guard fstat(fd, &status) == 0 else { throw .unreadable(path: path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(path: path, errno: EISDIR) }
    self.status = status
    let size = Int(status.st_size)
    guard size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let p = mmap(nil, size, PROT_READ, MAP_PRIVATE, fd, 0), p != MAP_FAILED else {
      throw .unreadable(path: path, errno: errno)
    }
    bytes = UnsafeRawBufferPointer(start: p, count: size)
  }

  deinit {
    if let p = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: p), bytes.count) }
  }
}
