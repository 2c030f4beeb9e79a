import Testing

@testable import LibOS

/// The kernel's own record of pages, against a plain set.
@Suite("committed pages", .serialized) struct CommittedPagesTests {
  /// Nobody else is here.
  static let base: UInt = 0x50_0000_0000

  @Test("random ranges: contains, next and count agree with a set of pages")
  func random() {
    var generator = SystemRandomNumberGenerator()
    var model = Set<UInt>()
    // Three GiB, of which one is never touched; ranges from a page to more than 2 MiB, aligned or not.
    func address() -> UInt {
      let gib: UInt = Bool.random(using: &generator) ? 0 : 2
      let page = UInt.random(in: 0..<3000, using: &generator)
      let block = UInt.random(in: 0..<6, using: &generator) * 85
      return Self.base + gib << 30 + block << 21 + page << 12
    }
    for round in 0..<400 {
      let start = address()
      var count = UInt.random(in: 1...40, using: &generator)
      if round % 5 == 0 { count *= 64 }
      let committed = Bool.random(using: &generator)
      let end = start + count << 12
      #expect(CommittedPages.set(start, end, committed))
      for page in stride(from: start, to: end, by: 4096) {
        if committed { model.insert(page) } else { model.remove(page) }
      }
      // Walk a stretch in both states.
      let from = Bool.random(using: &generator) ? Self.base : address()
      let to = from + UInt.random(in: 1...(3 << 18), using: &generator) << 12
      for state in [true, false] {
        var found: UInt = 0
        var at = from
        while let (a, b) = CommittedPages.next(at, to, committed: state) {
          #expect(a >= at && b > a && b <= to)
          if state {
            for page in stride(from: a, to: b, by: 4096) where !model.contains(page) {
              Issue.record("page \(page) is not committed")
              break
            }
          }
          found += (b - a) >> 12
          at = b
        }
        let expected = UInt(model.count { $0 >= from && $0 < to })
        #expect(found == (state ? expected : (to - from) >> 12 - expected))
      }
    }
    for page in model {
      #expect(CommittedPages.contains(page))
      #expect(CommittedPages.set(page, page + 4096, false))
    }
    #expect(CommittedPages.next(Self.base, Self.base + 3 << 30, committed: true) == nil)
  }
}
