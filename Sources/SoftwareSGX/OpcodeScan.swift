import SGX

/// What a page holds that an enclave must not execute, or whose effect the software machine does not see.
///
/// The machine cannot make CPUID, INT n or RDTSC trap, so strict mode looks for their bytes in code that
/// becomes executable (DESIGN: "What it cannot see it must not hide"). A scan of bytes, not of instructions:
/// a hit may lie in the middle of something harmless; whoever reports it says so.
public struct OpcodeScan: Sendable {
  public enum Opcode: String, Sendable, CaseIterable {
    case syscall = "SYSCALL"
    case sysenter = "SYSENTER"
    case cpuid = "CPUID"
    case interrupt80 = "INT 0x80"
    case rdtsc = "RDTSC"
    case rdtscp = "RDTSCP"
    case enclu = "ENCLU"
    case getsec = "GETSEC"
    case rdpmc = "RDPMC"
    case vmcall = "VMCALL"
    case xgetbv = "XGETBV"
  }

  /// Illegal inside an enclave, but carried out here without anybody noticing.
  public static let silent: Set<Opcode> = [.cpuid]

  public struct Hit: Equatable, Sendable {
    public var address: UInt64
    public var opcode: Opcode
  }

  /// Looks through `bytes`, which lie at `address`, for the opcodes of `wanted`. Addresses in `allowed` (the
  /// site table, the image's ENCLU routines) are not reported.
  public static func hits(
    in bytes: UnsafeRawBufferPointer, at address: UInt64,
    wanted: Set<Opcode> = Set(Opcode.allCases),
    allowed: Set<UInt64> = []
  ) -> [Hit] {
    var found: [Hit] = []
    guard bytes.count >= 2 else { return found }
    for i in 0..<(bytes.count - 1) {
      guard bytes[i] == 0x0F || bytes[i] == 0xCD else { continue }
      let third = i + 2 < bytes.count ? bytes[i + 2] : nil
      guard let opcode = opcode(bytes[i], bytes[i + 1], third), wanted.contains(opcode) else {
        continue
      }
      let site = address + UInt64(i)
      if !allowed.contains(site) { found.append(Hit(address: site, opcode: opcode)) }
    }
    return found
  }

  private static func opcode(_ a: UInt8, _ b: UInt8, _ c: UInt8?) -> Opcode? {
    switch (a, b, c) {
    case (0xCD, 0x80, _): .interrupt80
    case (0x0F, 0x05, _): .syscall
    case (0x0F, 0x34, _): .sysenter
    case (0x0F, 0xA2, _): .cpuid
    case (0x0F, 0x31, _): .rdtsc
    case (0x0F, 0x33, _): .rdpmc
    case (0x0F, 0x37, _): .getsec
    case (0x0F, 0x01, 0xD7): .enclu
    case (0x0F, 0x01, 0xD0): .xgetbv
    case (0x0F, 0x01, 0xF9): .rdtscp
    case (0x0F, 0x01, 0xC1): .vmcall
    default: nil
    }
  }
}
