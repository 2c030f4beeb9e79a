import Attestation
import EnclaveCrypto
import Foundation
import JobFormat
import SealedVolume
import SoftwareQuoting

@testable import Jobs

/// The other side of the protocol, without an enclave: the keys and quotes are a software machine's, the "program" is a
/// closure. Tests change one thing of it.
struct PretendInstance {
  static let platform: SoftwarePlatform = {
    let folder = NSTemporaryDirectory() + "cloister-jobs-\(getpid())-\(UUID().uuidString)"
    return try! SoftwarePlatform.open(folder: folder)
  }()
  static let collateral = platform.collateral()
  static let MRENCLAVE = [UInt8](repeating: 0x4D, count: 32)

  static func policy(_ more: String = "") throws -> JobPolicy {
    try JobPolicy(
      toml: "[enclave]\nmrenclave = [\"\(hexText(MRENCLAVE))\"]\n" + more)
  }
  static func trust() -> JobTrust {
    JobTrust(collateral: collateral, softwareRoot: platform.rootFingerprint)
  }

  var context: OwnerContext
  /// What the quotes say; an honest instance has the context's.
  var CONFIGID: [UInt8]
  var MRENCLAVE = Self.MRENCLAVE
  /// INIT, MODE64BIT, KSS.
  var attributes: UInt64 = 0x85
  var flags: Offer.Flags = [.takesArguments, .takesEnvironment]
  var configuration = [UInt8](repeating: 0xC0, count: 32)
  var madeNs = UInt64(Date().timeIntervalSince1970 * 1e9)
  var suites = JobSuite.allCases
  let pairs: [JobSuite: JobKeyPair] = [.xWing: JobKeyPair(.xWing)!, .x25519: JobKeyPair(.x25519)!]
  let instance = EnclaveCrypto.random(32)

  init(owner: OwnerPublicKey, nonce: [UInt8]) {
    context = owner.context(nonce: nonce)!
    CONFIGID = context.CONFIGID
  }

  func quote(_ reportData: [UInt8]) throws -> [UInt8] {
    var report = [UInt8](repeating: 0, count: EnclaveReport.size)
    for i in 0..<8 { report[48 + i] = UInt8(truncatingIfNeeded: attributes >> (8 * UInt64(i))) }
    report[56] = 3
    report.replaceSubrange(64..<96, with: MRENCLAVE)
    report.replaceSubrange(192..<256, with: CONFIGID)
    report.replaceSubrange(320..<384, with: reportData)
    return try Self.platform.quote(reportBody: report)
  }

  var offer: Offer {
    Offer(
      owner: context, instance: instance, configuration: configuration, madeNs: madeNs,
      flags: flags, keys: suites.map { pairs[$0]!.publicKey })
  }
  func offerFile() throws -> [UInt8] {
    let offer = offer
    return offer.encoded(quote: try quote(offer.reportData.encoded()))
  }

  struct Refused: Error { var why: String }
  /// What the program sees and does.
  struct Program {
    var arguments: [String] = []
    var environment: [String] = []
    var input: SealedVolume
    /// Directory `output` of the output volume.
    var output: SealedVolume
    var outputDirectory: UInt64

    func read(_ path: String) throws -> [UInt8] {
      try input.readAll(try input.resolve(Array(path.utf8)), limit: 1 << 20)
    }
    func write(_ name: String, _ bytes: [UInt8], mode: UInt32 = 0o100644) throws {
      var inode = VolumeInode()
      inode.mode = mode
      let number = try output.make(outputDirectory, Array(name.utf8), inode)
      try output.replaceAll(number, bytes)
    }
  }

  /// As Docs/Job.md has it: what an instance checks, then the result.
  func run(
    job path: String, result: String, waitStatus: UInt32 = 0,
    program: (Program) throws -> Void, change: (inout Receipt) -> Void = { _ in }
  ) throws {
    let file = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    let job = try Job(file)
    guard job.offer == offer.digest else { throw Refused(why: "offer") }
    guard job.isSigned(by: context) else { throw Refused(why: "signature") }
    guard let pair = pairs[job.suite], suites.contains(job.suite) else {
      throw Refused(why: "suite")
    }
    let order = try job.open(privateKey: pair.privateKey)
    let source = open(path, O_RDONLY)
    defer { close(source) }
    let storage = VolumeFile(source, at: job.volumeOffset)
    let input = try SealedVolume.open(
      storage, key: order.inputKey, isReadOnly: true, expected: VolumeRoot(order.inputRoot))
    guard try Sealing.commitment(storage, path) == order.inputCommitment else {
      throw Refused(why: "commitment")
    }
    let fd = open(result, O_RDWR | O_CREAT | O_EXCL, 0o600)
    defer { close(fd) }
    let outputStorage = VolumeFile(fd, at: JobResult.volumeOffset)
    let key = EnclaveCrypto.random(32)
    let output = try SealedVolume.create(outputStorage, key: key, keyKind: .job)
    var directory = VolumeInode()
    directory.mode = 0o040755
    let number = try output.make(VolumeFormat.rootInode, Array("output".utf8), directory)
    try program(
      Program(
        arguments: order.arguments.map { String(decoding: $0, as: UTF8.self) },
        environment: order.environment.map { String(decoding: $0, as: UTF8.self) }, input: input,
        output: output, outputDirectory: number))
    try output.commit()
    var receipt = Receipt(
      owner: context, offer: job.offer, job: job.digest, run: EnclaveCrypto.random(32),
      configuration: configuration, inputCommitment: order.inputCommitment,
      outputCommitment: try Sealing.commitment(outputStorage, result))
    var status = stat()
    fstat(fd, &status)
    receipt.outputSize = UInt64(status.st_size) - JobResult.volumeOffset
    receipt.waitStatus = waitStatus
    receipt.endNs = madeNs
    if order.flags.contains(.repeatable) { receipt.flags.insert(.repeatable) }
    if flags.contains(.inputsAreData) { receipt.flags.insert(.inputsAreData) }
    if flags.contains(.withoutKSS) { receipt.flags.insert(.withoutKSS) }
    if flags.contains(.keyOnDisk) { receipt.flags.insert(.keyOnDisk) }
    change(&receipt)
    let receiptFile = receipt.encoded(quote: try quote(receipt.reportData.encoded()))
    let head = try JobResult.encode(
      job: job.digest, run: receipt.run, replyKey: order.replyKey, receipt: receiptFile,
      secrets: JobResult.Secrets(
        outputKey: key, outputRoot: output.root.bytes, receiptDigest: receipt.digest))
    guard pwrite(fd, head, head.count, 0) == head.count else { throw Refused(why: "write") }
  }
}

/// An owner, a nonce and a folder, for one test.
final class Desk {
  let folder: String
  let owner = OwnerKey()
  let nonce = EnclaveCrypto.random(32)

  init() throws {
    folder = NSTemporaryDirectory() + "cloister-desk-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.createDirectory(
      atPath: folder + "/in/deep", withIntermediateDirectories: true)
    try write("in/hello.txt", Array("hello".utf8))
    try write("in/deep/big", [UInt8](repeating: 0x42, count: 300_000))
  }
  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func path(_ name: String) -> String { folder + "/" + name }
  func write(_ name: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
  }
  func read(_ name: String) throws -> [UInt8] {
    try [UInt8](Data(contentsOf: URL(fileURLWithPath: path(name))))
  }
  func exists(_ name: String) -> Bool { Files.exists(path(name)) }
  /// Names in the folder that tests did not make themselves.
  func leftovers() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.contains(".partial") }
  }

  func instance() -> PretendInstance { PretendInstance(owner: owner.publicKey, nonce: nonce) }

  func verify(_ file: [UInt8], policy: JobPolicy? = nil) throws -> VerifiedOffer {
    try VerifiedOffer(
      file, owner: owner.publicKey, nonce: nonce, policy: try policy ?? PretendInstance.policy(),
      trust: PretendInstance.trust())
  }

  @discardableResult
  func seal(
    _ offer: [UInt8], job: String = "job", change: (inout Sealing) -> Void = { _ in }
  ) throws -> Sealing.Summary {
    var sealing = Sealing(to: try verify(offer), owner: owner)
    change(&sealing)
    return try sealing.run(
      inputs: [path("in")], job: path(job), ticket: path(job + ".ticket"))
  }

  func open(
    _ result: String, ticket: String = "job.ticket", to output: String = "out",
    receiptOnly: Bool = false
  ) throws -> OpenedResult {
    try OpenedResult(
      path(result), ticket: try JobTicket(contentsOf: path(ticket)), to: path(output),
      receiptOnly: receiptOnly)
  }
}
