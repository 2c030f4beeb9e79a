import CHostRuntime
import Glibc
import HostInterface

/// A thread's untrusted buffer, as `HostBuffer` lays it out. The enclave writes requests here; its
/// words are read once and checked, because the payload may be hostile to the host as well.
final class ThreadBuffer: @unchecked Sendable {
  let base: UnsafeMutableRawPointer

  init() throws(HostError) {
    guard
      let at = mmap(
        nil, Int(HostBuffer.size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      at != MAP_FAILED
    else { throw HostError("cannot map a thread's buffer: \(lastError())") }
    base = at
  }
  deinit { munmap(base, Int(HostBuffer.size)) }

  var address: UInt64 { UInt64(UInt(bitPattern: base)) }
  var number: UInt64 { clh_load64(base + Int(HostBuffer.numberOffset)) }
  /// After a request was taken: nothing is left that could be taken for the last words of a dead enclave.
  func clearNumber() { clh_store64(base + Int(HostBuffer.numberOffset), .max) }
  func argument(_ index: Int) -> UInt64 {
    clh_load64(base + Int(HostBuffer.argumentsOffset) + 8 * index)
  }
  func setResult(_ value: Int64) {
    clh_store64(base + Int(HostBuffer.resultOffset), UInt64(bitPattern: value))
  }
  func setReply(_ index: Int, _ value: UInt64) {
    clh_store64(base + Int(HostBuffer.replyOffset) + 8 * index, value)
  }
  /// The data area.
  var data: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: base + Int(HostBuffer.dataOffset), count: Int(HostBuffer.dataSize))
  }
  /// The data area's first `length` bytes; nil when it has fewer.
  func data(_ length: UInt64) -> UnsafeMutableRawBufferPointer? {
    guard length <= HostBuffer.dataSize else { return nil }
    return UnsafeMutableRawBufferPointer(rebasing: data[..<Int(length)])
  }
}

func lastError() -> String { String(cString: strerror(errno)) }
