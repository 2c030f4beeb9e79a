import EnclaveRuntime
import LinuxABI

/// The argument and environment strings of execve(2), copied before anything changes.
struct ExecArguments {
  /// MAX_ARG_STRLEN: one string, its NUL included.
  static let largestString = 128 << 10

  var strings: [[UInt8]] = []

  /// Reads a NULL-terminated vector of strings; `room` is what is left of the space for both vectors.
  ///
  /// - Throws: EFAULT, E2BIG (execve(2), "Limits on size of arguments and environment").
  init(_ address: UInt, room: inout Int) throws(Errno) {
    // Linux takes a NULL vector for an empty one.
    if address == 0 { return }
    var at = address
    while true {
      let pointer = try UserMemory.read(at, as: UInt.self)
      if pointer == 0 { return }
      at += 8
      let string = try UserMemory.readCString(pointer, limit: Self.largestString, tooLong: .E2BIG)
      room -= string.count + 1 + 8
      if room < 0 { throw .E2BIG }
      strings.append(string)
    }
  }

  /// A quarter of the stack limit, 6 MiB at most, 128 KiB at least.
  static func room(stackLimit: UInt) -> Int {
    Int(max(128 << 10, min(stackLimit / 4, 6 << 20)))
  }
}
