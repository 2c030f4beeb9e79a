import Attestation
import Foundation

/// Collateral on disk, an entry for each kind of platform.
///
/// An entry is used for a day after it was fetched, by this machine's clock; an older one only when no
/// server answers. Either way it must be valid at the time that is verified at, which may be in the past.
public struct CollateralCache: Sendable {
  public let folder: String
  static let maximumAgeSeconds: Int64 = 86_400

  public init(folder: String) { self.folder = folder }

  /// `$XDG_CACHE_HOME/cloister/collateral`, by default in `~/.cache`.
  public static var standard: CollateralCache {
    let environment = ProcessInfo.processInfo.environment
    let base =
      environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
      ?? (environment["HOME"] ?? NSHomeDirectory()) + "/.cache"
    return CollateralCache(folder: base + "/cloister/collateral")
  }

  func path(_ key: CollateralKey) -> String { "\(folder)/\(key.name)" }

  func read(_ key: CollateralKey) -> Collateral? { try? CollateralFolder.read(path(key)) }

  public func write(_ collateral: Collateral, for key: CollateralKey) throws(FormatError) {
    try CollateralFolder.write(collateral, to: path(key))
  }

  /// When the entry was fetched.
  func age(_ key: CollateralKey, at time: Timestamp) -> Int64? {
    let file = path(key) + "/" + Collateral.Part.rootCRL.rawValue
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: file),
      let date = attributes[.modificationDate] as? Date
    else { return nil }
    return time.secondsSince1970 - Int64(date.timeIntervalSince1970)
  }
}

extension PCSClient {
  /// From the cache when fresh, else from the server; from the cache again, with a warning, when
  /// the server does not answer, or with collateral that is not valid at `time`, and the entry is.
  ///
  /// - Parameters:
  ///   - time: when the collateral must be valid.
  ///   - now: what the age of the entry is counted to.
  public func fetch(
    _ key: CollateralKey, cache: CollateralCache, at time: Timestamp = .now,
    now: Timestamp = .now, warn: (String) -> Void = { _ in }
  ) async throws -> Collateral {
    let cached = cache.read(key)
    let isGood = cached.map { CollateralReport($0, at: time).isGood } ?? false
    if let cached, isGood, let age = cache.age(key, at: now),
      (0...CollateralCache.maximumAgeSeconds).contains(age)
    {
      return cached
    }
    do {
      let collateral = try await fetch(key)
      if let cached, isGood, !CollateralReport(collateral, at: time).isGood {
        // What is served today says nothing about `time`; the entry is kept, it does.
        warn("the server's collateral is not valid at \(time); using that in the cache, which is")
        return cached
      }
      do {
        try cache.write(collateral, for: key)
      } catch {
        warn("the collateral is not cached: \(error)")
      }
      return collateral
    } catch let error as FetchError {
      guard let cached, isGood else { throw error }
      warn("\(error); using the collateral in the cache, which is still valid")
      return cached
    }
  }
}
