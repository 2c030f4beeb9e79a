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
  /// The parser below aborts the process on a table header that does not begin with a key (`[{`), so headers are looked
  /// at before it sees them.
  public static func parse(_ text: String) throws(Failure) -> TOMLTable {
    var scan = HeaderScan(text)
    if let place = scan.badHeader() {
      throw Failure(
        line: place.line, column: place.column,
        reason: "a table header must begin with a key, as [name] or [[name]]")
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
