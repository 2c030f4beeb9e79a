import Attestation
import Crypto
import Foundation
import NIOSSL
import Testing
import X509

@testable import AttestationFetch

@Suite("PCS and PCCS, version 4 of the API, from recorded answers")
struct PCSClientTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("AttestationTests/Resources/quotes")
  static let sgx = "sgx-v3-00606a000000-8fcedd-202606-SWHardeningNeeded"
  static let tdx = "tdx-v4-90c06f000000-cbdb5b-202603-UpToDate"
  static let sgxTime = Timestamp(iso8601: "2026-06-20T19:23:05Z")!

  private func file(_ folder: String, _ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: Self.root.appendingPathComponent("\(folder)/\(name)")))
  }

  private func key(_ folder: String) throws -> CollateralKey {
    try CollateralKey(try Quote(try file(folder, "quote.bin")))
  }

  private func answers(_ folder: String, tee: String, hexRootCRL: Bool = false) throws -> [String:
    RecordedServer.Answer]
  {
    func chain(_ name: String) throws -> String {
      String(decoding: try file(folder, name), as: UTF8.self)
        .addingPercentEncoding(withAllowedCharacters: .alphanumerics)!
    }
    let fmspc = Hex.encode(try key(folder).FMSPC).uppercased()
    let rootCRL = try file(folder, "root_ca_crl.der")
    return [
      "/\(tee)/certification/v4/tcb?fmspc=\(fmspc)": .init(
        headers: [("TCB-Info-Issuer-Chain", try chain("tcb_info_issuer_chain.pem"))],
        body: try file(folder, "tcb_info.json")),
      "/\(tee)/certification/v4/qe/identity": .init(
        headers: [
          ("SGX-Enclave-Identity-Issuer-Chain", try chain("qe_identity_issuer_chain.pem"))
        ], body: try file(folder, "qe_identity.json")),
      "/sgx/certification/v4/pckcrl?ca=platform&encoding=der": .init(
        headers: [("SGX-PCK-CRL-Issuer-Chain", try chain("pck_crl_issuer_chain.pem"))],
        body: try file(folder, "pck_crl.der")),
      "/sgx/certification/v4/rootcacrl": .init(
        body: hexRootCRL ? Array(Hex.encode(rootCRL).utf8) : rootCRL),
    ]
  }

  private func temporary() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("cloister-\(UUID())").path
  }

  @Test("what is fetched is the recorded folder, byte for byte", arguments: [false, true])
  func fetch(_ hex: Bool) async throws {
    for (folder, tee) in [(Self.sgx, "sgx"), (Self.tdx, "tdx")] {
      let server = try await RecordedServer(try answers(folder, tee: tee, hexRootCRL: hex))
      let client = try PCSClient(url: "http://127.0.0.1:\(server.port)")
      var collateral = try await client.fetch(try key(folder))
      var expected = try CollateralFolder.read(Self.root.appendingPathComponent(folder).path)
      expected[.pckChain] = nil
      // PEM may differ in line ends; the certificates may not.
      for part in Collateral.Part.allCases where part.rawValue.hasSuffix(".pem") {
        collateral[part] = collateral[part]?.filter { $0 != 0x0A }
        expected[part] = expected[part]?.filter { $0 != 0x0A }
      }
      #expect(collateral == expected)
      try await server.stop()
    }
  }

  @Test("fetched collateral verifies the quote") func verify() async throws {
    let server = try await RecordedServer(try answers(Self.sgx, tee: "sgx"))
    let client = try PCSClient(url: "http://localhost:\(server.port)/sgx/certification/v4/")
    let collateral = try await client.fetch(try key(Self.sgx))
    let verdict = Verifier().verify(
      try file(Self.sgx, "quote.bin"), collateral: collateral, at: Self.sgxTime)
    #expect(verdict.status == .SWHardeningNeeded, Comment(rawValue: verdict.text))
    try await server.stop()
  }

  @Test(
    "errors say what to do",
    arguments: [
      (404, [], "unknown FMSPC"), (410, [], "no longer served"),
      (429, [("Retry-After", "30")], "try again in 30 s"), (500, [], "answered 500"),
      (302, [("Location", "http://127.0.0.1:1/")], "answered 302"),
    ] as [(Int, [(String, String)], String)])
  func errors(_ status: Int, _ headers: [(String, String)], _ expected: String) async throws {
    var recorded = try answers(Self.sgx, tee: "sgx")
    recorded["/sgx/certification/v4/tcb?fmspc=00606A000000"] = .init(
      status: .init(statusCode: status), headers: headers)
    let server = try await RecordedServer(recorded)
    let client = try PCSClient(url: "http://127.0.0.1:\(server.port)")
    let key = try key(Self.sgx)
    await #expect {
      try await client.fetch(key)
    } throws: { error in
      "\(error)".contains(expected)
    }
    try await server.stop()
  }

  @Test("a missing issuer chain, and a CRL that is none") func badAnswers() async throws {
    let recorded = try answers(Self.sgx, tee: "sgx")
    for path in recorded.keys {
      var changed = recorded
      changed[path]!.headers = []
      if path.hasSuffix("rootcacrl") { changed[path]!.body = Array("<html>".utf8) }
      let server = try await RecordedServer(changed)
      let client = try PCSClient(url: "http://127.0.0.1:\(server.port)")
      let key = try key(Self.sgx)
      await #expect(throws: FetchError.self) { try await client.fetch(key) }
      try await server.stop()
    }
  }

  @Test("nobody listens") func unreachable() async throws {
    let server = try await RecordedServer([:])
    let port = server.port
    try await server.stop()
    let client = try PCSClient(url: "http://127.0.0.1:\(port)")
    let key = try key(Self.sgx)
    let start = ContinuousClock.now
    await #expect {
      try await client.fetch(key)
    } throws: { error in
      "\(error)".hasSuffix("cannot connect: Connection refused")
    }
    #expect(ContinuousClock.now - start < .seconds(8), "it is said at once, not after retries")
  }

  @Test("the cache is asked first, and last when the server fails") func cache() async throws {
    let folder = temporary()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let cache = CollateralCache(folder: folder)
    let server = try await RecordedServer(try answers(Self.sgx, tee: "sgx"))
    let client = try PCSClient(url: "http://127.0.0.1:\(server.port)")
    let key = try key(Self.sgx)
    let first = try await client.fetch(key, cache: cache, at: Self.sgxTime)
    #expect(server.asked.withLock { $0.count } == 4)
    // The entry is of this minute, though `at` is months ago.
    #expect(try await client.fetch(key, cache: cache, at: Self.sgxTime) == first)
    #expect(server.asked.withLock { $0.count } == 4)
    // A day later the server is asked again.
    try setDate(cache, key, Timestamp.now.adding(seconds: -90_000))
    #expect(try await client.fetch(key, cache: cache, at: Self.sgxTime) == first)
    #expect(server.asked.withLock { $0.count } == 8)
    // An entry from the future is not trusted to be fresh.
    try setDate(cache, key, Timestamp.now.adding(seconds: 90_000))
    #expect(try await client.fetch(key, cache: cache, at: Self.sgxTime) == first)
    #expect(server.asked.withLock { $0.count } == 12)
    // Again a day later it does not answer.
    try setDate(cache, key, Timestamp.now.adding(seconds: -90_000))
    try await server.stop()
    let warnings = Warnings()
    let again = try await client.fetch(
      key, cache: cache, at: Self.sgxTime, warn: { warnings.add($0) })
    #expect(again == first && warnings.count == 1)
    // Expired, it is worth nothing.
    let late = Timestamp(iso8601: "2026-08-01T00:00:00Z")!
    await #expect(throws: FetchError.self) { try await client.fetch(key, cache: cache, at: late) }
  }

  @Test("what is served now does not push out what was valid at the time asked about")
  func cacheAtATime() async throws {
    let folder = temporary()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let cache = CollateralCache(folder: folder)
    let key = try key(Self.sgx)
    // Recorded collateral of the same kind of platform, a year before.
    let old = "sgx-v3-00606a000000-77bcbd-202506-OutOfDate"
    let oldTime = Timestamp(iso8601: "2025-06-19T09:22:21Z")!
    var before = try CollateralFolder.read(Self.root.appendingPathComponent(old).path)
    before[.pckChain] = nil
    try cache.write(before, for: key)
    try setDate(cache, key, Timestamp.now.adding(seconds: -90_000))
    let server = try await RecordedServer(try answers(Self.sgx, tee: "sgx"))
    let client = try PCSClient(url: "http://127.0.0.1:\(server.port)")
    let warnings = Warnings()
    let got = try await client.fetch(
      key, cache: cache, at: oldTime, warn: { warnings.add($0) })
    #expect(got == before && warnings.count == 1)
    #expect(cache.read(key) == before)
    // For the time of the recording the server's is right, and is kept.
    let new = try await client.fetch(key, cache: cache, at: Self.sgxTime)
    #expect(new != before && cache.read(key) == new)
    try await server.stop()
  }

  private final class Warnings {
    var count = 0
    func add(_ text: String) { count += 1 }
  }

  private func setDate(_ cache: CollateralCache, _ key: CollateralKey, _ time: Timestamp) throws {
    let date = Date(timeIntervalSince1970: Double(time.secondsSince1970))
    try FileManager.default.setAttributes(
      [.modificationDate: date], ofItemAtPath: cache.path(key) + "/root_ca_crl.der")
  }

  @Test("a server's certificate is checked") func tls() async throws {
    let key = P256.Signing.PrivateKey()
    let name = try DistinguishedName { CommonName("localhost") }
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey),
      notValidBefore: Date(timeIntervalSinceNow: -3600),
      notValidAfter: Date(timeIntervalSinceNow: 3600), issuer: name, subject: name,
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
        SubjectAlternativeNames([.dnsName("localhost")])
      }, issuerPrivateKey: .init(key))
    let pem = Array(try certificate.serializeAsPEM().pemString.utf8)
    let tls = try NIOSSLContext(
      configuration: .makeServerConfiguration(
        certificateChain: try NIOSSLCertificate.fromPEMBytes(pem).map { .certificate($0) },
        privateKey: .privateKey(
          try NIOSSLPrivateKey(bytes: Array(key.pemRepresentation.utf8), format: .pem))))
    let server = try await RecordedServer(try answers(Self.sgx, tee: "sgx"), tls: tls)
    let url = "https://localhost:\(server.port)"
    let collateralKey = try self.key(Self.sgx)
    await #expect(throws: FetchError.self) { try await PCSClient(url: url).fetch(collateralKey) }
    let trusting = try PCSClient(url: url, trustRoots: pem)
    #expect(try await trusting.fetch(collateralKey)[.tcbInfo] == file(Self.sgx, "tcb_info.json"))
    try await server.stop()
  }

  @Test(
    "addresses that are refused",
    arguments: [
      "http://example.org", "ftp://localhost", "localhost", "", "https://user@example.org",
      "https://example.org/sgx/certification/v3", "https://example.org?x=1",
    ])
  func addresses(_ text: String) {
    #expect(throws: FetchError.self) { try PCSClient(url: text) }
  }
}
