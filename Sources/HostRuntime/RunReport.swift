import Glibc
import HostInterface

/// What `--stats` prints and `--json` writes when the program has ended.
struct RunReport: Sendable {
  private let printsStatistics: Bool
  private let json: Int32?
  /// The JSON file's, or -1.
  var descriptor: Int32 { json ?? -1 }

  /// Opens the JSON file now: later the process may open nothing.
  init(_ options: RunOptions) throws(HostError) {
    printsStatistics = options.wantsStatistics
    guard let path = options.jsonFile else {
      json = nil
      return
    }
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw HostError("cannot write --json \(path): \(lastError())") }
    json = fd
  }

  func write(
    machine: String, mrenclave: [UInt8], timings: Stopwatch, exitCode: Int32,
    statistics: ThreadStatistics, volumes: [(name: String, root: String)] = []
  ) {
    guard printsStatistics || json != nil else { return }
    let total = Stopwatch.now() - timings.start
    if printsStatistics {
      var text = "cloister: machine \(machine), MRENCLAVE \(hexText(mrenclave))\n"
      text +=
        "cloister: start-up "
        + timings.laps.map { "\($0.name) \(ms($0.ns))" }
        .joined(separator: ", ") + "; total \(ms(total)) ms\n"
      text +=
        "cloister: entries \(statistics[.enters]), resumes \(statistics[.resumes]), "
        + "host calls \(statistics.allCalls), AEXs by exception \(statistics.allFaults), "
        + "by interrupt \(statistics[.interrupts]), bytes in \(statistics[.bytesIn]), "
        + "out \(statistics[.bytesOut])\n"
      if statistics[.familySwitches] > 0 {
        text +=
          "cloister: families: switches \(statistics[.familySwitches]), "
          + "bytes copied \(statistics[.familyBytes])\n"
      }
      let calls = HostCall.allCases.filter { statistics.calls($0) > 0 }
      text += "cloister: calls" + calls.map { " \($0)=\(statistics.calls($0))" }.joined() + "\n"
      let faults = (0..<32).filter { statistics.faults($0) > 0 }
      for volume in volumes where !volume.root.isEmpty {
        text += "cloister: volume \(volume.name) root \(volume.root)\n"
      }
      if !faults.isEmpty {
        text +=
          "cloister: exceptions"
          + faults.map { " \(vectorName($0))=\(statistics.faults($0))" }.joined()
          + "\n"
      }
      put(2, text)
    }
    if let json {
      func object(_ pairs: [(String, UInt64)]) -> String {
        "{" + pairs.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
      }
      let calls = HostCall.allCases.map { ("\($0)", statistics.calls($0)) }.filter { $0.1 > 0 }
      let faults = (0..<32).map { (vectorName($0), statistics.faults($0)) }
        .filter { $0.1 > 0 }
      let roots = volumes.map {
        "{\"name\": \(JSONLine.quoted($0.name)), \"root\": \"\($0.root)\"}"
      }
      put(
        json,
        """
        {
          "machine": "\(machine)",
          "mrenclave": "\(hexText(mrenclave))",
          "exitCode": \(exitCode),
          "totalNs": \(total),
          "startupNs": \(object(timings.laps.map { ($0.name, $0.ns) })),
          "entries": \(statistics[.enters]),
          "resumes": \(statistics[.resumes]),
          "interrupts": \(statistics[.interrupts]),
          "hostCalls": \(statistics.allCalls),
          "calls": \(object(calls)),
          "exceptions": \(object(faults)),
          "familySwitches": \(statistics[.familySwitches]),
          "familyBytes": \(statistics[.familyBytes]),
          "bytesIn": \(statistics[.bytesIn]),
          "bytesOut": \(statistics[.bytesOut]),
          "volumes": [\(roots.joined(separator: ", "))]
        }

        """)
    }
  }

  private func put(_ fd: Int32, _ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(fd, bytes, bytes.count)
  }
  private func ms(_ ns: UInt64) -> String {
    let us = ns / 1000
    let tenths = String(us % 1000)
    return "\(us / 1000)." + String(repeating: "0", count: 3 - tenths.utf8.count) + tenths
  }
}

public func hexText(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
