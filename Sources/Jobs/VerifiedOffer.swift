import Attestation
import Glibc
import JobFormat

/// An offer that passed everything: only to one of these can a job be sealed.
public struct VerifiedOffer: Sendable {
  /// An offer older than this is refused, unless the policy says otherwise (`maximum_evidence_age_seconds`).
  public static let standardMaximumAge: Int64 = 86_400
  /// The provider's clock may be fast by this.
  static let clockSkew: Int64 = 300

  public let offer: Offer
  /// The steps of the verification, with their reasons.
  public let verdict: Verdict
  /// The enclave, as the quote has it.
  public let report: EnclaveReport
  /// The whole file.
  let file: [UInt8]
  let policy: JobPolicy
  let trust: JobTrust

  /// Verifies the offer in a file completely: form, owner, nonce, age, quote, policy, and that the quote vouches for
  /// this very offer.
  public init(
    contentsOf path: String, owner: OwnerPublicKey, nonce: [UInt8], policy: JobPolicy,
    trust: JobTrust
  ) throws(JobsError) {
    // The head first: another kind of file may be large, and is to be named.
    close(try VerifiedReceipt.open(path, .offer).fd)
    let bytes = try Files.read(path, limit: 1 << 17, what: "offer")
    try self.init(bytes, name: path, owner: owner, nonce: nonce, policy: policy, trust: trust)
  }

  public init(
    _ file: [UInt8], name: String = "the offer", owner: OwnerPublicKey, nonce: [UInt8],
    policy: JobPolicy, trust: JobTrust
  ) throws(JobsError) {
    let offer: Offer
    let quote: [UInt8]
    do throws(JobFormatError) { (offer, quote) = try Offer.parse(file) } catch {
      throw JobsError(error, name, .offer)
    }
    guard let context = owner.context(nonce: nonce) else {
      throw JobsError(.usage, "the nonce has \(nonce.count) bytes; it must have 32")
    }
    guard offer.owner.publicKey == context.publicKey else {
      throw JobsError(.refusedByVerification, "\(name): it is for another owner's key")
    }
    guard offer.owner.nonce == nonce else {
      throw JobsError(
        .refusedByVerification,
        "\(name): it answers another nonce, so it is an old offer or somebody else's")
    }
    let now = trust.time ?? .now
    let made = Timestamp(
      secondsSince1970: Int64(clamping: offer.madeNs / 1_000_000_000))
    guard made <= now.adding(seconds: Self.clockSkew) else {
      throw JobsError(
        .refusedByVerification, "\(name): it says that it was made at \(made), in the future")
    }
    let limit = policy.policy.maximumEvidenceAgeSeconds ?? Self.standardMaximumAge
    guard made.adding(seconds: limit) >= now else {
      throw JobsError(
        .refusedByPolicy, "\(name): it was made at \(made), more than \(limit) seconds ago")
    }
    let checked = try RuntimeQuote(
      quote, what: "offer", saying: offer.reportData, owner: context,
      isBound: !offer.flags.contains(.withoutKSS),
      inputsAreData: offer.flags.contains(.inputsAreData), policy: policy, trust: trust,
      madeAt: made)
    self.offer = offer
    self.file = file
    self.policy = policy
    self.trust = trust
    verdict = checked.verdict
    report = checked.report
  }
}

extension JobsError {
  /// A file that is not the object that it should be.
  init(_ error: JobFormatError, _ name: String, _ wanted: JobFileKind) {
    let wantedText =
      switch wanted {
      case .offer: "an offer"
      case .job: "a job"
      case .result: "a result"
      case .receipt: "a receipt"
      }
    switch error {
    case .otherFile: self.init(.malformed, "\(name): not \(wantedText): \(error.text)")
    case .cannotOpen, .suite: self.init(.refusedByVerification, "\(name): \(error.text)")
    default: self.init(.malformed, "\(name): damaged, or not \(wantedText): \(error.text)")
    }
  }
}
