import CEnclave
import EnclaveRuntime

/// One rewritten instruction, for the two-way map of program counters.
///
/// Signal frames show where the program would be without rewriting: unwinders find their tables by that
/// address, cancellation code in C libraries compares it with labels. rt_sigreturn(2) maps it back.
struct PatchedSite {
  /// First byte of the rewritten ones.
  var address: UInt
  var stub: UInt
  /// How many bytes were rewritten: `before` moved ones, the instruction itself, `after` moved ones.
  var length: UInt8
  var before: UInt8
  var instruction: UInt8
  var after: UInt8
  /// Offset in the stub of the instructions moved from after the site; without any, where the stub's own end.
  var stubAfter: UInt8
  /// Where the jump lies for which the site had no room, or 0.
  var hole: UInt = 0

  var end: UInt { address + UInt(length) }

  /// The program's address for one within the stub.
  func original(ofStub pc: UInt) -> UInt {
    let at = pc - stub
    if at <= UInt(before) { return address + at }
    // The link register is loaded, or the jump is about to be taken: the instruction has not begun.
    if at < UInt(stubAfter) || after == 0 { return address + UInt(before) }
    return address + UInt(before) + UInt(instruction) + min(at - UInt(stubAfter), UInt(after))
  }

  /// Where to go on for an address of the program, which may lie within the rewritten bytes.
  func stub(for pc: UInt) -> UInt {
    let at = pc - address
    if at == 0 || at >= UInt(length) { return pc }
    if at <= UInt(before) { return stub + at }
    let behind = UInt(before) + UInt(instruction)
    // Within the instruction: nobody can come from there.
    if at < behind { return pc }
    return stub + UInt(stubAfter) + (at - behind)
  }
}

extension RewrittenObject {
  /// The last site for which `key` is not above `pc`.
  private func site(_ pc: UInt, by key: (PatchedSite) -> UInt) -> PatchedSite? {
    var low = 0
    var high = sites.count
    while low < high {
      let middle = (low + high) / 2
      if key(sites[middle]) <= pc { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? sites[low - 1] : nil
  }

  /// The program's address for one in the stubs (`isStub`) or in the rewritten file content.
  func original(_ pc: UInt, isStub: Bool) -> UInt {
    if isStub { return site(pc, by: { $0.stub })?.original(ofStub: pc) ?? pc }
    // At the far jump of a site without room: nothing of the site has been executed.
    guard let patch = patch(at: pc) else { return pc }
    for site in sites where site.hole == patch { return site.address }
    return pc
  }

  /// Start of the 5-byte patch outside of a site that holds `pc`.
  private func patch(at pc: UInt) -> UInt? {
    var low = 0
    var high = patches.count
    while low < high {
      let middle = (low + high) / 2
      if patches[middle].address <= pc { low = middle + 1 } else { high = middle }
    }
    guard low > 0, patches[low - 1].address == pc, patches[low - 1].bytes[0] == 0xE9 else {
      return nil
    }
    if let own = site(pc, by: { $0.address }), own.address == pc { return nil }
    return pc
  }

  /// Where to go on for an address in the rewritten file content.
  func current(_ pc: UInt) -> UInt {
    guard let site = site(pc, by: { $0.address }), pc < site.end else { return pc }
    return site.stub(for: pc)
  }
}

extension AddressSpace {
  /// The program counter that a signal frame shows. `link` is the program's RCX: the return address of a system
  /// call that is about to be made again.
  func originalProgramCounter(_ pc: UInt, link: UInt) -> UInt {
    lock.lock()
    defer { lock.unlock() }
    if pc == UInt(cl_syscall_entry_address()) {
      guard let i = find(link) else { return pc }
      return original(link, vmas[i]) - 2
    }
    guard let i = find(pc) else { return pc }
    return original(pc, vmas[i])
  }

  private func original(_ pc: UInt, _ vma: VMA) -> UInt {
    vma.rewritten?.original(pc, isStub: vma.kind == .stubs) ?? pc
  }

  /// Where a program counter from a signal frame goes on.
  func currentProgramCounter(_ pc: UInt) -> UInt {
    lock.lock()
    defer { lock.unlock() }
    guard let i = find(pc), vmas[i].kind != .stubs, let rewritten = vmas[i].rewritten else {
      return pc
    }
    return rewritten.current(pc)
  }
}
