import CEnclave
import EnclaveCrypto
import EnclaveRuntime

/// What the self-test image runs instead of a program: the known answers, inside the enclave. One line for each that
/// fails, one at the end; exit status 0 or 1.
@c(cl_self_test) public func cl_self_test() {
  var passed = 0
  var failed = 0
  func line(_ parts: [UInt8]...) {
    var out: [UInt8] = []
    for p in parts { out += p }
    out.append(0x0A)
    Host.log(out)
  }
  func text(_ s: StaticString) -> [UInt8] {
    // SAFETY: a static string's bytes live as long as the program.
    unsafe [UInt8](UnsafeBufferPointer(start: s.utf8Start, count: s.utf8CodeUnitCount))
  }
  func number(_ n: Int) -> [UInt8] {
    var out: [UInt8] = []
    var n = n
    repeat {
      out.insert(UInt8(0x30 + n % 10), at: 0)
      n /= 10
    } while n > 0
    return out
  }
  CryptoVectors.runAll { (name, ok) in
    if ok {
      passed += 1
    } else {
      failed += 1
      line(text("FAIL "), text(name))
    }
  }
  line(number(passed), text(" passed, "), number(failed), text(" failed"))
  Host.exit(status: failed == 0 && passed > 60 ? 0 : 1)
}
