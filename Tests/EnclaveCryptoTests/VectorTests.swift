import CryptoVectors
import Testing

@Suite("EnclaveCrypto") struct VectorTests {
  @Test("known answers and refused inputs, as in the self-test image") func vectors() {
    var count = 0
    CryptoVectors.runAll { (name, ok) in
      count += 1
      #expect(ok, "\(name)")
    }
    #expect(count > 60)
  }
}
