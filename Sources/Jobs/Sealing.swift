import EnclaveCrypto
import Glibc
import JobFormat
import SealedVolume

/// The key of one of the payload's volumes: the volume's name, 32 bytes, and perhaps the root that it must have.
public typealias JobVolumeKey = JobFormat.JobVolumeKey

/// `seal`: encrypts the owner's files, arguments and variables to an enclave whose offer was verified.
public struct Sealing {
  public let offer: VerifiedOffer
  public let owner: OwnerKey
  /// Appended to the payload's own.
  public var arguments: [String] = []
  /// `NAME=VALUE`.
  public var environment: [String] = []
  /// For the payload's volumes that are opened with keys of a job.
  public var volumeKeys: [JobFormat.JobVolumeKey] = []
  /// The job may be run more than once.
  public var allowsRepeats = false
  public var progress: JobProgress?
  /// Best first. The default is what is safest; fewer of them is for tests of the choice.
  var suites = JobSuite.allCases

  public init(to offer: VerifiedOffer, owner: OwnerKey) {
    self.offer = offer
    self.owner = owner
  }

  public struct Summary: Sendable {
    public var job: [UInt8]
    public var inputCommitment: [UInt8]
    public var suite: String
    public var files: Int
    public var bytes: UInt64
    public var size: UInt64
  }

  /// Writes the job, and the ticket that opens its result; both or, when it fails, neither. Files that exist are not
  /// touched.
  public func run(
    inputs: [String], job path: String, ticket ticketPath: String
  ) throws(JobsError) -> Summary {
    try check()
    for name in [path, ticketPath] where Files.exists(name) {
      throw JobsError(.cannotCreate, "\(name) exists; nothing is overwritten, choose another name")
    }
    let file = try NewFile(path, mode: 0o600, what: "job")
    let (summary, ticket) = try write(inputs, file.descriptor, path)
    try Files.create(ticketPath, ticket.encoded(), mode: 0o600, what: "ticket")
    do throws(JobsError) { try file.publish() } catch {
      unlink(ticketPath)
      throw error
    }
    return summary
  }

  private func check() throws(JobsError) {
    let flags = offer.offer.flags
    guard arguments.isEmpty || flags.contains(.takesArguments) else {
      throw JobsError(.usage, "this payload takes no arguments from a job (payload.toml)")
    }
    guard environment.isEmpty || flags.contains(.takesEnvironment) else {
      throw JobsError(.usage, "this payload takes no variables from a job (payload.toml)")
    }
    for pair in environment {
      guard let equals = pair.firstIndex(of: "="), equals != pair.startIndex else {
        throw JobsError(.usage, "--env \(pair): use NAME=VALUE")
      }
    }
    try checkVolumes()
    guard owner.publicKey.raw == offer.offer.owner.publicKey else {
      throw JobsError(.refusedByVerification, "the offer is for another owner's key")
    }
    guard !flags.contains(.keyOnDisk) || allowsRepeats else {
      throw JobsError(
        .refusedByPolicy,
        "the provider keeps the offer's key on disk, so nobody can tell how often the job is run; allow "
          + "that with --allow-repeats, or ask for an offer without --seal")
    }
  }

  /// Each of the payload's volumes that waits for a key gets one, and no other key leaves the owner.
  private func checkVolumes() throws(JobsError) {
    func text(_ name: [UInt8]) -> String { String(decoding: name, as: UTF8.self) }
    let wanted = offer.offer.volumes
    let given = volumeKeys.map(\.name)
    for (i, name) in given.enumerated() {
      guard wanted.contains(name) else {
        throw JobsError(
          .usage,
          "the payload has no volume \(text(name)) that is opened with a job's key"
            + (wanted.isEmpty ? "" : "; it has \(wanted.map(text).joined(separator: ", "))"))
      }
      guard !given[..<i].contains(name) else {
        throw JobsError(.usage, "there are two keys for the volume \(text(name)); keep one of them")
      }
    }
    for name in wanted where !given.contains(name) {
      throw JobsError(
        .usage,
        "the payload's volume \(text(name)) is opened with a key that the job brings; give it with "
          + "--volume-key \(text(name))=KEYFILE")
    }
  }

  private func write(
    _ inputs: [String], _ fd: Int32, _ name: String
  ) throws(JobsError) -> (Summary, JobTicket) {
    let key: JobPublicKey
    do throws(JobFormatError) { key = try offer.offer.key(among: suites) } catch {
      throw JobsError(error, "the offer", .offer)
    }
    guard let reply = JobKeyPair(key.suite) else {
      throw JobsError(.inputOutput, "there is not enough memory")
    }
    var inputKey = EnclaveCrypto.random(SealedVolume.keySize)
    defer { EnclaveCrypto.wipe(&inputKey) }
    let number = EnclaveCrypto.random(32)
    // The size of what comes before the volume does not depend on its root.
    var order = JobOrder(
      inputKey: inputKey, inputRoot: [UInt8](repeating: 0, count: 40),
      inputCommitment: [UInt8](repeating: 0, count: 32), replyKey: reply.publicKey)
    if allowsRepeats { order.flags = .repeatable }
    order.arguments = arguments.map { Array($0.utf8) }
    order.environment = environment.map { Array($0.utf8) }
    order.volumeKeys = volumeKeys
    let offset = UInt64(try encode(key, order, number, name).bytes.count)

    let storage = VolumeFile(fd, at: offset)
    let secret = inputKey
    let input = try volume(name) { () throws(VolumeError) in
      try SealedVolume.create(storage, key: secret, keyKind: .job, timeNs: Self.now())
    }
    var packing = InputPacking(input, name: name, progress: progress)
    try packing.run(inputs)
    try volume(name) { () throws(VolumeError) in try input.commit() }
    order.inputRoot = input.root.bytes
    order.inputCommitment = try Self.commitment(storage, name)
    var status = stat()
    fstat(fd, &status)
    order.inputSize = UInt64(status.st_size) - offset

    let (bytes, digest) = try encode(key, order, number, name)
    precondition(UInt64(bytes.count) == offset)
    try Self.put(bytes, fd, name)
    let ticket = JobTicket(
      job: digest, inputCommitment: order.inputCommitment, replyKey: reply, offer: offer)
    return (
      Summary(
        job: digest, inputCommitment: order.inputCommitment, suite: "\(key.suite.name)",
        files: packing.files, bytes: packing.bytes, size: UInt64(status.st_size)), ticket
    )
  }

  private func encode(
    _ key: JobPublicKey, _ order: JobOrder, _ number: [UInt8], _ name: String
  ) throws(JobsError) -> (bytes: [UInt8], digest: [UInt8]) {
    do throws(JobFormatError) {
      return try Job.encode(
        to: offer.offer, key: key, order: order, number: number, sign: owner.sign(digest:))
    } catch {
      if case .malformed(let what) = error { throw JobsError(.usage, "\(what)") }
      throw JobsError(error, name, .job)
    }
  }

  /// What names the volume in a storage to people without its key.
  static func commitment(_ storage: VolumeFile, _ name: String) throws(JobsError) -> [UInt8] {
    let block = VolumeBuffer(count: 4096)
    try volume(name) { () throws(VolumeError) in try storage.read(0, into: block.memory) }
    return JobDigest.volume(superblock: block.memory.bytes)
  }

  /// At the file's start.
  private static func put(_ bytes: [UInt8], _ fd: Int32, _ name: String) throws(JobsError) {
    guard lseek(fd, 0, SEEK_SET) == 0 else { throw Files.writeFailure(name) }
    try Files.write(fd, bytes, name)
  }

  private static func now() -> Int64 {
    var t = timespec()
    clock_gettime(CLOCK_REALTIME, &t)
    return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
  }
}
