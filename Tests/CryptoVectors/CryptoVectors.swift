import EnclaveCrypto

/// One check: what it is about and whether the answer is right.
public typealias Report = (StaticString, Bool) -> Void

/// Known answers and refused inputs of everything in EnclaveCrypto. No Foundation and no file: the same code runs in
/// the unit tests and inside an enclave.
public enum CryptoVectors {
  public static func runAll(_ report: Report) {
    hashes(report)
    gcm(report)
    x25519(report)
    ed25519(report)
    p256(report)
    mlkem(report)
    hpke(report)
    random(report)
  }

  static func pattern(_ n: Int, _ k: Int = 7) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: n)
    for i in 0..<n { out[i] = UInt8(truncatingIfNeeded: i &* k &+ 3) }
    return out
  }

  static func hex(_ s: StaticString) -> [UInt8] {
    let n = s.utf8CodeUnitCount
    func digit(_ i: Int) -> UInt8 {
      // SAFETY: i is below the static string's length.
      let c = unsafe s.utf8Start[i]
      return c <= 0x39 ? c - 0x30 : c - 0x61 + 10
    }
    var out: [UInt8] = []
    out.reserveCapacity(n / 2)
    for i in 0..<n / 2 { out.append(digit(2 * i) << 4 | digit(2 * i + 1)) }
    return out
  }

  static func flipped(_ bytes: [UInt8], _ i: Int) -> [UInt8] {
    var out = bytes
    out[i] ^= 1
    return out
  }
}
