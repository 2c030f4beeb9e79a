import Attestation
import Crypto

/// TCB info of version 3 (or what else a test makes of it).
package struct TCBInfoRecipe: Sendable {
  package struct Level: Sendable {
    package var sgx: [UInt8]
    package var tdx: [UInt8]?
    package var PCESVN: Int
    package var date = "2025-01-01T00:00:00Z"
    package var status: String
    package var advisories: [String]

    package init(
      sgx: [UInt8], tdx: [UInt8]? = nil, PCESVN: Int, status: String, advisories: [String] = []
    ) {
      self.sgx = sgx
      self.tdx = tdx
      self.PCESVN = PCESVN
      self.status = status
      self.advisories = advisories
    }

    var json: String {
      func components(_ svns: [UInt8]) -> String {
        "[" + svns.map { #"{"svn":\#($0)}"# }.joined(separator: ",") + "]"
      }
      let tdx = tdx.map { #","tdxtcbcomponents":\#(components($0))"# } ?? ""
      let advisories =
        advisories.isEmpty
        ? ""
        : #","advisoryIDs":[\#(advisories.map { "\"\($0)\"" }.joined(separator: ","))]"#
      return #"{"tcb":{"sgxtcbcomponents":\#(components(sgx)),"pcesvn":\#(PCESVN)\#(tdx)},"#
        + #""tcbDate":"\#(date)","tcbStatus":"\#(status)"\#(advisories)}"#
    }
  }

  package var id = "SGX"
  package var version = 3
  package var issueDate: Timestamp
  package var nextUpdate: Timestamp
  package var FMSPC: [UInt8]
  package var PCEID: [UInt8]
  package var tcbType = 0
  package var evaluationDataNumber = 1
  package var levels: [Level]
  /// JSON members put in before `tcbLevels`, for TDX.
  package var modules = ""

  package init(at time: Timestamp, for sgx: SGXExtensionRecipe) {
    issueDate = time
    nextUpdate = time.adding(seconds: 30 * 86_400)
    FMSPC = sgx.FMSPC
    PCEID = sgx.PCEID
    levels = [Level(sgx: sgx.components, PCESVN: sgx.PCESVN, status: "UpToDate")]
  }

  package func signed(by key: P256.Signing.PrivateKey) -> [UInt8] {
    let inner =
      #"{"id":"\#(id)","version":\#(version),"issueDate":"\#(issueDate)","#
      + #""nextUpdate":"\#(nextUpdate)","fmspc":"\#(Hex.encode(FMSPC))","#
      + #""pceId":"\#(Hex.encode(PCEID))","tcbType":\#(tcbType),"#
      + #""tcbEvaluationDataNumber":\#(evaluationDataNumber),\#(modules)"#
      + #""tcbLevels":[\#(levels.map(\.json).joined(separator: ","))]}"#
    return SignedJSON.document("tcbInfo", inner, by: key)
  }
}

/// The identity of a quoting enclave.
package struct QEIdentityRecipe: Sendable {
  package var id = "QE"
  package var version = 2
  package var issueDate: Timestamp
  package var nextUpdate: Timestamp
  package var evaluationDataNumber = 1
  package var MRSIGNER = SoftwareQE.MRSIGNER
  package var ISVPRODID = SoftwareQE.ISVPRODID
  package var levels: [(ISVSVN: Int, status: String, advisories: [String])] = [
    (SoftwareQE.ISVSVN, "UpToDate", [])
  ]

  package init(at time: Timestamp) {
    issueDate = time
    nextUpdate = time.adding(seconds: 30 * 86_400)
  }

  package func signed(by key: P256.Signing.PrivateKey) -> [UInt8] {
    let list = levels.map { level in
      let advisories =
        level.advisories.isEmpty
        ? ""
        : #","advisoryIDs":[\#(level.advisories.map { "\"\($0)\"" }.joined(separator: ","))]"#
      return #"{"tcb":{"isvsvn":\#(level.ISVSVN)},"tcbDate":"2025-01-01T00:00:00Z","#
        + #""tcbStatus":"\#(level.status)"\#(advisories)}"#
    }
    let inner =
      #"{"id":"\#(id)","version":\#(version),"issueDate":"\#(issueDate)","#
      + #""nextUpdate":"\#(nextUpdate)","tcbEvaluationDataNumber":\#(evaluationDataNumber),"#
      + #""miscselect":"00000000","miscselectMask":"FFFFFFFF","#
      + #""attributes":"11000000000000000000000000000000","#
      + #""attributesMask":"FBFFFFFFFFFFFFFF0000000000000000","#
      + #""mrsigner":"\#(Hex.encode(MRSIGNER))","isvprodid":\#(ISVPRODID),"#
      + #""tcbLevels":[\#(list.joined(separator: ","))]}"#
    return SignedJSON.document("enclaveIdentity", inner, by: key)
  }
}

enum SignedJSON {
  static func document(
    _ name: String, _ inner: String, by key: P256.Signing.PrivateKey
  ) -> [UInt8] {
    let signature = Hex.encode(key.rawSignature(Array(inner.utf8)))
    return Array(#"{"\#(name)":\#(inner),"signature":"\#(signature)"}"#.utf8)
  }
}
