import PayloadFormat
import Testing

@testable import Payload

/// Each rule of `SitePlanner`, on a few bytes of code that stand alone.
@Suite("Sites: which bytes are rewritten")
struct SitePlannerTests {
  private let syscall: [UInt8] = [0x0F, 0x05]
  private let ret: [UInt8] = [0xC3]
  private let moveNumber: [UInt8] = [0xB8, 39, 0, 0, 0]  // mov $39,%eax
  private let compare: [UInt8] = [0x48, 0x3D, 0x00, 0xF0, 0xFF, 0xFF]  // cmp $-4096,%rax
  /// No room around: RIP-relative loads before and after.
  private let ripLoadRAX: [UInt8] = [0x48, 0x8B, 0x05, 0, 1, 0, 0]
  private let ripLoadRDX: [UInt8] = [0x48, 0x8B, 0x15, 0, 1, 0, 0]

  private func only(_ code: [UInt8]) throws -> Site? {
    let a = try TinyELF.analyse(code)
    #expect(a.found.total == 1)
    #expect(a.rewritten.total + a.trapped.total == 1)
    #expect(SiteTable.decode(a.table) == a.sites)
    return a.sites.first
  }
  private func site(
    at: Int, before: Int = 0, after: Int = 0, hole: Int = 0, kind: SiteTable.Kind = .syscall
  ) -> Site {
    Site(
      fileOffset: UInt64(TinyELF.codeOffset + at), kind: kind, before: UInt8(before),
      after: UInt8(after), hole: Int8(hole))
  }

  @Test("the number's move goes before")
  func before() throws {
    #expect(try only(moveNumber + syscall + compare + ret) == site(at: 0, before: 5))
  }

  @Test("a branch back to the SYSCALL: the instruction after moves")
  func branchToSite() throws {
    // mov; syscall; cmp; je syscall; ret
    let code = moveNumber + syscall + compare + [0x74, 0xF6] + ret
    #expect(try only(code) == site(at: 5, after: 6))
  }

  @Test("a branch to the instruction after: the one before moves")
  func branchToNext() throws {
    // jmp cmp; mov; syscall; cmp; ret
    let code = [0xEB, 0x07] + moveNumber + syscall + compare + ret
    #expect(try only(code) == site(at: 2, before: 5))
  }

  @Test("branches to both sides leave it to the trap")
  func branchesEverywhere() throws {
    let code = moveNumber + syscall + compare + [0x74, 0xF6, 0x74, 0xF6] + ret
    #expect(try only(code) == nil)
  }

  @Test("a far branch is found without decoding where it is")
  func farBranch() throws {
    var code = moveNumber + syscall + compare + ret
    let at = 4000
    code += [UInt8](repeating: 0xCC, count: at - code.count)
    let back = Int32(5 - (at + 5))
    code += [0xE9] + withUnsafeBytes(of: back.littleEndian) { [UInt8]($0) }
    #expect(try only(code) == site(at: 5, after: 6))
  }

  @Test("RIP-relative neighbours stay; a hole of padding serves")
  func hole() throws {
    // int3 padding after the ret: 3 bytes too few, 5 enough.
    let code = ripLoadRAX + syscall + ripLoadRDX + ret
    #expect(try only(code + [UInt8](repeating: 0xCC, count: 4)) == nil)
    #expect(
      try only(code + [UInt8](repeating: 0xCC, count: 5)) == site(at: 7, hole: code.count - 7))
    let nop: [UInt8] = [0x0F, 0x1F, 0x44, 0x00, 0x00]
    #expect(try only(code + nop) == site(at: 7, hole: code.count - 7))
  }

  @Test("NOPs that are executed are no hole")
  func liveNop() throws {
    let code = ripLoadRAX + syscall + ripLoadRDX + ripLoadRDX + [0x0F, 0x1F, 0x44, 0, 0] + ret
    #expect(try only(code) == nil)
  }

  @Test("padding that is jumped to is no hole")
  func targetedPadding() throws {
    // jmp +10 -> the third byte of the padding, behind load, syscall and ret
    let head: [UInt8] = [0xEB, UInt8(7 + 2 + 7 + 1)]
    let code = head + ripLoadRAX + syscall + ripLoadRDX + ret
    #expect(try only(code + [0x0F, 0x1F, 0x44, 0, 0]) == nil)
  }

  @Test("ret may follow into the stub, dead padding behind it not")
  func returns() throws {
    // Only 3 bytes with ret.
    #expect(try only(ripLoadRAX + syscall + ret) == nil)
    // mov %rax,%rdx; ret: 3 + 2 is enough without it.
    #expect(
      try only(ripLoadRAX + syscall + [0x89, 0xC2] + ret) == site(at: 7, after: 3))
  }

  @Test("what writes RSP stays", arguments: [[0x52], [0x48, 0x83, 0xEC, 0x08]] as [[UInt8]])
  func stack(_ instruction: [UInt8]) throws {
    #expect(try only(ripLoadRAX + instruction + syscall + ripLoadRDX + ret) == nil)
  }

  @Test("what names GS stays")
  func gs() throws {
    let load: [UInt8] = [0x65, 0x48, 0x8B, 0x04, 0x25, 0, 0, 0, 0]
    #expect(try only(load + syscall + ripLoadRDX + ret) == nil)
  }

  @Test("ENDBR64, LOCK and string instructions stay")
  func special() throws {
    for i: [UInt8] in [[0xF3, 0x0F, 0x1E, 0xFA], [0xF0, 0x48, 0x01, 0x07], [0xF3, 0x48, 0xAB]] {
      #expect(try only(ripLoadRAX + i + syscall + ripLoadRDX + ret) == nil)
    }
  }

  @Test("a move that must not run twice gives way to the instruction after")
  func restart() throws {
    // mov %rax,%rdi reads RAX, which the call changes.
    let code = ripLoadRAX + [0x48, 0x89, 0xC7] + syscall + compare + ret
    #expect(try only(code) == site(at: 10, after: 6))
    // With nothing else it is taken all the same.
    let last = ripLoadRAX + [0x48, 0x89, 0xC7] + syscall + ripLoadRDX + ret
    #expect(try only(last) == site(at: 7, before: 3))
  }

  @Test("signal return is left alone")
  func signalReturn() throws {
    #expect(try only([0x48, 0xC7, 0xC0, 15, 0, 0, 0] + syscall + compare + ret) == nil)
    #expect(try only([0xB8, 15, 0, 0, 0] + syscall + compare + ret) == nil)
  }

  @Test("CPUID and XGETBV")
  func cpuid() throws {
    let clear: [UInt8] = [0x31, 0xC9, 0x31, 0xC0]  // xor %ecx,%ecx; xor %eax,%eax
    #expect(
      try only(clear + [0x0F, 0xA2] + ripLoadRDX + ret) == site(at: 0, before: 4, kind: .cpuid))
    #expect(
      try only(clear + [0x0F, 0x01, 0xD0] + ripLoadRDX + ret)
        == site(at: 2, before: 2, kind: .xgetbv))
  }

  @Test("two sites do not share bytes")
  func neighbours() throws {
    let a = try TinyELF.analyse(moveNumber + syscall + moveNumber + syscall + ret)
    #expect(a.sites == [site(at: 0, before: 5), site(at: 7, before: 5)])
    let b = try TinyELF.analyse(moveNumber + syscall + compare + syscall + ripLoadRDX + ret)
    #expect(b.sites == [site(at: 0, before: 5), site(at: 7, before: 6)])
  }

  @Test("bytes inside a longer instruction are not a site")
  func immediate() throws {
    // mov $0xa2050f,%eax; ret
    let a = try TinyELF.analyse([0xB8, 0x0F, 0x05, 0xA2, 0x00] + ret)
    #expect(a.found.total == 0)
    // A prefixed SYSCALL is no 2-byte site.
    let b = try TinyELF.analyse(moveNumber + [0x48] + syscall + ret)
    #expect(b.found.total == 0)
  }

  @Test("what looks like data around is not touched")
  func data() throws {
    let zeroes = [UInt8](repeating: 0, count: 16)
    #expect(try only(zeroes + moveNumber + syscall + compare + ret) == nil)
    // Undecodable bytes (06 and 07 do not exist in 64-bit mode).
    #expect(try only([0x06, 0x07] + moveNumber + syscall + compare + ret) == nil)
    // Behind the end of the flow anything may lie.
    #expect(try only(moveNumber + syscall + compare + ret + [0x06] + zeroes) != nil)
  }
}
