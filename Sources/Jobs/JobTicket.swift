import Attestation
import EnclaveCrypto
import Glibc
import JobFormat

/// What the owner keeps of a job to open its result: the private reply key, and what the result must belong to.
/// A secret: mode 0600.
///
/// | offset | size | field |
/// | --- | --- | --- |
/// | 0 | 8 | magic `CLTICKET` |
/// | 8 | 4 | version, 1 |
/// | 12 | 4 | size of the body, which goes to the end of the file |
/// | 16 | 32 | digest of the job |
/// | 48 | 32 | commitment to the input volume |
/// | 80 | 8 | suite of the reply key |
/// | 88 | 32 | the private reply key |
/// | 120 | | records: type (4 bytes), count (4), bytes: 1 the whole offer, 2 the policy, 3 a file of collateral (its name, a zero byte, its content), 4 a trusted software root |
/// | | 32 | SHA-256 of everything before |
public struct JobTicket: Sendable {
  static let magic = Array("CLTICKET".utf8)
  static let version: UInt64 = 1
  static let largestSize = 64 << 20

  public let job: [UInt8]
  public let inputCommitment: [UInt8]
  let replyKey: JobKeyPair
  let offerFile: [UInt8]
  let policy: JobPolicy
  /// As at the time of sealing.
  let trust: JobTrust
  public let offer: Offer
  /// Who the enclave is that the job was sealed to.
  let report: EnclaveReport

  init(job: [UInt8], inputCommitment: [UInt8], replyKey: JobKeyPair, offer: VerifiedOffer) {
    self.job = job
    self.inputCommitment = inputCommitment
    self.replyKey = replyKey
    offerFile = offer.file
    policy = offer.policy
    trust = offer.trust
    self.offer = offer.offer
    report = offer.report
  }

  /// The trust at the time of sealing, with newer collateral.
  public func trust(with collateral: Collateral) -> JobTrust {
    JobTrust(collateral: collateral, softwareRoot: trust.softwareRoot)
  }

  func encoded() -> [UInt8] {
    var body = job + inputCommitment + replyKey.publicKey.suite.encoded() + replyKey.privateKey
    func add(_ type: UInt64, _ bytes: [UInt8]) {
      body.put(type, count: 4)
      body.put(UInt64(bytes.count), count: 4)
      body += bytes
    }
    add(1, offerFile)
    add(2, Array(policy.text.utf8))
    for part in Collateral.Part.allCases {
      if let bytes = trust.collateral[part] { add(3, Array(part.rawValue.utf8) + [0] + bytes) }
    }
    if let root = trust.softwareRoot { add(4, root) }
    var out = Self.magic
    out.put(Self.version, count: 4)
    out.put(UInt64(body.count + 32), count: 4)
    out += body
    return out + SHA256.hash(out.span)
  }

  public init(contentsOf path: String) throws(JobsError) {
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & 0o077 != 0 {
      throw JobsError(
        .usage, "the ticket \(path) can be read by others; use `chmod 600 \(path)`")
    }
    try self.init(try Files.read(path, limit: Self.largestSize, what: "ticket"), name: path)
  }

  init(_ file: [UInt8], name: String) throws(JobsError) {
    func damaged(_ what: String) -> JobsError {
      JobsError(.malformed, "\(name): damaged, or not a ticket: \(what)")
    }
    guard file.count >= 8, Array(file[..<8]) == Self.magic else {
      throw JobsError(.malformed, "\(name): not a ticket of `cloister seal`")
    }
    guard file.count >= 16 else { throw damaged("it is cut short") }
    let version = file.number(at: 8, count: 4)
    guard version == Self.version else {
      throw JobsError(.malformed, "\(name): a ticket of version \(version); this reads version 1")
    }
    guard Int(file.number(at: 12, count: 4)) == file.count - 16, file.count >= 16 + 104 + 32 else {
      throw damaged("it is cut short")
    }
    let end = file.count - 32
    guard SHA256.hash(file.span.extracting(0..<end)) == Array(file[end...]) else {
      throw damaged("its checksum is wrong")
    }
    job = Array(file[16..<48])
    inputCommitment = Array(file[48..<80])
    guard let suite = JobSuite(encoded: Array(file[80..<88])),
      let pair = JobKeyPair(suite, privateKey: Array(file[88..<120]))
    else { throw damaged("its reply key makes no sense") }
    replyKey = pair
    var records: [UInt64: [UInt8]] = [:]
    var collateral = Collateral()
    var at = 120
    while at < end {
      guard end - at >= 8 else { throw damaged("a record is cut short") }
      let type = file.number(at: at, count: 4)
      let count = Int(file.number(at: at + 4, count: 4))
      at += 8
      guard count <= end - at else { throw damaged("a record is cut short") }
      let bytes = Array(file[at..<(at + count)])
      at += count
      switch type {
      case 1, 2, 4:
        guard records.updateValue(bytes, forKey: type) == nil else {
          throw damaged("a record is there twice")
        }
      case 3:
        guard let zero = bytes.firstIndex(of: 0),
          let part = Collateral.Part(rawValue: String(decoding: bytes[..<zero], as: UTF8.self))
        else { throw damaged("unknown collateral") }
        collateral[part] = Array(bytes[(zero + 1)...])
      default: throw damaged("a record is of an unknown type")
      }
    }
    guard let offerFile = records[1], let text = records[2] else {
      throw damaged("a record is missing")
    }
    self.offerFile = offerFile
    policy = try JobPolicy(
      toml: String(decoding: text, as: UTF8.self), name: "the policy in \(name)")
    trust = JobTrust(collateral: collateral, softwareRoot: records[4])
    let quote: [UInt8]
    do throws(JobFormatError) { (offer, quote) = try Offer.parse(offerFile) } catch {
      throw JobsError(error, "the offer in \(name)", .offer)
    }
    guard let parsed = try? Quote(quote), case .enclave(let report) = parsed.body else {
      throw damaged("its offer has no quote")
    }
    self.report = report
  }

  /// Where `cloister seal` puts the ticket of a job.
  public static func path(for job: String) -> String { job + ".ticket" }

  /// The ticket of a job among the files `*.ticket` of some folders; nil: none is there.
  static func find(job: [UInt8], in folders: [String]) -> String? {
    for folder in folders {
      guard let stream = opendir(folder) else { continue }
      defer { closedir(stream) }
      while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        guard name.hasSuffix(".ticket") else { continue }
        let fd = open(folder + "/" + name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard fd >= 0 else { continue }
        defer { close(fd) }
        var head = [UInt8](repeating: 0, count: 48)
        guard read(fd, &head, 48) == 48 else { continue }
        if Array(head[..<8]) == magic, Array(head[16...]) == job { return folder + "/" + name }
      }
    }
    return nil
  }
}

extension [UInt8] {
  /// Little-endian.
  mutating func put(_ value: UInt64, count: Int) {
    for i in 0..<count { append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(i)))) }
  }
  func number(at offset: Int, count: Int) -> UInt64 {
    var value: UInt64 = 0
    for i in 0..<count { value |= UInt64(self[offset + i]) << (8 * UInt64(i)) }
    return value
  }
}
