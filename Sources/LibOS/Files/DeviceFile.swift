import EnclaveRuntime
import HostInterface
import LinuxABI

/// The character devices there are (null(4), full(4), random(4), tty(4)).
enum CharacterDevice {
  case null, zero, full, random, tty, ptmx

  init?(_ rdev: UInt64) {
    switch (DeviceNumber.major(rdev), DeviceNumber.minor(rdev)) {
    case (1, 3): self = .null
    case (1, 5): self = .zero
    case (1, 7): self = .full
    case (1, 8), (1, 9): self = .random
    case (5, 0): self = .tty
    case (5, 2): self = .ptmx
    default: return nil
    }
  }

  func open(_ dentry: Dentry, flags: OpenFlags) throws(Errno) -> File {
    if self == .ptmx {
      return PseudoTerminalMaster(try PseudoTerminals.make(), dentry, flags: flags)
    }
    if self == .tty {
      if let terminal = ControllingTerminal.of(Task.current.process) {
        return try PseudoTerminalSlave.open(
          terminal, Task.current, flags: flags.union(.O_NOCTTY), dentry: dentry)
      }
      guard Host.standardStream(0) == .terminal else { throw .ENXIO }
      return StreamFile(input: 0, output: 0, kind: .terminal, flags: flags)
    }
    return DeviceFile(self, dentry, flags: flags)
  }
}

/// /dev/null, zero, full, random and urandom, open.
final class DeviceFile: File, @unchecked Sendable {
  let device: CharacterDevice

  init(_ device: CharacterDevice, _ dentry: Dentry, flags: OpenFlags) {
    self.device = device
    super.init(dentry, flags: flags)
  }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    switch device {
    case .null: return 0
    case .zero, .full: return try buffer.writeZeros(count: buffer.remaining)
    case .tty, .ptmx: return 0
    case .random:
      // RDRAND and nothing else, whichever way a program asks.
      var done = 0
      while buffer.remaining > 0 {
        let bytes = Random.bytes(count: min(buffer.remaining, 512))
        do throws(Errno) {
          let n = try buffer.write(bytes)
          done += n
          if n < bytes.count { break }
        } catch {
          if done > 0 { break }
          throw error
        }
      }
      return done
    }
  }

  override func write(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    let n = buffer.remaining
    if device == .full { throw .ENOSPC }
    buffer.skip(n)
    return n
  }

  override func seek(_ offset: Int, _ whence: Int32) throws(Errno) -> Int { 0 }
  override var canPoll: Bool { device == .random }

  override func ioctl(_ task: Task, _ request: UInt32, _ argument: UInt) throws(Errno) -> Int {
    // RNDGETENTCNT of random(4): full.
    if device == .random && request == 0x8004_5200 {
      try UserMemory.write(Int32(256), to: argument)
      return 0
    }
    throw .ENOTTY
  }
}
