import PayloadFormat

/// What `cloister sites` prints.
public struct SiteReport {
  public struct Entry {
    public var path: String
    public var result: Result<SiteAnalysis, SiteAnalysisError>
  }

  public private(set) var entries: [Entry] = []

  public init(files: [String], cache: SiteCache?) {
    for path in files {
      do throws(SiteAnalysisError) {
        let analysis: SiteAnalysis
        if let cache {
          analysis = try cache.analysis(path: path)
        } else {
          analysis = try SiteAnalysis(path: path)
        }
        entries.append(Entry(path: path, result: .success(analysis)))
      } catch {
        entries.append(Entry(path: path, result: .failure(error)))
      }
    }
  }

  public var failed: Bool {
    entries.contains { if case .failure = $0.result { true } else { false } }
  }

  // MARK: Text

  public func text(verbose: Bool) -> String {
    var lines = ["  found rewritten trapped   (syscall  cpuid xgetbv)  file"]
    for e in entries {
      switch e.result {
      case .failure(let error): lines.append("\(e.path): \(error)")
      case .success(let a):
        let kinds = [
          "\(a.rewritten.syscall)/\(a.found.syscall)", "\(a.rewritten.cpuid)/\(a.found.cpuid)",
          "\(a.rewritten.xgetbv)/\(a.found.xgetbv)",
        ]
        lines.append(
          Self.pad("\(a.found.total)", 7) + Self.pad("\(a.rewritten.total)", 10)
            + Self.pad("\(a.trapped.total)", 8) + "   (" + Self.pad(kinds[0], 7)
            + Self.pad(kinds[1], 7) + Self.pad(kinds[2], 7) + ")  \(e.path)")
        guard verbose else { continue }
        for t in a.trappedSites {
          lines.append("      0x\(String(t.fileOffset, radix: 16)) \(t.kind) trapped: \(t.reason)")
        }
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func pad(_ s: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - s.count)) + s
  }

  // MARK: JSON

  public var json: String {
    let objects = entries.map { e -> String in
      switch e.result {
      case .failure(let error):
        return "{\"file\":\(Self.quote(e.path)),\"error\":\(Self.quote("\(error)"))}"
      case .success(let a):
        let trapped = a.trappedSites.map {
          "{\"offset\":\($0.fileOffset),\"kind\":\"\($0.kind)\",\"reason\":\(Self.quote($0.reason))}"
        }
        return "{\"file\":\(Self.quote(e.path)),\"found\":\(Self.counts(a.found)),"
          + "\"rewritten\":\(Self.counts(a.rewritten)),\"trapped\":\(Self.counts(a.trapped)),"
          + "\"holes\":\(a.sites.count { $0.hole != 0 }),"
          + "\"trappedSites\":[\(trapped.joined(separator: ","))]}"
      }
    }
    return "[" + objects.joined(separator: ",\n") + "]"
  }

  private static func counts(_ c: SiteAnalysis.Counts) -> String {
    "{\"total\":\(c.total),\"syscall\":\(c.syscall),\"cpuid\":\(c.cpuid),\"xgetbv\":\(c.xgetbv)}"
  }

  private static func quote(_ s: String) -> String {
    var out = "\""
    for u in s.unicodeScalars {
      switch u {
      case "\"", "\\": out += "\\\(u)"
      case _ where u.value < 0x20:
        let hex = String(u.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: out.unicodeScalars.append(u)
      }
    }
    return out + "\""
  }
}
