import PayloadFormat

/// Decides how each site of one text is rewritten.
///
/// The enclave turns a site into
///
///     patch:   jmp stub                    (or jmp rel8 to a hole that holds jmp stub)
///     stub:    <before>
///              lea r, [return]             r = RCX for SYSCALL, RDX for CPUID and XGETBV
///              jmp *gs:entry
///     return:  <after>
///              jmp end of patch
///
/// with no push, so that the red zone below RSP is untouched. For each moved instruction:
///
/// - *Position.* It must do the same at another address: no RIP-relative operand, no branch, no call. A
///   plain `ret` may be the last one moved from after: it takes its target from the stack, which the stub
///   has not touched.
/// - *Jump targets.* Nothing may jump into the patch except to its first byte. A loop back to the
///   SYSCALL, or a branch to the instruction after it, which is common, forbids the one direction and
///   leaves the other.
/// - *Order.* `before` runs before the link register is loaded and `after` when the kernel has answered,
///   so the program sees its instructions in the program's order. SYSCALL clobbers RCX and R11, CPUID and
///   XGETBV write RDX (32-bit results, the upper halves cleared), so no value in the link register can be
///   live across the site: `before` may write it, `after` sees what the kernel leaves there, which is
///   what the instruction would have left. CPUID and XGETBV keep flags; LEA and JMP do too.
/// - *Stack.* Nothing that writes RSP moves (PUSH, POP, `sub $8,%rsp`): the patch has one unwind row, and
///   the stub must see the program's RSP from end to end. Reading through RSP is fine.
/// - *GS* is the kernel's block inside an enclave; an instruction that names it stays.
/// - *Restart.* When a call is restarted after a signal, the kernel may go back to the start of the patch,
///   so `before` may run twice, with RAX, RCX and R11 as the system call left them. The first choice is
///   therefore a `before` for which that makes no difference: it reads neither those three nor anything
///   that it, or an instruction moved after it, writes (`mov $nr,%eax` and nearly all others). Where
///   only another `before` is possible, and no hole, it is still taken: the kernel then must
///   restart at the stub's LEA, where RAX is the call's number as Linux puts it back. (The kernel has that
///   address in its map of stubs; going there is right for every site.)
/// - *Cancellation.* musl compares the interrupted RIP with `__cp_begin` and `__cp_end`, the end of its
///   SYSCALL; there the instruction after moves if it can. (glibc up to 2.36 compares nothing.)
/// - *Signal return.* `mov $15,%eax; syscall` stays as it is, because unwinders know its bytes.
///
/// A hole is padding (NOP and INT3) of at least 5 bytes that no instruction runs into and nothing jumps
/// to, within reach of a 2-byte jump; each is used once.
struct SitePlanner {
  enum Outcome: Equatable {
    case rewritten(Site)
    case trapped(Reason)
  }

  enum Reason: String, Sendable {
    case signalReturn = "signal return"
    case doubtful = "not certainly code"
    case noRoom = "no room"
  }

  let text: TextMap
  /// Bytes that patches and holes already use, sorted by start within a few entries.
  private var used: [Range<Int>] = []
  private let decoder = InstructionDecoder()

  /// How far from a site a target or an instruction matters.
  static let reach = 192
  private static let longestMove = 3

  init(_ text: TextMap) { self.text = text }

  /// First every site that needs no hole, then the others, so that a hole never takes the padding's
  /// neighbourhood from a plain patch.
  mutating func plan(_ sites: [(offset: Int, kind: SiteTable.Kind)]) -> [Outcome] {
    var outcomes = [Outcome](repeating: .trapped(.noRoom), count: sites.count)
    for pass in 0..<3 {
      for (i, site) in sites.enumerated() where outcomes[i] == .trapped(.noRoom) {
        if pass == 0 {
          if isSignalReturn(site.offset, site.kind) {
            outcomes[i] = .trapped(.signalReturn)
            continue
          }
          if !isCertain(site.offset, site.kind) {
            outcomes[i] = .trapped(.doubtful)
            continue
          }
        }
        let plan =
          pass == 1
          ? throughHole(site.offset, site.kind)
          : moving(site.offset, site.kind, restartable: pass == 0)
        if let plan { outcomes[i] = .rewritten(plan) }
      }
    }
    return outcomes
  }

  // MARK: What is a site

  /// `mov $15,%rax; syscall` and `mov $15,%eax; syscall`, as in every `__restore_rt`.
  private func isSignalReturn(_ at: Int, _ kind: SiteTable.Kind) -> Bool {
    guard kind == .syscall else { return false }
    let moves: [[UInt8]] = [
      [0x48, 0xC7, 0xC0, 15, 0, 0, 0], [0xB8, 15, 0, 0, 0], [0x31, 0xC0, 0xB0, 15],
      [0x6A, 15, 0x58],
    ]
    return moves.contains { move in
      at >= move.count
        && move.indices.allSatisfy { text.bytes[at - move.count + $0] == move[$0] }
    }
  }

  /// Bytes that are certainly code may be changed. In a function that an FDE or a sized symbol covers, a
  /// sweep from its start that decoded everything up to and around the site is enough. Elsewhere
  /// (assembly without CFI, stripped Go) the surroundings must look like a program as well: nothing
  /// privileged or undecodable near, and a site whose input register was written shortly before.
  private func isCertain(_ at: Int, _ kind: SiteTable.Kind) -> Bool {
    let region = text.region(text.regionIndex(at))
    let covered = text.isCovered(at..<(at + kind.length))
    let low = covered ? region.lowerBound : max(region.lowerBound, at - 256)
    let high = min(region.upperBound, at + 64)
    let bad = covered ? TextMap.Mark.bad : TextMap.Mark.bad | TextMap.Mark.implausible
    for i in low..<high where text.mark(i) & bad != 0 {
      // Behind the end of the flow, data may follow.
      if i < at || !flowEnds(between: at + kind.length, and: i) { return false }
    }
    return covered || loadsInput(at)
  }

  private func flowEnds(between start: Int, and end: Int) -> Bool {
    var i = start
    while i < end, text.length(i) > 0 {
      if text.mark(i) & TextMap.Mark.endsFlow != 0 { return true }
      i += text.length(i)
    }
    return false
  }

  /// All three take their input in RAX or RCX; some instruction near before must write it.
  private func loadsInput(_ at: Int) -> Bool {
    var i = at
    for _ in 0..<24 {
      guard let p = text.previous(i) else { return false }
      i = p
      if let d = details(i), d.writes & (InstructionDecoder.rax | InstructionDecoder.rcx) != 0 {
        return true
      }
    }
    return false
  }

  // MARK: Moving neighbours

  private struct Neighbour {
    var start: Int
    var details: InstructionDecoder.Details
  }

  private mutating func moving(_ at: Int, _ kind: SiteTable.Kind, restartable: Bool) -> Site? {
    let before = text.isTarget(at) ? [] : neighboursBefore(at)
    let after = neighboursAfter(at + kind.length)
    // Fewest moved instructions first; among equals from before, where `mov $nr,%eax` is.
    let preferAfter = isCancellationPoint(at)
    var choices: [(before: Int, after: Int)] = []
    for b in 0...before.count { for a in 0...after.count { choices.append((b, a)) } }
    choices.sort {
      let (x, y) = ($0.before + $0.after, $1.before + $1.after)
      if preferAfter, ($0.before == 0) != ($1.before == 0) { return $0.before == 0 }
      return x != y ? x < y : $0.before > $1.before
    }
    for choice in choices {
      let start = choice.before == 0 ? at : before[choice.before - 1].start
      let end =
        choice.after == 0
        ? at + kind.length
        : after[choice.after - 1].start + after[choice.after - 1].details.length
      guard end - start >= SiteTable.jumpLength, isFree(start..<end) else { continue }
      if restartable, kind == .syscall,
        !Self.mayRunTwice(before[..<choice.before].reversed().map(\.details))
      {
        continue
      }
      used.append(start..<end)
      return Site(
        fileOffset: UInt64(text.segment.fileOffset + start), kind: kind, before: UInt8(at - start),
        after: UInt8(end - at - kind.length), hole: 0)
    }
    return nil
  }

  /// Nearest first. Each may be a jump target only if it is the last taken, so the walk ends there.
  private func neighboursBefore(_ at: Int) -> [Neighbour] {
    var out: [Neighbour] = []
    let region = text.region(text.regionIndex(at))
    var i = at
    while out.count < Self.longestMove, let p = text.previous(i), p >= region.lowerBound,
      text.mark(p) & TextMap.Mark.endsFlow == 0, let d = details(p), d.isMovable
    {
      out.append(Neighbour(start: p, details: d))
      if text.isTarget(p) { break }
      i = p
    }
    return out
  }

  private func neighboursAfter(_ at: Int) -> [Neighbour] {
    var out: [Neighbour] = []
    let region = text.region(text.regionIndex(max(at - 1, 0)))
    var i = at
    while out.count < Self.longestMove, i < region.upperBound, !text.isTarget(i),
      let d = details(i), d.isMovable || d.isReturn
    {
      out.append(Neighbour(start: i, details: d))
      if d.isReturn { break }
      i += d.length
    }
    return out
  }

  private func details(_ at: Int) -> InstructionDecoder.Details? {
    guard text.length(at) > 0, let base = text.bytes.baseAddress,
      let d = decoder.details(base + at, available: text.length(at)), d.length == text.length(at)
    else { return nil }
    return d
  }

  /// Running these again, after a system call has changed RAX, RCX and R11, changes nothing.
  private static func mayRunTwice(_ instructions: [InstructionDecoder.Details]) -> Bool {
    var writtenLater = InstructionDecoder.rax | InstructionDecoder.rcx | InstructionDecoder.r11
    for i in instructions { writtenLater |= i.writes }
    var settled: UInt64 = 0
    for i in instructions {
      if i.reads & ~settled & writtenLater != 0 { return false }
      settled |= i.writes & ~InstructionDecoder.memory
    }
    return true
  }

  /// musl's `__syscall_cp_asm`: `mov %r9,%r10; mov 8(%rsp),%r8; mov 16(%rsp),%r9; mov %r11,8(%rsp)`.
  private func isCancellationPoint(_ at: Int) -> Bool {
    let code: [UInt8] = [
      0x4C, 0x8B, 0x44, 0x24, 0x08, 0x4C, 0x8B, 0x4C, 0x24, 0x10, 0x4C, 0x89, 0x5C, 0x24, 0x08,
    ]
    guard at >= code.count else { return false }
    return code.indices.allSatisfy { text.bytes[at - code.count + $0] == code[$0] }
  }

  // MARK: Holes

  private mutating func throughHole(_ at: Int, _ kind: SiteTable.Kind) -> Site? {
    guard isFree(at..<(at + kind.length)) else { return nil }
    let low = max(at + SiteTable.lowestHole, 0)
    let high = min(at + Int(Int8.max), text.count - SiteTable.jumpLength)
    guard low <= high else { return nil }
    var start = low
    while start <= high {
      if let end = paddingEnd(start) {
        if end - start >= SiteTable.jumpLength, isFree(start..<(start + SiteTable.jumpLength)) {
          used.append(at..<(at + kind.length))
          used.append(start..<(start + SiteTable.jumpLength))
          return Site(
            fileOffset: UInt64(text.segment.fileOffset + at), kind: kind, before: 0, after: 0,
            hole: Int8(start - at))
        }
        start = max(end, start + 1)
      } else {
        start += 1
      }
    }
    return nil
  }

  /// The end of the dead padding that starts here: NOPs or INT3s behind an instruction that does not
  /// fall through, none of them a target.
  private func paddingEnd(_ start: Int) -> Int? {
    guard text.mark(start) & TextMap.Mark.padding != 0, let before = text.previous(start),
      text.mark(before) & TextMap.Mark.endsFlow != 0 || isDead(before)
    else { return nil }
    var i = start
    while text.mark(i) & TextMap.Mark.padding != 0, text.mark(i) & TextMap.Mark.bad == 0 {
      let length = text.length(i)
      if (i..<(i + length)).contains(where: { text.isTarget($0) }) { break }
      i += length
    }
    return i > start ? i : nil
  }

  /// Padding that another dead padding leads into.
  private func isDead(_ at: Int) -> Bool {
    var i = at
    for _ in 0..<16 {
      guard text.mark(i) & TextMap.Mark.padding != 0, !text.isTarget(i),
        let p = text.previous(i)
      else { return false }
      if text.mark(p) & TextMap.Mark.endsFlow != 0, text.mark(p) & TextMap.Mark.padding == 0 {
        return true
      }
      i = p
    }
    return false
  }

  private func isFree(_ range: Range<Int>) -> Bool {
    !used.contains { $0.overlaps(range) }
  }
}
