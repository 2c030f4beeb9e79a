/// What a relying party asks of evidence that has been verified.
///
/// The default refuses debug enclaves and TDs, accepts `UpToDate`, and accepts
/// `SWHardeningNeeded` only when all advisories are in the allow-list, which is empty.
public struct Policy: Sendable {
  public static let `default` = Policy()

  public struct Signer: Hashable, Sendable {
    public var MRSIGNER: [UInt8]
    public var ISVPRODID: UInt16
    public var minimumISVSVN: UInt16

    public init(MRSIGNER: [UInt8], ISVPRODID: UInt16, minimumISVSVN: UInt16) {
      self.MRSIGNER = MRSIGNER
      self.ISVPRODID = ISVPRODID
      self.minimumISVSVN = minimumISVSVN
    }
  }

  /// `field & mask == value`
  public struct Masked: Hashable, Sendable {
    public var value: [UInt8]
    public var mask: [UInt8]

    public init(value: [UInt8], mask: [UInt8]) {
      self.value = value
      self.mask = mask
    }

    func allows(_ field: [UInt8]) -> Bool { equal(field, under: mask, to: value) }
  }

  // Who the enclave is. One of the two lists must name it, unless both are empty.
  public var mrenclave: [[UInt8]] = []
  public var signers: [Signer] = []
  public var insecureAllowDebug = false
  public var attributes: Masked?
  public var xfrm: Masked?
  public var miscselect: Masked?
  public var configID: [UInt8]?
  public var minimumConfigSVN: UInt16?
  public var isvFamilyID: [UInt8]?
  public var isvExtProdID: [UInt8]?

  // Who the TD is.
  public var td = TDRules()

  // How good the platform is.
  public var statuses: Set<TCBStatus> = [.UpToDate, .SWHardeningNeeded]
  public var allowedAdvisories: Set<String> = []
  public var refusedAdvisories: Set<String> = []
  public var outOfDateGraceDays: Int?
  public var minimumEvaluationDataNumber: Int?

  // Whose platform it is.
  public var ppid: [[UInt8]] = []
  public var platformInstanceID: [[UInt8]] = []
  public var fmspc: [[UInt8]] = []
  /// Refuses software machines even when the caller trusts one's root.
  public var requireHardware = false

  // What the evidence is bound to.
  public var reportData: ReportDataRule?
  public var nonce: [UInt8]?
  public var maximumCollateralAgeSeconds: Int64?
  public var maximumEvidenceAgeSeconds: Int64?

  public init() {}

  var namesEnclave: Bool { !mrenclave.isEmpty || !signers.isEmpty }
}

/// Rules for TDX quotes. An empty list asks for nothing.
public struct TDRules: Hashable, Sendable {
  public var mrtd: [[UInt8]] = []
  /// RTMR0 to RTMR3.
  public var rtmr: [[[UInt8]]] = [[], [], [], []]
  public var mrseam: [[UInt8]] = []
  public var mrconfigid: [[UInt8]] = []
  public var mrowner: [[UInt8]] = []
  public var mrownerconfig: [[UInt8]] = []
  public var mrservicetd: [[UInt8]] = []
  public var attributes: Policy.Masked?
  public var xfam: Policy.Masked?

  var names: Bool { !mrtd.isEmpty }
}

/// What REPORTDATA must be, all 64 bytes of it.
public enum ReportDataRule: Hashable, Sendable {
  public enum Component: Hashable, Sendable {
    case bytes([UInt8])
    /// The policy's nonce.
    case nonce
  }

  case exact([UInt8])
  /// SHA-256 over the components one after another, then 32 zero bytes.
  case sha256([Component])
  /// SHA-512 over the components one after another.
  case sha512([Component])

  var usesNonce: Bool {
    switch self {
    case .exact: false
    case .sha256(let parts), .sha512(let parts): parts.contains(.nonce)
    }
  }
}

/// What the caller knows about the evidence besides its bytes.
public struct PolicyContext: Sendable {
  /// When the evidence was made, from a source that the caller trusts: a quote has no time in it.
  public var evidenceTime: Timestamp?

  public init(evidenceTime: Timestamp? = nil) { self.evidenceTime = evidenceTime }
}
