/// The commands that a shell script names, as far as they can be read off: words where a command stands.
///
/// Not a shell: what is computed at run time is not found (`--trace` finds it), and a word too many does no harm.
struct ShellWords {
  struct Command: Equatable {
    var name: String
    var line: Int
    /// The file that `.` or `source` reads.
    var isSourced = false
  }

  static let keywords: Set<String> = [
    "if", "then", "else", "elif", "do", "while", "until", "!", "{", "(", "time", "exec", "command",
    "env", "sudo", "xargs", "nohup", "nice", "eval",
  ]
  static let builtins: Set<String> = [
    ":", ".", "[", "[[", "alias", "bg", "break", "case", "cd", "continue", "declare", "done",
    "echo",
    "esac", "exit", "export", "false", "fg", "fi", "for", "function", "getopts", "hash", "help",
    "in", "jobs", "kill", "let", "local", "printf", "pwd", "read", "readonly", "return", "select",
    "set", "shift", "shopt", "source", "test", "times", "trap", "true", "type", "typeset", "ulimit",
    "umask", "unalias", "unset", "wait", "}", ")", "]]", "builtin", "mapfile", "pushd", "popd",
  ]

  static func commands(in script: String) -> [Command] {
    var out: [Command] = []
    for (number, line) in script.split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated()
    {
      if number == 0, line.hasPrefix("#!") { continue }
      var isCommand = true
      var isSource = false
      for word in words(line) {
        if word == "\n" {
          isCommand = true
          continue
        }
        if isSource {
          isSource = false
          if word.hasPrefix("/") {
            out.append(Command(name: word, line: number + 1, isSourced: true))
          }
        }
        guard isCommand else { continue }
        if word == "." || word == "source" {
          isSource = true
          isCommand = false
          continue
        }
        if keywords.contains(word) {
          if ["exec", "command", "env", "sudo", "xargs", "nohup", "nice"].contains(word) {
            out.append(Command(name: word, line: number + 1))
          }
          continue
        }
        // NAME=value before a command, and options of env and the like.
        if let equals = word.firstIndex(of: "="), equals != word.startIndex { continue }
        if word.hasPrefix("-") { continue }
        isCommand = false
        if !builtins.contains(word), !word.isEmpty,
          word.utf8.allSatisfy({
            ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x41 && $0 <= 0x5A) || ($0 >= 0x61 && $0 <= 0x7A)
              || [0x5F, 0x2E, 0x2F, 0x2B, 0x2D].contains($0)
          })
        {
          out.append(Command(name: word, line: number + 1))
        }
      }
    }
    return out
  }

  /// Words of a line, "\n" between commands. Quotes are taken off; what they hold may hold `$(command)`.
  private static func words(_ line: Substring) -> [String] {
    var out: [String] = []
    var word = ""
    var hasWord = false
    var quote: Character?
    func flush() {
      if hasWord { out.append(word) }
      word = ""
      hasWord = false
    }
    var previous: Character = " "
    for c in line {
      defer { previous = c }
      if quote == "'" {
        if c == "'" { quote = nil } else { word.append(c) }
        continue
      }
      switch c {
      case "#" where !hasWord && quote == nil: return out + [] + (hasWord ? [word] : [])
      case "'" where quote == nil:
        quote = "'"
        hasWord = true
      case "\"":
        quote = quote == nil ? "\"" : nil
        hasWord = true
      case "(" where previous == "$", "`":
        if quote == nil || c == "(" || c == "`" {
          flush()
          out.append("\n")
          quote = nil
        }
      case ";", "|", "&", "(", ")":
        if quote == nil {
          flush()
          out.append("\n")
        } else {
          word.append(c)
        }
      case " ", "\t":
        if quote == nil { flush() } else { word.append(c) }
      default:
        word.append(c)
        hasWord = true
      }
    }
    flush()
    return out
  }
}
