import CHostRuntime
import Foundation
import Glibc
import HostRuntime
import SoftwareQuoting

/// What the doctor asks of a machine. Tests put other machines in its place.
public struct Probe: Sendable {
  /// EAX, EBX, ECX, EDX.
  public var cpuid: @Sendable (_ leaf: UInt32, _ subleaf: UInt32) -> [UInt32]
  /// errno of opening a device for reading and writing; 0: it opens.
  public var openDevice: @Sendable (_ path: String) -> Int32
  /// errno of connecting to a UNIX socket; 0: somebody accepts.
  public var connect: @Sendable (_ socket: String) -> Int32
  /// The content of a small file; nil: there is none.
  public var read: @Sendable (_ path: String) -> String?
  /// errno of a TCP connection; 0: somebody accepts.
  public var reach: @Sendable (_ host: String, _ port: Int) -> Int32
  /// Whether the kernel lets user mode execute WRFSBASE (AT_HWCAP2), and has Syscall User Dispatch.
  public var hasFSGSBASE: @Sendable () -> Bool
  public var hasUserDispatch: @Sendable () -> Bool
  /// The enclave image's path, or why there is none.
  public var image: @Sendable () -> Result<String, HostError>
  /// SHA-256 of the root certificate of this user's software machine (made now if there is none).
  public var softwareRoot: @Sendable () -> Result<[UInt8], HostError>
  public var aesmSocket: String

  /// This machine.
  public static let live = Probe(
    cpuid: { leaf, subleaf in
      var out: [UInt32] = [0, 0, 0, 0]
      clh_cpuid(leaf, subleaf, &out)
      return out
    },
    openDevice: { path in
      let fd = open(path, O_RDWR | O_CLOEXEC)
      if fd < 0 { return errno }
      close(fd)
      return 0
    },
    connect: connectUNIX,
    read: { path in
      guard let bytes = FileManager.default.contents(atPath: path), bytes.count < 1 << 20 else {
        return nil
      }
      return String(decoding: bytes, as: UTF8.self)
    },
    reach: connectTCP,
    hasFSGSBASE: { auxiliaryVector(26) & 2 != 0 },
    // PR_SET_SYSCALL_USER_DISPATCH, OFF: changes nothing where it is known.
    hasUserDispatch: { clh_syscall(157, 59, 0, 0, 0, 0, 0) == 0 },
    image: {
      do throws(HostError) {
        let path = try EnclaveImage.find()
        _ = try EnclaveImage(contentsOf: path)
        return .success(path)
      } catch { return .failure(error) }
    },
    softwareRoot: {
      do {
        return .success([UInt8](try SoftwarePlatform.open().rootFingerprint))
      } catch { return .failure(HostError("\(error)")) }
    },
    aesmSocket: ProcessInfo.processInfo.environment["CLOISTER_AESM_SOCKET"]
      ?? "/var/run/aesmd/aesm.socket")
}

/// A value of the auxiliary vector (getauxval(3)); 26 is AT_HWCAP2.
private func auxiliaryVector(_ type: UInt64) -> UInt64 {
  let fd = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC)
  guard fd >= 0 else { return 0 }
  defer { close(fd) }
  var pair: [UInt64] = [0, 0]
  while read(fd, &pair, 16) == 16 {
    if UInt64(littleEndian: pair[0]) == type { return UInt64(littleEndian: pair[1]) }
  }
  return 0
}

private let connectUNIX: @Sendable (String) -> Int32 = { path in
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  let bytes = Array(path.utf8)
  guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return ENAMETOOLONG }
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
  let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  guard fd >= 0 else { return errno }
  defer { close(fd) }
  let result = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
  return result == 0 ? 0 : errno
}

/// Waits 3 seconds at most.
private let connectTCP: @Sendable (String, Int) -> Int32 = { host, port in
  var hints = addrinfo()
  hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
  var list: UnsafeMutablePointer<addrinfo>?
  guard getaddrinfo(host, String(port), &hints, &list) == 0 else { return ENXIO }
  defer { freeaddrinfo(list) }
  var last: Int32 = ENXIO
  var next = list
  while let info = next {
    next = info.pointee.ai_next
    let fd = socket(
      info.pointee.ai_family,
      Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard fd >= 0 else { continue }
    defer { close(fd) }
    if connect(fd, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 { return 0 }
    last = errno
    guard last == EINPROGRESS else { continue }
    var wait = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
    guard poll(&wait, 1, 3000) > 0 else {
      last = ETIMEDOUT
      continue
    }
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &last, &size)
    if last == 0 { return 0 }
  }
  return last
}
