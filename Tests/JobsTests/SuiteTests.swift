import Crypto
import Foundation
import JobFormat
import Testing

/// The suites are what their names say: swift-crypto's own HPKE, another implementation of RFC 9180, reads what the
/// enclave's side writes, and the other way round.
@Suite("jobs: HPKE suites")
struct SuiteTests {
  private let info = Data("info".utf8)
  private let text = Data("text".utf8)
  private let more = Data("additional".utf8)

  @Test("X25519: swift-crypto opens")
  func x25519() throws {
    let key = Curve25519.KeyAgreement.PrivateKey()
    let context = try #require(
      EnclaveHPKE.sender(
        [UInt8](key.publicKey.rawRepresentation), JobSuite.x25519.kem, [UInt8](info)))
    let sealed = try #require(EnclaveHPKE.seal(context, [UInt8](text), [UInt8](more)))
    var recipient = try HPKE.Recipient(
      privateKey: key,
      ciphersuite: .init(kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .AES_GCM_256),
      info: info, encapsulatedKey: Data(context.encapsulatedKey))
    #expect(try recipient.open(sealed, authenticating: more) == text)
  }

  @Test("X-Wing: swift-crypto opens, and seals")
  func xWing() throws {
    let key = try XWingMLKEM768X25519.PrivateKey()
    let context = try #require(
      EnclaveHPKE.sender(
        [UInt8](key.publicKey.rawRepresentation), JobSuite.xWing.kem, [UInt8](info)))
    let sealed = try #require(EnclaveHPKE.seal(context, [UInt8](text), [UInt8](more)))
    var recipient = try HPKE.Recipient(
      privateKey: key, ciphersuite: .XWingMLKEM768X25519_SHA256_AES_GCM_256, info: info,
      encapsulatedKey: Data(context.encapsulatedKey))
    #expect(try recipient.open(sealed, authenticating: more) == text)

    let pair = try #require(JobKeyPair(.xWing))
    var sender = try HPKE.Sender(
      recipientKey: try XWingMLKEM768X25519.PublicKey(rawRepresentation: pair.publicKey.bytes),
      ciphersuite: .XWingMLKEM768X25519_SHA256_AES_GCM_256, info: info)
    let other = try sender.seal(text, authenticating: more)
    let receiver = try #require(
      EnclaveHPKE.recipient(
        pair.privateKey, JobSuite.xWing.kem, [UInt8](sender.encapsulatedKey), [UInt8](info)))
    #expect(EnclaveHPKE.open(receiver, [UInt8](other), [UInt8](more)) == [UInt8](text))
  }
}
