import Crypto
import Foundation
import SwiftASN1
import Testing

@testable import Attestation

/// Evidence and collateral as other projects keep them: unpacked here, judged by the same verifier.
@Suite("Evidence in other projects' formats")
struct OtherFormatTests {
  private func words(_ bytes: ArraySlice<UInt8>, _ count: Int) -> [Int] {
    (0..<count).map {
      Int(littleEndian(bytes[bytes.startIndex + 4 * $0..<bytes.startIndex + 4 * $0 + 4]))
    }
  }

  /// The files of Open Enclave open with a line of comment.
  private func behindComment(_ name: String) -> ArraySlice<UInt8> {
    let bytes = TestData.bytes("other-formats/\(name)")
    let license = Array("the MIT License.\n".utf8)
    let start = bytes.indices.first { bytes[$0...].starts(with: license) }!
    return bytes[(start + license.count)...]
  }

  @Test("Open Enclave's evidence with its endorsements, at the time they were made")
  func openEnclave() throws {
    let quote = Array(behindComment("oe_evidence.bin"))
    let file = behindComment("oe_endorsements.bin")
    // version, TEE, size; the count of elements and their offsets; the elements.
    let head = words(file, 13)
    #expect(head[0] == 1 && head[1] == 2 && head[3] == 9)
    let data = file.dropFirst(4 * 13)
    let ends = head[5...] + [data.count]
    let elements = zip(head[4...], ends).map { start, end in
      Array(data.dropFirst(start).prefix(end - start))
    }
    func text(_ index: Int) -> [UInt8] { elements[index].filter { $0 != 0 } }
    /// A zero may stand behind the DER.
    func der(_ index: Int) -> [UInt8] {
      Array(elements[index].prefix(4 + Int(elements[index][2]) << 8 + Int(elements[index][3])))
    }
    let collateral = Collateral([
      .tcbInfo: text(1), .tcbInfoIssuerChain: text(2), .pckCRL: der(3), .rootCRL: der(4),
      .pckCRLIssuerChain: text(5), .qeIdentity: text(6), .qeIdentityIssuerChain: text(7),
    ])
    let time = try #require(Timestamp(iso8601: text(8)))
    let verdict = Verifier().verify(quote, collateral: collateral, at: time)
    #expect(verdict.status == .SWHardeningNeeded, Comment(rawValue: verdict.text))
    #expect(verdict.outcome == .refusedByPolicy)  // a debug enclave
    let recorded = TestCase(folder: "quotes/sgx-v3-00906ed50000-334652-202205-SWHardeningNeeded")
    #expect(try Quote(quote) == Quote(recorded.quote))
  }

  private func document(_ name: String, _ object: [UInt8], _ signature: String) -> [UInt8] {
    Array("{\"\(name)\":".utf8) + object + Array(",\"signature\":\"\(signature)\"}".utf8)
  }

  @Test("dcap-qvl's collateral in one JSON file, CRLs in hexadecimal")
  func phala() throws {
    let json = TestData.json("other-formats/phala_sgx_collateral.json") as! [String: String]
    func bytes(_ key: String) -> [UInt8] { Array(json[key]!.utf8) }
    let collateral = Collateral([
      .tcbInfo: document("tcbInfo", bytes("tcb_info"), json["tcb_info_signature"]!),
      .tcbInfoIssuerChain: bytes("tcb_info_issuer_chain"),
      .qeIdentity: document(
        "enclaveIdentity", bytes("qe_identity"), json["qe_identity_signature"]!),
      .qeIdentityIssuerChain: bytes("qe_identity_issuer_chain"),
      .rootCRL: bytes("root_ca_crl"), .pckCRL: bytes("pck_crl"),
      .pckCRLIssuerChain: bytes("pck_crl_issuer_chain"),
    ])
    let good = CollateralReport(collateral, at: Timestamp(iso8601: "2025-06-20T00:00:00Z")!)
    #expect(good.exitCode == 0, Comment(rawValue: good.text))
    let late = CollateralReport(collateral, at: Timestamp(iso8601: "2025-07-20T00:00:00Z")!)
    #expect(late.exitCode == 3)
  }

  @Test("Oasis' bundle of a quote and TCB documents has no CRLs: undecided, the rest is right")
  func oasis() throws {
    let bytes = TestData.bytes("other-formats/oasis_pcs_quote_bundle.cbor")
    var reader = CBORReader(bytes[...])
    var collateral = Collateral()
    var quote: [UInt8] = []
    for _ in 0..<(try reader.map()) {
      switch try reader.text() {
      case "quote": quote = try reader.byteString()
      case "tcb":
        for _ in 0..<(try reader.map()) {
          let name = try reader.text()
          guard name != "certs" else {
            let chain = try reader.byteString()
            collateral[.tcbInfoIssuerChain] = chain
            collateral[.qeIdentityIssuerChain] = chain
            continue
          }
          var object: [UInt8] = []
          var signature = ""
          for _ in 0..<(try reader.map()) {
            if try reader.text() == "signature" {
              signature = try reader.text()
            } else {
              object = try reader.byteString()
            }
          }
          if name == "tcb_info" {
            collateral[.tcbInfo] = document("tcbInfo", object, signature)
          } else {
            collateral[.qeIdentity] = document("enclaveIdentity", object, signature)
          }
        }
      default: Issue.record("an unknown member")
      }
    }
    #expect(reader.isAtEnd)
    let time = Timestamp(iso8601: "2023-01-01T00:00:00Z")!
    let verdict = Verifier().verify(quote, collateral: collateral, at: time)
    #expect(verdict.outcome == .undecided, Comment(rawValue: verdict.text))
    #expect(
      verdict.steps.filter { !$0.rules.isEmpty }.allSatisfy { $0.rules == [.collateralMissing] })
    // With the CRLs of a recorded case of the same month and CA it is decided.
    let recorded = TestCase(folder: "quotes/sgx-v3-00606a000000-d2457b-202302-SWHardeningNeeded")
    #expect(try Quote(quote) == Quote(recorded.quote))
    for part in [Collateral.Part.rootCRL, .pckCRL, .pckCRLIssuerChain] {
      collateral[part] = recorded.collateral[part]
    }
    let documents = PreparedCollateral(collateral)
    #expect(try documents.tcbInfo.get().document.FMSPC == Hex.decode("00606a000000"))
    #expect(try documents.qeIdentity.get().document.id == "QE")
  }

  // What tools of platforms keep.

  @Test("TCB evaluation data numbers are signed by their chain", arguments: ["sgx", "tdx"])
  func evaluationNumbers(_ tee: String) throws {
    let json = TestData.json("pcs-responses/\(tee)_tcb_eval_nums.json") as! [String: String]
    let text = Array(json["tcb_evaluation_data_numbers_json"]!.utf8)
    let document = try SignedDocument(text, name: "tcbEvaluationDataNumbers")
    let chain = try CertificateChain.tcbSigning(
      try PKICertificate.list(pem: Array(json["issuer_chain"]!.utf8)))
    #expect(TrustAnchor.intel.matches(chain.root) && document.isSigned(by: chain.leaf.key))
    let fields = try JSONFields(document.object, path: "")
    #expect(try fields.string("id") == tee.uppercased())
    #expect(try !fields.array("tcbEvalNumbers").isEmpty)
  }

  @Test("the PCS' list of platforms") func fmspcs() throws {
    for name in ["fmspcs", "fmspcs_no_filter"] {
      let json = TestData.json("pcs-responses/\(name).json") as! [String: String]
      let list = try JSONParser.parse(Array(json["fmspcs_json"]!.utf8))
      guard case .array(let elements) = list.kind else {
        Issue.record("not a list")
        return
      }
      for element in elements {
        let FMSPC = try JSONFields(element, path: "").hex("fmspc", count: 6)
        #expect(throws: Never.self) { try CollateralKey(tee: .sgx, FMSPC: FMSPC, ca: .platform) }
      }
    }
  }

  @Test(
    "Fortanix' cache: documents with signatures in DER",
    arguments: [
      ("fortanix_00906ed50000-19.tcb", "raw_tcb_info"),
      ("fortanix_tcb_evaluation_data_numbers.numbers", "raw_tcb_evaluation_data_numbers"),
    ])
  func fortanixDocuments(_ name: String, _ key: String) throws {
    let json = TestData.json("pcs-responses/\(name)")
    let text = json[key] as! String
    let signature = try P256.Signing.ECDSASignature(
      derRepresentation: (json["signature"] as! [Int]).map(UInt8.init))
    let pem = (json["ca_chain"] as! [String]).joined(separator: "\n") + "\n"
    let chain = try CertificateChain.tcbSigning(try PKICertificate.list(pem: Array(pem.utf8)))
    #expect(TrustAnchor.intel.matches(chain.root))
    #expect(chain.leaf.key.isValidSignature(signature, for: Array(text.utf8)))
    guard name.hasSuffix("tcb") else { return }
    let info = try TCBInfo(
      document("tcbInfo", Array(text.utf8), Hex.encode(Array(signature.rawRepresentation))))
    #expect(info.evaluationDataNumber == 19 && info.document.isSigned(by: chain.leaf.key))
  }

  @Test("Fortanix' cache: a platform's PCK certificates of twelve TCB levels")
  func fortanixCertificates() throws {
    let json = TestData.json("pcs-responses/fortanix_16a5b41ebb076d263a1e39e64e7175e7.certs")
    let issuers = (json["ca_chain"] as! [String]).joined(separator: "\n") + "\n"
    let pck = json["pck_data"] as! [[String: Any]]
    #expect(pck.count == 12)
    for entry in pck {
      let pem = (entry["cert"] as! String) + "\n" + issuers
      let chain = try CertificateChain.pck(try PKICertificate.list(pem: Array(pem.utf8)))
      #expect(TrustAnchor.intel.matches(chain.root))
      let found = try PCKExtension(chain.leaf)
      let tcb = entry["tcb"] as! [String: Int]
      #expect(Int(found.PCESVN) == tcb["pcesvn"])
      for index in 1...16 {
        let name = "sgxtcbcomp" + (index < 10 ? "0" : "") + "\(index)svn"
        #expect(Int(found.components[index - 1]) == tcb[name])
      }
    }
  }

  @Test("the PCK id tool's line: what a quote of certification data type 3 carries")
  func pckID() throws {
    let text = String(
      decoding: TestData.bytes("pcs-responses/fortanix_azure_icelake_pckid.csv"), as: UTF8.self)
    let fields = text.split(separator: "\n")[0].split(separator: ",").map {
      Hex.decode(Array($0.utf8).filter { $0 > 0x20 })!
    }
    let record = fields[0] + fields[2] + fields[3] + fields[1]
    let data = try CertificationData(type: 3, record[...])
    guard case .encryptedPPID3072(let found) = data else {
      Issue.record("another type")
      return
    }
    #expect(found.CPUSVN == fields[2] && found.PCESVN == 13 && found.PCEID == fields[1])
  }

  /// A folder that no test reads would be data for nothing.
  @Test("every folder of the recorded data is known") func folders() {
    #expect(
      TestData.names(in: "") == [
        "attacks", "enclaves", "malformed", "negative", "other-formats", "pck-certs",
        "pcs-responses", "policies", "quotes", "quotes-without-collateral", "qvl-sample", "ra-tls",
        "real-negative", "synthetic",
      ])
  }
}
