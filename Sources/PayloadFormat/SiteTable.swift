/// The table of instructions that an enclave cannot execute as they stand, one table a file.
///
/// Made outside by a disassembler, applied inside by a few lines (DESIGN: no disassembler in the TCB).
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 8 | magic `CLSITES1` |
/// | 8 | 4 | number of entries |
/// | 12 | 4 | instructions found (SYSCALL, CPUID, XGETBV in executable segments) |
/// | 16 | 4 | of these left to the trap |
/// | 20 | 12 | reserved, 0 |
///
/// Then the entries, 16 bytes each, sorted by offset, not overlapping:
/// file offset of the first rewritten byte (8), kind (1), bytes of whole instructions moved from before the
/// site (1), from after it (1), hole (1, signed), reserved 0 (4).
///
/// The rewritten bytes are `before` + the instruction + `after`. With hole = 0 there are at least 5 of
/// them and they become `jmp rel32` to the stub; otherwise at least 2, `jmp rel8` to `hole` bytes from
/// the first rewritten byte, where 5 bytes of padding become the `jmp rel32`. Unused bytes become int3.
public enum SiteTable {
  public static let magic: [UInt8] = [0x43, 0x4C, 0x53, 0x49, 0x54, 0x45, 0x53, 0x31]
  public static let headerSize = 32
  public static let entrySize = 16

  public enum Kind: UInt8, Sendable {
    case syscall = 0
    case cpuid = 1
    case xgetbv = 2
    /// Bytes in the instruction itself.
    @inlinable public var length: Int {
      switch self {
      case .syscall, .cpuid: 2
      case .xgetbv: 3
      }
    }
  }
}

public struct Site: Equatable, Sendable {
  public var fileOffset: UInt64
  public var kind: SiteTable.Kind
  public var before: UInt8
  public var after: UInt8
  public var hole: Int8
  public init(fileOffset: UInt64, kind: SiteTable.Kind, before: UInt8, after: UInt8, hole: Int8) {
    self.fileOffset = fileOffset
    self.kind = kind
    self.before = before
    self.after = after
    self.hole = hole
  }
  @inlinable public var length: Int { Int(before) + kind.length + Int(after) }
}
