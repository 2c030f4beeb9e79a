import Foundation
import PayloadFormat

@testable import Payload

/// A copy of an ELF file with its site table applied, as the enclave does it, and the stubs in a segment
/// of their own (made from a program header that the loader can do without).
struct PatchedELF {
  enum Style {
    /// `before; lea link,[return]; jmp *gs:0x40; return: after; jmp back`.
    case enclave
    /// `before; the instruction itself; after; jmp back`: runs on Linux.
    case native
  }

  var bytes: [UInt8]
  /// For each site the address of its stub.
  var stubs: [UInt64] = []
  let stubBase: UInt64
  private(set) var stubBytes: [UInt8] = []

  init?(_ original: [UInt8], _ sites: [Site], style: Style) {
    bytes = original
    let phoff = Int(ELFImage.read64(original, 32))
    let phnum = Int(original[56]) | Int(original[57]) << 8
    var loads: [(offset: UInt64, address: UInt64, size: UInt64)] = []
    var end: UInt64 = 0
    var spare: Int?
    for i in 0..<phnum {
      let at = phoff + i * 56
      let type = Self.read32(original, at)
      if type == 1 {
        let address = ELFImage.read64(original, at + 16)
        loads.append(
          (ELFImage.read64(original, at + 8), address, ELFImage.read64(original, at + 32)))
        end = max(end, address + ELFImage.read64(original, at + 40))
        spare = nil
      } else if type == 4 || type == 0x6474_E551 || type == 0x6474_E553 || type == 0x6510_1580 {
        // PT_NOTE, GNU_STACK, GNU_PROPERTY or Go's own, behind the last PT_LOAD.
        if type == 4 || spare == nil { spare = at }
      }
    }
    guard let spare else { return nil }
    stubBase = (end + 0x20FFF) & ~0xFFF
    func address(_ fileOffset: UInt64) -> UInt64? {
      loads.first { fileOffset >= $0.offset && fileOffset < $0.offset + $0.size }
        .map { fileOffset - $0.offset + $0.address }
    }

    for site in sites {
      guard let start = address(site.fileOffset) else { return nil }
      let at = Int(site.fileOffset)
      let own = original[at..<(at + site.length)]
      let before = own.prefix(Int(site.before))
      let after = own.suffix(Int(site.after))
      let stub = stubBase + UInt64(stubBytes.count)
      stubs.append(stub)
      stubBytes += before
      switch style {
      case .enclave:
        stubBytes += [0x48, 0x8D, site.kind == .syscall ? 0x0D : 0x15, 8, 0, 0, 0]
        stubBytes += [0x65, 0xFF, 0x24, 0x25, 0x40, 0, 0, 0]
      case .native:
        stubBytes += own.dropFirst(Int(site.before)).prefix(site.kind.length)
      }
      stubBytes += after
      stubBytes += Self.jump(
        from: stubBase + UInt64(stubBytes.count), to: start + UInt64(site.length))

      for i in 0..<site.length { bytes[at + i] = 0xCC }
      if site.hole == 0 {
        Self.put(Self.jump(from: start, to: stub), at, &bytes)
      } else {
        Self.put([0xEB, UInt8(bitPattern: site.hole - 2)], at, &bytes)
        let hole = Int(SiteTable.holeOffset(site))
        Self.put(
          Self.jump(from: UInt64(Int64(start) + Int64(site.hole)), to: stub), hole, &bytes)
      }
    }

    while bytes.count % 4096 != 0 { bytes.append(0) }
    var header: [UInt8] = []
    func put(_ v: UInt64, _ n: Int) {
      for i in 0..<n { header.append(UInt8(truncatingIfNeeded: v >> (8 * UInt64(i)))) }
    }
    put(1, 4)
    put(5, 4)
    put(UInt64(bytes.count), 8)
    put(stubBase, 8)
    put(stubBase, 8)
    put(UInt64(stubBytes.count), 8)
    put(UInt64(stubBytes.count), 8)
    put(4096, 8)
    Self.put(header, spare, &bytes)
    bytes += stubBytes
  }

  private static func jump(from: UInt64, to: UInt64) -> [UInt8] {
    let d = Int32(truncatingIfNeeded: Int64(bitPattern: to &- from) - 5)
    return [0xE9] + withUnsafeBytes(of: d.littleEndian) { [UInt8]($0) }
  }
  private static func put(_ new: [UInt8], _ at: Int, _ bytes: inout [UInt8]) {
    for (i, b) in new.enumerated() { bytes[at + i] = b }
  }
  static func read32(_ b: [UInt8], _ at: Int) -> UInt32 {
    b.withUnsafeBytes { ELFImage.read32($0, at) }
  }
}
