import CHostRuntime
import Glibc
import HostInterface
import LinuxABI
import PayloadFormat
import SGX
import Synchronization

/// One running enclave and everything that its threads share on the host.
///
/// Trusted with nothing by the enclave; in turn it believes nothing that comes out of it: every index,
/// length and address in a request is checked before use.
public final class EnclaveProcess: Sendable {
  let machine: any SGXMachine
  let configuration: MeasuredConfiguration
  let objects: ObjectCache?
  let source: (any ObjectSource)?
  /// A signed payload's files.
  let payload: PayloadObjects?
  let volumes: VolumeFiles
  /// Of an instance that waits for a job.
  let jobs: JobObjects?
  let quoting: (any QuotingSource)?
  let sockets = SocketTable()
  /// Indices of `threads`.
  private let threadLimit: Int
  private let threads: Mutex<[HostThread?]>
  /// Runs once, with the exit code, before the process ends (statistics).
  private let atExit: @Sendable (EnclaveProcess, Int32) -> Void
  private let ending = Atomic<Bool>(false)

  init(
    machine: any SGXMachine, configuration: MeasuredConfiguration,
    source: (any ObjectSource)?, payload: PayloadObjects? = nil,
    quoting: (any QuotingSource)? = nil, volumes: VolumeFiles? = nil, jobs: JobObjects? = nil,
    atExit: @escaping @Sendable (EnclaveProcess, Int32) -> Void
  ) {
    self.machine = machine
    self.configuration = configuration
    // No files: cannot fail.
    self.volumes = volumes ?? (try! VolumeFiles([]))
    self.payload = payload
    self.jobs = jobs
    let allowed =
      configuration.flags.contains(.insecureDevelopmentRoot)
      || !configuration.insecureMounts.isEmpty
    self.source = allowed ? source : nil
    self.quoting = configuration.flags.contains(.remoteAttestation) ? quoting : nil
    objects = allowed ? source.map { ObjectCache(source: $0) } : nil
    self.atExit = atExit
    // With SGX2 the enclave makes more TCSs than it was measured with.
    let measured = Int(configuration.threadCount)
    threadLimit =
      configuration.profile == .fixed ? measured : max(measured, EnclaveLayout.largestThreadCount)
    threads = Mutex([HostThread?](repeating: nil, count: threadLimit))
  }

  /// A thread by its index, if it was ever started.
  func thread(_ index: UInt64) -> HostThread? {
    threads.withLock { index < UInt64($0.count) ? $0[Int(index)] : nil }
  }

  /// `HostCall.threadStart`: enters the TCS of that index on a host thread of its own.
  func start(_ index: UInt64) throws(Errno) {
    guard index < UInt64(threadLimit) else { throw .EAGAIN }
    let result = threads.withLock { threads -> Result<HostThread, Errno> in
      if let thread = threads[Int(index)] { return .success(thread) }
      guard let thread = try? HostThread(index: Int(index), process: self) else {
        return .failure(.EAGAIN)
      }
      threads[Int(index)] = thread
      return .success(thread)
    }
    try result.get().start()
  }

  /// Ends this process, and with it the enclave. Only the first caller gets anywhere.
  func end(_ code: Int32) -> Never {
    if ending.exchange(true, ordering: .sequentiallyConsistent) {
      while true { sleep(1000) }
    }
    atExit(self, code)
    _exit(code)
  }

  /// All threads' statistics together.
  func statistics() -> ThreadStatistics {
    let sum = ThreadStatistics()
    let all = threads.withLock { $0.compactMap { $0 } }
    for thread in all { sum.add(thread.statistics) }
    return sum
  }

  /// One line on stderr, from this process rather than from the enclave.
  static func say(_ line: String) {
    let text = Array((line + "\n").utf8)
    _ = write(2, text, text.count)
  }
}
