/// How far a key that nobody knows is from those that are known, for "did you mean".
public enum WordDistance {
  /// What to say behind an unknown word: the known one that was meant, else all of them.
  public static func suggestion(for word: String, among known: [String]) -> String {
    let best = known.map { ($0, between(word.lowercased(), $0.lowercased())) }
      .min { ($0.1, $0.0) < ($1.1, $1.0) }
    guard let best, best.1 <= max(2, word.count / 3) else {
      return known.isEmpty ? "" : " (known: \(known.sorted().joined(separator: ", ")))"
    }
    return "; did you mean \(best.0)?"
  }

  /// Levenshtein's distance of the first 64 bytes.
  public static func between(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8.prefix(64)), Array(b.utf8.prefix(64)))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let replaced = diagonal + (x == y ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
      }
    }
    return row[b.count]
  }
}
