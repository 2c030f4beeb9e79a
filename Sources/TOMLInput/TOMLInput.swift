import TOMLKit

/// TOML that somebody else wrote (TOML 1.0.0): policies, payload descriptions.
public enum TOMLInput {
  /// Why a text is no TOML, and where; line and column count from 1.
  public struct Failure: Error {
    public var line: Int
    public var column: Int
    public var reason: String
  }

  /// The text's root table.
  ///
  /// The parser below aborts the process on some faults (`FaultScan`), which are looked for before it sees the text.
  public static func parse(_ text: String) throws(Failure) -> TOMLTable {
    var scan = FaultScan(text)
    if let fault = scan.firstFault() {
      throw Failure(line: fault.line, column: fault.column, reason: fault.reason)
    }
    do { return try TOMLTable(string: text) } catch let error as TOMLParseError {
      let begin = error.source.begin
      throw Failure(line: Int(begin.line), column: Int(begin.column), reason: reason(error))
    } catch {
      throw Failure(line: 1, column: 1, reason: "\(error)")
    }
  }

  /// The parser's words, without the place that we name ourselves.
  private static func reason(_ error: TOMLParseError) -> String {
    error.description.split(separator: "\n").first.map(String.init) ?? "syntax error"
  }
}
