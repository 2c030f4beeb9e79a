import Foundation
import Testing

@testable import Attestation

@Suite("JSON with byte ranges")
struct JSONTests {
  private func parse(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8)) }

  @Test("the bytes of an inner object are those of the text") func range() throws {
    let text = Array(#" {"a": { "b" : [1, 2] }, "c":"d"} "#.utf8)
    let value = try JSONFields(try JSONParser.parse(text), path: "").value("a")
    #expect(String(decoding: text[value.range], as: UTF8.self) == #"{ "b" : [1, 2] }"#)
  }

  @Test("escapes") func escapes() throws {
    guard case .string(let text) = try parse(#""\"\\\/\b\f\n\r\té\ud83d\ude00x""#).kind else {
      Issue.record("not a string")
      return
    }
    #expect(text == "\"\\/\u{8}\u{c}\n\r\té😀x")
  }

  @Test(
    "refused",
    arguments: [
      "", "{", "[", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "01", "1.5", "1e3", "-", "+1",
      "99999999999999999999", "nul", "\"\\x\"", "\"\\ud800\"", "\"\u{1}\"", "\"", "1 2", "{a:1}",
      "'a'", "// c\n1", String(repeating: "[", count: 100),
    ])
  func refused(_ text: String) {
    #expect(throws: FormatError.self) { try parse(text) }
  }

  @Test("bad UTF-8 is refused") func utf8() {
    #expect(throws: FormatError.self) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
  }

  @Test("size is bounded") func size() {
    let text = [UInt8](repeating: 0x20, count: JSONParser.maximumSize + 1)
    #expect(throws: FormatError.self) { try JSONParser.parse(text) }
  }
}

@Suite("Base64 and PEM, strictly")
struct PEMTests {
  @Test("round trip of every length") func roundTrip() throws {
    for count in 0..<100 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
      #expect(Array(Data(bytes).base64EncodedString().utf8) == Base64.encode(bytes))
      let pem = Array(PEMText.encode(bytes).utf8)
      if count > 0 { #expect(try PEM.decode(pem[...], label: "CERTIFICATE") == [bytes]) }
    }
  }
  @Test("refused", arguments: ["A", "AA=A", "AB==", "AAB=", "A===", "AA\n=", "AA==AAAA", "A-=="])
  func refused(_ text: String) { #expect(Base64.decode(Array(text.utf8)) == nil) }

  @Test(
    "text that is not PEM blocks",
    arguments: [
      "x-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      "-----BEGIN CERTIFICATE-----\nAAAA\n",
      "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----",
      "-----BEGIN CERTIFICATE-----\nAA\nAA\n-----END CERTIFICATE-----",
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n\0x",
    ])
  func notPEM(_ text: String) {
    #expect(throws: FormatError.self) {
      try PEM.decode(Array(text.utf8)[...], label: "CERTIFICATE")
    }
  }
}

@Suite("What people read when bytes cannot be had or read")
struct PlainWordsTests {
  @Test("a file that is not there, and a folder in its place") func files() {
    #expect(throws: FormatError("cannot read /no/such: No such file or directory")) {
      try CollateralFolder.readFile("/no/such", limit: 10)
    }
    #expect(throws: FormatError("cannot read /: Is a directory")) {
      try CollateralFolder.readFile("/", limit: 10)
    }
  }
  @Test("a certificate that is none: one short line, no source file of a library")
  func certificate() {
    #expect {
      try PKICertificate(der: Array("root:x:0:0:root".utf8))
    } throws: { error in
      let text = "\(error)"
      return text.hasPrefix("bad certificate: not DER") && !text.contains(".swift")
    }
  }
}

@Suite("Times")
struct TimestampTests {
  @Test("as text and back") func text() {
    for seconds in [0, 951_782_399, 951_782_400, 1_781_983_385, 4_102_444_799] as [Int64] {
      let time = Timestamp(secondsSince1970: seconds)
      #expect(Timestamp(iso8601: time.description) == time)
    }
    #expect(Timestamp(secondsSince1970: 1_781_983_385).description == "2026-06-20T19:23:05Z")
  }
  @Test(
    "refused",
    arguments: [
      "2018-16-06T10:12:17Z", "2018-02-29T00:00:00Z", "2018-01-01T24:00:00Z",
      "2018-01-01T00:00:60Z", "2018-01-01 00:00:00Z", "2018-01-01T00:00:00", "1969-12-31T23:59:59Z",
      "2018-01-01T00:00:00+00:00", "",
    ])
  func refused(_ text: String) { #expect(Timestamp(iso8601: text) == nil) }
}

@Suite("Forms of quotes")
struct QuoteInputTests {
  static let quote = TestCase(
    folder: "quotes/sgx-v3-00606a000000-8fcedd-202606-SWHardeningNeeded"
  ).quote

  @Test("binary, hexadecimal, base64, PEM-like") func forms() throws {
    let quote = Self.quote
    let hex = Hex.encode(quote)
    let base64 = Data(quote).base64EncodedString(options: .lineLength64Characters)
    for text in [
      hex, hex.uppercased(), "0x" + hex + "\n", Data(quote).base64EncodedString(), base64 + "\n",
      "-----BEGIN QUOTE-----\n\(base64)\n-----END QUOTE-----\n",
      "-----BEGIN SGX QUOTE-----\r\n\(hex)\r\n-----END SGX QUOTE-----",
    ] {
      #expect(try QuoteInput.decode(Array(text.utf8)) == quote)
    }
    #expect(try QuoteInput.decode(quote) == quote)
  }
  @Test(
    "refused",
    arguments: ["", "hello world", "-----BEGIN QUOTE-----\nAAAA\n", "0x123", "-----END X-----"])
  func refused(_ text: String) {
    #expect(throws: FormatError.self) { try QuoteInput.decode(Array(text.utf8)) }
  }
  @Test("padding behind a quote must be zero") func padding() throws {
    let padded = Self.quote + [UInt8](repeating: 0, count: 3000)
    #expect(try Quote(padded) == Quote(Self.quote))
    #expect(throws: QuoteFormatError.trailingBytes(1)) { try Quote(Self.quote + [1]) }
    #expect(throws: QuoteFormatError.self) {
      try Quote([UInt8](repeating: 3, count: Quote.maximumSize + 1))
    }
  }
}
