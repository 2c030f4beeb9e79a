import EnclaveRuntime

/// Lines for the developer's terminal. Off unless the measured configuration allows it: they leak.
enum KernelLog {
  nonisolated(unsafe) static var isEnabled = false

  /// Hints that name a setting (memory, threads) are also shown in development runs without a log.
  nonisolated(unsafe) static var showsHints = false

  static func line(_ text: StaticString) { line(bytes(text)) }

  /// A line for the person at the terminal: what ran out, and the option that helps.
  static func hint(_ text: StaticString) {
    guard unsafe isEnabled || showsHints else { return }
    // No allocation: there may be no memory.
    Host.log(text)
  }

  static func line(_ bytes: [UInt8]) {
    guard unsafe isEnabled else { return }
    Host.log(self.bytes("cloister: ") + bytes + [0x0A])
  }

  /// As it is, without prefix or newline.
  static func raw(_ bytes: [UInt8]) {
    guard unsafe isEnabled else { return }
    Host.log(bytes)
  }

  static func bytes(_ text: StaticString) -> [UInt8] {
    // SAFETY: a static string's bytes live as long as the program.
    unsafe [UInt8](UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  static func decimal(_ value: Int) -> [UInt8] {
    if value == 0 { return [0x30] }
    var digits: [UInt8] = []
    var v = value.magnitude
    while v > 0 {
      digits.append(UInt8(0x30 + v % 10))
      v /= 10
    }
    if value < 0 { digits.append(0x2D) }
    digits.reverse()
    return digits
  }

  static func hex(_ value: UInt) -> [UInt8] {
    var out: [UInt8] = [0x30, 0x78]
    var started = false
    for i in stride(from: 60, through: 0, by: -4) {
      let digit = UInt8((value >> UInt(i)) & 15)
      if digit == 0, !started, i > 0 { continue }
      started = true
      out.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
    return out
  }
}
