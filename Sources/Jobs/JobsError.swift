/// Why a verb could not do its work: one clear line, and of which kind it is.
public struct JobsError: Error, Equatable, Sendable, CustomStringConvertible {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// The evidence is wrong: a signature, a quote, a hash, a file of something else.
    case refusedByVerification
    /// The evidence is genuine, and not what the policy asks for.
    case refusedByPolicy
    /// Collateral is missing or stale, or the clock is not set.
    case undecided
    /// The caller asked for something that makes no sense.
    case usage
    /// A file that is not what it should be: foreign, cut short, of another version.
    case malformed
    /// A file that is not there or cannot be read.
    case missing
    /// The output is there already, or cannot be made.
    case cannotCreate
    /// Reading or writing failed: a full disk, say.
    case inputOutput
  }

  public let kind: Kind
  public let description: String

  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  /// The exit code of the command line: 1, 2 and 3 as `cloister verify` has them, the rest from sysexits.h.
  public var exitCode: Int32 {
    switch kind {
    case .refusedByVerification: 1
    case .refusedByPolicy: 2
    case .undecided: 3
    case .usage: 64
    case .malformed: 65
    case .missing: 66
    case .cannotCreate: 73
    case .inputOutput: 74
    }
  }
}
