import CTestEnclave
import SGX
import SoftwareSGX
import Testing

extension MachineTests {
  /// EACCEPTCOPY (SDM vol. 3D, 38.4): the page is "accepted" with the content of another one; before, no access.
  @Suite(.serialized) struct CopiedPageTests {
    static let heap = LeafTests.heap
    static let modes = LeafTests.modes
    static let source = TestEnclave.data + UInt64(TEST_XSAVE_IN)

    @Test("an announced batch is closed until each page is full, in both modes", arguments: modes)
    func batch(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        let page = Self.heap
        TestEnclave.poke([UInt8](repeating: 0x5A, count: 4096), at: Self.source)
        try e.machine.augment(address: page, length: 4 * 4096, copied: true)
        for i in 0..<4 as Range<UInt64> { #expect(e.faults(Int(TEST_LOAD), page + i * 4096)) }
        for i in 0..<3 as Range<UInt64> {
          #expect(
            LeafTests.ok(
              e.pageLeaf(ENCLU.EACCEPTCOPY, i == 1 ? .regR : .regRW, page + i * 4096, Self.source)))
          #expect(
            LeafTests.mismatch(
              e.pageLeaf(ENCLU.EACCEPTCOPY, .regRW, page + i * 4096, Self.source)), "twice")
        }
        // The CPU lets it be used at once, whether the page tables have followed or not.
        #expect(e.call(Int(TEST_LOAD), page + 4088).run.rdi == 0x5A5A_5A5A_5A5A_5A5A)
        try e.machine.mapPermissions(address: page, length: 4 * 4096, to: [.r, .w])
        for i in 0..<3 as Range<UInt64> {
          #expect(
            e.call(Int(TEST_LOAD), page + i * 4096 + 8).run.rdi == 0x5A5A_5A5A_5A5A_5A5A)
        }
        #expect(e.call(Int(TEST_STORE), page, 1).exit == .eexit)
        #expect(e.faults(Int(TEST_STORE), page + 4096), "the EPCM says R")
        #expect(e.faults(Int(TEST_LOAD), page + 3 * 4096), "still pending")
        // It may be accepted as zeros all the same.
        #expect(LeafTests.ok(e.pageLeaf(ENCLU.EACCEPT, LeafTests.pendingRW, page + 3 * 4096)))
        #expect(e.call(Int(TEST_LOAD), page + 3 * 4096).run.rdi == 0)
      }
    }

    @Test("the operands of a leaf may lie in a page whose batch is not moved yet", arguments: modes)
    func operands(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        let page = Self.heap
        TestEnclave.poke([UInt8](repeating: 0, count: 4096), at: Self.source)
        TestEnclave.poke(SECINFO(.regRW).encoded(), at: Self.source)
        try e.machine.augment(address: page, length: 3 * 4096, copied: true)
        #expect(LeafTests.ok(e.pageLeaf(ENCLU.EACCEPTCOPY, .regRW, page, Self.source)))
        // SECINFO and source are the page itself.
        #expect(LeafTests.ok(e.leaf(ENCLU.EACCEPTCOPY, page, page + 4096, page)))
        #expect(LeafTests.ok(e.leaf(ENCLU.EACCEPTCOPY, page + 4096, page + 8192, page + 4096)))
        let flags = SECINFO.Flags.regRW.rawValue
        #expect(e.call(Int(TEST_LOAD), page + 8192).run.rdi == flags)
      }
    }

    @Test("pages come, go, and come again as zeros; 2 MiB at once as well", arguments: modes)
    func again(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        TestEnclave.poke([UInt8](repeating: 0x5A, count: 4096), at: Self.source)
        let length: UInt64 = mode == .fast ? 5 << 20 : 4 << 12
        // Not at a boundary of 2 MiB: the first MiB is small pages, then come two large ones.
        let page = Self.heap + (1 << 20)
        for round in 0..<2 {
          try e.machine.augment(address: page, length: length, copied: true)
          for at in stride(from: page, to: page + length, by: 4096) {
            let r = e.pageLeaf(ENCLU.EACCEPTCOPY, .regRW, at, Self.source)
            if !LeafTests.ok(r) { Issue.record("page \(at) of round \(round)") }
          }
          try e.machine.mapPermissions(address: page, length: length, to: [.r, .w])
          for at in stride(from: page, to: page + length, by: 4096) {
            if TestEnclave.peek(at + 4088) != 0x5A5A_5A5A_5A5A_5A5A {
              Issue.record("page \(at) of round \(round)")
            }
          }
          try e.machine.modifyType(address: page, length: length, to: .trim)
          for at in stride(from: page, to: page + length, by: 4096) {
            _ = e.pageLeaf(ENCLU.EACCEPT, SECINFO.Flags([.modified], .trim), at)
          }
          try e.machine.remove(address: page, length: length)
          #expect(e.faults(Int(TEST_LOAD), page))
        }
        try e.machine.augment(address: page, length: 8192, copied: false)
        #expect(LeafTests.ok(e.pageLeaf(ENCLU.EACCEPT, LeafTests.pendingRW, page)))
        #expect(e.call(Int(TEST_LOAD), page + 8).run.rdi == 0)
      }
    }

    @Test("another thread never sees a part of a page", arguments: modes)
    func otherThread(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode, threads: 2).start()
      TestEnclave.poke([UInt8](repeating: 0x5A, count: 4096), at: Self.source)
      let count: UInt64 = 24
      let watcher = startThread(e) {
        // Each word once it can be read; faults until then.
        for i in 0..<count {
          var tries = 0
          while tries < 100_000 {
            let (exit, run) = e.call(Int(TEST_LOAD), Self.heap + i * 4096 + 4088, thread: 1)
            if exit == .eexit {
              if run.rdi != 0x5A5A_5A5A_5A5A_5A5A { return false }
              break
            }
            e.recover(thread: 1)
            tries += 1
          }
        }
        return true
      }
      try onThread(e) {
        for i in 0..<count {
          // Announced or not: the page is not there before it is full.
          try e.machine.augment(
            address: Self.heap + i * 4096, length: 4096, copied: mode == .fast || i % 2 == 0)
          let r = e.pageLeaf(ENCLU.EACCEPTCOPY, .regRW, Self.heap + i * 4096, Self.source)
          #expect(LeafTests.ok(r))
        }
      }
      #expect(try watcher.value())
    }
  }
}
