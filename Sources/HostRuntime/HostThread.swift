import CHostRuntime
import Glibc
import HostInterface
import LinuxABI
import PayloadFormat
import SGX

/// One host thread, bound to one TCS for good.
///
/// `threadExit` leaves it waiting for the next `threadStart` of the same index, so that a program that
/// starts and joins threads does not pay for a clone(2) each time.
final class HostThread: @unchecked Sendable {
  let index: Int
  let statistics = ThreadStatistics()
  let lot: ParkingLot
  private let buffer: ThreadBuffer
  private unowned let process: EnclaveProcess
  /// 1 when a start is pending; a futex.
  private let pending: UnsafeMutablePointer<UInt32>
  private var pthread: pthread_t = 0
  private var isStarted = false

  private var tcs: UInt64 { EnclaveLayout.threadArea(index) }

  init(index: Int, process: EnclaveProcess) throws(HostError) {
    self.index = index
    self.process = process
    buffer = try ThreadBuffer()
    lot = try ParkingLot()
    if index == 0 { buffer.handOver(jobs: process.jobs) }
    pending = .allocate(capacity: 16)
    pending.initialize(repeating: 0, count: 16)
  }

  /// Called with requests from any thread. EAGAIN when a start is already waiting to be taken.
  func start() throws(Errno) {
    guard clh_compare_exchange(pending, 0, 1) != 0 else { throw .EAGAIN }
    if clh_compare_exchange(pending + 1, 0, 1) != 0 {
      var attributes = pthread_attr_t()
      pthread_attr_init(&attributes)
      defer { pthread_attr_destroy(&attributes) }
      pthread_attr_setstacksize(&attributes, 256 << 10)
      var created = pthread_t()
      let error = pthread_create(
        &created, &attributes,
        { argument in
          Unmanaged<HostThread>.fromOpaque(argument!).takeUnretainedValue().main()
          return nil
        }, Unmanaged.passRetained(self).toOpaque())
      guard error == 0 else {
        clh_store(pending, 0)
        clh_store(pending + 1, 0)
        throw .EAGAIN
      }
    } else {
      clh_futex_wake(pending, 1)
    }
  }

  /// `HostCall.kick`, as seen from the thread that asks.
  func kick() {
    lot.kick()
    let thread = clh_load64(UnsafeRawPointer(pending + 2))
    if thread != 0 { process.machine.interrupt(thread: UInt(thread)) }
  }

  private func main() {
    clh_store64(UnsafeMutableRawPointer(pending + 2), UInt64(pthread_self()))
    do {
      try process.machine.attachThread()
    } catch {
      EnclaveProcess.say("cloister: thread \(index) cannot enter the enclave: \(error)")
      process.end(125)
    }
    while true {
      while clh_load(pending) == 0 { _ = clh_futex_wait(pending, 0, .max) }
      clh_store(pending, 0)
      run()
    }
  }

  /// From EENTER to `threadExit`.
  private func run() {
    var run = EnclaveRun(tcs: tcs, function: 2)
    run.rdi = buffer.address
    run.rsi = HostBuffer.size
    // Between an asynchronous exit and the handler's last word.
    var isHandling = false
    while true {
      let isResume = run.function == 3
      statistics.count(isResume ? .resumes : .enters)
      switch process.machine.enter(&run) {
      case .eexit:
        switch ExitReason(rawValue: run.rdi) {
        case .hostCall:
          guard serve() else { return }
          run.function = 2
          run.rdi = buffer.address
          run.rsi = HostBuffer.size
        case .resume:
          isHandling = false
          run.function = 3
          run.rdi = 0
          run.rsi = 0
        case .refused:
          // The enclave's last words, if it had any, lie in the buffer as a write to stream 2.
          if HostCall(rawValue: buffer.number) == .streamWrite {
            _ = try? HostRequest(thread: self, process: process, buffer: buffer).streamWrite()
          }
          let place = run.rsi == 4 ? ", at \(hex(run.r8)), address \(hex(run.r9))" : ""
          EnclaveProcess.say(
            "cloister: the enclave stopped (thread \(index), code \(hex(run.rsi))\(place))")
          process.end(125)
        case nil:
          EnclaveProcess.say("cloister: the enclave left for an unknown reason \(hex(run.rdi))")
          process.end(125)
        }
      case .fault(let vector, _, _):
        statistics.count(fault: vector)
        isHandling = true
        enterHandler(&run)
      case .interrupted where isHandling:
        // The exception handler was interrupted: it looks at the thread's work itself, so it just goes on.
        statistics.count(.interrupts)
        run.function = 3
      case .interrupted:
        statistics.count(.interrupts)
        isHandling = true
        enterHandler(&run)
      case .refused(let error):
        EnclaveProcess.say(
          "cloister: \(isResume ? "ERESUME" : "EENTER") of thread \(index) was refused: \(error)")
        process.end(125)
      }
    }
  }

  /// After an AEX: EENTER the same TCS, whose CSSA is now one more, for the exception handler.
  private func enterHandler(_ run: inout EnclaveRun) {
    run.function = 2
    run.rdi = 0
    run.rsi = 0
  }

  /// Serves the request in the buffer; false when the thread is to leave.
  private func serve() -> Bool {
    guard let call = HostCall(rawValue: buffer.number) else {
      statistics.count(.unknownCalls)
      buffer.setResult(-Int64(Errno.ENOSYS.rawValue))
      return true
    }
    buffer.clearNumber()
    statistics.count(call)
    if call == .threadExit { return false }
    var request = HostRequest(thread: self, process: process, buffer: buffer)
    do {
      buffer.setResult(Int64(try request.serve(call)))
    } catch {
      buffer.setResult(-Int64(error.rawValue))
    }
    return true
  }
}
