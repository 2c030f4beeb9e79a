import LinuxABI

/// What a terminal does to bytes (Linux: n_tty): editing of lines, echo, signals, CR and LF.
///
/// No locks: its `PseudoTerminal` calls it with its own held, and sends the signals afterwards.
struct LineDiscipline {
  var settings = TerminalSettings.fresh
  /// Bytes that can be read: whole lines in canonical mode.
  private(set) var input = ByteQueue()
  /// How many bytes of `input` each line has, ICANON; one of 0 bytes is an end of file.
  private var lines: [Int] = []
  /// The line that is being typed.
  private var editing: [UInt8] = []
  /// What goes out to the other side.
  var output = ByteQueue()
  /// XOFF came in.
  var isStopped = false
  private var nextIsLiteral = false
  private var column = 0

  /// N_TTY_BUF_SIZE.
  static var inputLimit: Int { 4096 }

  /// What typing brought about besides bytes.
  struct Effect {
    var signals: [Signal] = []
    var flushed = false
  }

  var inputRoom: Int { max(0, Self.inputLimit - 1 - input.count - editing.count) }
  /// Something can be read.
  var isReadable: Bool {
    settings.ICANON ? !lines.isEmpty : input.count >= max(1, minimum)
  }
  /// VMIN, as poll(2) looks at it: with VTIME one byte is enough.
  private var minimum: Int { settings[.VTIME] == 0 ? Int(settings[.VMIN]) : 1 }
  var readableCount: Int {
    settings.ICANON ? (lines.first.map { _ in input.count } ?? 0) : input.count
  }

  // MARK: Input

  mutating func receive(_ bytes: [UInt8]) -> Effect {
    var effect = Effect()
    for b in bytes { receive(b, &effect) }
    return effect
  }

  private mutating func receive(_ byte: UInt8, _ effect: inout Effect) {
    var c = byte
    let s = settings
    if s.ISTRIP { c &= 0x7F }
    if s.IUCLC && s.IEXTEN && c >= 0x41 && c <= 0x5A { c += 0x20 }
    if nextIsLiteral {
      nextIsLiteral = false
      add(c)
      return
    }
    if s.IXON {
      if s.isCharacter(.VSTART, c) {
        isStopped = false
        return
      }
      if s.isCharacter(.VSTOP, c) {
        isStopped = true
        return
      }
      if s.IXANY && isStopped { isStopped = false }
    }
    if s.ISIG, let signal = signal(for: c) {
      effect.signals.append(signal)
      if !s.NOFLSH {
        flushInput()
        output.removeAll()
        effect.flushed = true
      }
      isStopped = false
      if s.ECHO { echo(c) }
      return
    }
    if c == 0x0D {
      if s.IGNCR { return }
      if s.ICRNL { c = 0x0A }
    } else if c == 0x0A && s.INLCR {
      c = 0x0D
    }
    if s.ICANON { receiveCanonical(c) } else { add(c) }
  }

  private func signal(for c: UInt8) -> Signal? {
    if settings.isCharacter(.VINTR, c) { return .SIGINT }
    if settings.isCharacter(.VQUIT, c) { return .SIGQUIT }
    if settings.isCharacter(.VSUSP, c) { return .SIGTSTP }
    return nil
  }

  private mutating func receiveCanonical(_ c: UInt8) {
    let s = settings
    if s.isCharacter(.VERASE, c) || s.isCharacter(.VKILL, c)
      || (s.isCharacter(.VWERASE, c) && s.IEXTEN)
    {
      erase(c)
    } else if s.isCharacter(.VLNEXT, c) && s.IEXTEN {
      nextIsLiteral = true
      if s.ECHO && s.ECHOCTL { put([0x5E, 0x08]) }
    } else if s.isCharacter(.VREPRINT, c) && s.ECHO && s.IEXTEN {
      echo(c)
      put([0x0A])
      for b in editing { echo(b) }
    } else if c == 0x0A {
      if s.ECHO || s.ECHONL { put([0x0A]) }
      endLine(with: c)
    } else if s.isCharacter(.VEOF, c) {
      endLine(with: nil)
    } else if s.isCharacter(.VEOL, c) || (s.isCharacter(.VEOL2, c) && s.IEXTEN) {
      if s.ECHO { echo(c) }
      endLine(with: c)
    } else {
      add(c)
    }
  }

  /// An ordinary byte.
  private mutating func add(_ c: UInt8) {
    guard inputRoom > 0 else {
      if settings.IMAXBEL { put([0x07]) }
      return
    }
    if settings.ECHO { if c == 0x0A { put([c]) } else { echo(c) } }
    if settings.ICANON { editing.append(c) } else { input.append(c) }
  }

  private mutating func endLine(with c: UInt8?) {
    if let c { editing.append(c) }
    input.append(editing)
    lines.append(editing.count)
    editing.removeAll(keepingCapacity: true)
  }

  private mutating func erase(_ c: UInt8) {
    if editing.isEmpty { return }
    let s = settings
    if s.isCharacter(.VKILL, c) {
      if !s.ECHO {
        editing.removeAll()
        return
      }
      if !(s.ECHOK && s.ECHOKE && s.ECHOE) {
        editing.removeAll()
        echo(c)
        if s.ECHOK { put([0x0A]) }
        return
      }
    }
    let isWord = s.isCharacter(.VWERASE, c)
    var seenWord = false
    while let last = editing.last {
      if isWord {
        let isPart =
          last == 0x5F || (last | 0x20 >= 0x61 && last | 0x20 <= 0x7A)
          || (last >= 0x30 && last <= 0x39)
        if !isPart && seenWord { break }
        if isPart { seenWord = true }
      }
      // A UTF-8 sequence goes as a whole.
      var gone: [UInt8] = [editing.removeLast()]
      while s.IUTF8, gone[gone.count - 1] & 0xC0 == 0x80, !editing.isEmpty {
        gone.append(editing.removeLast())
      }
      if s.ECHO { echoErased(gone[gone.count - 1], c) }
      if !isWord && !s.isCharacter(.VKILL, c) { break }
    }
  }

  private mutating func echoErased(_ gone: UInt8, _ c: UInt8) {
    let s = settings
    if s.isCharacter(.VERASE, c) && !s.ECHOE {
      echo(c)
    } else if gone == 0x09 {
      // Back to where the tab began: the columns of what stands before it.
      var before = 0
      for b in editing { before = b == 0x09 ? (before | 7) + 1 : before + (b < 0x20 ? 2 : 1) }
      for _ in 0..<(8 - before % 8) { put([0x08]) }
    } else {
      if gone < 0x20 || gone == 0x7F {
        if s.ECHOCTL { put([0x08, 0x20, 0x08]) } else { return }
      }
      put([0x08, 0x20, 0x08])
    }
  }

  // MARK: Output

  /// Echoes a byte: control characters as ^X with ECHOCTL.
  private mutating func echo(_ c: UInt8) {
    if settings.ECHOCTL && (c < 0x20 || c == 0x7F) && c != 0x09 {
      put([0x5E, c ^ 0x40])
    } else {
      put([c])
    }
  }

  private mutating func put(_ bytes: [UInt8]) {
    for b in bytes { send(b) }
  }

  /// What the program writes, in the way OPOST asks for.
  mutating func send(_ c: UInt8) {
    let s = settings
    guard s.OPOST else {
      output.append(c)
      return
    }
    switch c {
    case 0x0A:
      if s.ONLRET { column = 0 }
      if s.ONLCR {
        output.append(0x0D)
        column = 0
      }
      output.append(c)
    case 0x0D:
      if s.ONOCR && column == 0 { return }
      if s.OCRNL {
        output.append(0x0A)
        if s.ONLRET { column = 0 }
        return
      }
      column = 0
      output.append(c)
    case 0x09:
      let spaces = 8 - column & 7
      column += spaces
      if s.XTABS {
        for _ in 0..<spaces { output.append(0x20) }
      } else {
        output.append(c)
      }
    case 0x08:
      if column > 0 { column -= 1 }
      output.append(c)
    default:
      let upper = s.OLCUC && c >= 0x61 && c <= 0x7A ? c - 0x20 : c
      if c >= 0x20 && !(s.IUTF8 && c & 0xC0 == 0x80) { column += 1 }
      output.append(upper)
    }
  }

  // MARK: Reading

  /// Takes what a read of `count` bytes gets; nil: nothing is there yet.
  mutating func take(_ count: Int) -> [UInt8]? {
    guard settings.ICANON else {
      return input.isEmpty ? nil : input.take(count)
    }
    guard let line = lines.first else { return nil }
    let n = min(count, line)
    let out = input.take(n)
    if n == line { lines.removeFirst() } else { lines[0] = line - n }
    return out
  }

  mutating func flushInput() {
    input.removeAll()
    lines.removeAll()
    editing.removeAll()
    nextIsLiteral = false
  }

  /// TCSETS: what was typed becomes readable at once when ICANON goes, and one line when it comes.
  mutating func change(to new: TerminalSettings) {
    let old = settings
    settings = new
    if old.ICANON && !new.ICANON {
      input.append(editing)
      editing.removeAll()
      lines.removeAll()
    } else if !old.ICANON && new.ICANON {
      lines = input.isEmpty ? [] : [input.count]
    }
    if !new.IXON { isStopped = false }
  }
}

/// Bytes that come in at one end and leave at the other.
struct ByteQueue {
  private var bytes: [UInt8] = []
  private var head = 0

  var count: Int { bytes.count - head }
  var isEmpty: Bool { head == bytes.count }

  mutating func append(_ byte: UInt8) { bytes.append(byte) }
  mutating func append(_ more: [UInt8]) { bytes.append(contentsOf: more) }

  mutating func take(_ most: Int) -> [UInt8] {
    let n = min(most, count)
    let out = [UInt8](bytes[head..<(head + n)])
    head += n
    if head == bytes.count {
      bytes.removeAll(keepingCapacity: bytes.capacity <= 8192)
      head = 0
    } else if head > 16384 {
      bytes.removeFirst(head)
      head = 0
    }
    return out
  }

  mutating func removeAll() {
    bytes.removeAll()
    head = 0
  }
}
