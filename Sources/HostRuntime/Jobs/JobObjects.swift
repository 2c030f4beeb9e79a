import Glibc
import HostInterface
import LinuxABI
import Synchronization

/// The block objects of an instance that waits for a job, in the enclave's process: descriptors that the broker opened,
/// and what passes through to it.
final class JobObjects: Sendable {
  private let owner: [UInt8]
  /// The sealed key on disk, empty when there is none yet; nil: the key stays in the enclave's memory.
  let key: [UInt8]?
  private let broker: Broker
  private struct Files {
    var job: Int32 = -1
    var result: Int32 = -1
  }
  /// Never held while waiting for the broker: only thread 0 asks for a job, before there are others.
  private let files = Mutex(Files())
  static let largestOffer = 32 << 10

  init(owner: [UInt8], key: [UInt8]?, broker: Broker) {
    self.owner = owner
    self.key = key
    self.broker = broker
  }

  static func covers(_ object: UInt64) -> Bool {
    object >= BlockObject.jobOwner && object <= BlockObject.jobKey
  }

  func read(
    _ object: UInt64, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    func copy(_ bytes: [UInt8]) -> Int {
      guard offset <= UInt64(bytes.count) else { return 0 }
      let rest = bytes[Int(offset)...].prefix(buffer.count)
      buffer.copyBytes(from: rest)
      return rest.count
    }
    switch object {
    case BlockObject.jobOwner: return copy(owner)
    case BlockObject.jobKey: return copy(key ?? [])
    case BlockObject.job:
      var fd = files.withLock { $0.job }
      if fd < 0 {
        let job = try broker.waitForJob()
        files.withLock { $0 = Files(job: job.job, result: job.result) }
        fd = job.job
      }
      return try Self.read(fd, offset, buffer)
    case BlockObject.jobResult: return try Self.read(files.withLock { $0.result }, offset, buffer)
    default: throw .EIO
    }
  }

  func write(
    _ object: UInt64, offset: UInt64, from buffer: UnsafeRawBufferPointer, durable: Bool
  ) throws(Errno) {
    switch object {
    case BlockObject.jobOffer:
      guard offset == 0, buffer.count <= Self.largestOffer else { throw .EIO }
      try broker.putOffer(Array(buffer))
    case BlockObject.jobKey:
      guard key != nil, offset == 0, buffer.count <= Self.largestOffer else { throw .EIO }
      try broker.putKey(Array(buffer))
    case BlockObject.jobResult:
      let fd = files.withLock { $0.result }
      guard fd >= 0 else { throw .EIO }
      try VolumeFiles.write(fd, offset: offset, from: buffer, durable: durable)
    case BlockObject.jobStatus:
      guard let (news, text) = JobNews.decode(Array(buffer)) else { throw .EIO }
      try broker.tell(news, text)
      if news == .refused {
        // The next read waits for another job.
        let old = files.withLock { files -> Files in
          defer { files = Files() }
          return files
        }
        close(old.job)
        close(old.result)
      }
    default: throw .EIO
    }
  }

  private static func read(
    _ fd: Int32, _ offset: UInt64, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> Int {
    guard fd >= 0 else { throw .EIO }
    return try VolumeFiles.read(fd, offset: offset, into: buffer)
  }
}
