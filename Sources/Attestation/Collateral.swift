/// What a verifier needs besides the quote, as bytes. All of it is public, signed and cacheable.
public struct Collateral: Hashable, Sendable {
  /// The files of a collateral folder, by their names.
  public enum Part: String, CaseIterable, Hashable, Sendable {
    case tcbInfo = "tcb_info.json"
    case tcbInfoIssuerChain = "tcb_info_issuer_chain.pem"
    case qeIdentity = "qe_identity.json"
    case qeIdentityIssuerChain = "qe_identity_issuer_chain.pem"
    case rootCRL = "root_ca_crl.der"
    case pckCRL = "pck_crl.der"
    case pckCRLIssuerChain = "pck_crl_issuer_chain.pem"
    /// Only for quotes that carry no chain. If present beside a quote with one, they must agree.
    case pckChain = "pck_chain.pem"
  }

  public var parts: [Part: [UInt8]]

  public init(_ parts: [Part: [UInt8]] = [:]) { self.parts = parts }

  public subscript(part: Part) -> [UInt8]? {
    get { parts[part] }
    set { parts[part] = newValue }
  }
}
