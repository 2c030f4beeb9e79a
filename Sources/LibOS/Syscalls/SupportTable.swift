#if !CLOISTER_ENCLAVE
  /// The compatibility page as data, for `cloister syscalls` and the tests.
  public enum SupportTable {
    public struct Row: Sendable {
      public var number: Int
      public var name: String
      /// `full`, `partial` or `refused`.
      public var level: String
      public var note: String
    }

    /// Every row of the dispatcher's table, by number.
    public static var rows: [Row] {
      var out: [Row] = []
      for call in SyscallTable.families.joined() {
        var row = Row(number: call.number, name: "\(call.name)", level: "full", note: "")
        switch call.support {
        case .full: break
        case .partial(let note): (row.level, row.note) = ("partial", "\(note)")
        case .refused(let note): (row.level, row.note) = ("refused", "\(note)")
        }
        out.append(row)
      }
      return out.sorted { $0.number < $1.number }
    }
  }
#endif
