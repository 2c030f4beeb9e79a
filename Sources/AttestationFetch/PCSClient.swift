import AsyncHTTPClient
import Attestation
import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// Fetches collateral from Intel's PCS or a PCCS that mirrors it, API version 4.
///
/// What comes back is signed by Intel, so a server can at worst serve old documents or none. TLS
/// is checked all the same: freshness is worth protecting.
public struct PCSClient: Sendable {
  public static let intel = "https://api.trustedservices.intel.com"
  static let intelRootCRL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
  static let maximumBodySize = 4 << 20

  let base: PCSAddress
  let trustRoots: [UInt8]?

  /// - Parameters:
  ///   - url: the server, with or without `/sgx/certification/v4`. HTTPS, or HTTP on loopback.
  ///   - trustRoots: PEM certificates to check the server against instead of the system's, for
  ///     a PCCS with a certificate of its own.
  public init(url: String, trustRoots: [UInt8]? = nil) throws(FetchError) {
    base = try PCSAddress(url)
    self.trustRoots = trustRoots
  }

  /// Everything that a quote of this kind needs.
  public func fetch(_ key: CollateralKey) async throws -> Collateral {
    try await withClient { client in
      var collateral = Collateral()
      let tee = key.tee == .sgx ? "sgx" : "tdx"
      let fmspc = Hex.encode(key.FMSPC).uppercased()

      let info = try await get(
        base.url(tee, "tcb?fmspc=\(fmspc)"), client, what: "TCB info for FMSPC \(fmspc)")
      collateral[.tcbInfo] = info.body
      collateral[.tcbInfoIssuerChain] = try info.chain(
        "TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain")

      let identity = try await get(base.url(tee, "qe/identity"), client, what: "QE identity")
      collateral[.qeIdentity] = identity.body
      collateral[.qeIdentityIssuerChain] = try identity.chain("SGX-Enclave-Identity-Issuer-Chain")

      let crl = try await get(
        base.url("sgx", "pckcrl?ca=\(key.ca.rawValue)&encoding=der"), client, what: "PCK CRL")
      collateral[.pckCRL] = try Self.der(crl.body, "PCK CRL")
      collateral[.pckCRLIssuerChain] = try crl.chain("SGX-PCK-CRL-Issuer-Chain")

      let root = try await get(
        base.isIntel ? Self.intelRootCRL : base.url("sgx", "rootcacrl"), client, what: "root CRL")
      collateral[.rootCRL] = try Self.der(root.body, "root CRL")
      return collateral
    }
  }

  /// Servers answer with DER, PEM or the hexadecimal digits of DER; a folder holds DER.
  private static func der(_ body: [UInt8], _ what: String) throws(FetchError) -> [UInt8] {
    if body.first == 0x33, let bytes = Hex.decode(body.filter { $0 != 0x0A && $0 != 0x0D }) {
      return bytes
    }
    guard body.first == 0x30 || body.starts(with: Array("-----BEGIN X509 CRL".utf8)) else {
      throw .badAnswer("the \(what) is not a CRL")
    }
    return body
  }

  private func withClient<Value: Sendable>(
    _ body: (HTTPClient) async throws -> Value
  ) async throws -> Value {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    if let trustRoots {
      do {
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(trustRoots))
      } catch {
        throw FetchError.badAddress("the certificates to check the server with are not PEM")
      }
    }
    var configuration = HTTPClient.Configuration(
      tlsConfiguration: tls, redirectConfiguration: .disallow,
      timeout: .init(connect: .seconds(10), read: .seconds(30)))
    configuration.decompression = .disabled
    // A server that is not there, or that we do not trust, is said at once and not after ten seconds.
    configuration.connectionPool.retryConnectionEstablishment = false
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    do {
      let value = try await body(client)
      try await client.shutdown()
      return value
    } catch {
      try? await client.shutdown()
      throw error
    }
  }

  private func get(
    _ url: String, _ client: HTTPClient, what: String
  ) async throws -> PCSAnswer {
    var request = HTTPClientRequest(url: url)
    request.headers.add(name: "User-Agent", value: "cloister")
    let response: HTTPClientResponse
    do {
      response = try await client.execute(request, timeout: .seconds(60))
    } catch {
      throw FetchError.unreachable(url: url, Self.words(error))
    }
    guard response.status == .ok else {
      throw FetchError.status(
        Int(response.status.code), url: url, what: what,
        retryAfter: response.headers.first(name: "Retry-After"))
    }
    do {
      let body = try await response.body.collect(upTo: Self.maximumBodySize)
      return PCSAnswer(url: url, headers: response.headers, body: Array(body.readableBytesView))
    } catch {
      throw FetchError.unreachable(url: url, Self.words(error))
    }
  }

  /// Why there was no answer: of the errors for each of the host's addresses, the first.
  private static func words(_ error: any Error) -> String {
    var error = error
    if let connection = error as? NIOConnectionError {
      if connection.dnsAError != nil, connection.connectionErrors.isEmpty {
        return "no such host as \(connection.host)"
      }
      error = connection.connectionErrors.first?.error ?? error
    }
    if let failure = error as? IOError {
      return "cannot connect: " + String(cString: strerror(failure.errnoCode))
    }
    return "\(error)"
  }
}
