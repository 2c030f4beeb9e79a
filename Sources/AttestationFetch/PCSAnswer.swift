import AsyncHTTPClient
import Foundation
import NIOHTTP1

/// A body, and the issuer chain that came in a header as percent-encoded PEM.
struct PCSAnswer: Sendable {
  let url: String
  let headers: HTTPHeaders
  let body: [UInt8]

  func chain(_ names: String...) throws(FetchError) -> [UInt8] {
    for name in names {
      guard let text = headers.first(name: name) else { continue }
      guard text.utf8.count <= 64 * 1024, let decoded = text.removingPercentEncoding else {
        throw .badAnswer("\(url): the header \(name) is not percent-encoded PEM")
      }
      return Array(decoded.utf8)
    }
    throw .badAnswer("\(url): the header \(names[0]) is missing")
  }
}
