import LinuxABI

/// The six argument registers of a system call.
struct SyscallArguments {
  var a0: UInt, a1: UInt, a2: UInt, a3: UInt, a4: UInt, a5: UInt

  @inline(__always) func int32(_ i: Int) -> Int32 { Int32(truncatingIfNeeded: self[i]) }
  @inline(__always) func uint32(_ i: Int) -> UInt32 { UInt32(truncatingIfNeeded: self[i]) }
  @inline(__always) func int(_ i: Int) -> Int { Int(bitPattern: self[i]) }
  @inline(__always) subscript(_ i: Int) -> UInt {
    switch i {
    case 0: a0
    case 1: a1
    case 2: a2
    case 3: a3
    case 4: a4
    default: a5
    }
  }
}

/// How far a system call is supported; the list is the project's compatibility page.
enum SyscallSupport {
  case full
  /// Works, except for what the note says.
  case partial(StaticString)
  /// Answers with an errno on purpose; the note says why.
  case refused(StaticString)
}

/// One row of the table: number, name, handler.
struct Syscall {
  typealias Handler = @Sendable (Task, SyscallArguments) throws(Errno) -> Int
  let number: Int
  let name: StaticString
  let support: SyscallSupport
  let handler: Handler

  @inline(__always)
  init(
    _ number: Int, _ name: StaticString, _ support: SyscallSupport = .full,
    _ handler: @escaping Handler
  ) {
    self.number = number
    self.name = name
    self.support = support
    self.handler = handler
  }
}
