/// Why a step did not pass: evidence that is wrong, or evidence that is missing or stale.
public enum Stop: Error, Hashable, Sendable {
  /// Something is wrong with the evidence. More data will not help.
  case refused(Rule, String)
  /// Fresh collateral or a right clock could still decide.
  case undecided(Rule, String)

  /// Machine-readable reasons. They do not change between versions.
  public enum Code: String, Hashable, Sendable, Codable {
    case MALFORMED
    case MISSING
    case CLOCK_UNSET
    case UNTRUSTED_ROOT
    case PCK_CHAIN
    case PCK_CHAIN_MISMATCH
    case CERTIFICATE_EXPIRED
    case CERTIFICATE_NOT_YET_VALID
    case CRL
    case CRL_EXPIRED
    case CRL_NOT_YET_VALID
    case PCK_REVOKED
    case INTERMEDIATE_REVOKED
    case TCB_SIGNING_CHAIN
    case TCB_SIGNING_REVOKED
    case TCB_INFO_SIGNATURE
    case TCB_INFO_EXPIRED
    case TCB_INFO_NOT_YET_VALID
    case TCB_INFO_MISMATCH
    case QE_IDENTITY_SIGNATURE
    case QE_IDENTITY_EXPIRED
    case QE_IDENTITY_NOT_YET_VALID
    case QE_IDENTITY_MISMATCH
    case TDX_MODULE_MISMATCH
    case QE_REPORT_SIGNATURE
    case QE_REPORT_DATA
    case QE_MISCSELECT
    case QE_ATTRIBUTES
    case QE_MRSIGNER
    case QE_ISVPRODID
    case QUOTE_SIGNATURE
    case QE_VENDOR_ID
    case TCB_NOT_SUPPORTED
    case POLICY
  }

  var rule: Rule {
    switch self {
    case .refused(let rule, _), .undecided(let rule, _): rule
    }
  }
  var code: Code { rule.code }
  var reason: String {
    switch self {
    case .refused(_, let reason), .undecided(_, let reason): reason
    }
  }
}
