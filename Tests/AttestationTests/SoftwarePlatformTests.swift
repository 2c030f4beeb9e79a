import Foundation
import SoftwareQuoting
import Testing

@testable import Attestation

@Suite("The software machine's quotes")
struct SoftwarePlatformTests {
  private func withFolder(_ body: (String) throws -> Void) rethrows {
    let base = FileManager.default.temporaryDirectory.appendingPathComponent("cloister-\(UUID())")
    defer { try? FileManager.default.removeItem(at: base) }
    try body(base.appendingPathComponent("state/software-quoting").path)
  }

  @Test("pass the same verifier only with their root's fingerprint") func verify() throws {
    try withFolder { folder in
      let platform = try SoftwarePlatform.open(folder: folder)
      var report = MadeEvidence.report()
      report[320] = 7
      let quote = try platform.quote(reportBody: report)
      let collateral = platform.collateral()
      let anchor = TrustAnchor.software(fingerprint: platform.rootFingerprint)!

      let trusted = Verifier(anchors: [.intel, anchor]).verify(
        quote, collateral: collateral, at: .now)
      #expect(trusted.isAccepted, Comment(rawValue: trusted.text))
      #expect(trusted.isSoftware)
      let firstLine = trusted.text.prefix { $0 != "\n" }
      #expect(firstLine.hasPrefix("SOFTWARE, NO PROTECTION"))
      let json = try JSONSerialization.jsonObject(with: Data(trusted.json().utf8)) as! [String: Any]
      #expect(json["software"] as? Bool == true && json["accepted"] as? Bool == true)
      #expect(json["tcbStatus"] as? String == "UpToDate")

      let plain = Verifier().verify(quote, collateral: collateral, at: .now)
      #expect(plain.outcome == .refusedByVerification)
      #expect(plain.steps.contains { $0.code == .UNTRUSTED_ROOT })

      var other = platform.rootFingerprint
      other[31] ^= 1
      let wrong = Verifier(anchors: [.intel, .software(fingerprint: other)!]).verify(
        quote, collateral: collateral, at: .now)
      #expect(wrong.outcome == .refusedByVerification)

      var policy = Policy.default
      policy.requireHardware = true
      let refused = Verifier(anchors: [anchor]).verify(
        quote, collateral: collateral, at: .now, policy: policy)
      #expect(refused.outcome == .refusedByPolicy)
    }
  }

  @Test("the state is kept, 0700 and 0600") func state() throws {
    try withFolder { folder in
      let first = try SoftwarePlatform.open(folder: folder)
      let second = try SoftwarePlatform.open(folder: folder)
      #expect(first.rootFingerprint == second.rootFingerprint)
      // A quote of one verifies with the collateral of the other.
      let verdict = Verifier(anchors: [.software(fingerprint: first.rootFingerprint)!]).verify(
        try first.quote(reportBody: MadeEvidence.report()), collateral: second.collateral(),
        at: .now)
      #expect(verdict.isAccepted)
      let manager = FileManager.default
      func mode(_ path: String) throws -> Int {
        (try manager.attributesOfItem(atPath: path)[.posixPermissions] as! NSNumber).intValue
      }
      #expect(try mode(folder) == 0o700)
      for name in try manager.contentsOfDirectory(atPath: folder) {
        #expect(try mode(folder + "/" + name) == 0o600, "\(name)")
      }
      try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
      #expect(throws: FormatError.self) { try SoftwarePlatform.open(folder: folder) }
    }
  }

  @Test("a report of the wrong size is refused") func size() throws {
    try withFolder { folder in
      let platform = try SoftwarePlatform.open(folder: folder)
      #expect(throws: FormatError.self) { try platform.quote(reportBody: [1, 2, 3]) }
    }
  }

  @Test("two machines' collateral does not mix") func mixed() throws {
    try withFolder { folder in
      let a = try SoftwarePlatform.open(folder: folder)
      let b = try SoftwarePlatform.open(folder: folder + "-b")
      let quote = try a.quote(reportBody: MadeEvidence.report())
      let anchors = [a, b].map { TrustAnchor.software(fingerprint: $0.rootFingerprint)! }
      for part in Collateral.Part.allCases where part != .pckChain {
        var collateral = a.collateral()
        collateral[part] = b.collateral()[part]
        let verdict = Verifier(anchors: anchors).verify(quote, collateral: collateral, at: .now)
        #expect(!verdict.isAccepted, "\(part)")
        #expect(verdict.outcome == .refusedByVerification, "\(part)")
      }
    }
  }
}
