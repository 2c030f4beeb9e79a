import Glibc
import PayloadFormat

/// Finds the byte patterns that could be sites: `0F 05`, `0F A2`, `0F 01 D0`.
enum SiteScan {
  static func pattern(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> SiteTable.Kind? {
    guard at >= 0, at + 1 < bytes.count, bytes[at] == 0x0F else { return nil }
    switch bytes[at + 1] {
    case 0x05: return .syscall
    case 0xA2: return .cpuid
    case 0x01: return at + 2 < bytes.count && bytes[at + 2] == 0xD0 ? .xgetbv : nil
    default: return nil
    }
  }

  static func candidates(_ bytes: UnsafeRawBufferPointer) -> [Int] {
    var out: [Int] = []
    guard let base = bytes.baseAddress else { return out }
    var at = 0
    while at < bytes.count, let hit = memchr(base + at, 0x0F, bytes.count - at) {
      let offset = UnsafeRawPointer(hit) - base
      if pattern(bytes, offset) != nil { out.append(offset) }
      at = offset + 1
    }
    return out
  }
}
