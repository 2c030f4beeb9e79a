import Attestation

/// What an owner (or who pays) asks of the enclave that runs a job: a policy file of `cloister verify`, which
/// must name the enclave or its signer.
///
/// REPORTDATA and nonce are the protocol's own here, so a policy that has rules for them is refused.
public struct JobPolicy: Sendable {
  public private(set) var policy: Policy
  /// As it was written; tickets keep it.
  let text: String

  /// - Parameters:
  ///   - text: the policy file's content.
  ///   - name: for messages.
  public init(toml text: String, name: String = "the policy") throws(JobsError) {
    do throws(FormatError) { policy = try PolicyFile.parse(text) } catch {
      throw JobsError(.usage, "\(name): \(error)")
    }
    self.text = text
    guard policy.reportData == nil, policy.nonce == nil else {
      throw JobsError(
        .usage,
        "\(name): report_data and freshness.nonce do not belong into a policy for jobs; both are always "
          + "checked, against what the job's protocol wants")
    }
    guard !policy.mrenclave.isEmpty || !policy.signers.isEmpty else {
      throw JobsError(
        .usage,
        "\(name): names neither an MRENCLAVE nor a signer, so any program could read the input; "
          + "`cloister inspect PAYLOAD` shows both")
    }
  }

  /// The same without a limit of the evidence's age: an owner opens a result whenever it pleases.
  var withoutAge: JobPolicy {
    var other = self
    other.policy.maximumEvidenceAgeSeconds = nil
    return other
  }

  public init(contentsOf path: String) throws(JobsError) {
    let bytes = try Files.read(path, limit: 1 << 20, what: "policy")
    try self.init(toml: String(decoding: bytes, as: UTF8.self), name: path)
  }
}

/// What a verification rests on besides the policy.
public struct JobTrust: Sendable {
  public var collateral: Collateral
  /// SHA-256 of the root of a software machine that is trusted besides Intel's: NO PROTECTION.
  public var softwareRoot: [UInt8]?
  /// When to verify; nil: now.
  public var time: Timestamp?

  public init(collateral: Collateral, softwareRoot: [UInt8]? = nil, time: Timestamp? = nil) {
    self.collateral = collateral
    self.softwareRoot = softwareRoot
    self.time = time
  }

  func verifier() throws(JobsError) -> Verifier {
    guard let softwareRoot else { return Verifier() }
    guard let anchor = TrustAnchor.software(fingerprint: softwareRoot) else {
      throw JobsError(.usage, "a software root's fingerprint is 64 hexadecimal digits")
    }
    return Verifier(anchors: [.intel, anchor])
  }
}
