@testable import Payload

/// The smallest file that Linux would map: one header, one executable segment at 0x1000.
enum TinyELF {
  static let codeOffset = 120
  static let codeAddress: UInt64 = 0x1000 + 120

  static func file(_ code: [UInt8]) -> [UInt8] {
    var out: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
    func put(_ v: UInt64, _ n: Int) {
      for i in 0..<n { out.append(UInt8(truncatingIfNeeded: v >> (8 * UInt64(i)))) }
    }
    put(3, 2)  // ET_DYN
    put(62, 2)  // EM_X86_64
    put(1, 4)
    put(codeAddress, 8)
    put(64, 8)
    put(0, 8)
    put(0, 4)
    put(64, 2)
    put(56, 2)
    put(1, 2)
    put(0, 2)
    put(0, 2)
    put(0, 2)
    put(1, 4)  // PT_LOAD
    put(5, 4)  // R X
    put(UInt64(codeOffset), 8)
    put(codeAddress, 8)
    put(codeAddress, 8)
    put(UInt64(code.count), 8)
    put(UInt64(code.count), 8)
    put(0x1000, 8)
    return out + code
  }

  static func analyse(_ code: [UInt8]) throws -> SiteAnalysis { try SiteAnalysis(file(code)) }
}
