import EnclaveCrypto
import JobFormat
import Testing

@Suite("Keys on disk") struct SealedJobKeyTests {
  private func made(_ e: Exchange, _ key: [UInt8]) -> [UInt8] {
    SealedJobKey.encode(
      owner: e.context, request: [UInt8](repeating: 7, count: SealedJobKey.requestSize),
      offer: e.offer, keys: e.instanceKeys, sealingKey: key)!
  }

  @Test("the keys come back, with their offer, owner and what EGETKEY needs")
  func round() throws {
    let e = Exchange()
    let key = EnclaveCrypto.random(16)
    let read = try SealedJobKey(made(e, key))
    #expect(read.owner == e.context && read.offer.digest == e.offer.digest)
    #expect(read.request == [UInt8](repeating: 7, count: SealedJobKey.requestSize))
    let keys = try read.open(sealingKey: key)
    #expect(keys.map(\.privateKey) == e.instanceKeys.map(\.privateKey))
    #expect(keys.map(\.publicKey) == e.offer.keys)
    let job = try Job(try e.job(.x25519))
    #expect(try job.open(privateKey: keys[1].privateKey) == e.order)
  }

  @Test("another machine's sealing key does not open them") func otherKey() throws {
    let e = Exchange()
    let read = try SealedJobKey(made(e, EnclaveCrypto.random(16)))
    #expect(throws: JobFormatError.cannotOpen) {
      _ = try read.open(sealingKey: EnclaveCrypto.random(16))
    }
  }

  @Test("no byte can be changed, none cut off or added") func tampering() throws {
    let e = Exchange(suites: [.x25519])
    let key = EnclaveCrypto.random(16)
    let file = SealedJobKey.encode(
      owner: e.context, request: [UInt8](repeating: 7, count: SealedJobKey.requestSize),
      offer: e.offer, keys: [e.instanceKeys[1]], sealingKey: key)!
    for i in file.indices {
      var changed = file
      changed[i] ^= 1
      #expect(throws: JobFormatError.self, "byte \(i)") {
        _ = try SealedJobKey(changed).open(sealingKey: key)
      }
      #expect(throws: JobFormatError.self) { _ = try SealedJobKey(Array(file[..<i])) }
    }
    #expect(throws: JobFormatError.truncated) { _ = try SealedJobKey(file + [0]) }
    #expect(throws: JobFormatError.otherFile(.offer)) {
      _ = try SealedJobKey(e.offer.encoded(quote: []))
    }
  }
}
