import Attestation
import EnclaveCrypto
import Glibc
import JobFormat
import SealedVolume

/// `open`: a result of the owner's own job, verified and decrypted into a folder.
///
/// The folder gets `output` (what the program left in /output), `stdout` and `stderr` unless the payload shows them to
/// the provider, and `receipt`.
public struct OpenedResult: Sendable {
  public let receipt: VerifiedReceipt
  public let files: Int
  public let bytes: UInt64
  /// Devices, sockets and pipes in the output, which were left out.
  public let skipped: [String]

  /// Where a result's ticket lies: beside the result, or in the current folder.
  public static func findTicket(for path: String) throws(JobsError) -> String {
    let result = try header(path)
    var folder = "."
    if let slash = path.lastIndex(of: "/") {
      folder = slash == path.startIndex ? "/" : String(path[..<slash])
    }
    if let found = JobTicket.find(job: result.job, in: [folder, "."]) { return found }
    throw JobsError(
      .missing,
      "\(path): no ticket of this job lies beside it or here; `cloister seal` wrote one beside the job "
        + "(JOB.ticket): name it with --ticket")
  }

  /// Verifies a result completely, and writes it to a new folder.
  ///
  /// - Parameters:
  ///   - path: the RESULT.
  ///   - ticket: what `Sealing` wrote beside the job.
  ///   - folder: it is made, and must not be there.
  ///   - trust: nil: the collateral that was used when the job was sealed.
  ///   - receiptOnly: write the receipt, and do not touch the output.
  ///   - progress: called as the output is written.
  public init(
    _ path: String, ticket: JobTicket, to folder: String, trust: JobTrust? = nil,
    receiptOnly: Bool = false, progress: JobProgress? = nil
  ) throws(JobsError) {
    let (head, fd) = try VerifiedReceipt.open(path, .result)
    defer { close(fd) }
    let result: JobResult
    do throws(JobFormatError) { result = try JobResult(head) } catch {
      throw JobsError(error, path, .result)
    }
    guard result.job == ticket.job else {
      throw JobsError(.refusedByVerification, "\(path): it is a result of another job")
    }
    guard result.suite == ticket.replyKey.publicKey.suite else {
      throw JobsError(
        .refusedByVerification, "\(path): it is encrypted in another way than was ordered")
    }
    var secrets: JobResult.Secrets
    do throws(JobFormatError) {
      secrets = try result.open(privateKey: ticket.replyKey.privateKey)
    } catch {
      throw JobsError(error, path, .result)
    }
    defer { EnclaveCrypto.wipe(&secrets.outputKey) }
    receipt = try Self.verify(result, secrets, ticket, trust ?? ticket.trust, path)
    let storage = VolumeFile(fd, at: JobResult.volumeOffset)
    guard
      try Sealing.commitment(storage, path) == receipt.receipt.outputCommitment
    else {
      throw JobsError(
        .refusedByVerification, "\(path): its output is not the one that the receipt names")
    }
    var status = stat()
    fstat(fd, &status)
    let size = UInt64(max(0, status.st_size))
    guard size == JobResult.volumeOffset + receipt.receipt.outputSize else {
      let isCut = size < JobResult.volumeOffset + receipt.receipt.outputSize
      throw JobsError(
        .refusedByVerification,
        "\(path): its output is \(isCut ? "cut off" : "longer than the one that was written")")
    }
    let receiptFile = receipt.file
    guard !receiptOnly else {
      (files, bytes, skipped) = (0, 0, [])
      try Self.writeReceipt(receiptFile, to: folder)
      return
    }
    let key = secrets.outputKey
    let root = VolumeRoot(secrets.outputRoot)
    let output = try volume(path) { () throws(VolumeError) in
      try SealedVolume.open(storage, key: key, isReadOnly: true, expected: root)
    }
    var copy = OutputFolder(output, name: path, total: size, progress: progress)
    try copy.write(to: folder) { (temporary) throws(JobsError) in
      try Files.create(temporary + "/receipt", receiptFile, mode: 0o644, what: "receipt")
    }
    (files, bytes, skipped) = (copy.files, copy.bytes, copy.skipped)
  }

  /// That the receipt is genuine, and of this job, input, payload and enclave.
  private static func verify(
    _ result: JobResult, _ secrets: JobResult.Secrets, _ ticket: JobTicket, _ trust: JobTrust,
    _ path: String
  ) throws(JobsError) -> VerifiedReceipt {
    let verified = try VerifiedReceipt(
      result.receipt, name: "the receipt in \(path)", policy: ticket.policy.withoutAge,
      trust: trust)
    let receipt = verified.receipt
    func refuse(_ isWrong: Bool, _ what: String) throws(JobsError) {
      if isWrong { throw JobsError(.refusedByVerification, "\(path): \(what)") }
    }
    try refuse(
      receipt.digest != secrets.receiptDigest, "its receipt is not the one that it was sealed with")
    try refuse(receipt.job != ticket.job, "its receipt is of another job")
    try refuse(receipt.run != result.run, "its receipt is of another run")
    try refuse(receipt.offer != ticket.offer.digest, "its receipt is of another offer")
    try refuse(receipt.owner != ticket.offer.owner, "its receipt is of another owner's instance")
    try refuse(
      receipt.configuration != ticket.offer.configuration, "another payload than was offered ran")
    try refuse(receipt.inputCommitment != ticket.inputCommitment, "the payload had another input")
    let now = verified.report
    let then = ticket.report
    try refuse(
      now.MRENCLAVE != then.MRENCLAVE || now.MRSIGNER != then.MRSIGNER
        || now.ATTRIBUTES != then.ATTRIBUTES || now.ISVSVN != then.ISVSVN,
      "another enclave ran it than the one that the job was sealed to")
    return verified
  }

  /// For whoever ends the process while a result is being opened: removes what is there of the folder.
  public static func removePartial(of folder: String) {
    OutputFolder.removeTree(OutputFolder.temporary(for: folder))
  }

  private static func header(_ path: String) throws(JobsError) -> JobResult {
    let (head, fd) = try VerifiedReceipt.open(path, .result)
    close(fd)
    do throws(JobFormatError) { return try JobResult(head) } catch {
      throw JobsError(error, path, .result)
    }
  }

  private static func writeReceipt(_ bytes: [UInt8], to folder: String) throws(JobsError) {
    guard mkdir(folder, 0o700) == 0 else {
      if errno == EEXIST {
        throw JobsError(
          .cannotCreate, "\(folder) exists; nothing is overwritten, choose another name")
      }
      throw JobsError(.cannotCreate, "cannot make \(folder): \(errorText())")
    }
    do throws(JobsError) {
      try Files.create(folder + "/receipt", bytes, mode: 0o644, what: "receipt")
    } catch {
      rmdir(folder)
      throw error
    }
  }
}
