import ArgumentParser
import Attestation
import AttestationFetch
import Foundation
import Synchronization

/// Reading what a person typed, for the commands about attestation.
enum Arguments {
  static func time(_ text: String) throws -> Timestamp {
    if let time = Timestamp(iso8601: text) { return time }
    if let seconds = Int64(text) { return Timestamp(secondsSince1970: seconds) }
    throw ValidationError("\"\(text)\" is neither like 2026-01-31T00:00:00Z nor seconds since 1970")
  }

  static func hex(_ text: String, count: ClosedRange<Int>, _ name: String) throws -> [UInt8] {
    guard let bytes = Hex.decode(text), count.contains(bytes.count) else {
      throw ValidationError("\(name): \"\(text)\" is not hexadecimal of the right length")
    }
    return bytes
  }

  static func file(_ path: String, limit: Int) throws -> [UInt8] {
    do {
      return try CollateralFolder.readFile(path == "-" ? "/dev/stdin" : path, limit: limit)
    } catch {
      throw ValidationError("\(error)")
    }
  }

  /// Intel's root; and a software machine's when its fingerprint is given.
  static func anchors(_ fingerprint: String?) throws -> [TrustAnchor] {
    guard let fingerprint else { return [.intel] }
    let digits = fingerprint.lowercased().replacing("sha256:", with: "").replacing(":", with: "")
    guard let bytes = Hex.decode(digits), let anchor = TrustAnchor.software(fingerprint: bytes)
    else { throw ValidationError("--trust-software-root: not the SHA-256 of a certificate") }
    return [.intel, anchor]
  }

  /// A policy file; the default policy without one.
  static func policy(_ path: String?) throws -> Policy {
    guard let path else { return .default }
    let text = try file(path, limit: 1 << 20)
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    do {
      return try PolicyFile.parse(String(decoding: text, as: UTF8.self)) { name in
        let file = URL(fileURLWithPath: name, relativeTo: folder).path
        return try CollateralFolder.readFile(file, limit: 1 << 24)
      }
    } catch {
      throw ValidationError("\(path): \(error)")
    }
  }

  /// Missing collateral is not an error here: the verdict says what is missing.
  static func collateral(
    _ folder: String?, _ server: ServerOptions, quote input: [UInt8], at time: Timestamp
  ) throws -> Collateral {
    if let folder {
      guard server.pccs == nil else {
        throw ValidationError("--collateral and --pccs exclude each other")
      }
      do {
        return try CollateralFolder.read(folder)
      } catch {
        warn("\(error)")
        return Collateral()
      }
    }
    guard server.pccs != nil else {
      warn("no collateral: pass --collateral DIR or --pccs URL")
      return Collateral()
    }
    let client = try server.client()
    guard let bytes = try? QuoteInput.decode(input), let quote = try? Quote(bytes),
      let key = try? CollateralKey(quote)
    else { return Collateral() }  // The verdict will say what is wrong with the quote.
    do {
      return try runBlocking { [cache = server.cache] in
        try await client.fetch(key, cache: cache, at: time, warn: warn)
      }
    } catch {
      warn("\(error)")
      return Collateral()
    }
  }

  @Sendable static func warn(_ text: String) {
    FileHandle.standardError.write(Data("cloister: \(text)\n".utf8))
  }
}

/// The policy: a file, and what is added to it or comes with each piece of evidence.
struct PolicyOptions: ParsableArguments {
  @Option(help: "A policy in TOML; see Docs/Attestation.md.") var policy: String?
  @Option(help: "An advisory that the policy may allow; may be given again.")
  var allowAdvisory: [String] = []
  @Option(help: "An MRENCLAVE that the policy may allow; may be given again.")
  var mrenclave: [String] = []
  @Option(help: "The nonce that the evidence must hold, in hexadecimal.") var nonce: String?
  @Option(help: "When the evidence was made, if the policy limits its age.")
  var evidenceTime: String?

  func read() throws -> Policy {
    var result = try Arguments.policy(policy)
    result.allowedAdvisories.formUnion(allowAdvisory)
    for text in mrenclave {
      result.mrenclave.append(try Arguments.hex(text, count: 32...32, "--mrenclave"))
    }
    if let nonce {
      let bytes = try Arguments.hex(nonce, count: 1...64, "--nonce")
      guard result.nonce == nil || result.nonce == bytes else {
        throw ValidationError("--nonce: the policy has another nonce already")
      }
      result.nonce = bytes
    }
    return result
  }

  func context() throws -> PolicyContext {
    PolicyContext(evidenceTime: try evidenceTime.map(Arguments.time))
  }
}

/// Where collateral is fetched from.
struct ServerOptions: ParsableArguments {
  @Option(help: "A PCS or PCCS to fetch collateral from, for instance \(PCSClient.intel).")
  var pccs: String?
  @Option(help: "PEM certificates to check that server against instead of the system's.")
  var pccsCa: String?
  @Option(help: "The cache of fetched collateral.") var cacheFolder: String?

  var cache: CollateralCache { cacheFolder.map(CollateralCache.init) ?? .standard }

  func client() throws -> PCSClient {
    let roots = try pccsCa.map { try Arguments.file($0, limit: 1 << 20) }
    do {
      return try PCSClient(url: pccs ?? PCSClient.intel, trustRoots: roots)
    } catch {
      throw ValidationError("\(error)")
    }
  }
}

/// Waits for asynchronous work. The command line is synchronous: verbs that enter enclaves must
/// not find an executor's threads beside them.
func runBlocking<Value: Sendable>(
  _ body: @escaping @Sendable () async throws -> Value
) throws -> Value {
  let box = Box<Value>()
  let done = DispatchSemaphore(value: 0)
  Task.detached {
    do {
      let value = try await body()
      box.result.withLock { $0 = .success(value) }
    } catch {
      box.result.withLock { $0 = .failure(error) }
    }
    done.signal()
  }
  done.wait()
  return try box.result.withLock { $0! }.get()
}

private final class Box<Value: Sendable>: Sendable {
  let result = Mutex<Result<Value, any Error>?>(nil)
}
