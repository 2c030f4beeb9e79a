import SoftwareQuoting
import X509

@testable import Attestation

/// Evidence made to order: good unless a test changes something, and then bad for one reason.
struct MadeEvidence {
  static let time = Timestamp(iso8601: "2026-03-01T12:00:00Z")!

  var keys = PKIKeys()
  var pki = PKIRecipe(at: MadeEvidence.time)
  var rootCRL = CRLRecipe(at: MadeEvidence.time)
  var pckCRL = CRLRecipe(at: MadeEvidence.time)
  var tcbInfo: TCBInfoRecipe
  var qeIdentity = QEIdentityRecipe(at: MadeEvidence.time)
  var report = MadeEvidence.report()
  /// Set for TDX: the version, TEE type and body of the quote.
  var changeQuote: (inout QuoteRecipe) -> Void = { _ in }
  var changeCollateral: (inout Collateral, PKICertificates) -> Void = { _, _ in }
  /// The chain in the quote, leaf first.
  var changeChain: (inout [Certificate]) throws -> Void = { _ in }
  /// The quote's bytes after it was signed.
  var changeBytes: (inout [UInt8]) -> Void = { _ in }

  init() { tcbInfo = TCBInfoRecipe(at: MadeEvidence.time, for: pki.sgx) }

  /// An enclave report: INIT, MODE64BIT, x87 and SSE.
  static func report() -> [UInt8] {
    var report = [UInt8](repeating: 0, count: EnclaveReport.size)
    report[48] = 0x05
    report[56] = 0x03
    for index in 0..<32 { report[64 + index] = 0xE0 }
    for index in 0..<32 { report[128 + index] = 0x51 }
    report[256] = 7
    report[258] = 3
    return report
  }

  func made() throws -> (quote: [UInt8], collateral: Collateral, anchor: TrustAnchor) {
    let certificates = try PKICertificates(keys, pki)
    var chain = [certificates.pck, certificates.platformCA, certificates.root]
    try changeChain(&chain)
    var recipe = QuoteRecipe(
      body: report, keys: keys, pckChain: chain.flatMap { PKICertificates.pem($0) })
    changeQuote(&recipe)
    let signing = PKICertificates.pem(certificates.tcbSigning, certificates.root)
    var collateral = Collateral([
      .tcbInfo: tcbInfo.signed(by: keys.tcbSigning), .tcbInfoIssuerChain: signing,
      .qeIdentity: qeIdentity.signed(by: keys.tcbSigning), .qeIdentityIssuerChain: signing,
      .rootCRL: rootCRL.signed(issuer: certificates.root.subject, key: keys.root),
      .pckCRL: pckCRL.signed(issuer: certificates.platformCA.subject, key: keys.platformCA),
      .pckCRLIssuerChain: PKICertificates.pem(certificates.platformCA, certificates.root),
    ])
    changeCollateral(&collateral, certificates)
    var quote = recipe.signed(by: keys)
    changeBytes(&quote)
    return (
      quote, collateral,
      TrustAnchor.software(fingerprint: certificates.fingerprint)!
    )
  }

  func verdict(
    policy: Policy = .default, at time: Timestamp = MadeEvidence.time,
    context: PolicyContext = PolicyContext()
  ) throws -> Verdict {
    let (quote, collateral, anchor) = try made()
    return Verifier(anchors: [anchor]).verify(
      quote, collateral: collateral, at: time, policy: policy, context: context)
  }

  static func with(_ change: (inout MadeEvidence) -> Void) -> MadeEvidence {
    var evidence = MadeEvidence()
    change(&evidence)
    return evidence
  }
}

extension MadeEvidence {
  /// A TD quote with module version 1 and TCB levels for it.
  static func td(version15: Bool = false) -> MadeEvidence {
    with { e in
      var body = [UInt8](repeating: 0, count: version15 ? 648 : 584)
      body[0] = 5
      body[1] = 1
      body[2] = 3
      body[123] = 0x10  // SEPT_VE_DISABLE
      body[136] = 0xAD
      if version15 { body.replaceSubrange(584..<600, with: body[0..<16]) }
      e.setTD(body)
      let zero = [UInt8](repeating: 0, count: 48)
      e.tcbInfo.id = "TDX"
      e.tcbInfo.levels = [
        .init(
          sgx: e.pki.sgx.components, tdx: [9, 9, 3] + [UInt8](repeating: 0, count: 13), PCESVN: 1,
          status: "UpToDate")
      ]
      e.tcbInfo.modules = Self.modules(
        mrsigner: zero, levels: [(5, "UpToDate"), (3, "OutOfDate"), (2, "Revoked")])
      e.qeIdentity.id = "TD_QE"
    }
  }

  mutating func setTD(_ body: [UInt8]) {
    changeQuote = { quote in
      quote.teeType = 0x81
      if body.count == 648 {
        quote.version = 5
        quote.body = [3, 0, 0x88, 0x02, 0, 0] + body
      } else {
        quote.version = 4
        quote.body = body
      }
    }
  }

  static func modules(
    mrsigner: [UInt8], id: String = "TDX_01", levels: [(Int, String)],
    attributes: String = "0000000000000000"
  ) -> String {
    let identity =
      #""mrsigner":"\#(Hex.encode(mrsigner))","attributes":"\#(attributes)","#
      + #""attributesMask":"FFFFFFFFFFFFFFFF""#
    let list = levels.map {
      #"{"tcb":{"isvsvn":\#($0.0)},"tcbDate":"2025-01-01T00:00:00Z","tcbStatus":"\#($0.1)"}"#
    }.joined(separator: ",")
    return #""tdxModule":{\#(identity)},"tdxModuleIdentities":[{"id":"\#(id)",\#(identity),"#
      + #""tcbLevels":[\#(list)]}],"#
  }
}
