import CTestEnclave
import Foundation
import SGX
import SoftwareSGX
import Testing

func hex(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// Runs a program; its standard output, or nil when it fails.
func runProgram(_ arguments: [String], input: String = "") throws -> String? {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = arguments
  let file = NSTemporaryDirectory() + "cloister-input-\(UUID().uuidString)"
  try Data(input.utf8).write(to: URL(fileURLWithPath: file))
  defer { try? FileManager.default.removeItem(atPath: file) }
  process.standardInput = FileHandle(forReadingAtPath: file)
  let pipe = Pipe()
  process.standardOutput = pipe
  try process.run()
  let output = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else { return nil }
  return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
}

/// MRENCLAVE against a second program that shares no code with it.
@Suite struct MeasurementTests {
  @Test func agreesWithTheScript() throws {
    let secs = SECS(size: 1 << 40, ssaFrameSize: 4, attributes: ATTRIBUTES(flags: .MODE64BIT))
    var measurement = Measurement(secs)
    var script = "4 \(1 << 40)\n"
    var generator = SystemRandomNumberGenerator()
    let kinds: [(SECINFO.Flags, Bool)] = [
      (.regRX, true), (.regRW, true), (.regR, true), (.tcs, true), (.regRW, false), (.regRWX, true),
    ]
    for (index, kind) in kinds.enumerated() {
      let offset = UInt64(0xFF_0000_0000) + UInt64(index) * 0x10_0000
      let pages = index + 1
      let bytes = (0..<(pages * 4096)).map { _ in UInt8.random(in: 0...255, using: &generator) }
      bytes.withUnsafeBytes {
        measurement.add(offset: offset, source: $0, flags: kind.0, measure: kind.1)
      }
      for page in 0..<pages {
        script += "\(offset + UInt64(page) * 4096) \(kind.0.rawValue) \(kind.1 ? 1 : 0) "
        script += hex(bytes[(page * 4096)..<((page + 1) * 4096)]) + "\n"
      }
    }
    let expected = try runProgram(["python3", resource("mrenclave.py")], input: script)
    #expect(hex(measurement.finalize()) == expected)
  }

  /// A TCS page is measured without permissions, whatever SECINFO said.
  @Test func tcsPermissionsAreNotMeasured() {
    let secs = SECS(size: 1 << 20, ssaFrameSize: 1, attributes: ATTRIBUTES(flags: .MODE64BIT))
    let page = [UInt8](repeating: 1, count: 4096)
    let results = [SECINFO.Flags.tcs, SECINFO.Flags.tcs.union([.r, .w])].map { flags in
      var measurement = Measurement(secs)
      page.withUnsafeBytes {
        measurement.add(offset: 0, source: $0, flags: flags, measure: true)
      }
      return measurement.finalize()
    }
    #expect(results[0] == results[1])
  }

  @Test func baseAddressIsNotMeasured() {
    var secs = SECS(size: 1 << 20, ssaFrameSize: 1, attributes: ATTRIBUTES(flags: .MODE64BIT))
    let one = Measurement(secs).finalize()
    secs.baseAddress = 1 << 20
    secs.attributes.flags.insert(.DEBUG)
    #expect(Measurement(secs).finalize() == one)
    secs.ssaFrameSize = 2
    #expect(Measurement(secs).finalize() != one)
  }
}
