import EnclaveCrypto
import Foundation
import Testing

@testable import Jobs

@Suite("owner keys")
struct OwnerKeyTests {
  let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "cloister-owner-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  @Test("keygen writes owner.pem (0600) and owner.pub, and both are read again")
  func roundTrip() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/owner.pem"
    let key = OwnerKey()
    #expect(try key.write(to: path) == folder + "/owner.pub")
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    let again = try OwnerKey(contentsOf: path)
    let publicKey = try OwnerPublicKey(contentsOf: folder + "/owner.pub")
    #expect(again.publicKey == key.publicKey && publicKey == key.publicKey)
    let digest = [UInt8](repeating: 7, count: 32)
    let signature = try #require(again.sign(digest: digest))
    #expect(P256.isValid(signature, digest: digest, publicKey: publicKey.raw))
    #expect(
      !P256.isValid(
        signature, digest: [UInt8](repeating: 8, count: 32), publicKey: publicKey.raw))
    #expect(!P256.isValid(signature, digest: digest, publicKey: OwnerKey().publicKey.raw))
  }

  @Test("a key is never overwritten, neither half of it", arguments: ["owner.pem", "owner.pub"])
  func overwriting(existing: String) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let old = folder + "/" + existing
    try "precious".write(toFile: old, atomically: true, encoding: .utf8)
    let error = #expect(throws: JobsError.self) {
      try OwnerKey().write(to: folder + "/owner.pem")
    }
    #expect(error?.kind == .cannotCreate && error?.description.contains(existing) == true)
    #expect(try String(contentsOfFile: old, encoding: .utf8) == "precious")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [existing])
  }

  @Test("a key that others can read is refused")
  func mode() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/owner.pem"
    try OwnerKey().write(to: path)
    chmod(path, 0o640)
    let error = #expect(throws: JobsError.self) { try OwnerKey(contentsOf: path) }
    #expect(error?.kind == .usage && error?.description.contains("chmod 600") == true)
  }

  @Test("wrong files: the other half, another kind of key, no key, no file")
  func wrongFiles() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/owner.pem"
    try OwnerKey().write(to: path)
    let swapped = #expect(throws: JobsError.self) { try OwnerPublicKey(contentsOf: path) }
    #expect(swapped?.description.contains("a private key") == true)
    chmod(folder + "/owner.pub", 0o600)
    let other = #expect(throws: JobsError.self) {
      try OwnerKey(contentsOf: folder + "/owner.pub")
    }
    #expect(other?.description.contains("a public key") == true)
    for text in ["", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "junk"] {
      let error = #expect(throws: JobsError.self) { try OwnerKey(pem: text, name: "x") }
      #expect(error?.kind == .malformed)
    }
    let missing = #expect(throws: JobsError.self) { try OwnerKey(contentsOf: folder + "/none") }
    #expect(missing?.kind == .missing)
  }
}
