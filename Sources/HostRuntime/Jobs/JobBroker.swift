import CHostRuntime
import Glibc
import JobFormat
import LinuxABI

/// The broker's part in jobs: the enclave's process can open and name nothing, so the broker writes the offer, waits for
/// the job, and puts the result in place.
///
/// A hostile program may have taken over the other side: it can write one offer, and a result into the file that
/// whoever brought the job gave for it; no name or path comes from it.
struct JobBroker {
  /// Where the job comes from.
  enum Source {
    /// A file that appears (in one step, by rename(2) or link(2)), and where its result goes.
    case file(job: String, result: String)
    /// The socket of `cloister run --job`, listening.
    case socket(Int32)
    /// Nowhere from: the key goes to the disk, and the instance ends.
    case none
  }

  let offerFile: String
  let source: Source
  /// Told (and closed) when the offer is there: whoever started the instance waits for it.
  let ready: Int32
  /// SHA-256 of the measured configuration: whoever brings a job says which payload it means.
  let configuration: [UInt8]
  /// How long to wait for a job, seconds.
  let patience: Int

  /// Where the socket gets the offer's digest as its name.
  var instances: InstanceFolder?
  var instancePid: pid_t = 0

  /// Where the sealed key goes.
  var keyFile: String?

  /// Told what there is to say in JSON.
  var report: JobReport?

  private var hasOffer = false
  private var hasKey = false
  /// A job came as a file and was refused, or none came: there is nothing more to wait for.
  private var isOver = false
  private var result: ResultFile?
  private var resultDescriptor: Int32 = -1
  /// Who brought the job; goes away: the run ends.
  private(set) var client: Int32 = -1

  init(
    offerFile: String, source: Source, ready: Int32, configuration: [UInt8], patience: Int
  ) {
    self.offerFile = offerFile
    self.source = source
    self.ready = ready
    self.configuration = configuration
    self.patience = patience
  }

  mutating func putOffer(_ bytes: [UInt8]) throws(Errno) {
    guard !hasOffer else { throw .EIO }
    hasOffer = true
    try put(bytes, "the offer", offerFile, mode: 0o644)
    if case .socket = source, let instances {
      guard let read = try? Offer.parse(bytes),
        rename(
          instances.unnamedSocket(pid: instancePid), instances.socket(offer: read.offer.digest))
          == 0
      else {
        EnclaveProcess.say("cloister: the instance's socket cannot be named: \(lastError())")
        isOver = true
        throw .EIO
      }
    }
    if ready >= 0 {
      _ = write(ready, [1], 1)
      close(ready)
    }
    let waits = if case .none = source { false } else { true }
    report?.offer(offerFile, process: waits ? instancePid : nil, key: keyFile)
  }

  mutating func putKey(_ bytes: [UInt8]) throws(Errno) {
    guard !hasKey, let keyFile else { throw .EIO }
    hasKey = true
    try put(bytes, "the key", keyFile, mode: 0o600)
  }

  /// Writes a file in one step, and in no other's place.
  private mutating func put(
    _ bytes: [UInt8], _ what: String, _ path: String, mode: mode_t
  ) throws(Errno) {
    let temporary = "\(path).part.\(getpid())"
    unlink(temporary)
    let fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    var done = 0
    while fd >= 0, done < bytes.count {
      let n = bytes.withUnsafeBytes { write(fd, $0.baseAddress! + done, $0.count - done) }
      if n <= 0 { break }
      done += n
    }
    if fd >= 0 { close(fd) }
    guard fd >= 0, done == bytes.count, link(temporary, path) == 0 else {
      let text = "cannot write \(what) \(path): \(lastError())"
      EnclaveProcess.say("cloister: \(text)")
      report?.failure(text)
      isOver = true
      unlink(temporary)
      throw .EIO
    }
    unlink(temporary)
  }

  /// Waits; a job that cannot be taken as a file is refused here.
  mutating func waitForJob() throws(Errno) -> Int32 {
    let end = time(nil) + patience
    while true {
      if isOver { throw .EIO }
      guard time(nil) < end else {
        let text = "no job came in \(patience) s; the instance ends, and its key with it"
        EnclaveProcess.say("cloister: \(text)")
        report?.failure(text)
        isOver = true
        throw .EIO
      }
      // The enclave's process is gone: so is this one, soon.
      if getppid() == 1 { _exit(0) }
      switch source {
      case .none: throw .EIO
      case .file(let job, let path):
        let fd = open(job, O_RDONLY | O_CLOEXEC)
        if fd < 0 {
          usleep(20_000)
          continue
        }
        do throws(HostError) {
          let file = try ResultFile(path)
          result = file
          resultDescriptor = file.descriptor
        } catch {
          EnclaveProcess.say("cloister: \(error.description)")
          report?.failure(error.description)
          isOver = true
          throw .EIO
        }
        return fd
      case .socket(let listening):
        var set = pollfd(fd: listening, events: Int16(POLLIN), revents: 0)
        guard poll(&set, 1, 1000) > 0 else { continue }
        let caller = accept(listening, nil, nil)
        guard caller >= 0 else { continue }
        if let fd = receiveJob(caller) { return fd }
        close(caller)
      }
    }
  }

  private mutating func receiveJob(_ caller: Int32) -> Int32? {
    guard let (bytes, job) = JobMessage.receive(caller), job >= 0 else { return nil }
    guard bytes.count == JobMessage.job.count + 32, bytes.starts(with: JobMessage.job),
      let (word, file) = JobMessage.receive(caller), word == JobMessage.result, file >= 0
    else {
      close(job)
      return nil
    }
    guard Array(bytes.suffix(32)) == configuration else {
      let text = "the job is for another payload than the one that is given"
      _ = JobMessage.send(caller, JobNews.refused.encode(text))
      close(job)
      close(file)
      return nil
    }
    client = caller
    resultDescriptor = file
    return job
  }

  /// A descriptor of the result's file; the caller closes it.
  func resultFile() throws(Errno) -> Int32 {
    let fd = dup(resultDescriptor)
    guard fd >= 0 else { throw .EIO }
    return fd
  }

  /// Passes on what the enclave says. `done`: the result gets its name before this returns.
  mutating func tell(_ news: JobNews, _ text: String) throws(Errno) {
    if client >= 0 {
      _ = JobMessage.send(client, news.encode(text))
    } else {
      switch news {
      case .accepted: break
      case .refused:
        EnclaveProcess.say("cloister: the job is refused: \(text)")
        report?.failure("the job is refused: \(text)")
      case .failed:
        if !isOver {
          EnclaveProcess.say("cloister: \(text)")
          report?.failure(text)
        }
      case .done: EnclaveProcess.say("cloister: \(text)")
      }
    }
    switch news {
    case .accepted: return
    case .done:
      if let result {
        do throws(HostError) { try result.publish() } catch {
          EnclaveProcess.say("cloister: \(error.description)")
          report?.failure(error.description)
          throw .EIO
        }
        report?.run(result.path)
        self.result = nil
      } else if client >= 0 {
        // Whoever brought the job names the file, and says so by going.
        _ = JobMessage.receive(client)
      }
    case .refused, .failed:
      result?.discard()
      result = nil
      // A file that was refused would be refused again.
      if case .file = source { isOver = true }
    }
    if client >= 0 { close(client) }
    client = -1
  }
}
