/// What a verdict can founder on: one name for each thing that is checked, besides the fields of the
/// formats, which share a name for each format.
///
/// Every rule has a test in which it alone decides (`RuleTable` in the tests, which fails when a rule has
/// none). For programs that read verdicts there are the coarser `Stop.Code`s, which do not change.
public enum Rule: String, Hashable, Sendable, CaseIterable {
  // The quote, and the time.
  case quoteFormat, qeVendorID, clock

  // The PCK chain.
  case pckChainMissing, pckChainFormat, pckChainMismatch
  case pckChainCount, pckChainRootName, pckChainExtensions, pckChainSignature, pckChainCAName
  case pckChainLeafName, pckChainTrust, certificateNotYetValid, certificateExpired, pckExtension

  // Collateral: each part is there and can be read.
  case collateralMissing, collateralFormat

  // CRLs and their issuers.
  case crlChainCount, crlChainRootName, crlChainExtensions, crlChainSignature, crlChainCAName
  case rootCRLIssuer, rootCRLSignature, pckCRLIssuer, pckCRLIssuerChain, pckCRLSignature
  case crlNotYetValid, crlExpired, intermediateRevoked, pckRevoked

  // The signers of documents, and the documents.
  case signingChainCount, signingChainRootName, signingChainExtensions, signingChainSignature
  case signingChainLeafName, signingChainTrust, tcbSigningRevoked
  case signerNotYetValid, signerExpired
  case tcbInfoSignature, tcbInfoNotYetValid, tcbInfoExpired
  case tcbInfoTEE, tcbInfoFMSPC, tcbInfoPCEID
  case qeIdentitySignature, qeIdentityNotYetValid, qeIdentityExpired

  // The quoting enclave and its signatures.
  case qeReportSignature, attestationKeyHash, attestationKeyZeros
  case qeIdentityID, qeMISCSELECT, qeATTRIBUTES, qeMRSIGNER, qeISVPRODID
  case attestationKeyPoint, quoteSignature

  // Levels.
  case tdxModuleUnknown, tdxModuleMRSIGNERSEAM, tdxModuleSEAMATTRIBUTES
  case tcbLevel, tdxLevel, tdxModuleLevel, qeLevel

  // The policy.
  case policyHardware, policyDebug
  case policyINIT, policyMODE64BIT, policyPROVISIONKEY, policyEINITTOKEN_KEY
  case policyATTRIBUTES, policyXFRM, policyMISCSELECT
  case policyForTDs, policyForEnclaves
  case policyMRENCLAVE, policyISVPRODID, policyISVSVN
  case policyKSS, policyCONFIGID, policyCONFIGSVN, policyISVFAMILYID, policyISVEXTPRODID
  case policyMRTD, policyRTMR, policyMRSEAM, policyMRCONFIGID, policyMROWNER, policyMROWNERCONFIG
  case policyMRSERVICETD, policyTDATTRIBUTES, policyXFAM
  case policyRevoked, policyStatus, policyGracePeriod
  case policyRefusedAdvisory, policyUnknownAdvisories, policyAdvisories, policyEvaluationNumber
  case policyPPID, policyPlatformInstanceID, policyFMSPC
  case policyReportData, policyReportDataNonce, policyNonce
  case policyCollateralAge, policyEvidenceAge, policyEvidenceTime

  // RA-TLS.
  case ratlsFormat, ratlsNonce, ratlsReportDataRule

  /// The group that the rule is in for readers of verdicts.
  public var code: Stop.Code {
    switch self {
    case .quoteFormat, .pckChainFormat, .pckExtension, .collateralFormat, .ratlsFormat: .MALFORMED
    case .qeVendorID: .QE_VENDOR_ID
    case .clock: .CLOCK_UNSET
    case .pckChainMissing, .collateralMissing: .MISSING
    case .pckChainMismatch: .PCK_CHAIN_MISMATCH
    case .pckChainCount, .pckChainRootName, .pckChainExtensions, .pckChainSignature,
      .pckChainCAName, .pckChainLeafName:
      .PCK_CHAIN
    case .pckChainTrust, .signingChainTrust: .UNTRUSTED_ROOT
    case .certificateNotYetValid, .signerNotYetValid: .CERTIFICATE_NOT_YET_VALID
    case .certificateExpired, .signerExpired: .CERTIFICATE_EXPIRED
    case .crlChainCount, .crlChainRootName, .crlChainExtensions, .crlChainSignature,
      .crlChainCAName, .rootCRLIssuer, .rootCRLSignature, .pckCRLIssuer, .pckCRLIssuerChain,
      .pckCRLSignature:
      .CRL
    case .crlNotYetValid: .CRL_NOT_YET_VALID
    case .crlExpired: .CRL_EXPIRED
    case .intermediateRevoked: .INTERMEDIATE_REVOKED
    case .pckRevoked: .PCK_REVOKED
    case .signingChainCount, .signingChainRootName, .signingChainExtensions,
      .signingChainSignature, .signingChainLeafName:
      .TCB_SIGNING_CHAIN
    case .tcbSigningRevoked: .TCB_SIGNING_REVOKED
    case .tcbInfoSignature: .TCB_INFO_SIGNATURE
    case .tcbInfoNotYetValid: .TCB_INFO_NOT_YET_VALID
    case .tcbInfoExpired: .TCB_INFO_EXPIRED
    case .tcbInfoTEE, .tcbInfoFMSPC, .tcbInfoPCEID: .TCB_INFO_MISMATCH
    case .qeIdentitySignature: .QE_IDENTITY_SIGNATURE
    case .qeIdentityNotYetValid: .QE_IDENTITY_NOT_YET_VALID
    case .qeIdentityExpired: .QE_IDENTITY_EXPIRED
    case .qeReportSignature: .QE_REPORT_SIGNATURE
    case .attestationKeyHash, .attestationKeyZeros: .QE_REPORT_DATA
    case .qeIdentityID: .QE_IDENTITY_MISMATCH
    case .qeMISCSELECT: .QE_MISCSELECT
    case .qeATTRIBUTES: .QE_ATTRIBUTES
    case .qeMRSIGNER: .QE_MRSIGNER
    case .qeISVPRODID: .QE_ISVPRODID
    case .attestationKeyPoint, .quoteSignature: .QUOTE_SIGNATURE
    case .tdxModuleUnknown, .tdxModuleMRSIGNERSEAM, .tdxModuleSEAMATTRIBUTES: .TDX_MODULE_MISMATCH
    case .tcbLevel, .tdxLevel, .tdxModuleLevel, .qeLevel: .TCB_NOT_SUPPORTED
    case .policyReportDataNonce, .policyEvidenceTime: .MISSING
    case .policyHardware, .policyDebug, .policyINIT, .policyMODE64BIT, .policyPROVISIONKEY,
      .policyEINITTOKEN_KEY, .policyATTRIBUTES, .policyXFRM, .policyMISCSELECT, .policyForTDs,
      .policyForEnclaves, .policyMRENCLAVE, .policyISVPRODID, .policyISVSVN, .policyKSS,
      .policyCONFIGID, .policyCONFIGSVN, .policyISVFAMILYID, .policyISVEXTPRODID, .policyMRTD,
      .policyRTMR, .policyMRSEAM, .policyMRCONFIGID, .policyMROWNER, .policyMROWNERCONFIG,
      .policyMRSERVICETD, .policyTDATTRIBUTES, .policyXFAM, .policyRevoked, .policyStatus,
      .policyGracePeriod, .policyRefusedAdvisory, .policyUnknownAdvisories, .policyAdvisories,
      .policyEvaluationNumber, .policyPPID, .policyPlatformInstanceID, .policyFMSPC,
      .policyReportData, .policyNonce, .policyCollateralAge, .policyEvidenceAge, .ratlsNonce,
      .ratlsReportDataRule:
      .POLICY
    }
  }
}
