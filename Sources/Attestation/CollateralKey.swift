/// Which collateral a quote needs: what to ask a PCS for, and the name of a cache entry.
public struct CollateralKey: Hashable, Sendable {
  public enum CA: String, Hashable, Sendable, CaseIterable { case platform, processor }

  public let tee: QuoteHeader.TEE
  public let FMSPC: [UInt8]
  public let ca: CA

  public init(tee: QuoteHeader.TEE, FMSPC: [UInt8], ca: CA) throws(FormatError) {
    guard FMSPC.count == 6 else { throw FormatError("an FMSPC has 6 bytes") }
    self.tee = tee
    self.FMSPC = FMSPC
    self.ca = ca
  }

  /// From what a quote, or the chain beside it, says about itself. Nothing is verified here: a
  /// lie fetches the wrong collateral, and verification then refuses.
  public init(_ quote: Quote, pckChain: [UInt8]? = nil) throws(FormatError) {
    let leaf: PKICertificate
    switch (quote.signature.certificationData, pckChain) {
    case (.pckChain(let pem), _), (_, let pem?):
      guard let first = try PKICertificate.list(pem: pem).first else {
        throw FormatError("the PCK chain is empty")
      }
      leaf = first
    default:
      throw FormatError(
        "the quote has certification data of type \(quote.signature.certificationData.type), "
          + "no PCK chain: its FMSPC is unknown")
    }
    let issuer = String(describing: leaf.issuer)
    try self.init(
      tee: quote.header.tee, FMSPC: try PCKExtension(leaf).FMSPC,
      ca: issuer.contains("Processor") ? .processor : .platform)
  }

  /// `sgx-00606a000000-platform`
  public var name: String {
    "\(tee == .sgx ? "sgx" : "tdx")-\(Hex.encode(FMSPC))-\(ca.rawValue)"
  }
}
