import EnclaveCrypto

extension CryptoVectors {
  /// Around every block count at which BoringSSL's AES-GCM code changes its way.
  static let gcmLengths = [
    0, 1, 15, 16, 17, 31, 32, 48, 64, 127, 128, 129, 255, 256, 257, 511, 512, 513, 4096, 4112,
    65536, 70001,
  ]

  static func gcm(_ report: Report) {
    for size in [32, 16] {
      var all: [UInt8] = []
      var opens = true
      var refuses = true
      let gcm = AESGCM(key: pattern(size, 13).span)!
      let nonce = pattern(12, 17)
      for n in gcmLengths {
        let plain = pattern(n)
        let ad = pattern(n % 50, 19)
        var text = [UInt8](repeating: 0xEE, count: n)
        var textSpan = text.mutableSpan
        let tag = gcm.seal(
          plain.span, into: &textSpan, nonce: nonce.span, authenticating: ad.span)!
        all += text
        all += tag
        func open(_ text: [UInt8], _ tag: [UInt8], _ nonce: [UInt8], _ ad: [UInt8]) -> [UInt8]? {
          var out = text
          var span = out.mutableSpan
          let ok = gcm.openInPlace(
            &span, tag: tag.span, nonce: nonce.span, authenticating: ad.span)
          if ok { return out }
          // Nothing that was not authenticated may be seen.
          for b in out where b != 0 { refuses = false }
          return nil
        }
        if open(text, tag, nonce, ad) != plain { opens = false }
        for i in 0..<16 where open(text, flipped(tag, i), nonce, ad) != nil { refuses = false }
        for i in 0..<12 where open(text, tag, flipped(nonce, i), ad) != nil { refuses = false }
        if !ad.isEmpty && open(text, tag, nonce, flipped(ad, ad.count - 1)) != nil {
          refuses = false
        }
        if open(text, tag, nonce, ad + [0]) != nil { refuses = false }
        if n > 0 {
          for i in [0, n / 2, n - 1] where open(flipped(text, i), tag, nonce, ad) != nil {
            refuses = false
          }
          if open([UInt8](text[..<(n - 1)]), tag, nonce, ad) != nil { refuses = false }
        }
        if open(text + [0], tag, nonce, ad) != nil { refuses = false }
        // A short tag or nonce is refused before anything is touched.
        var untouched = text
        var span = untouched.mutableSpan
        let short = [UInt8](tag[..<15])
        if gcm.openInPlace(
          &span, tag: short.span, nonce: nonce.span, authenticating: ad.span)
          || gcm.openInPlace(
            &span, tag: tag.span, nonce: short.span, authenticating: ad.span)
        {
          refuses = false
        }
      }
      let right = SHA256.hash(all) == hex(size == 32 ? Expected.gcm256 : Expected.gcm128)
      report(size == 32 ? "AES-256-GCM" : "AES-128-GCM", right)
      report("AES-GCM opens what it sealed", opens)
      report("AES-GCM refuses what was changed", refuses)
    }
    report(
      "AES-GCM: keys of other sizes",
      AESGCM(key: pattern(24).span) == nil
        && AESGCM(key: pattern(0).span) == nil && AESGCM(key: pattern(33).span) == nil)
  }
}
