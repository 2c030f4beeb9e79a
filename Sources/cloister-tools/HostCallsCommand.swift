import ArgumentParser
import HostInterface

/// `cloister hostcalls`: the whole interface between the enclave and the host.
struct HostCallsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hostcalls", abstract: "Print the table of host calls.")

  func run() {
    for call in HostCall.allCases {
      let note = call.isDevelopmentOnly ? "  (insecure development root only)" : ""
      print("\(call.rawValue)\t\(call)\(note)")
    }
    let development = HostCall.allCases.filter(\.isDevelopmentOnly).count
    print("\(HostCall.allCases.count - development) calls, \(development) for development")
  }
}
