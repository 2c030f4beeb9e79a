import CEnclave
import EnclaveRuntime
import LinuxABI
import PayloadFormat

/// The rewritten system-call sites of one executable file mapping, and their stubs.
///
/// A stub of a SYSCALL site, at most ±2 GiB away, pushes nothing (red zone):
/// ```
/// <instructions moved from before the site>
/// lea rcx, [return]
/// jmp *gs:[TB_SYSCALL_ENTRY]
/// return: <instructions moved from after it>
/// jmp back                    ; only when something was moved from after it
/// ```
/// CPUID and XGETBV link through RDX instead. The site becomes `jmp rel32` to the stub, or `jmp rel8` to a
/// hole of padding with the `jmp rel32`. The table is the vendor's (signed) or, in development, the host's;
/// either way each entry is checked against the mapping's bytes before it is used.
final class RewrittenObject: @unchecked Sendable {
  struct Patch {
    var address: UInt
    var bytes: [UInt8]
  }
  /// Sorted by address, immutable after construction.
  let patches: [Patch]
  /// The sites, sorted by address and so by stub.
  let sites: [PatchedSite]

  init(patches: [Patch], sites: [PatchedSite]) {
    self.patches = patches
    self.sites = sites
  }

  /// Most bytes of one stub: moved instructions (2 × 15 at most), lea 7, jmp 8, jmp 5.
  static let largestStub = 64

  /// Writes the patches that meet [from, to), pages just committed with the file's content.
  func apply(_ from: UInt, _ to: UInt) { apply(from, to, in: from) }

  /// Whether a patch meets [from, to).
  func isPatched(_ from: UInt, _ to: UInt) -> Bool {
    var i = firstPatch(from)
    while i < patches.count, patches[i].address < to {
      if patches[i].address + UInt(patches[i].bytes.count) > from { return true }
      i += 1
    }
    return false
  }

  /// The first patch that may reach `from` or beyond.
  private func firstPatch(_ from: UInt) -> Int {
    var low = 0
    var high = patches.count
    let start = from > 16 ? from - 16 : 0
    while low < high {
      let middle = (low + high) / 2
      if patches[middle].address >= start { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Writes the patches that meet [from, to) into a copy of that content at `copy`.
  func apply(_ from: UInt, _ to: UInt, in copy: UInt) {
    var i = firstPatch(from)
    while i < patches.count, patches[i].address < to {
      let patch = patches[i]
      let begin = max(patch.address, from)
      let end = min(patch.address + UInt(patch.bytes.count), to)
      if begin < end {
        KernelCopy.store(
          copy + (begin - from), patch.bytes, from: Int(begin - patch.address),
          count: Int(end - begin))
      }
      i += 1
    }
  }

  /// Plans the rewriting of file content [offset, offset + length) mapped at `address`. `readFile` gives file
  /// bytes. Returns the patches and the stub code for stubs at `stubBase`, or nil when an entry is wrong.
  static func plan(
    sites: [Site], address: UInt, offset: UInt64, length: UInt, stubBase: UInt,
    readFile: (UInt64, Int) -> [UInt8]?
  ) -> (patches: [Patch], stubs: [UInt8], sites: [PatchedSite])? {
    var patches: [Patch] = []
    var stubs: [UInt8] = []
    var patched: [PatchedSite] = []
    for site in sites.sorted(by: { $0.fileOffset < $1.fileOffset }) {
      guard site.fileOffset >= offset,
        site.fileOffset + UInt64(site.length) <= offset + UInt64(length)
      else { continue }
      guard let original = readFile(site.fileOffset, site.length), original.count == site.length
      else {
        return nil
      }
      let before = Int(site.before)
      let size = site.kind.length
      // The instruction must really be there; a wrong table is refused, not applied.
      switch site.kind {
      case .syscall:
        guard original[before] == 0x0F, original[before + 1] == 0x05 else { return nil }
      case .cpuid: guard original[before] == 0x0F, original[before + 1] == 0xA2 else { return nil }
      case .xgetbv:
        guard original[before] == 0x0F, original[before + 1] == 0x01, original[before + 2] == 0xD0
        else { return nil }
      }
      let place = address + UInt(site.fileOffset - offset)
      let stub = stubBase + UInt(stubs.count)
      let back = place + UInt(site.length)

      var code: [UInt8] = []
      code.append(contentsOf: original[0..<before])
      // lea rcx/rdx, [rip + distance]: to what follows the next 8 bytes (moved instructions) or straight back.
      let leaEnd = stub + UInt(code.count) + 7
      let target = site.after > 0 ? leaEnd + 8 : back
      guard let distance = relative(from: leaEnd, to: target) else { return nil }
      code.append(contentsOf: [0x48, 0x8D, site.kind == .syscall ? 0x0D : 0x15])
      append32(&code, distance)
      let slot: Int32
      switch site.kind {
      case .syscall: slot = Int32(TB_SYSCALL_ENTRY)
      case .cpuid: slot = Int32(TB_CPUID_ENTRY)
      case .xgetbv: slot = Int32(TB_XGETBV_ENTRY)
      }
      code.append(contentsOf: [0x65, 0xFF, 0x24, 0x25])
      append32(&code, slot)
      var end = code.count
      if site.after > 0 {
        code.append(contentsOf: original[(before + size)...])
        guard let jump = relative(from: stub + UInt(code.count) + 5, to: back) else { return nil }
        end = code.count
        code.append(0xE9)
        append32(&code, jump)
      }
      var record = PatchedSite(
        address: place, stub: stub, length: UInt8(site.length), before: site.before,
        instruction: UInt8(size), after: site.after, stubAfter: UInt8(end - Int(site.after)))
      while code.count % 16 != 0 { code.append(0xCC) }

      var patch = [UInt8](repeating: 0xCC, count: site.length)
      if site.hole == 0 {
        guard site.length >= 5, let jump = relative(from: place + 5, to: stub) else { return nil }
        var bytes: [UInt8] = [0xE9]
        append32(&bytes, jump)
        for i in 0..<5 { patch[i] = bytes[i] }
      } else {
        let short = Int(site.hole) - 2
        guard (-128...127).contains(short) else { return nil }
        let holeOffset = Int64(bitPattern: site.fileOffset) + Int64(site.hole)
        guard holeOffset >= Int64(bitPattern: offset),
          holeOffset + 5 <= Int64(bitPattern: offset) + Int64(length),
          let padding = readFile(UInt64(holeOffset), 5), padding.count == 5
        else { return nil }
        let hole = place &+ UInt(bitPattern: Int(site.hole))
        guard let jump = relative(from: hole + 5, to: stub) else { return nil }
        patch[0] = 0xEB
        patch[1] = UInt8(bitPattern: Int8(short))
        var bytes: [UInt8] = [0xE9]
        append32(&bytes, jump)
        patches.append(Patch(address: hole, bytes: bytes))
        record.hole = hole
      }
      patches.append(Patch(address: place, bytes: patch))
      stubs.append(contentsOf: code)
      patched.append(record)
    }
    patches.sort { $0.address < $1.address }
    return (patches, stubs, patched)
  }

  private static func relative(from: UInt, to: UInt) -> Int32? {
    let distance = Int(bitPattern: to &- from)
    return Int32(exactly: distance)
  }

  private static func append32(_ code: inout [UInt8], _ value: Int32) {
    let bits = UInt32(bitPattern: value)
    for i in 0..<4 { code.append(UInt8(truncatingIfNeeded: bits >> (8 * UInt32(i)))) }
  }
}
