/// Why bytes are not the object that they should be. `Docs/Job.md` has the formats.
public enum JobFormatError: Error, Equatable, Sendable {
  /// Another kind of file. The text names what it is, when that can be said.
  case otherFile(JobFileKind?)
  /// Made by a newer version of Cloister.
  case newerVersion(UInt32)
  /// It ends too early, or has more bytes than it states.
  case truncated
  /// A field has a value that it cannot have.
  case malformed(StaticString)
  /// It cannot be opened: the key is another one, or somebody changed it.
  case cannotOpen
  /// No suite that both sides have, or not one of those that were offered.
  case suite

  public static func == (a: JobFormatError, b: JobFormatError) -> Bool {
    switch (a, b) {
    case (.otherFile(let x), .otherFile(let y)): x == y
    case (.newerVersion(let x), .newerVersion(let y)): x == y
    case (.truncated, .truncated), (.cannotOpen, .cannotOpen), (.suite, .suite): true
    case (.malformed, .malformed): true
    default: false
    }
  }

  /// A sentence for people, without a path.
  public var text: StaticString {
    switch self {
    case .otherFile(let kind): kind?.isText ?? "this is no file of Cloister's jobs"
    case .newerVersion: "it was made by a newer version of Cloister; use that version"
    case .truncated: "the file is cut off or has bytes too many"
    case .malformed(let what): what
    case .cannotOpen: "it was encrypted to another key, or changed since"
    case .suite: "its encryption is not one of those that were offered"
    }
  }
}
