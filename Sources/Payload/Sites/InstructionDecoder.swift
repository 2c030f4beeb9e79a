import CZydis

/// Zydis, asked only for what the analysis needs.
///
/// `shape` is the fast question (no operands), put to every instruction of a function; `details` the slow
/// one, put to the few instructions that might move.
struct InstructionDecoder {
  private var decoder = ZydisDecoder()
  private var instruction = ZydisDecodedInstruction()

  init() {
    _ = ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)
  }

  /// What the sweep keeps of an instruction.
  struct Shape {
    var length: Int
    var site: SiteKind?
    /// A direct branch: the displacement from the instruction's end.
    var branch: Int64?
    var fallsThrough: Bool
    var isPadding: Bool
    /// Privileged, I/O, far or otherwise never seen in user code: a hint that data was decoded.
    var isImplausible: Bool
  }

  enum SiteKind { case syscall, cpuid, xgetbv }

  mutating func shape(_ bytes: UnsafeRawPointer, available: Int) -> Shape? {
    let status = ZydisDecoderDecodeInstruction(
      &decoder, nil, bytes, ZyanUSize(available), &instruction)
    guard status & 0x8000_0000 == 0 else { return nil }
    var shape = Shape(
      length: Int(instruction.length), site: nil, branch: nil, fallsThrough: true, isPadding: false,
      isImplausible: false)
    switch instruction.meta.category {
    case ZYDIS_CATEGORY_COND_BR, ZYDIS_CATEGORY_UNCOND_BR, ZYDIS_CATEGORY_CALL:
      if instruction.raw.imm.0.is_relative != 0 { shape.branch = instruction.raw.imm.0.value.s }
      shape.fallsThrough = instruction.meta.category != ZYDIS_CATEGORY_UNCOND_BR
      shape.isImplausible = instruction.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR
    case ZYDIS_CATEGORY_RET:
      shape.fallsThrough = false
      shape.isImplausible = instruction.mnemonic != ZYDIS_MNEMONIC_RET || instruction.opcode >= 0xCA
    case ZYDIS_CATEGORY_NOP, ZYDIS_CATEGORY_WIDENOP:
      // ENDBR64 is a wide NOP in some tables and a jump target in all.
      shape.isPadding =
        instruction.mnemonic == ZYDIS_MNEMONIC_NOP
    case ZYDIS_CATEGORY_INTERRUPT:
      shape.isPadding = instruction.mnemonic == ZYDIS_MNEMONIC_INT3
      // `int $3`, two bytes, is Go's way to stop.
      shape.fallsThrough = !shape.isPadding
      shape.isImplausible = !shape.isPadding && instruction.raw.imm.0.value.u != 3
    case ZYDIS_CATEGORY_IO, ZYDIS_CATEGORY_IOSTRINGOP, ZYDIS_CATEGORY_SYSRET, ZYDIS_CATEGORY_VTX,
      ZYDIS_CATEGORY_SEGOP, ZYDIS_CATEGORY_DECIMAL:
      shape.isImplausible = true
    case ZYDIS_CATEGORY_SYSTEM:
      shape.isImplausible = instruction.attributes & Self.isPrivileged != 0
    default: break
    }
    switch instruction.mnemonic {
    case ZYDIS_MNEMONIC_SYSCALL: shape.site = .syscall
    case ZYDIS_MNEMONIC_CPUID: shape.site = .cpuid
    case ZYDIS_MNEMONIC_XGETBV: shape.site = .xgetbv
    case ZYDIS_MNEMONIC_UD2: shape.fallsThrough = false
    case ZYDIS_MNEMONIC_HLT:
      // libc's way to stop.
      shape.fallsThrough = false
      shape.isImplausible = false
    case ZYDIS_MNEMONIC_ADD:
      // `00 00`, which is what zeroes decode to.
      shape.isImplausible =
        instruction.opcode == 0 && instruction.raw.modrm.reg == 0
        && instruction.raw.modrm.rm == 0 && instruction.raw.modrm.mod == 0
    default: break
    }
    // A prefixed SYSCALL is legal but longer than the table says it is: left alone, so it traps.
    return shape
  }

  /// What moving an instruction away depends on. Registers are bits: 0...15 the general registers, 16
  /// the flags, 17 memory, 18...49 vector registers, 50 anything else.
  struct Details {
    var length: Int
    var reads: UInt64
    var writes: UInt64
    var isMovable: Bool
    var isReturn: Bool
  }

  // ZYDIS_ATTRIB_*: macros with casts, which Swift does not import.
  private static let isRelative: UInt64 = 1 << 7
  private static let isPrivileged: UInt64 = 1 << 8
  private static let hasLockOrRepeat: UInt64 = 0xF << 27

  static let rax: UInt64 = 1 << 0
  static let rcx: UInt64 = 1 << 1
  static let rsp: UInt64 = 1 << 4
  static let r11: UInt64 = 1 << 11
  static let flags: UInt64 = 1 << 16
  static let memory: UInt64 = 1 << 17
  static let other: UInt64 = 1 << 50

  func details(_ bytes: UnsafeRawPointer, available: Int) -> Details? {
    var instruction = ZydisDecodedInstruction()
    return withUnsafeTemporaryAllocation(of: ZydisDecodedOperand.self, capacity: 10) {
      operands -> Details? in
      let status = withUnsafePointer(to: decoder) {
        ZydisDecoderDecodeFull(
          $0, bytes, ZyanUSize(available), &instruction, operands.baseAddress!)
      }
      guard status & 0x8000_0000 == 0 else { return nil }
      var details = Details(
        length: Int(instruction.length), reads: 0, writes: 0,
        isMovable: Self.isOrdinary(instruction),
        isReturn: instruction.mnemonic == ZYDIS_MNEMONIC_RET && instruction.opcode == 0xC3
          && instruction.length == 1)
      for i in 0..<min(Int(instruction.operand_count), 10) {
        let operand = operands[i]
        let reads = operand.actions & 0x05 != 0
        let writes = operand.actions & 0x0A != 0
        switch operand.type {
        case ZYDIS_OPERAND_TYPE_REGISTER:
          let (bit, isWhole) = Self.bit(operand.reg.value)
          if bit == 0 { details.isMovable = false }
          if reads { details.reads |= bit }
          if writes {
            details.writes |= bit
            // Writing AL or AX, or writing conditionally, keeps the rest: it depends on it.
            if !isWhole || operand.actions & 0x08 != 0 { details.reads |= bit }
          }
        case ZYDIS_OPERAND_TYPE_MEMORY:
          let m = operand.mem
          // GS is the kernel's inside, RIP would point elsewhere.
          if m.segment == ZYDIS_REGISTER_GS || m.base == ZYDIS_REGISTER_RIP
            || m.base == ZYDIS_REGISTER_EIP
          {
            details.isMovable = false
          }
          if m.base != ZYDIS_REGISTER_NONE { details.reads |= Self.bit(m.base).0 }
          if m.index != ZYDIS_REGISTER_NONE { details.reads |= Self.bit(m.index).0 }
          if reads { details.reads |= Self.memory }
          if writes { details.writes |= Self.memory }
        default: break
        }
      }
      if let f = instruction.cpu_flags {
        if f.pointee.tested != 0 { details.reads |= Self.flags }
        if f.pointee.modified | f.pointee.set_0 | f.pointee.set_1 | f.pointee.undefined != 0 {
          details.writes |= Self.flags
        }
      }
      // `xor %eax,%eax` reads nothing.
      if instruction.mnemonic == ZYDIS_MNEMONIC_XOR, instruction.operand_count_visible == 2,
        operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER,
        operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER,
        operands[0].reg.value == operands[1].reg.value, operands[0].size >= 32
      {
        details.reads &= ~details.writes
      }
      if details.writes & Self.rsp != 0 { details.isMovable = false }
      return details
    }
  }

  /// The instructions that may move: plain computation and data movement. Everything else (branches,
  /// calls, strings, system instructions, PUSH and POP, ENDBR64, which is a target) stays.
  private static func isOrdinary(_ i: ZydisDecodedInstruction) -> Bool {
    // Position-relative operands, and LOCK, REP or REPNE.
    if i.attributes & (isRelative | hasLockOrRepeat) != 0 { return false }
    switch i.mnemonic {
    case ZYDIS_MNEMONIC_LEA, ZYDIS_MNEMONIC_NOP, ZYDIS_MNEMONIC_INT3: return true
    case ZYDIS_MNEMONIC_DIV, ZYDIS_MNEMONIC_IDIV: return false
    default: break
    }
    switch i.meta.category {
    case ZYDIS_CATEGORY_DATAXFER, ZYDIS_CATEGORY_LOGICAL, ZYDIS_CATEGORY_BINARY,
      ZYDIS_CATEGORY_CMOV, ZYDIS_CATEGORY_SETCC, ZYDIS_CATEGORY_SHIFT, ZYDIS_CATEGORY_CONVERT:
      return true
    default: return false
    }
  }

  /// A register's bit, and whether writing it leaves nothing of the old value. 0 for the registers that
  /// no moved instruction may name (segment, control, debug, RIP).
  private static func bit(_ register: ZydisRegister) -> (UInt64, Bool) {
    switch ZydisRegisterGetClass(register) {
    case ZYDIS_REGCLASS_GPR8, ZYDIS_REGCLASS_GPR16, ZYDIS_REGCLASS_GPR32, ZYDIS_REGCLASS_GPR64:
      let whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, register)
      let id = ZydisRegisterGetId(whole)
      guard id >= 0, id < 16 else { return (0, false) }
      let c = ZydisRegisterGetClass(register)
      return (1 << UInt64(id), c == ZYDIS_REGCLASS_GPR32 || c == ZYDIS_REGCLASS_GPR64)
    case ZYDIS_REGCLASS_XMM, ZYDIS_REGCLASS_YMM, ZYDIS_REGCLASS_ZMM:
      let id = ZydisRegisterGetId(register)
      guard id >= 0, id < 32 else { return (0, false) }
      return (1 << UInt64(18 + Int(id)), false)
    case ZYDIS_REGCLASS_FLAGS: return (flags, true)
    default: return (0, false)
    }
  }
}
