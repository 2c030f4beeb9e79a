/// Where everything lies inside ELRANGE. The enclave's base address is 0, so an offset from the base
/// and an address are the same number; both sides (the builder and the kernel) read this one file.
///
/// ```
/// 0x00_0001_0000  user mappings: ET_EXEC programs, PIE programs, heaps, stacks
/// 0xC0_0000_0000  kernel heap and file pages, committed on demand
/// 0xFE_0000_0000  kernel stacks, one slot a thread, committed when the thread starts
/// 0xFF_0000_0000  LibOS image: RX, RO, RW (linked at this address)
/// 0xFF_2000_0000  measured configuration
/// 0xFF_4000_0000  thread areas: TCS, SSA frames, thread block
/// 0x100_0000_0000 end of ELRANGE (2^40); the host lies above
/// ```
public enum EnclaveLayout {
  public static let pageSize: UInt64 = 4096

  /// log2 of ELRANGE's size.
  public static let elrangeLog2: UInt64 = 40
  public static let elrangeSize: UInt64 = 1 << 40

  /// User addresses lie in `userBase ..< userEnd`. `userBase` is not below `vm.mmap_min_addr`.
  public static let userBase: UInt64 = 0x1_0000
  public static let userEnd: UInt64 = 0xC0_0000_0000

  public static let kernelHeapBase: UInt64 = 0xC0_0000_0000
  public static let kernelHeapEnd: UInt64 = 0xFD_0000_0000

  /// A kernel stack slot, from its bottom: guard page(s), exception stack, guard page, kernel stack.
  public static let kernelStackBase: UInt64 = 0xFE_0000_0000
  public static let kernelStackStride: UInt64 = 0x4_0000
  public static let exceptionStackOffset: UInt64 = 0x1_0000
  public static let exceptionStackSize: UInt64 = 0x4000
  public static let kernelStackOffset: UInt64 = 0x2_0000
  public static let kernelStackSize: UInt64 = 0x2_0000

  public static let imageBase: UInt64 = 0xFF_0000_0000
  public static let imageEnd: UInt64 = 0xFF_2000_0000

  public static let configurationBase: UInt64 = 0xFF_2000_0000
  public static let configurationMaximumSize: UInt64 = 0x40_0000

  /// A thread area: TCS page, then `ssaFrameCount` SSA frames of `ssaFramePages` pages each, then the
  /// thread block (GS base), one page. The measured ones are added, those beyond made with SGX2.
  public static let threadAreaBase: UInt64 = 0xFF_4000_0000
  public static let threadAreaStride: UInt64 = 0x1_0000
  public static let ssaFrameCount: UInt32 = 4
  public static let ssaFramePages: UInt32 = 1
  public static let ssaOffset: UInt64 = 0x1000
  public static let threadBlockOffset: UInt64 =
    0x1000 * (1 + UInt64(ssaFrameCount) * UInt64(ssaFramePages))
  /// Most threads an enclave can be measured with.
  public static let maximumThreadCount = 1024
  /// Most threads it can have: in profile `edmm` TCSs beyond the measured ones are made when they are needed.
  public static let largestThreadCount = 4096

  /// Profile `fixed` (SGX1: nothing can be added later): of the memory size a quarter, but 64 MiB at least,
  /// is kernel heap, the rest user memory from `userBase` on. Added at the start, not measured: the kernel
  /// clears each page before it uses it.
  public static func fixedKernelSize(memory: UInt64) -> UInt64 {
    max(64 << 20, (memory / 4) & ~0xF_FFFF)
  }
  public static func fixedUserSize(memory: UInt64) -> UInt64 {
    let kernel = fixedKernelSize(memory: memory)
    return memory > kernel ? (memory - kernel) & ~0xF_FFFF : 0
  }
  /// Least memory size that `fixed` can work with.
  public static let fixedMinimumMemory: UInt64 = 128 << 20

  public static func threadArea(_ index: Int) -> UInt64 {
    threadAreaBase + UInt64(index) * threadAreaStride
  }
  public static func threadBlock(_ index: Int) -> UInt64 { threadArea(index) + threadBlockOffset }
  public static func kernelStack(_ index: Int) -> UInt64 {
    kernelStackBase + UInt64(index) * kernelStackStride
  }
}
