import Foundation
import SGX
import SoftwareSGX
import Testing

/// SIGSTRUCT: real ones, our own, and what openssl and a script of integers say of them.
@Suite struct SigstructTests {
  static let real = [
    "enarx_encl.sigstruct", "fortanix_test_enclave.sig", "gramine-test.sig",
    "inclavare_hello-world.sig", "intel_le_2019.sigstruct", "intel_le_2020.sigstruct",
    "intel_le_2021.sigstruct",
  ]

  static func load(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: resource(name))))
  }

  @Test(arguments: real) func realOnesAreRead(name: String) throws {
    let bytes = try Self.load(name)
    let s = try SIGSTRUCT(bytes)
    #expect(s.encoded() == bytes)
    try s.verifySignature()
    let answer = try runProgram(["python3", resource("sigstruct.py"), resource(name)])
    #expect(answer == "\(hex(s.enclaveHash)) \(hex(s.mrsigner))")
  }

  @Test(arguments: real) func everyChangedByteIsNoticed(name: String) throws {
    let bytes = try Self.load(name)
    // A byte of each field, signed or not.
    for at in [
      0, 16, 20, 24, 40, 44, 128, 300, 512, 516, 700, 900, 904, 908, 910, 912, 928, 944, 960,
      992, 1008, 1024, 1026, 1028, 1040, 1300, 1424, 1800,
    ] {
      var wrong = bytes
      wrong[at] ^= 1
      #expect(throws: SGXError.self, "byte \(at)") { try SIGSTRUCT(wrong).verifySignature() }
    }
    #expect(throws: SGXError.invalidSigstruct(.size)) { try SIGSTRUCT([UInt8](bytes.dropLast())) }
  }

  static func unsigned() -> SIGSTRUCT {
    SIGSTRUCT(
      enclaveHash: [UInt8](repeating: 0xE5, count: 32),
      attributes: ATTRIBUTES(flags: .MODE64BIT, xfrm: [.x87, .sse, .avx]), date: 0x2026_1124,
      isvProdID: 1, isvSVN: 2)
  }

  @Test func ourOwnAgreeWithOpenSSL() throws {
    let s = try TestEnclave.key.sign(Self.unsigned())
    try s.verifySignature()
    let folder = NSTemporaryDirectory() + "cloister-sigstruct-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
      try Data(bytes).write(to: URL(fileURLWithPath: folder + "/" + name))
      return folder + "/" + name
    }
    let file = try write("sigstruct", s.encoded())
    let signed = try write("signed", s.signedBytes())
    let signature = try write("signature", s.signature.reversed())
    let publicKey = folder + "/public.pem"
    #expect(
      try runProgram([
        "openssl", "rsa", "-in", resource("test-signing-key.pem"), "-pubout", "-out", publicKey,
      ]) != nil)
    #expect(
      try runProgram([
        "openssl", "dgst", "-sha256", "-verify", publicKey, "-signature", signature, signed,
      ]) == "Verified OK")
    let answer = try runProgram(["python3", resource("sigstruct.py"), file])
    #expect(answer == "\(hex(s.enclaveHash)) \(hex(TestEnclave.key.mrsigner))")
  }

  @Test func keysFromOpenSSL() throws {
    let pem = try runProgram(["openssl", "genrsa", "-3", "3072"])
    let key = try SigningKey(pem: try #require(pem))
    try key.sign(Self.unsigned()).verifySignature()
    let again = try SigningKey(pem: try key.pem())
    #expect(again.mrsigner == key.mrsigner)
    let short = try #require(try runProgram(["openssl", "genrsa", "-3", "2048"]))
    #expect(throws: SGXError.invalidSigstruct(.modulus)) { try SigningKey(pem: short) }
    let f4 = try #require(try runProgram(["openssl", "genrsa", "3072"]))
    #expect(throws: SGXError.invalidSigstruct(.exponent)) { try SigningKey(pem: f4) }
    #expect(throws: SGXError.invalidSigstruct(.keyFile)) { try SigningKey(pem: "no key") }
  }

  @Test func keyFileIsPrivate() throws {
    let path = NSTemporaryDirectory() + "cloister-key-\(UUID().uuidString).pem"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try TestEnclave.key.write(to: path)
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try SigningKey(contentsOf: path).mrsigner == TestEnclave.key.mrsigner)
    #expect(throws: SGXError.device(.keyFile, errno: EEXIST)) {
      try TestEnclave.key.write(to: path)
    }
    #expect(throws: SGXError.self) { try SigningKey(contentsOf: path + ".missing") }
  }
}
