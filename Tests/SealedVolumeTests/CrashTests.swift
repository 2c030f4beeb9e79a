import Testing

@testable import SealedVolume

/// Stops at every write of a scripted workload. What the medium then holds is every write that a flush covered, and of
/// the later ones any part: none, all, some, or torn ones. Opened again, the volume must be exactly one of the two
/// states around that moment.
@Suite("crashes") struct CrashTests {
  /// The workload: each step ends with a commit.
  static func step(_ v: SealedVolume, _ i: Int, _ g: inout Numbers) throws(VolumeError) {
    switch i % 6 {
    case 0: try v.put("a/\(i)", g.content(30000))
    case 1: try v.put("a/\(i - 1)", g.content(10))
    case 2: for k in 0..<40 { try v.put("many/\(i)-\(k)", g.content(k * 97)) }
    case 3:
      if let e = try v.lookup(try v.resolve(bytes("a")), bytes("\(i - 3)")) {
        try v.truncate(e.inode, to: 5000)
      }
    case 4: try v.put("big", g.content(700_000))
    default:
      let many = try v.resolve(bytes("many"))
      // The step may be done again after a failure in the middle of it.
      for k in 0..<40 where try v.lookup(many, bytes("\(i - 3)-\(k)")) != nil {
        try v.remove(many, bytes("\(i - 3)-\(k)"))
      }
    }
  }

  @Test("the volume holds exactly a committed state", arguments: [0, 1, 2, 3]) func campaign(
    way: Int
  ) throws {
    var g = Numbers(state: 11)
    let s = MemoryStorage()
    let v = try SealedVolume.create(s, key: testKey)
    var states = [try v.tree()]
    let start = s.bytes
    s.isLogging = true
    /// Log length at which state n was committed.
    var commits = [0]
    for i in 0..<14 {
      try Self.step(v, i, &g)
      try v.commit()
      states.append(try v.tree())
      commits.append(s.log.count)
    }
    #expect(s.log.count > 50)
    var medium = start
    var loose: [MemoryStorage.Write] = []
    var checked = 0
    for stop in 0...s.log.count {
      var image = medium
      switch way {
      case 0: break
      case 1: for w in loose { MemoryStorage.apply(w, to: &image) }
      case 2:
        for w in loose where Bool.random(using: &g) { MemoryStorage.apply(w, to: &image) }
        // Power fails within the write: some sectors of it are there.
        if stop < s.log.count {
          let w = s.log[stop]
          for sector in stride(from: 0, to: w.bytes.count, by: 512) where Bool.random(using: &g) {
            let part = Array(w.bytes[sector..<min(sector + 512, w.bytes.count)])
            MemoryStorage.apply(
              .init(offset: w.offset + sector, bytes: part, durable: false), to: &image)
          }
        }
      default: for w in loose.reversed() { MemoryStorage.apply(w, to: &image) }
      }
      let w = try SealedVolume.open(MemoryStorage(image), key: testKey, isReadOnly: false)
      let found = try w.tree()
      let before = commits.lastIndex { $0 <= stop }!
      let allowed =
        before + 1 < states.count ? [states[before], states[before + 1]] : [states[before]]
      #expect(
        allowed.contains(found) || (before > 0 && loose.count > 0 && found == states[before]),
        "stop \(stop)")
      _ = try w.check()
      // It goes on from there.
      if stop % 5 == 0 {
        let again = try SealedVolume.open(w.storage, key: testKey, isReadOnly: false)
        try again.put("after", g.content(5000))
        try again.commit()
        let last = try SealedVolume.open(w.storage, key: testKey, isReadOnly: true)
        var wanted = found
        wanted["/after"] = try last.tree()["/after"]!
        #expect(try last.tree() == wanted)
        _ = try last.check()
      }
      checked += 1
      if stop < s.log.count {
        loose.append(s.log[stop])
        if s.log[stop].durable {
          for w in loose { MemoryStorage.apply(w, to: &medium) }
          loose = []
        }
      }
    }
    #expect(checked == s.log.count + 1)
  }

  @Test("a storage that fails at any write: the state in memory goes on, nothing is lost")
  func failures() throws {
    for fail in 0..<40 {
      var g = Numbers(state: 12)
      let s = MemoryStorage()
      let v = try SealedVolume.create(s, key: testKey)
      s.writesLeft = fail
      var failed = 0
      for i in 0..<6 {
        for _ in 0..<3 {
          do throws(VolumeError) {
            var h = g
            try Self.step(v, i, &h)
            try v.commit()
            g = h
            break
          } catch {
            // What was on the medium is a committed state.
            let w = try SealedVolume.open(MemoryStorage(s.bytes), key: testKey, isReadOnly: true)
            _ = try w.check()
            failed += 1
            s.writesLeft = .max
          }
        }
      }
      var h = Numbers(state: 12)
      let t = MemoryStorage()
      let u = try SealedVolume.create(t, key: testKey)
      for i in 0..<6 { try Self.step(u, i, &h) }
      let w = try SealedVolume.open(MemoryStorage(s.bytes), key: testKey, isReadOnly: true)
      #expect(try w.tree() == u.tree(), "write \(fail)")
      _ = try w.check()
      #expect(failed <= 1)
    }
  }
}
