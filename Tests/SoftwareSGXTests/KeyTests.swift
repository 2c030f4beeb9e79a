import CTestEnclave
import Foundation
import SGX
import Testing

@testable import SoftwareSGX

extension MachineTests {
  /// EREPORT and EGETKEY (SDM vol. 3D, 38.4), from inside the enclave.
  @Suite(.serialized) struct KeyTests {
    static let modes: [SoftwareSGX.Mode] = [.strict, .fast]
    static let operands = TestEnclave.data + UInt64(TEST_OPERANDS)

    private func report(
      _ e: TestEnclave, target: TARGETINFO = TARGETINFO(), data: UInt8 = 1
    ) throws -> REPORT {
      TestEnclave.poke(target.encoded(), at: Self.operands)
      TestEnclave.poke([UInt8](repeating: data, count: 64), at: Self.operands + 512)
      let result = e.leaf(
        ENCLU.EREPORT, Self.operands, Self.operands + 512, Self.operands + 1024)
      try #require(result.exit == .eexit)
      return try REPORT(TestEnclave.peek(Self.operands + 1024, 432))
    }

    private func key(_ e: TestEnclave, _ request: KEYREQUEST) throws -> (rax: UInt64, key: [UInt8])
    {
      TestEnclave.poke(request.encoded(), at: Self.operands)
      TestEnclave.poke([UInt8](repeating: 0xEE, count: 16), at: Self.operands + 512)
      let result = e.leaf(ENCLU.EGETKEY, Self.operands, Self.operands + 512)
      try #require(result.exit == .eexit && result.zf == (result.rax != 0))
      return (result.rax, TestEnclave.peek(Self.operands + 512, 16))
    }

    @Test(arguments: modes) func reportsAreVerified(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        let own = TARGETINFO(of: try report(e))
        let r = try report(e, target: own, data: 0x77)
        #expect(r.mrenclave == e.machine.mrenclave! && r.mrsigner == TestEnclave.key.mrsigner)
        #expect(
          r.attributes.flags == [.INIT, .MODE64BIT] && r.attributes.xfrm == [.x87, .sse, .avx])
        #expect(r.isvProdID == 7 && r.isvSVN == 3 && r.miscSelect == .EXINFO)
        #expect(r.reportData == [UInt8](repeating: 0x77, count: 64))
        var request = KEYREQUEST(.report)
        request.keyID = r.keyID
        let (rax, reportKey) = try key(e, request)
        #expect(rax == 0 && KeyHierarchy.cmac(reportKey, r.body()) == r.mac)
        // A report for somebody else has another MAC.
        var other = own
        other.measurement[0] ^= 1
        let foreign = try report(e, target: other)
        #expect(KeyHierarchy.cmac(reportKey, foreign.body()) != foreign.mac)
      }
    }

    @Test(arguments: modes) func operandsAreChecked(mode: SoftwareSGX.Mode) throws {
      let e = try TestEnclave(mode).start()
      try onThread(e) {
        let o = Self.operands
        func gp(_ rax: UInt64, _ rbx: UInt64, _ rcx: UInt64, _ rdx: UInt64, _ comment: Comment) {
          #expect(LeafTests.gp(e.leaf(rax, rbx, rcx, rdx)), comment)
          e.recover()
        }
        func pf(_ rax: UInt64, _ rbx: UInt64, _ rcx: UInt64, _ rdx: UInt64, _ page: UInt64) {
          let result = e.leaf(rax, rbx, rcx, rdx)
          #expect(LeafTests.pf(result, page & ~0xFFF), "\(result)")
          e.recover()
        }
        TestEnclave.poke(TARGETINFO().encoded(), at: o)
        gp(ENCLU.EREPORT, o + 64, o + 512, o + 1024, "TARGETINFO aligned to 512")
        gp(ENCLU.EREPORT, o, o + 512 + 64, o + 1024, "REPORTDATA aligned to 128")
        gp(ENCLU.EREPORT, o, o + 512, o + 1024 + 64, "output aligned to 512")
        gp(ENCLU.EREPORT, 1 << 41, o + 512, o + 1024, "outside of ELRANGE")
        pf(ENCLU.EREPORT, 0x5000_0000, o + 512, o + 1024, 0x5000_0000)
        pf(ENCLU.EREPORT, o, o + 512, TestEnclave.base, TestEnclave.base)
        TestEnclave.poke(1, at: o + 128)
        gp(ENCLU.EREPORT, o, o + 512, o + 1024, "reserved bytes of TARGETINFO")
        gp(ENCLU.EGETKEY, o + 64, o + 512, 0, "KEYREQUEST aligned to 512")
        gp(ENCLU.EGETKEY, o, o + 512 + 8, 0, "output aligned to 16")
        TestEnclave.poke(KEYREQUEST(.seal).encoded(), at: o)
        TestEnclave.poke(1, at: o + 80)
        gp(ENCLU.EGETKEY, o, o + 512, 0, "reserved bytes of KEYREQUEST")
      }
    }

    @Test func refusals() throws {
      let e = try TestEnclave(.strict).start()
      try onThread(e) {
        var r = KEYREQUEST(.seal, policy: .MRSIGNER)
        r.name = 9
        #expect(try key(e, r).rax == SGXReturn.SGX_INVALID_KEYNAME)
        #expect(try key(e, KEYREQUEST(.provision)).rax == SGXReturn.SGX_INVALID_ATTRIBUTE)
        #expect(try key(e, KEYREQUEST(.provisionSeal)).rax == SGXReturn.SGX_INVALID_ATTRIBUTE)
        #expect(try key(e, KEYREQUEST(.einitToken)).rax == SGXReturn.SGX_INVALID_ATTRIBUTE)
        #expect(
          try key(e, KEYREQUEST(.seal, policy: .CONFIGID)).rax == SGXReturn.SGX_INVALID_ATTRIBUTE)
        r = KEYREQUEST(.seal, policy: .MRSIGNER)
        r.isvSVN = 4
        #expect(try key(e, r).rax == SGXReturn.SGX_INVALID_ISVSVN)
        r = KEYREQUEST(.seal, policy: .MRSIGNER)
        r.cpuSVN[0] = 9
        let (rax, bytes) = try key(e, r)
        #expect(rax == SGXReturn.SGX_INVALID_CPUSVN)
        #expect(bytes == [UInt8](repeating: 0, count: 16))
      }
    }

    /// One request, many enclaves and machines: what the key depends on and what it does not.
    @Test func dependencies() throws {
      func derive(
        _ e: TestEnclave, _ change: (inout KEYREQUEST) -> Void = { _ in }
      ) throws -> [UInt8] {
        var r = KEYREQUEST(.seal, policy: .MRSIGNER)
        r.keyID = [UInt8](repeating: 3, count: 32)
        r.attributeMask = ATTRIBUTES(flags: [], xfrm: [])
        change(&r)
        let request = r
        return try onThread(e) {
          let (rax, bytes) = try key(e, request)
          #expect(rax == 0)
          return bytes
        }
      }
      let e = try TestEnclave(.strict).start()
      let seal = try derive(e)
      let variants = [
        try derive(e) { $0.keyID[0] = 4 }, try derive(e) { $0.policy = .MRENCLAVE },
        try derive(e) { $0.policy = [.MRENCLAVE, .MRSIGNER] }, try derive(e) { $0.isvSVN = 1 },
        try derive(e) { $0.cpuSVN[0] = 1 }, try derive(e) { $0.miscMask = 1 },
        try derive(e) { $0.attributeMask.xfrm = .avx },
        try derive(e) { $0.attributeMask.flags = .MODE64BIT },
        try derive(e) { $0.name = KEYREQUEST.Name.report.rawValue },
      ]
      #expect(Set(variants + [seal]).count == variants.count + 1, "all differ")
      #expect(
        try derive(e) { $0.attributeMask.flags = [.INIT, .DEBUG] } == seal, "always included")

      let byEnclave = try derive(e) { $0.policy = .MRENCLAVE }
      // The same signer, another measurement: the signer's key stays, the enclave's does not.
      let other = try TestEnclave(.strict, threads: 2).start()
      #expect(try derive(other) == seal)
      #expect(try derive(other) { $0.policy = .MRENCLAVE } != byEnclave)
      // A debug enclave never gets the production key.
      #expect(try derive(try TestEnclave(.strict, flags: [.MODE64BIT, .DEBUG]).start()) != seal)
      // Another machine has another root; the same machine keeps its own.
      let elsewhere = TestEnclave.stateFile + "-other"
      defer { try? FileManager.default.removeItem(atPath: elsewhere) }
      #expect(try derive(try TestEnclave(.strict, stateFile: elsewhere).start()) != seal)
      #expect(try derive(try TestEnclave(.strict).start()) == seal)
    }

    /// What a vendor's older version sealed by MRSIGNER its newer one can open, never the reverse.
    @Test func versions() throws {
      func sealingKey(
        _ e: TestEnclave, version: UInt16, policy: KEYREQUEST.Policy = .MRSIGNER
      ) throws -> (rax: UInt64, key: [UInt8]) {
        var r = KEYREQUEST(.seal, policy: policy)
        r.keyID = [UInt8](repeating: 5, count: 32)
        r.isvSVN = version
        let request = r
        return try onThread(e) { try key(e, request) }
      }
      let old = try TestEnclave(.strict, isvSVN: 1).start()
      let sealedByOld = try sealingKey(old, version: 1)
      #expect(sealedByOld.rax == 0)
      let new = try TestEnclave(.strict, threads: 2, isvSVN: 2).start()
      let opened = try sealingKey(new, version: 1)
      #expect(opened.rax == 0)
      #expect(opened.key == sealedByOld.key, "the newer version opens it")
      let sealedByNew = try sealingKey(new, version: 2)
      #expect(sealedByNew.rax == 0)
      #expect(sealedByNew.key != sealedByOld.key)
      let back = try TestEnclave(.strict, isvSVN: 1).start()
      let refused = try sealingKey(back, version: 2)
      #expect(refused.rax == SGXReturn.SGX_INVALID_ISVSVN)
      #expect(refused.key == [UInt8](repeating: 0, count: 16), "no key, not another one")
      #expect(try sealingKey(back, version: 1).key == sealedByOld.key)
    }

    @Test func configurationIsPartOfIt() throws {
      let e = try TestEnclave(.strict, flags: [.MODE64BIT, .KSS, .PROVISIONKEY]).start()
      try onThread(e) {
        let plain = try key(e, KEYREQUEST(.seal, policy: .MRSIGNER))
        let config = try key(e, KEYREQUEST(.seal, policy: [.MRSIGNER, .CONFIGID]))
        let product = try key(e, KEYREQUEST(.seal, policy: [.MRSIGNER, .NOISVPRODID]))
        #expect(plain.rax == 0 && config.rax == 0 && product.rax == 0)
        #expect(Set([plain.key, config.key, product.key]).count == 3)
        // PROVISION and PROVISION_SEAL do not depend on KEYID.
        for name in [KEYREQUEST.Name.provision, .provisionSeal] {
          var request = KEYREQUEST(name)
          let one = try key(e, request)
          request.keyID[0] = 1
          let two = try key(e, request)
          #expect(one.rax == 0 && two.key == one.key)
        }
      }
    }

    /// CONFIGID and CONFIGSVN bind an instance to one owner: the same enclave, other reports and other keys.
    @Test(arguments: modes) func configurationBindsAnInstance(mode: SoftwareSGX.Mode) throws {
      struct Seen {
        var report: REPORT
        var bound: [UInt8]
        var free: [UInt8]
      }
      func instance(
        _ configID: [UInt8], svn: UInt16 = 0, flags: ATTRIBUTES.Flags = [.MODE64BIT, .KSS]
      ) throws -> Seen {
        let e = try TestEnclave(mode, flags: flags, configID: configID, configSVN: svn).start()
        return try onThread(e) {
          var request = KEYREQUEST(.seal, policy: [.MRENCLAVE, .CONFIGID])
          let bound = try key(e, request)
          request.policy = .MRENCLAVE
          let free = try key(e, request)
          #expect(bound.rax == 0 && free.rax == 0)
          return Seen(report: try report(e), bound: bound.key, free: free.key)
        }
      }
      let alice = [UInt8](repeating: 0xA1, count: 64)
      let bob = [UInt8](repeating: 0xB0, count: 64)
      let a = try instance(alice, svn: 3)
      let b = try instance(bob, svn: 3)
      #expect(a.report.configID == alice && a.report.configSVN == 3)
      #expect(b.report.configID == bob && a.report.attributes.flags.contains(.KSS))
      #expect(a.report.mrenclave == b.report.mrenclave, "MRENCLAVE does not cover it")
      let unbound = try TestEnclave(mode)
      #expect(unbound.machine.mrenclave! == a.report.mrenclave, "nor KSS itself")
      #expect(a.bound != b.bound, "one owner's key cannot be had by another's instance")
      #expect(a.free == b.free, "only KEYPOLICY.CONFIGID makes a key the owner's")
      #expect(try instance(alice, svn: 9).bound == a.bound, "CONFIGSVN 0 was asked for")
      let e = try TestEnclave(
        mode, flags: [.MODE64BIT, .KSS], configID: alice, configSVN: 3
      ).start()
      try onThread(e) {
        var request = KEYREQUEST(.seal, policy: [.MRENCLAVE, .CONFIGID])
        request.configSVN = 3
        let newer = try key(e, request)
        #expect(newer.rax == 0 && newer.key != a.bound)
        request.configSVN = 4
        #expect(try key(e, request).rax == SGXReturn.SGX_INVALID_ISVSVN)
      }
    }

    @Test func configurationNeedsKSS() throws {
      #expect(throws: SGXError.generalProtection(.kss)) {
        try TestEnclave(.strict, configID: [UInt8](repeating: 1, count: 64))
      }
      #expect(throws: SGXError.generalProtection(.kss)) {
        try TestEnclave(.strict, configSVN: 1)
      }
      #expect(throws: SGXError.generalProtection(.kss)) {
        try TestEnclave(.strict, flags: [.MODE64BIT, .KSS], configID: [1])
      }
    }

    @Test func stateFileIsPrivate() throws {
      let path = NSTemporaryDirectory() + "cloister-state-\(UUID().uuidString)/x/software-sgx"
      defer {
        try? FileManager.default.removeItem(atPath: (path as NSString).deletingLastPathComponent)
      }
      let one = try MachineState.load(path: path)
      let two = try MachineState.load(path: path)
      #expect(one.count == MachineState.size && two == one)
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o600)
      chmod(path, 0o644)
      #expect(throws: SGXError.device(.stateFile, errno: EACCES)) {
        try MachineState.load(path: path)
      }
      chmod(path, 0o600)
      truncate(path, 10)
      #expect(throws: SGXError.device(.stateFile, errno: EINVAL)) {
        try MachineState.load(path: path)
      }
    }

    /// RFC 4493, section 4.
    @Test func cmacVectors() {
      let k: [UInt8] = [
        0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f,
        0x3c,
      ]
      #expect(hex(KeyHierarchy.cmac(k, [])) == "bb1d6929e95937287fa37d129b756746")
      let m: [UInt8] = [
        0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17,
        0x2a,
      ]
      #expect(hex(KeyHierarchy.cmac(k, m)) == "070a16b46b4d4144f79bdd9dd04a287c")
    }
  }
}
