import Foundation
import PayloadFormat
import Testing

@testable import Payload

@Suite("Sites: files that are not what they say")
struct ELFImageTests {
  @Test("not ELF, wrong architecture, malformed")
  func refusals() throws {
    #expect(throws: SiteAnalysisError.notELF) { try SiteAnalysis([]) }
    #expect(throws: SiteAnalysisError.notELF) { try SiteAnalysis(Array("#!/bin/sh\n".utf8)) }
    #expect(throws: SiteAnalysisError.notELF) {
      try SiteAnalysis([UInt8](repeating: 0, count: 200))
    }
    var arm = TinyELF.file([0xC3])
    arm[18] = 183
    #expect(throws: SiteAnalysisError.wrongArchitecture) { try SiteAnalysis(arm) }
    var bits32 = TinyELF.file([0xC3])
    bits32[4] = 1
    #expect(throws: SiteAnalysisError.wrongArchitecture) { try SiteAnalysis(bits32) }
    #expect(throws: SiteAnalysisError.self) {
      try SiteAnalysis([UInt8](TinyELF.file([0xC3]).dropLast()))
    }
    #expect(throws: SiteAnalysisError.unreadable(path: "/nonexistent", errno: ENOENT)) {
      try SiteAnalysis(path: "/nonexistent")
    }
    #expect(throws: SiteAnalysisError.unreadable(path: "/", errno: EISDIR)) {
      try SiteAnalysis(path: "/")
    }
  }

  /// A real file with every structure the reader knows; small, so that thousands of runs are quick.
  private static func sample() -> [UInt8]? {
    Toolbox.compile(
      """
      #include <stdexcept>
      extern "C" long raw(long);
      asm(".text\\n.globl raw\\n.type raw,@function\\nraw:\\n.cfi_startproc\\n"
          "mov $39,%eax\\nsyscall\\ncmp $-4096,%rax\\nja 1f\\nret\\n1: xor %eax,%eax\\ncpuid\\nret\\n"
          ".cfi_endproc\\n.size raw,.-raw");
      long guarded(long x) {
        try {
          if (raw(x) < 0) throw std::runtime_error("x");
          long r;
          asm volatile("syscall" : "=a"(r) : "a"(39) : "rcx", "r11", "memory");
          return r;
        } catch (...) { return raw(x + 1); }
      }
      long pick(int i) {
        switch (i) { case 0: return raw(1); case 1: return raw(2) + 7; case 2: return raw(3) * 3;
          case 3: return raw(9) - 4; case 4: return raw(5) / 3; case 5: return raw(8) ^ 5; }
        return 0;
      }
      """, name: "sample.so", arguments: ["-xc++", "-O2", "-fPIC", "-shared", "-nostartfiles"]
    ).flatMap { FileManager.default.contents(atPath: $0).map { [UInt8]($0) } }
  }

  @Test(
    "4,000 mutated files: an error or a table that decodes, never a crash",
    .enabled(if: Toolbox.find("gcc") != nil))
  func mutations() throws {
    let original = try #require(Self.sample())
    let found = try SiteAnalysis(original).found
    #expect(found.syscall == 2)
    #expect(found.cpuid == 1)
    let headers = Int(ELFImage.read64(original, 40))
    var generator = SplitMix(state: 1)
    for round in 0..<4000 {
      var bytes = original
      for _ in 0...Int(generator.next() % 4) {
        // Program headers, section headers, or anything.
        let at =
          switch round % 4 {
          case 0: Int(generator.next() % 1000)
          case 1: min(headers + Int(generator.next() % 1800), bytes.count - 8)
          default: Int(generator.next() % UInt64(bytes.count - 8))
          }
        switch generator.next() % 3 {
        case 0: bytes[at] = UInt8(truncatingIfNeeded: generator.next())
        case 1: bytes[at] ^= 1 << UInt8(generator.next() % 8)
        default:
          let extremes: [UInt64] = [0, .max, 1 << 63, 1 << 32, 0xFFF, UInt64(bytes.count)]
          let v = extremes[Int(generator.next() % 6)]
          for i in 0..<8 { bytes[at + i] = UInt8(truncatingIfNeeded: v >> (8 * UInt64(i))) }
        }
      }
      if round % 16 == 0 { bytes.removeLast(Int(generator.next() % UInt64(bytes.count))) }
      if let a = try? SiteAnalysis(bytes) {
        #expect(SiteTable.decode(a.table) == a.sites)
        #expect(a.found.total == a.rewritten.total + a.trapped.total)
      }
    }
  }
}

/// Small, seeded and repeatable (Vigna's splitmix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension ELFImage {
  static func read64(_ b: [UInt8], _ at: Int) -> UInt64 { b.withUnsafeBytes { read64($0, at) } }
}
