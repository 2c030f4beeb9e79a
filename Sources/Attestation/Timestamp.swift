import Foundation

/// A moment in UTC, in whole seconds since 1970: all that certificates and collateral need.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let secondsSince1970: Int64

  public init(secondsSince1970: Int64) { self.secondsSince1970 = secondsSince1970 }

  init(_ date: Date) { self.init(secondsSince1970: Int64(date.timeIntervalSince1970.rounded())) }

  public static var now: Timestamp { Timestamp(Date()) }

  public static func < (a: Self, b: Self) -> Bool { a.secondsSince1970 < b.secondsSince1970 }

  public func adding(seconds: Int64) -> Timestamp {
    let (sum, overflow) = secondsSince1970.addingReportingOverflow(seconds)
    return Timestamp(secondsSince1970: overflow ? (seconds < 0 ? .min : .max) : sum)
  }

  /// `2026-06-20T19:23:05Z`, and nothing else: no offsets, no fractions, no leap seconds.
  public init?(iso8601 text: some Collection<UInt8>) {
    let b = Array(text)
    guard b.count == 20, b[4] == 0x2D, b[7] == 0x2D, b[10] == 0x54, b[13] == 0x3A, b[16] == 0x3A,
      b[19] == 0x5A
    else { return nil }
    func number(_ range: Range<Int>) -> Int? {
      var value = 0
      for index in range {
        guard (0x30...0x39).contains(b[index]) else { return nil }
        value = value * 10 + Int(b[index] - 0x30)
      }
      return value
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19)
    else { return nil }
    self.init(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
  }

  public init?(iso8601 text: String) { self.init(iso8601: Array(text.utf8)) }

  init?(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
    let lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard (1970...9999).contains(year), (1...12).contains(month),
      (1...lengths[month - 1]).contains(day), (0...23).contains(hour), (0...59).contains(minute),
      (0...59).contains(second)
    else { return nil }
    let y = year - (month <= 2 ? 1 : 0)
    let era = y / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = Int64(era * 146_097 + dayOfEra - 719_468)
    self.init(secondsSince1970: days * 86_400 + Int64(hour * 3600 + minute * 60 + second))
  }

  public var description: String {
    guard (-62_135_596_800...253_402_300_799).contains(secondsSince1970) else {
      return "\(secondsSince1970) s"
    }
    let days = Int((Double(secondsSince1970) / 86_400).rounded(.down))
    let seconds = Int(secondsSince1970) - days * 86_400
    let z = days + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let mp = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * mp + 2) / 5 + 1
    let month = mp < 10 ? mp + 3 : mp - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
    let padded = String(repeating: "0", count: max(0, 4 - String(year).count)) + String(year)
    return "\(padded)-\(two(month))-\(two(day))T\(two(seconds / 3600)):"
      + "\(two(seconds / 60 % 60)):\(two(seconds % 60))Z"
  }
}
