import CPrepare
import Glibc
import HostRuntime

/// A regular file's bytes while they are hashed (mmap(2)), and the proof that it is still the file that was
/// looked at.
final class MappedContent {
  let bytes: UnsafeRawBufferPointer
  private let descriptor: Int32
  private let path: [UInt8]
  private let identity: FileIdentity

  init(_ path: [UInt8], _ identity: FileIdentity) throws(HostError) {
    self.path = path
    self.identity = identity
    let fd = withPath(path) { open($0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) }
    guard fd >= 0 else { throw HostError("cannot read \(text(path)): \(errorText())") }
    descriptor = fd
    var status = stat()
    guard fstat(fd, &status) == 0, FileIdentity(status) == identity else {
      close(fd)
      throw Self.changed(path)
    }
    guard identity.size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let p = mmap(nil, Int(identity.size), PROT_READ, MAP_PRIVATE, fd, 0), p != MAP_FAILED
    else {
      close(fd)
      throw HostError("cannot read \(text(path)): \(errorText())")
    }
    bytes = UnsafeRawBufferPointer(start: p, count: Int(identity.size))
  }

  deinit {
    if let p = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: p), bytes.count) }
    close(descriptor)
  }

  /// After the work: nobody wrote to it meanwhile.
  func checkUnchanged() throws(HostError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, FileIdentity(status) == identity else {
      throw Self.changed(path)
    }
  }

  /// Appends the whole file to another at its position.
  func copy(to output: Int32) throws(HostError) {
    var done = 0
    while done < bytes.count {
      let n = clp_copy_file_range(descriptor, output, bytes.count - done)
      if n == -Int(EINTR) { continue }
      if n == 0 { throw Self.changed(path) }
      if n < 0 {
        // Between file systems, or on one that cannot: by hand, and what cannot be written says why.
        try writeAll(output, UnsafeRawBufferPointer(rebasing: bytes[done...]), "payload data")
        return
      }
      done += n
    }
  }

  static func changed(_ path: [UInt8]) -> HostError {
    HostError("\(text(path)): changed while it was being prepared; run prepare again")
  }
}

func writeAll(
  _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ what: String
) throws(HostError) {
  var done = 0
  while done < bytes.count {
    let n = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
    if n < 0 && errno == EINTR { continue }
    guard n > 0 else { throw HostError("cannot write \(what): \(errorText())") }
    done += n
  }
}
