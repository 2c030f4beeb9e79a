import HostRuntime

/// `--explain FILE`: why a file is in a payload, from the list that `prepare` left in the folder. Not measured.
public enum Explanation {
  /// The chain of reasons: the file, what wanted it, what wanted that, down to the program.
  public static func lines(_ payload: String, _ file: String) throws(HostError) -> [String] {
    let text = String(
      decoding: try readFile(
        payload + "/" + PayloadFolder.explanationName, limit: 1 << 30, what: "explanation"),
      as: UTF8.self)
    var reasons: [String: [String]] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "\t", maxSplits: 1)
      guard parts.count == 2 else { continue }
      reasons[String(parts[0]), default: []].append(String(parts[1]))
    }
    var out: [String] = []
    var at = file
    var seen = Set<String>()
    while seen.insert(at).inserted {
      var path = at
      // A file of a tree was added with the tree.
      while reasons[path] == nil, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
        path = String(path[..<slash])
      }
      if reasons[path] == nil, reasons["/"] != nil { path = "/" }
      guard let why = reasons[path] else {
        if out.isEmpty { throw HostError("\(file): not in the payload") }
        break
      }
      out.append(path == at ? "\(at): \(why[0])" : "\(at): lies in \(path): \(why[0])")
      for also in why.dropFirst() { out.append("  also: \(also)") }
      guard let next = wanter(why[0]) else { break }
      at = next
    }
    return out
  }

  /// The path that a reason names.
  private static func wanter(_ reason: String) -> String? {
    for word in reason.split(separator: " ").reversed() {
      let path = word.drop { $0 == "(" }.prefix { $0 != ")" }
      if path.hasPrefix("/") { return String(path) }
    }
    return nil
  }
}

extension Preparation.Outcome {
  public func text(output: String) -> String {
    let s = summary
    return """
      \(output): \(s.inodeCount) names and files, \(s.fileCount) contents (\(s.cachedCount) known from \
      before), \(s.dataSize >> 20) MiB
      \(mrenclave.joined(separator: "\n"))
      """
  }

  public var json: String {
    let s = summary
    return JSONText.object([
      ("inodes", .number(UInt64(s.inodeCount))), ("contents", .number(UInt64(s.fileCount))),
      ("cached", .number(UInt64(s.cachedCount))), ("bytesHashed", .number(s.bytesHashed)),
      ("dataSize", .number(s.dataSize)), ("manifestSize", .number(UInt64(s.manifestSize))),
      ("newestNs", .number(UInt64(max(0, s.newestNs)))),
      (
        "mrenclave",
        .object(
          mrenclave.map { line in
            let parts = line.split(separator: "\t").map(String.init)
            return (parts[0], .string(parts[1]))
          })
      ),
      ("leftOut", .array(leftOut.map { .string($0) })),
      ("warnings", .array(files.warnings.map { .string($0) })),
    ]).rendered
  }
}
