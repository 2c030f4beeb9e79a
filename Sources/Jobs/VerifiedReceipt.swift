import Attestation
import EnclaveCrypto
import Glibc
import JobFormat
import SealedVolume

/// `receipt verify`: what an enclave vouches for after a run, checked by anybody, without a secret.
public struct VerifiedReceipt: Sendable {
  public let receipt: Receipt
  public let verdict: Verdict
  /// The enclave, as the quote has it.
  public let report: EnclaveReport
  /// The whole file.
  public let file: [UInt8]

  /// - Parameters:
  ///   - path: a RECEIPT, or a RESULT, which has one in it.
  ///   - policy: what the enclave must be.
  ///   - trust: what the verification rests on besides.
  ///   - owner: whose job it must be; nil: anybody's.
  ///   - nonce: of the instance that ran it; nil: any.
  public init(
    contentsOf path: String, policy: JobPolicy, trust: JobTrust, owner: OwnerPublicKey? = nil,
    nonce: [UInt8]? = nil
  ) throws(JobsError) {
    let bytes = try Self.receiptFile(path)
    try self.init(
      bytes, name: path, policy: policy, trust: trust, owner: owner, nonce: nonce)
  }

  public init(
    _ file: [UInt8], name: String = "the receipt", policy: JobPolicy, trust: JobTrust,
    owner: OwnerPublicKey? = nil, nonce: [UInt8]? = nil
  ) throws(JobsError) {
    let receipt: Receipt
    let quote: [UInt8]
    do throws(JobFormatError) { (receipt, quote) = try Receipt.parse(file) } catch {
      throw JobsError(error, name, .receipt)
    }
    if let owner, receipt.owner.publicKey != owner.raw {
      throw JobsError(.refusedByVerification, "\(name): it is of another owner's job")
    }
    if let nonce, receipt.owner.nonce != nonce {
      throw JobsError(.refusedByVerification, "\(name): it is of an instance with another nonce")
    }
    let checked = try RuntimeQuote(
      quote, what: "receipt", saying: receipt.reportData, owner: receipt.owner,
      isBound: !receipt.flags.contains(.withoutKSS),
      inputsAreData: receipt.flags.contains(.inputsAreData), policy: policy, trust: trust,
      madeAt: Timestamp(secondsSince1970: Int64(clamping: receipt.endNs / 1_000_000_000)))
    self.receipt = receipt
    self.file = file
    verdict = checked.verdict
    report = checked.report
  }

  /// Who pays for what the receipt says asks for this: the program cannot have run the owner's code, which shares
  /// the library OS's privileges and could have made the receipt up.
  public func requireInputsAreData() throws(JobsError) {
    guard receipt.flags.contains(.inputsAreData) else {
      throw JobsError(
        .refusedByPolicy,
        "the payload takes code as input (no inputs_are_data), so its owner could have forged the receipt"
      )
    }
  }

  /// Compares the commitment to the input with the job's file.
  public func requireInput(of job: String) throws(JobsError) {
    let (head, fd) = try Self.open(job, .job)
    defer { close(fd) }
    let parsed: Job
    do throws(JobFormatError) { parsed = try Job(head) } catch {
      throw JobsError(error, job, .job)
    }
    guard parsed.digest == receipt.job else {
      throw JobsError(.refusedByVerification, "\(job): the receipt is of another job")
    }
    let found = try Sealing.commitment(VolumeFile(fd, at: parsed.volumeOffset), job)
    guard found == receipt.inputCommitment else {
      throw JobsError(
        .refusedByVerification, "\(job): its input is not the one that the receipt names")
    }
  }

  /// Compares the commitment to the output with the result's file.
  public func requireOutput(of result: String) throws(JobsError) {
    let (head, fd) = try Self.open(result, .result)
    defer { close(fd) }
    let parsed: JobResult
    do throws(JobFormatError) { parsed = try JobResult(head) } catch {
      throw JobsError(error, result, .result)
    }
    guard parsed.job == receipt.job, parsed.run == receipt.run else {
      throw JobsError(.refusedByVerification, "\(result): the receipt is of another run")
    }
    let found = try Sealing.commitment(VolumeFile(fd, at: JobResult.volumeOffset), result)
    guard found == receipt.outputCommitment else {
      throw JobsError(
        .refusedByVerification, "\(result): its output is not the one that the receipt names")
    }
  }

  /// Header and body of a file of that kind, and the descriptor, which is the caller's.
  static func open(
    _ path: String, _ kind: JobFileKind
  ) throws(JobsError) -> (head: [UInt8], fd: Int32) {
    let fd = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard fd >= 0 else { throw JobsError(.missing, "cannot open \(path): \(errorText())") }
    do throws(JobsError) {
      var head = try read(fd, JobFileKind.headerSize, path)
      do throws(JobFormatError) {
        let size = try kind.bodySize(header: head)
        head = try Result { () throws(JobsError) in
          try read(fd, JobFileKind.headerSize + size, path)
        }.mapError { _ in JobFormatError.truncated }.get()
        guard head.count == JobFileKind.headerSize + size else { throw .truncated }
      } catch {
        throw JobsError(error, path, kind)
      }
      return (head, fd)
    } catch {
      close(fd)
      throw error
    }
  }

  /// At most `count` bytes from the file's start.
  private static func read(_ fd: Int32, _ count: Int, _ path: String) throws(JobsError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let n = bytes.withUnsafeMutableBytes {
        pread(fd, $0.baseAddress! + done, count - done, off_t(done))
      }
      if n < 0 && errno == EINTR { continue }
      guard n >= 0 else { throw JobsError(.missing, "cannot read \(path): \(errorText())") }
      if n == 0 { break }
      done += n
    }
    return Array(bytes[..<done])
  }

  /// The bytes of a receipt, or of the one in a result; nothing is verified.
  public static func receiptFile(_ path: String) throws(JobsError) -> [UInt8] {
    let fd = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard fd >= 0 else { throw JobsError(.missing, "cannot open \(path): \(errorText())") }
    let magic = try? read(fd, 8, path)
    close(fd)
    guard let magic, JobFileKind(magic: magic) == .result else {
      Glibc.close(try open(path, .receipt).fd)
      return try Files.read(path, limit: 1 << 17, what: "receipt")
    }
    let (head, other) = try open(path, .result)
    close(other)
    do throws(JobFormatError) { return try JobResult(head).receipt } catch {
      throw JobsError(error, path, .result)
    }
  }
}
