import EnclaveRuntime
import LinuxABI

/// signalfd(2): pending signals of whoever reads, as records of 128 bytes.
final class Signalfd: File, @unchecked Sendable {
  private let lock = Lock()
  /// Guarded by `lock`.
  private var mask: SignalSet
  private let queue: WaitQueue

  init(_ mask: SignalSet, _ process: Process, flags: OpenFlags) {
    self.mask = mask
    queue = process.signals.signalfdQueue
    let inode = Inode(Namespace.anonymousFileSystem, mode: 0o600)
    super.init(
      Dentry(inode, name: [UInt8](staticString: "anon_inode:[signalfd]"), parent: nil), flags: flags
    )
  }

  func setMask(_ new: SignalSet) {
    lock.withLock { mask = new }
    queue.wakeAll()
  }

  /// The line of /proc/PID/fdinfo (proc_pid_fdinfo(5)).
  override func describe(_ out: inout [UInt8]) {
    out.append("sigmask:\t")
    out.append(hex: UInt(wanted.bits), width: 16)
    out.append(0x0A)
  }

  private var wanted: SignalSet { lock.withLock { mask } }

  override func read(_ buffer: inout IOBuffer, at offset: UInt64?) throws(Errno) -> Int {
    guard offset == nil else { throw .ESPIPE }
    guard buffer.remaining >= SignalfdRecord.size else { throw .EINVAL }
    let task = Task.current
    let state = task.process.signals
    var done = 0
    while buffer.remaining >= SignalfdRecord.size {
      // Only the first one is waited for.
      let nonblocking = isNonblocking || done > 0
      let info: SignalInfo
      do throws(Errno) {
        info = try queue.wait { () throws(Errno) -> SignalInfo? in
          state.lock.lock()
          defer { state.lock.unlock() }
          if let found = task.takeSignal(wanted) { return found }
          if nonblocking { throw .EAGAIN }
          return nil
        }
      } catch {
        if done > 0 { return done }
        throw error
      }
      done += try buffer.write(SignalfdRecord.bytes(info))
    }
    return done
  }

  override func poll() -> PollEvents {
    let task = Task.current
    task.process.signals.lock.lock()
    defer { task.process.signals.lock.unlock() }
    let pending = task.signals.pending.set.union(task.process.signals.pending.set)
    return pending.intersection(wanted).isEmpty ? [] : .POLLIN
  }

  override var waitQueue: WaitQueue? { queue }
}

/// `struct signalfd_siginfo`.
enum SignalfdRecord {
  static let size = 128

  static func bytes(_ info: SignalInfo) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: size)
    func put32(_ at: Int, _ value: UInt32) {
      for i in 0..<4 { out[at + i] = UInt8(truncatingIfNeeded: value >> UInt32(8 * i)) }
    }
    func put64(_ at: Int, _ value: UInt64) {
      for i in 0..<8 { out[at + i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * i)) }
    }
    let low = UInt32(truncatingIfNeeded: info.word0)
    let high = UInt32(truncatingIfNeeded: info.word0 >> 32)
    put32(0, UInt32(bitPattern: info.signo))
    put32(4, UInt32(bitPattern: info.errno))
    put32(8, UInt32(bitPattern: info.code))
    if info.code == SignalInfo.SI_TIMER {
      put32(24, low)  // ssi_tid
      put32(32, high)  // ssi_overrun
      put32(44, UInt32(truncatingIfNeeded: info.word1))  // ssi_int
      put64(48, info.word1)  // ssi_ptr
    } else if info.signo == Signal.SIGCHLD.rawValue, info.code > 0, info.code < 0x80 {
      put32(12, low)  // ssi_pid
      put32(16, high)  // ssi_uid
      put32(40, UInt32(truncatingIfNeeded: info.word1))  // ssi_status
      put64(56, info.word2)  // ssi_utime
      put64(64, info.word3)  // ssi_stime
    } else if info.code > 0, info.code < 0x80 {
      put64(72, info.word0)  // ssi_addr
    } else {
      put32(12, low)
      put32(16, high)
      put32(44, UInt32(truncatingIfNeeded: info.word1))
      put64(48, info.word1)
    }
    return out
  }
}
