/// Why collateral could not be fetched, in words that say what to do.
public enum FetchError: Error, Hashable, Sendable, CustomStringConvertible {
  case badAddress(String)
  case unreachable(url: String, String)
  case status(Int, url: String, what: String, retryAfter: String?)
  case badAnswer(String)

  public var description: String {
    switch self {
    case .badAddress(let text), .badAnswer(let text): text
    case .unreachable(let url, let reason): "\(url): \(reason)"
    case .status(404, let url, let what, _):
      "\(url): the server has no \(what) (404): unknown FMSPC, or not cached by this PCCS"
    case .status(410, let url, let what, _): "\(url): the \(what) is no longer served (410)"
    case .status(429, let url, _, let retryAfter):
      "\(url): too many requests (429)\(retryAfter.map { ", try again in \($0) s" } ?? "")"
    case .status(let code, let url, let what, _):
      "\(url): the server answered \(code) to the request for the \(what)"
    }
  }
}
