import Attestation
import FuzzDriver

fuzz { bytes in
  _ = try? PCKExtension(certificateDER: bytes)
  _ = try? RATLSEvidence(certificateDER: bytes)
  // The same bytes as a PEM chain beside documents that are missing.
  _ = PreparedCollateral(
    Collateral([.pckChain: bytes, .pckCRLIssuerChain: bytes, .tcbInfoIssuerChain: bytes]))
}
