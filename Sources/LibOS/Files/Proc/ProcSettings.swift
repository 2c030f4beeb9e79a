import EnclaveRuntime
import LinuxABI

/// What was written to settings of /proc/sys. `lock` guards the list.
enum ProcSettings {
  private static let lock = Lock()
  nonisolated(unsafe) private static var values: [(name: [UInt8], text: [UInt8])] = []

  static func get(_ name: StaticString) -> [UInt8]? {
    let name = [UInt8](staticString: name)
    lock.lock()
    defer { lock.unlock() }
    return unsafe values.first { $0.name == name }?.text
  }

  static func set(_ name: StaticString, _ text: [UInt8]) {
    let name = [UInt8](staticString: name)
    lock.lock()
    defer { lock.unlock() }
    if let i = unsafe values.firstIndex(where: { $0.name == name }) {
      unsafe values[i].text = text
    } else {
      unsafe values.append((name, text))
    }
  }

  /// A decimal number, perhaps with a sign, blanks around it.
  static func number(_ bytes: [UInt8]) -> Int? {
    var i = 0
    var end = bytes.count
    while i < end, bytes[i] <= 0x20 { i += 1 }
    while end > i, bytes[end - 1] <= 0x20 { end -= 1 }
    let negative = i < end && bytes[i] == 0x2D
    if negative { i += 1 }
    guard i < end, end - i <= 18 else { return nil }
    var value = 0
    while i < end {
      guard bytes[i] >= 0x30, bytes[i] <= 0x39 else { return nil }
      value = value * 10 + Int(bytes[i] - 0x30)
      i += 1
    }
    return negative ? -value : value
  }
}
