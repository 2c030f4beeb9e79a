/// Why a file has no site table. The text names what a person can check.
public enum SiteAnalysisError: Error, Equatable, CustomStringConvertible {
  case notELF
  case wrongArchitecture
  case malformed(String)
  case unreadable(path: String, errno: Int32)

  public var description: String {
    switch self {
    case .notELF: "not an ELF file"
    case .wrongArchitecture: "not a 64-bit x86-64 ELF file"
    case .malformed(let what): "malformed ELF file: \(what)"
    case .unreadable(let path, let errno): "cannot read \(path): errno \(errno)"
    }
  }
}
