import PayloadFormat
import Testing

@Suite("Site table: bytes")
struct SiteTableTests {
  private let sites = [
    Site(fileOffset: 0x1000, kind: .syscall, before: 5, after: 0, hole: 0),
    Site(fileOffset: 0x1010, kind: .cpuid, before: 0, after: 3, hole: 0),
    Site(fileOffset: 0x1020, kind: .syscall, before: 0, after: 0, hole: 16),
    Site(fileOffset: 0x1100, kind: .xgetbv, before: 0, after: 0, hole: -126),
  ]
  private var bytes: [UInt8] { SiteTable.encode(sites, found: 6, trapped: 2) }

  @Test("what is encoded decodes")
  func roundTrip() {
    #expect(SiteTable.decode(bytes) == sites)
    let summary = SiteTable.summary(bytes)
    #expect(summary?.rewritten == 4)
    #expect(summary?.found == 6)
    #expect(summary?.trapped == 2)
    #expect(SiteTable.decode(SiteTable.encode([], found: 3, trapped: 3)) == [])
  }

  @Test("every truncation and every byte too many is refused")
  func length() {
    for n in 0..<bytes.count { #expect(SiteTable.decode([UInt8](bytes[..<n])) == nil) }
    #expect(SiteTable.decode(bytes + [0]) == nil)
    #expect(SiteTable.decode(bytes + [UInt8](repeating: 0, count: 16)) == nil)
  }

  @Test("magic, counts and reserved bytes")
  func header() {
    for i in 0..<SiteTable.headerSize {
      var b = bytes
      b[i] ^= 0x80
      #expect(SiteTable.decode(b) == nil, "byte \(i)")
    }
  }

  @Test("a wrong kind or reserved bytes of an entry")
  func entry() {
    for i in [8, 12, 13, 14, 15] {
      var b = bytes
      b[SiteTable.headerSize + i] = 3
      #expect(SiteTable.decode(b) == nil, "byte \(i)")
    }
  }

  private func accepts(_ s: [Site]) -> Bool {
    SiteTable.decode(SiteTable.encode(s, found: UInt32(s.count), trapped: 0)) != nil
  }
  private func site(
    _ offset: UInt64, _ before: UInt8 = 3, _ after: UInt8 = 0, hole: Int8 = 0,
    kind: SiteTable.Kind = .syscall
  ) -> Site {
    Site(fileOffset: offset, kind: kind, before: before, after: after, hole: hole)
  }

  @Test("a jump needs 5 bytes, a hole lies outside and within reach")
  func sanity() {
    #expect(accepts([site(0)]))
    #expect(!accepts([site(0, 2)]))
    #expect(accepts([site(0, 2, kind: .xgetbv)]))
    #expect(!accepts([site(0, 46)]))
    #expect(!accepts([site(0, 0, 46)]))
    #expect(!accepts([site(1 << 48)]))
    #expect(accepts([site(200, 0, hole: 2)]))
    #expect(!accepts([site(200, 0, hole: 1)]))
    #expect(accepts([site(200, 0, hole: -5)]))
    #expect(!accepts([site(200, 0, hole: -4)]))
    #expect(!accepts([site(200, 0, hole: -127)]))
    #expect(!accepts([site(4, 0, hole: -5)]))
  }

  @Test("no byte is rewritten twice")
  func overlap() {
    #expect(accepts([site(0), site(5)]))
    #expect(!accepts([site(0), site(4)]))
    #expect(!accepts([site(5), site(0)]))
    #expect(!accepts([site(0), site(0)]))
    #expect(!accepts([site(100, 0, hole: 16), site(118)]))
    #expect(accepts([site(100, 0, hole: 16), site(121)]))
    #expect(!accepts([site(100), site(120, 0, hole: -16)]))
    #expect(accepts([site(100), site(120, 0, hole: -15)]))
    #expect(!accepts([site(100, 0, hole: 20), site(110, 0, hole: 12)]))
    #expect(accepts([site(100, 0, hole: 20), site(110, 0, hole: 15)]))
    #expect(!accepts([site(100, 0, hole: 120), site(300, 0, hole: -78)]))
  }

  @Test("random bytes behind a good header never crash the decoder")
  func random() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var b = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let at = Int.random(in: 20..<b.count, using: &generator)
        b[at] = UInt8.random(in: 0...255, using: &generator)
      }
      if let decoded = SiteTable.decode(b) {
        #expect(SiteTable.encode(decoded, found: 6, trapped: 2) == b)
      }
    }
  }
}
