import ArgumentParser
import LibOS

/// The support table of the library OS.
struct SyscallsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "syscalls",
    abstract: "List the system calls that programs inside an enclave can use, and how far.",
    discussion: """
      full: as the man page says. partial: except for what the note says. refused: answers an errno on
      purpose. What is not listed answers ENOSYS and is logged once by name (--strace shows it).
      """)

  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let rows = SupportTable.rows
    if json {
      let lines = rows.map { row in
        #"{"number":\#(row.number),"name":"\#(row.name)","support":"\#(row.level)","note":"\#(row.note)"}"#
      }
      print("[\n" + lines.joined(separator: ",\n") + "\n]")
      return
    }
    for row in rows {
      let number = String(row.number)
      let pad = String(repeating: " ", count: max(1, 4 - number.count))
      let gap = String(repeating: " ", count: max(1, 24 - row.name.count))
      let level = row.level + String(repeating: " ", count: max(1, 9 - row.level.count))
      print(pad + number + " " + row.name + gap + level + row.note)
    }
    print("\(rows.count) system calls")
  }
}
