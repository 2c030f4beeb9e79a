import Glibc
import SGX

/// The in-kernel driver's ioctls (arch/x86/include/uapi/asm/sgx.h), one function each.
struct Driver {
  let descriptor: Int32

  private enum Request {
    static let create: UInt = 0x4008_A400
    static let addPages: UInt = 0xC030_A401
    static let initialize: UInt = 0x4008_A402
    static let provision: UInt = 0x4008_A403
    static let restrictPermissions: UInt = 0xC028_A405
    static let modifyTypes: UInt = 0xC028_A406
    static let removePages: UInt = 0xC018_A407
  }

  /// Says which of the two usual reasons it is when there is no device.
  static func open() throws(SGXError) -> Driver {
    let descriptor = Glibc.open("/dev/sgx_enclave", O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw .device(.openDevice, errno: errno) }
    return Driver(descriptor: descriptor)
  }

  /// The words are `struct sgx_enclave_*`; the driver writes its results back into them.
  private func call(_ request: UInt, _ words: inout [UInt64]) throws(SGXError) {
    while true {
      let result = words.withUnsafeMutableBytes { ioctl(descriptor, request, $0.baseAddress!) }
      if result == 0 { return }
      if result < 0, errno == EINTR { continue }
      // EINIT answers with the SGX error code.
      if result > 0 { throw .invalidSigstruct(.ioctl) }
      if errno == ENOTTY { throw .notSupported(.sgx2) }
      throw .device(.ioctl, errno: errno)
    }
  }

  func create(_ secs: SECS) throws(SGXError) {
    let page = PageBuffer(secs.encoded())
    var words = [page.address]
    try call(Request.create, &words)
    withExtendedLifetime(page) {}
  }

  /// Goes on where the driver stopped: it may return early for a signal or for want of EPC pages.
  func addPages(
    at offset: UInt64, source: UnsafeRawBufferPointer, flags: SECINFO.Flags, measure: Bool
  ) throws(SGXError) {
    let secinfo = PageBuffer(SECINFO(flags).encoded())
    // The source must be page-aligned and lie in a mapping that may be executable.
    let pages = PageBuffer(copying: source)
    var done: UInt64 = 0
    let length = UInt64(source.count)
    while done < length {
      var words: [UInt64] = [
        pages.address + done, offset + done, length - done, secinfo.address, measure ? 1 : 0, 0,
      ]
      do { try call(Request.addPages, &words) } catch {
        guard case .device(.ioctl, let code) = error, code == EAGAIN || code == EBUSY, words[5] > 0
        else { throw error }
      }
      done += words[5]
    }
    withExtendedLifetime((secinfo, pages)) {}
  }

  func allowProvisioning() throws(SGXError) {
    let provision = Glibc.open("/dev/sgx_provision", O_RDONLY | O_CLOEXEC)
    guard provision >= 0 else { throw .device(.provisionKey, errno: errno) }
    defer { close(provision) }
    var words = [UInt64(provision)]
    try call(Request.provision, &words)
  }

  func initialize(_ sigstruct: SIGSTRUCT) throws(SGXError) {
    let page = PageBuffer(sigstruct.encoded())
    var words = [page.address]
    do { try call(Request.initialize, &words) } catch {
      // "EPERM: SIGSTRUCT rejected by EINIT".
      guard case .device(.ioctl, EPERM) = error else { throw error }
      throw .invalidSignature
    }
    withExtendedLifetime(page) {}
  }

  func restrictPermissions(
    offset: UInt64, length: UInt64, to: SECINFO.Flags
  ) throws(SGXError) {
    try range(Request.restrictPermissions, offset, length) { [$0, $1, to.rawValue, 0, 0] }
  }

  func modifyTypes(offset: UInt64, length: UInt64, to: SECINFO.PageType) throws(SGXError) {
    try range(Request.modifyTypes, offset, length) { [$0, $1, UInt64(to.rawValue), 0, 0] }
  }

  func removePages(offset: UInt64, length: UInt64) throws(SGXError) {
    try range(Request.removePages, offset, length) { [$0, $1, 0] }
  }

  /// The last word of each structure is `count`, the bytes done.
  private func range(
    _ request: UInt, _ offset: UInt64, _ length: UInt64, _ words: (UInt64, UInt64) -> [UInt64]
  ) throws(SGXError) {
    var done: UInt64 = 0
    while done < length {
      var argument = words(offset + done, length - done)
      do { try call(request, &argument) } catch {
        guard case .device(.ioctl, EAGAIN) = error, argument[argument.count - 1] > 0 else {
          throw error
        }
      }
      guard argument[argument.count - 1] > 0 else { throw .device(.ioctl, errno: EIO) }
      done += argument[argument.count - 1]
    }
  }
}

/// Page-aligned memory for the driver.
final class PageBuffer {
  private let pointer: UnsafeMutableRawPointer
  private let size: Int
  var address: UInt64 { UInt64(UInt(bitPattern: pointer)) }

  init(_ bytes: [UInt8]) {
    size = (bytes.count + 4095) & ~4095
    pointer = Self.map(size)
    pointer.copyMemory(from: bytes, byteCount: bytes.count)
  }

  init(copying source: UnsafeRawBufferPointer) {
    size = source.count
    pointer = Self.map(size)
    pointer.copyMemory(from: source.baseAddress!, byteCount: source.count)
  }

  private static func map(_ size: Int) -> UnsafeMutableRawPointer {
    let p = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let p, p != MAP_FAILED else { fatalError("no memory for \(size) bytes") }
    return p
  }

  deinit { munmap(pointer, size) }
}
