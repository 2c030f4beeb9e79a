import Foundation

/// Where a PCS or PCCS is, in whichever form a person wrote it.
struct PCSAddress: Sendable {
  /// Without a slash at the end and without the API's path.
  let root: String
  let isIntel: Bool

  init(_ text: String) throws(FetchError) {
    var text = text
    while text.hasSuffix("/") { text.removeLast() }
    for suffix in ["/sgx/certification/v4", "/tdx/certification/v4"] where text.hasSuffix(suffix) {
      text.removeLast(suffix.count)
    }
    guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
      let host = parts.host, !host.isEmpty, parts.query == nil, parts.fragment == nil,
      parts.user == nil
    else { throw .badAddress("\"\(text)\" is not the address of a PCS or PCCS") }
    let isLoopback = ["localhost", "127.0.0.1", "[::1]", "::1"].contains(host)
    guard scheme == "https" || (scheme == "http" && isLoopback) else {
      throw .badAddress("\"\(text)\": only https, or http on this machine")
    }
    guard !text.contains("/certification/") else {
      throw .badAddress("\"\(text)\": only version 4 of the API is spoken")
    }
    root = text
    isIntel = host == "api.trustedservices.intel.com"
  }

  func url(_ tee: String, _ call: String) -> String { "\(root)/\(tee)/certification/v4/\(call)" }
}
