import CEnclave
import EnclaveCrypto
import EnclaveRuntime

/// The processor as programs see it: CPUID answers from the host's table, cut down to what the enclave's
/// XFRM allows. The host's word is a hint: a program that believes a feature the CPU lacks gets SIGILL,
/// which harms only itself; what would corrupt state (XSAVE layout) is computed here.
enum Processor {
  struct Answer {
    var eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0
  }
  private struct Entry {
    var leaf: UInt32, subleaf: UInt32
    var answer: Answer
  }
  /// Written once at boot.
  nonisolated(unsafe) private static var table: [Entry] = []
  nonisolated(unsafe) private static var xfrm: UInt64 = 3

  static var hwcap: UInt32 { answer(leaf: 1, subleaf: 0).edx }

  static func load(xfrm enclaveXFRM: UInt64) {
    unsafe xfrm = enclaveXFRM
    var made: [Entry] = []
    let host = Host.processor()
    unsafe Processors.count = host.processors
    unsafe Parker.spinCount = host.processors > 1 ? 2000 : 0
    for e in host.entries {
      made.append(
        Entry(
          leaf: e.leaf, subleaf: e.subleaf,
          answer: Answer(eax: e.eax, ebx: e.ebx, ecx: e.ecx, edx: e.edx)))
    }
    unsafe table = made
    startCrypto()
  }

  /// BoringSSL chooses its code by the same answers as programs get. If the host claims a feature that the CPU
  /// lacks, the kernel faults and the enclave stops; state that XFRM does not cover is never touched.
  private static func startCrypto() {
    let vendor = answer(leaf: 0, subleaf: 0)
    let one = answer(leaf: 1, subleaf: 0)
    let seven = answer(leaf: 7, subleaf: 0)
    EnclaveCrypto.start(
      leaf1: (one.eax, one.ecx, one.edx), leaf7: (seven.ebx, seven.ecx),
      // "GenuineIntel" in EBX, EDX, ECX (SDM Vol. 2A, CPUID).
      isIntel: vendor.ebx == 0x756E_6547 && vendor.edx == 0x4965_6E69 && vendor.ecx == 0x6C65_746E,
      xfrm: unsafe xfrm, hasXSAVEC: answer(leaf: 0xD, subleaf: 1).eax & 2 != 0)
  }

  /// Leaves whose answer depends on ECX (SDM Vol. 2A, CPUID); all others ignore it.
  private static func hasSubleaves(_ leaf: UInt32) -> Bool {
    switch leaf {
    case 4, 7, 0xB, 0xD, 0xF, 0x10, 0x12, 0x14, 0x17, 0x18, 0x1A, 0x1B, 0x1D, 0x1F, 0x20, 0x23,
      0x8000_001D, 0x8000_0020, 0x8000_0026:
      true
    default: false
    }
  }

  private static func raw(_ leaf: UInt32, _ subleaf: UInt32) -> Answer {
    let any = !hasSubleaves(leaf)
    for e in unsafe table where e.leaf == leaf && (any || e.subleaf == subleaf) { return e.answer }
    return Answer()
  }

  static let avx: UInt64 = 1 << 2
  static let avx512: UInt64 = 7 << 5

  static func answer(leaf: UInt32, subleaf: UInt32) -> Answer {
    let xfrm = unsafe xfrm
    var a = raw(leaf, subleaf)
    let hasAVX = xfrm & avx != 0
    let hasAVX512 = xfrm & avx512 == avx512
    switch leaf {
    case 1:
      // APIC id, MONITOR, VMX, SMX, PCID, TSC deadline, hypervisor: not the program's business.
      a.ebx &= 0x00FF_FFFF
      a.ecx &= ~(1 << 3 | 1 << 5 | 1 << 6 | 1 << 17 | 1 << 24)
      a.ecx |= 1 << 27
      if !hasAVX { a.ecx &= ~(1 << 28 | 1 << 12 | 1 << 29) }
    case 7:
      if subleaf == 0 {
        // SGX inside SGX, PKU, CET shadow stack and IBT, AMX, UINTR need state that is not enabled.
        a.ebx &= ~(1 << 2)
        a.ecx &= ~(1 << 3 | 1 << 4 | 1 << 7 | 1 << 30)
        a.edx &= ~(1 << 20 | 1 << 22 | 1 << 24 | 1 << 25 | 1 << 5)
        if !hasAVX {
          a.ebx &= ~(1 << 5)
          a.ecx &= ~(1 << 9 | 1 << 10)
        }
        if !hasAVX512 {
          a.ebx &= ~(1 << 16 | 1 << 17 | 1 << 21 | 1 << 26 | 1 << 27 | 1 << 28 | 1 << 30 | 1 << 31)
          a.ecx &= ~(1 << 1 | 1 << 6 | 1 << 11 | 1 << 12 | 1 << 14)
          a.edx &= ~(1 << 2 | 1 << 3 | 1 << 8 | 1 << 23)
        }
      } else if subleaf == 1 {
        if !hasAVX { a.eax &= ~(1 << 4 | 1 << 23) }
        if !hasAVX512 { a.eax &= ~(1 << 5) }
      }
    case 0xD:
      // XSAVE areas: sizes and offsets of the standard format (SDM Vol. 1, 13.4.3).
      if subleaf == 0 {
        a = Answer()
        a.eax = UInt32(truncatingIfNeeded: xfrm)
        a.edx = UInt32(truncatingIfNeeded: xfrm >> 32)
        var size: UInt32 = 576
        if hasAVX { size = 832 }
        if hasAVX512 { size = 2688 }
        a.ebx = size
        a.ecx = size
      } else if subleaf == 1 {
        a.eax &= 0x7
        a.ebx = hasAVX512 ? 2688 : hasAVX ? 832 : 576
        a.ecx = 0
        a.edx = 0
      } else if subleaf < 63 {
        a = Answer()
        if xfrm & (1 << UInt64(subleaf)) != 0 {
          switch subleaf {
          case 2: (a.eax, a.ebx) = (256, 576)
          case 5: (a.eax, a.ebx) = (64, 1088)
          case 6: (a.eax, a.ebx) = (512, 1152)
          case 7: (a.eax, a.ebx) = (1024, 1664)
          default: break
          }
        }
      } else {
        a = Answer()
      }
    case 0x12: a = Answer()
    default: break
    }
    return a
  }

  static func xgetbv(_ index: UInt32) -> UInt64? { unsafe index == 0 ? xfrm : nil }
}
