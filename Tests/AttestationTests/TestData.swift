import Foundation
import Testing

@testable import Attestation

/// The recorded quotes and collateral; see `Resources/README.md`.
enum TestData {
  static let root = Bundle.module.bundleURL.appendingPathComponent("Resources")

  static func bytes(_ path: String) -> [UInt8] {
    guard let data = try? Data(contentsOf: root.appendingPathComponent(path)) else {
      fatalError("no test data at \(path)")
    }
    return Array(data)
  }

  static func names(in folder: String) -> [String] {
    let url = root.appendingPathComponent(folder)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return names.filter { name in
      var isDirectory: ObjCBool = false
      let path = url.appendingPathComponent(name).path
      return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
        && isDirectory.boolValue
    }.sorted()
  }

  static func files(in folder: String) -> [String] {
    let url = root.appendingPathComponent(folder)
    return ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
  }

  static func collateral(_ folder: String) -> Collateral {
    try! CollateralFolder.read(root.appendingPathComponent(folder).path)
  }

  static func json(_ path: String) -> [String: Any] {
    try! JSONSerialization.jsonObject(with: Data(bytes(path))) as! [String: Any]
  }
}

/// A folder of a quote, perhaps with its collateral, and what is expected of it.
struct TestCase: CustomTestStringConvertible, Sendable {
  let folder: String
  var testDescription: String { folder }

  var quote: [UInt8] { TestData.bytes("\(folder)/quote.bin") }
  var collateral: Collateral { TestData.collateral(folder) }
  var info: [String: Any] { TestData.json("\(folder)/case.json") }

  static func all(_ folder: String) -> [TestCase] {
    TestData.names(in: folder).map { TestCase(folder: "\(folder)/\($0)") }
  }
}

extension TestCase {
  /// `base` with the files of this case in place of its own.
  func derived() -> (quote: [UInt8], collateral: Collateral, time: Timestamp) {
    let base = "quotes/" + URL(fileURLWithPath: info["base"] as! String).lastPathComponent
    var quote = TestData.bytes("\(base)/quote.bin")
    var collateral = TestData.collateral(base)
    for name in info["replaces"] as! [String] {
      let bytes = TestData.bytes("\(folder)/\(name)")
      if name == "quote.bin" {
        quote = bytes
        // The folder's copy of the chain belongs to the quote that was replaced.
        collateral[.pckChain] = nil
      } else {
        collateral[Collateral.Part(rawValue: name)!] = bytes
      }
    }
    return (quote, collateral, Timestamp(secondsSince1970: (info["at"] as! NSNumber).int64Value))
  }
}
