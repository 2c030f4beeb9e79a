import Glibc
import PayloadFormat
import SGX

/// The one order in which an enclave's pages are added, with their SECINFO flags and offsets.
///
/// Both machines and `cloister measure` walk it, so MRENCLAVE is the same everywhere:
/// 1. ECREATE: SIZE 2^40, BASEADDR 0;
/// 2. the image's segments, in the order of their addresses;
/// 3. the measured configuration, read-only, padded with zeros to whole pages;
/// 4. for each thread its TCS, then its SSA frames and its thread block;
/// 5. thread 0's exception stack and kernel stack, so that the kernel can run before it has SGX2 pages.
///
/// 6. profile `fixed` only: the other threads' kernel stacks, the kernel heap and the user memory.
///
/// Everything is measured (EEXTEND of every 256 bytes), but for the zero pages of 6: their place and
/// permissions are (EADD), their content the kernel clears before use.
public struct EnclaveBuilder: Sendable {
  public var image: EnclaveImage
  public var configuration: MeasuredConfiguration
  public var isDebug: Bool
  /// XFRM: what of XCR0 the enclave may use.
  public var xfrm: ATTRIBUTES.XFRM
  /// nil: the instance is bound to nobody, and KSS is not set.
  public var binding: InstanceBinding?

  public init(
    image: EnclaveImage, configuration: MeasuredConfiguration, isDebug: Bool,
    xfrm: ATTRIBUTES.XFRM, binding: InstanceBinding? = nil
  ) {
    self.image = image
    self.configuration = configuration
    self.isDebug = isDebug
    self.xfrm = xfrm
    self.binding = binding
  }

  /// One EADD of consecutive pages with the same flags.
  public struct Pages {
    public var address: UInt64
    public var source: UnsafeRawBufferPointer
    public var flags: SECINFO.Flags
    public var measured = true
  }

  public var secs: SECS {
    var flags: ATTRIBUTES.Flags = isDebug ? [.MODE64BIT, .DEBUG] : [.MODE64BIT]
    if binding != nil { flags.insert(.KSS) }
    return SECS(
      size: EnclaveLayout.elrangeSize, ssaFrameSize: EnclaveLayout.ssaFramePages,
      miscSelect: .EXINFO, attributes: ATTRIBUTES(flags: flags, xfrm: xfrm),
      configID: binding?.configID ?? [], configSVN: binding?.configSVN ?? 0)
  }

  /// Calls `body` for every group of pages, in order.
  public func forEachPages(_ body: (Pages) throws(HostError) -> Void) throws(HostError) {
    for segment in image.segments {
      let flags: SECINFO.Flags =
        segment.isWritable ? .regRW : segment.isExecutable ? .regRX : .regR
      try add(segment.bytes, at: segment.address, flags: flags, body)
    }
    try add(
      try configurationPages(), at: EnclaveLayout.configurationBase, flags: .regR, body)
    for index in 0..<Int(configuration.threadCount) {
      let area = EnclaveLayout.threadArea(index)
      try add(tcs(index), at: area, flags: .tcs, body)
      try add(
        threadPages(index), at: area + EnclaveLayout.ssaOffset, flags: .regRW, body)
    }
    let stack = EnclaveLayout.kernelStack(0)
    for (offset, size) in [
      (EnclaveLayout.exceptionStackOffset, EnclaveLayout.exceptionStackSize),
      (EnclaveLayout.kernelStackOffset, EnclaveLayout.kernelStackSize),
    ] {
      let zeros = [UInt8](repeating: 0, count: Int(size))
      try add(zeros, at: stack + offset, flags: .regRW, body)
    }
    if configuration.profile == .fixed { try addFixedMemory(body) }
  }

  private func addFixedMemory(_ body: (Pages) throws(HostError) -> Void) throws(HostError) {
    let memory = configuration.memorySize
    for index in 1..<max(1, Int(configuration.threadCount)) {
      let stack = EnclaveLayout.kernelStack(index)
      try addZeros(
        at: stack + EnclaveLayout.exceptionStackOffset, EnclaveLayout.exceptionStackSize, .regRW,
        body)
      try addZeros(
        at: stack + EnclaveLayout.kernelStackOffset, EnclaveLayout.kernelStackSize, .regRW, body)
    }
    try addZeros(
      at: EnclaveLayout.kernelHeapBase, EnclaveLayout.fixedKernelSize(memory: memory), .regRW, body)
    // SGX1 cannot change permissions: what may become code is writable and executable from the start.
    try addZeros(
      at: EnclaveLayout.userBase, EnclaveLayout.fixedUserSize(memory: memory), .regRWX, body)
  }

  private func addZeros(
    at address: UInt64, _ size: UInt64, _ flags: SECINFO.Flags,
    _ body: (Pages) throws(HostError) -> Void
  ) throws(HostError) {
    let zeros = [UInt8](repeating: 0, count: Int(min(size, 1 << 20)))
    var done: UInt64 = 0
    while done < size {
      let n = Int(min(size - done, UInt64(zeros.count)))
      var failure: HostError?
      zeros.withUnsafeBytes { source in
        do throws(HostError) {
          try body(
            Pages(
              address: address + done, source: UnsafeRawBufferPointer(rebasing: source[0..<n]),
              flags: flags, measured: false))
        } catch { failure = error }
      }
      if let failure { throw failure }
      done += UInt64(n)
    }
  }

  private func add(
    _ bytes: [UInt8], at address: UInt64, flags: SECINFO.Flags,
    _ body: (Pages) throws(HostError) -> Void
  ) throws(HostError) {
    var failure: HostError?
    bytes.withUnsafeBytes { source in
      do throws(HostError) {
        try body(Pages(address: address, source: source, flags: flags))
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  private func configurationPages() throws(HostError) -> [UInt8] {
    var bytes = configuration.encoded()
    guard UInt64(bytes.count) <= EnclaveLayout.configurationMaximumSize else {
      throw HostError("arguments and environment are too long for the measured configuration")
    }
    let page = Int(EnclaveLayout.pageSize)
    bytes.append(contentsOf: repeatElement(0, count: (page - bytes.count % page) % page))
    return bytes
  }

  private func tcs(_ index: Int) -> [UInt8] {
    let block = EnclaveLayout.threadBlock(index)
    let area = EnclaveLayout.threadArea(index)
    return TCS(
      ossa: area + EnclaveLayout.ssaOffset, nssa: EnclaveLayout.ssaFrameCount,
      oentry: image.entry, ofsbase: block, ogsbase: block
    ).encoded()
  }

  /// SSA frames (zero), and the thread block: its own address and the thread's index, the rest zero.
  private func threadPages(_ index: Int) -> [UInt8] {
    let size = EnclaveLayout.threadBlockOffset - EnclaveLayout.ssaOffset
    var pages = [UInt8](repeating: 0, count: Int(size + EnclaveLayout.pageSize))
    pages.put(EnclaveLayout.threadBlock(index), at: Int(size))
    pages.put(UInt64(index), at: Int(size) + 8)
    return pages
  }
}
