import Glibc
import JobFormat
import PayloadFormat

/// `cloister run PAYLOAD --job JOB -o RESULT`: hands a job to the instance that waits for it, and puts the result in place.
struct JobClient {
  let options: RunOptions

  func run(payload: String, job path: String, result resultPath: String) throws(HostError) -> Never
  {
    let report = try options.jsonFile.map { (file) throws(HostError) in try JobReport(file) }
    do throws(HostError) {
      let text = try handOver(path, payload: payload, result: resultPath)
      report?.run(resultPath)
      if !options.isQuiet { say("cloister: \(text); \(resultPath) is written") }
      exit(0)
    } catch {
      report?.failure(error.description, exitCode: error.exitCode)
      throw error
    }
  }

  /// How the program ended, in words, when the result is in place.
  private func handOver(
    _ path: String, payload: String, result resultPath: String
  ) throws(HostError) -> String {
    try options.refuseMeasuredOptions(payload: payload)
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { throw HostError("cannot open the job \(path): \(lastError())") }
    let job = try Self.header(fd, path)
    let folder = try PayloadFolder(payload)
    let configuration = JobDigest.configuration(folder.configuration(options.profile).encoded())
    let instances = try InstanceFolder(try StateFolder())
    guard let socket = try instances.connect(offer: job.offer) else {
      throw HostError(
        "no instance waits for \(path) (offer \(hexText(Array(job.offer.prefix(8))))...): it has run its job, has ended, "
          + "or was started by another user; make a new offer with `cloister offer`")
    }
    let result = try ResultFile(resultPath)
    guard JobMessage.send(socket, JobMessage.job + configuration, descriptor: fd),
      JobMessage.send(socket, JobMessage.result, descriptor: result.descriptor)
    else {
      result.discard()
      throw HostError("the instance is gone: \(lastError())")
    }
    close(fd)
    return try follow(socket, path, result)
  }

  private static func header(_ fd: Int32, _ path: String) throws(HostError) -> Job {
    do throws(JobFormatError) {
      let head = read(fd, 0, JobFileKind.headerSize)
      let size = try JobFileKind.job.bodySize(header: head)
      return try Job(head + read(fd, JobFileKind.headerSize, size))
    } catch {
      throw HostError(
        "\(path): not a job that can be run: \(error.text); `cloister seal` makes jobs")
    }
  }

  private static func read(_ fd: Int32, _ offset: Int, _ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let n = bytes.withUnsafeMutableBytes { pread(fd, $0.baseAddress, count, off_t(offset)) }
    return Array(bytes.prefix(max(0, n)))
  }

  /// Until there is a result, or none.
  private func follow(_ socket: Int32, _ path: String, _ result: ResultFile) throws(HostError)
    -> String
  {
    var counters = JobCounters(options, result)
    while true {
      var set = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      if poll(&set, 1, 500) <= 0 {
        counters.show()
        continue
      }
      guard let (bytes, _) = JobMessage.receive(socket), let (news, text) = JobNews.decode(bytes)
      else {
        counters.clear()
        result.discard()
        throw HostError(
          "the instance ended without a result; it runs no second job: make a new offer")
      }
      switch news {
      case .accepted: continue
      case .refused:
        counters.clear()
        result.discard()
        throw HostError("\(path) is refused: \(text)")
      case .failed:
        counters.clear()
        result.discard()
        throw HostError(text)
      case .done:
        counters.clear()
        try result.publish()
        return text
      }
    }
  }

  private func say(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(2, bytes, bytes.count)
  }
}
