/// Why a volume cannot be used, or an operation on it cannot be done.
public enum VolumeError: Error, Equatable, Sendable {
  /// The storage failed.
  case io
  /// The storage is full, or the volume has reached its largest size. What was committed is untouched.
  case noSpace
  /// There is no memory for it.
  case noMemory
  /// Neither superblock is one of a sealed volume.
  case notAVolume
  /// Made by a newer version of Cloister.
  case newerVersion(UInt32)
  /// Both superblocks have the right form and neither can be opened with this key.
  case wrongKey
  /// The key comes with a job, and no job brought it.
  case keyNotReleased
  /// Something is not what was sealed; the name says what.
  case damaged(StaticString)
  /// It is a committed state of this volume, but not the one that was expected.
  case rolledBack(found: UInt64, expected: UInt64)
  /// Another volume than the expected one.
  case otherVolume
  case readOnly
  case notFound
  case exists
  case notADirectory
  case isADirectory
  case notEmpty
  case nameTooLong
  case fileTooLarge

  public static func == (a: VolumeError, b: VolumeError) -> Bool {
    switch (a, b) {
    case (.io, .io), (.noSpace, .noSpace), (.noMemory, .noMemory), (.notAVolume, .notAVolume),
      (.wrongKey, .wrongKey), (.keyNotReleased, .keyNotReleased),
      (.otherVolume, .otherVolume), (.readOnly, .readOnly),
      (.notFound, .notFound), (.exists, .exists), (.notADirectory, .notADirectory),
      (.isADirectory, .isADirectory), (.notEmpty, .notEmpty), (.nameTooLong, .nameTooLong),
      (.fileTooLarge, .fileTooLarge), (.damaged, .damaged):
      true
    case (.newerVersion(let x), .newerVersion(let y)): x == y
    case (.rolledBack(let x, let y), .rolledBack(let z, let w)): x == z && y == w
    default: false
    }
  }

  /// A sentence for people, without a path.
  public var text: StaticString {
    switch self {
    case .io: "the storage failed"
    case .noSpace: "the storage is full"
    case .noMemory: "there is not enough memory"
    case .notAVolume: "this is not a sealed volume"
    case .newerVersion: "the volume was made by a newer version of Cloister; use that version"
    case .wrongKey: "the key is wrong, or both superblocks were changed"
    case .keyNotReleased:
      "its key is released by a job, and this run has none; see `cloister run --help`"
    case .damaged(let what): what
    case .rolledBack:
      "the volume is not in the expected state: somebody put an older or another copy there"
    case .otherVolume: "this is another volume than the expected one"
    case .readOnly: "the volume is opened read-only"
    case .notFound: "there is no such file"
    case .exists: "the file exists"
    case .notADirectory: "not a directory"
    case .isADirectory: "a directory"
    case .notEmpty: "the directory is not empty"
    case .nameTooLong: "the name is too long (at most 255 bytes)"
    case .fileTooLarge: "the file is too large"
    }
  }
}
