import EnclaveCrypto

extension CryptoVectors {
  static func mlkem(_ report: Report) {
    let seed = pattern(64, 31)
    let key = MLKEM768.publicKey(of: seed) ?? []
    report("ML-KEM-768: public key", SHA256.hash(key) == hex(Expected.mlkemPublicHash))
    let ciphertext = hex(Expected.mlkemCiphertext)
    let secret = hex(Expected.mlkemShared)
    report("ML-KEM-768: decapsulation", MLKEM768.decapsulate(ciphertext, seed: seed) == secret)
    // FIPS 203, 6.3: implicit rejection gives a secret, but another one.
    let rejected = MLKEM768.decapsulate(flipped(ciphertext, 500), seed: seed)
    report("ML-KEM-768: changed ciphertext", rejected != nil && rejected != secret)
    // FIPS 203, 7.2: coefficients of a public key are below q = 3329.
    var large = key
    if large.count == MLKEM768.publicKeySize {
      large[0] = 0xFF
      large[1] |= 0x0F
    }
    report("ML-KEM-768: coefficient out of range", MLKEM768.encapsulate(large) == nil)
    report(
      "ML-KEM-768: wrong sizes",
      MLKEM768.encapsulate(key + [0]) == nil && MLKEM768.encapsulate([]) == nil
        && MLKEM768.decapsulate(ciphertext + [0], seed: seed) == nil
        && MLKEM768.decapsulate(ciphertext, seed: pattern(63)) == nil)
    if let made = MLKEM768.encapsulate(key) {
      report(
        "ML-KEM-768: there and back",
        MLKEM768.decapsulate(made.ciphertext, seed: seed) == made.sharedSecret)
    } else {
      report("ML-KEM-768: encapsulation", false)
    }
    let new = MLKEM768.keyPair()
    report("ML-KEM-768: new key", MLKEM768.publicKey(of: new.seed) == new.publicKey)
  }

  static func hpke(_ report: Report) {
    let info = pattern(10)
    let none: [UInt8] = []
    for (kem, key, sealed) in [
      (HPKE.KEM.x25519, pattern(32, 21), hex(Expected.hpkeX25519)),
      (.p256, pattern(32, 27), hex(Expected.hpkeP256)),
      (.xWing, pattern(32, 33), hex(Expected.hpkeXWing)),
    ] {
      let n = kem.encapsulatedKeySize
      let enc = [UInt8](sealed[..<n])
      let message = [UInt8](sealed[n...])
      func open(_ enc: [UInt8], _ info: [UInt8], _ message: [UInt8], _ key: [UInt8]) -> [UInt8]? {
        HPKE.Context(receivingWith: key, kem: kem, encapsulatedKey: enc, info: info.span)?
          .open(message.span, authenticating: none.span)
      }
      report("HPKE: opens what OpenSSL sealed", open(enc, info, message, key) == pattern(99))
      report(
        "HPKE: changed",
        open(flipped(enc, 5), info, message, key) == nil
          && open(enc, flipped(info, 0), message, key) == nil
          && open(enc, info, flipped(message, 0), key) == nil
          && open(enc, info, message, flipped(key, 9)) == nil
          && open(enc, info, [UInt8](message[..<15]), key) == nil)
      report(
        "HPKE: wrong sizes",
        open(enc + [0], info, message, key) == nil && open([], info, message, key) == nil
          && open(enc, info, message, []) == nil
          && HPKE.Context(sendingTo: [1, 2, 3], kem: kem, info: info.span) == nil)
      guard let made = HPKE.keyPair(kem),
        let sender = HPKE.Context(sendingTo: made.publicKey, kem: kem, info: info.span),
        let recipient = HPKE.Context(
          receivingWith: made.privateKey, kem: kem, encapsulatedKey: sender.encapsulatedKey,
          info: info.span)
      else {
        report("HPKE: new key", false)
        continue
      }
      report("HPKE: public key", HPKE.publicKey(kem, of: made.privateKey) == made.publicKey)
      let ad = pattern(5)
      let first = sender.seal(pattern(1000).span, authenticating: ad.span) ?? []
      let second = sender.seal(none.span, authenticating: none.span) ?? []
      report(
        "HPKE: messages out of order",
        recipient.open(second.span, authenticating: none.span) == nil)
      report(
        "HPKE: two messages",
        recipient.open(first.span, authenticating: ad.span) == pattern(1000)
          && recipient.open(second.span, authenticating: none.span) == [])
      report(
        "HPKE: export",
        sender.export(ad.span, count: 32) == recipient.export(ad.span, count: 32)
          && sender.export(ad.span, count: 32) != sender.export(none.span, count: 32))
      report(
        "HPKE: wrong direction",
        sender.open(first.span, authenticating: ad.span) == nil
          && recipient.seal(ad.span, authenticating: ad.span) == nil)
    }
  }

  static func random(_ report: Report) {
    let a = EnclaveCrypto.random(64)
    let b = EnclaveCrypto.random(64)
    report("random bytes differ", a != b && a.count == 64 && EnclaveCrypto.random(0).isEmpty)
    var secret = pattern(100)
    EnclaveCrypto.wipe(&secret)
    report("a wiped secret", secret == [UInt8](repeating: 0, count: 100))
  }
}
