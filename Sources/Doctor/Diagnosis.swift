import Foundation

/// What the doctor found, for people and for programs.
public struct Diagnosis: Sendable {
  /// One thing that was looked at.
  public struct Check: Sendable, Equatable {
    public enum State: String, Sendable {
      case ok
      /// Needed, and not there.
      case missing
      /// Not there, and something works less well without it.
      case wanting
      /// Was not looked at, because something before it is missing.
      case skipped
    }
    public let id: String
    public let state: State
    public let found: String
    /// What to do; empty: nothing.
    public let advice: String

    init(_ id: String, _ state: State, _ found: String, _ advice: String = "") {
      self.id = id
      self.state = state
      self.found = found
      self.advice = state == .ok || state == .skipped ? "" : advice
    }
  }

  public enum Outcome: String, Sendable {
    /// Enclaves run on this processor, and quotes can be made.
    case ready
    /// Enclaves run on this processor, but nobody makes quotes.
    case noQuotes
    /// The processor has SGX, and it cannot be used yet.
    case unusable
    /// The processor has no SGX; the software machine runs (no protection).
    case softwareOnly
    /// Neither.
    case nothing

    public var exitCode: Int32 {
      switch self {
      case .ready: 0
      case .noQuotes: 1
      case .unusable: 2
      case .softwareOnly: 3
      case .nothing: 4
      }
    }

    public var sentence: String {
      switch self {
      case .ready: "SGX is ready: enclaves run on the processor, and quotes can be made."
      case .noQuotes: "Enclaves run on the processor, but nobody here makes quotes."
      case .unusable: "The processor has SGX, but it cannot be used yet."
      case .softwareOnly:
        "This processor has no SGX. The software machine works: good for development, NO PROTECTION."
      case .nothing: "Neither SGX nor the software machine can be used here."
      }
    }
  }

  public let outcome: Outcome
  public let checks: [Check]
  /// Bytes of enclave page cache; 0 without SGX.
  public let epcSize: UInt64
  /// SHA-256 of the software machine's root certificate.
  public let softwareRoot: [UInt8]?

  public subscript(id: String) -> Check? { checks.first { $0.id == id } }

  public var text: String {
    var out = ""
    let width = (checks.map(\.id.count).max() ?? 0) + 2
    for check in checks {
      let mark =
        switch check.state {
        case .ok: "ok      "
        case .missing: "MISSING "
        case .wanting: "without "
        case .skipped: "-       "
        }
      out += mark + check.id + String(repeating: " ", count: width - check.id.count)
      out += check.found + "\n"
      if !check.advice.isEmpty {
        out += String(repeating: " ", count: 8 + width) + "-> " + check.advice + "\n"
      }
    }
    return out + outcome.sentence
  }

  public var json: String {
    var object: [String: Any] = [
      "outcome": outcome.rawValue, "exitCode": Int(outcome.exitCode),
      "sentence": outcome.sentence, "epcSize": epcSize,
      "checks": checks.map {
        [
          "id": $0.id, "state": $0.state.rawValue, "found": $0.found, "advice": $0.advice,
        ]
      },
    ]
    object["softwareRoot"] =
      softwareRoot.map { bytes in
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      } ?? NSNull() as Any
    let data = try? JSONSerialization.data(
      withJSONObject: object, options: [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
    return String(decoding: data ?? Data(), as: UTF8.self)
  }
}
