import Foundation
import PayloadFormat
import Testing

@testable import Payload

/// Real programs: the counts agree with objdump, and the rewriting with what objdump says of the bytes.
@Suite("Sites: real programs", .enabled(if: Toolbox.find("objdump") != nil))
struct SiteRewritingTests {
  struct Program: CustomTestStringConvertible {
    var name: String
    var path: @Sendable () -> String?
    /// Sites that may stay with the trap: signal return, and CPUID where nothing else is possible.
    var mostTrapped: Int
    var leastFound: Int
    var testDescription: String { name }
  }

  static let goSource = """
    package main
    import ("fmt"; "os"; "time")
    func main() {
      c := make(chan int)
      for i := 0; i < 50; i++ { go func(i int) { time.Sleep(time.Millisecond); c <- i * i }(i) }
      s := 0
      for i := 0; i < 50; i++ { s += <-c }
      d, err := os.ReadDir("/")
      fmt.Println("sum", s, len(d) > 3, err)
    }
    """
  static let programs: [Program] = [
    Program(
      name: "libc.so.6", path: { existing("/lib/x86_64-linux-gnu/libc.so.6") }, mostTrapped: 3,
      leastFound: 500),
    Program(
      name: "ld-linux", path: { existing("/lib64/ld-linux-x86-64.so.2") }, mostTrapped: 3,
      leastFound: 40),
    Program(
      name: "musl", path: { existing("/lib/x86_64-linux-musl/libc.so") }, mostTrapped: 3,
      leastFound: 400),
    Program(
      name: "static Go", path: { Toolbox.go(goSource, name: "gohello") }, mostTrapped: 2,
      leastFound: 40),
    Program(
      name: "stripped Go",
      path: { Toolbox.go(goSource, name: "gostripped", flags: ["-ldflags=-s -w"]) },
      mostTrapped: 2, leastFound: 40),
    Program(
      name: "busybox", path: { existing("/usr/bin/busybox") }, mostTrapped: 3, leastFound: 200),
    Program(
      name: "python3", path: { existing("/usr/bin/python3") }, mostTrapped: 0, leastFound: 0),
    Program(
      name: "libstdc++", path: { existing("/usr/lib/x86_64-linux-gnu/libstdc++.so.6") },
      mostTrapped: 1, leastFound: 1),
  ]
  static func existing(_ path: String) -> String? {
    FileManager.default.fileExists(atPath: path) ? path : nil
  }

  @Test(
    "as many found as objdump shows, nearly all rewritten, every patch sound", arguments: programs)
  func soundness(_ program: Program) throws {
    guard let path = program.path() else { return }
    let listing = try #require(Listing(path))
    let a = try SiteAnalysis(path: path)
    #expect(a.found.syscall == listing.count("syscall"))
    #expect(a.found.cpuid == listing.count("cpuid"))
    #expect(a.found.xgetbv == listing.count("xgetbv"))
    #expect(a.found.total >= program.leastFound)
    #expect(a.trapped.total <= program.mostTrapped)
    #expect(SiteTable.decode(a.table) == a.sites)

    let original = try #require(FileManager.default.contents(atPath: path).map { [UInt8]($0) })
    let patched = try #require(PatchedELF(original, a.sites, style: .enclave))
    try original.withUnsafeBytes { raw in
      let image = try ELFImage(raw)
      for (site, stub) in zip(a.sites, patched.stubs) {
        let load = try #require(
          image.loads.first {
            Int(site.fileOffset) >= $0.fileOffset
              && Int(site.fileOffset) < $0.fileOffset + $0.fileSize
          })
        let start = load.address + site.fileOffset - UInt64(load.fileOffset)
        check(site, at: start, in: listing)
        checkJumps(site, start, stub, patched)
      }
    }
  }

  /// What objdump says of the bytes that move or vanish.
  private func check(_ site: Site, at start: UInt64, in listing: Listing) {
    let end = start + UInt64(site.length)
    let own = start + UInt64(site.before)
    #expect(listing.isStart(end), "\(String(start, radix: 16)): the return lands inside")
    #expect(listing.text(at: own) == "\(site.kind)")
    guard var i = listing.position(start) else {
      Issue.record("\(String(start, radix: 16)): the patch starts inside an instruction")
      return
    }
    while listing.addresses[i] < end {
      let address = listing.addresses[i]
      let text = listing.text(i)
      if address != own { checkMoved(text, isLast: listing.addresses[i + 1] == end) }
      #expect(address == start || !listing.targets.contains(address), "\(text) is jumped to")
      i += 1
    }
    guard site.hole != 0 else { return }
    let hole = UInt64(Int64(start) + Int64(site.hole))
    for a in hole..<(hole + 5) {
      #expect(!listing.targets.contains(a))
      if let text = listing.text(at: a) { #expect(isPadding(text), "\(text) in a hole") }
    }
    guard var j = listing.position(hole) else {
      Issue.record("\(String(hole, radix: 16)): a hole inside an instruction")
      return
    }
    repeat { j -= 1 } while isPadding(listing.text(j)) && listing.text(j) != "int3"
    let before = listing.text(j).split(separator: " ").map(String.init)
    #expect(
      ["ret", "jmp", "ud2", "hlt", "int3", "notrack", "bnd"].contains(before.first ?? ""),
      "\(before) runs into a hole")
  }

  private func checkMoved(_ text: String, isLast: Bool) {
    let mnemonic = text.split(separator: " ").first.map(String.init) ?? ""
    #expect(!text.contains("%rip"), "\(text) moved")
    #expect(!text.contains("%gs"), "\(text) moved")
    let never = [
      "push", "pop", "call", "j", "loop", "lock", "rep", "endbr", "leave", "enter", "int",
    ]
    #expect(!never.contains { mnemonic.hasPrefix($0) }, "\(text) moved")
    #expect(mnemonic != "ret" || isLast, "\(text) moved")
  }

  private func isPadding(_ text: String) -> Bool {
    text.contains("nop") || text == "int3" || text.hasPrefix("xchg   %ax,%ax")
      || text.hasPrefix("data16")
  }

  /// Reads the patched bytes as the processor would: to the stub, through it, and back.
  private func checkJumps(_ site: Site, _ start: UInt64, _ stub: UInt64, _ patched: PatchedELF) {
    var at = Int(site.fileOffset)
    var address = start
    if site.hole != 0 {
      #expect(patched.bytes[at] == 0xEB)
      let d = Int(Int8(bitPattern: patched.bytes[at + 1])) + 2
      at += d
      address = UInt64(Int64(address) + Int64(d))
    }
    #expect(patched.bytes[at] == 0xE9)
    let d = Int32(bitPattern: PatchedELF.read32(patched.bytes, at + 1))
    #expect(address &+ 5 &+ UInt64(bitPattern: Int64(d)) == stub)

    let s = Int(stub - patched.stubBase)
    let link = s + Int(site.before)
    let back = link + 15 + Int(site.after)
    #expect(patched.stubBytes[link + 7] == 0x65)
    // The link register gets the address behind the jump to the kernel.
    #expect(link + 7 + Int(PatchedELF.read32(patched.stubBytes, link + 3)) == link + 15)
    #expect(patched.stubBytes[back] == 0xE9)
    let r = Int32(bitPattern: PatchedELF.read32(patched.stubBytes, back + 1))
    let from = patched.stubBase + UInt64(back) + 5
    #expect(from &+ UInt64(bitPattern: Int64(r)) == start + UInt64(site.length))
  }

  @Test(
    "outside the patches objdump reads the same instructions",
    arguments: programs.filter { ["ld-linux", "musl", "static Go"].contains($0.name) })
  func unchanged(_ program: Program) throws {
    guard let path = program.path() else { return }
    let before = try #require(Listing(path))
    let a = try SiteAnalysis(path: path)
    let original = try #require(FileManager.default.contents(atPath: path).map { [UInt8]($0) })
    let patched = try #require(PatchedELF(original, a.sites, style: .native))
    let copy = Toolbox.folder + "/patched-\(program.name.replacingOccurrences(of: " ", with: "-"))"
    try Data(patched.bytes).write(to: URL(fileURLWithPath: copy))
    let after = try #require(Listing(copy))
    var ranges: [(UInt64, UInt64)] = []
    try original.withUnsafeBytes { raw in
      let image = try ELFImage(raw)
      func address(_ offset: UInt64) -> UInt64 {
        let load = image.loads.first {
          Int(offset) >= $0.fileOffset && Int(offset) < $0.fileOffset + $0.fileSize
        }
        return load.map { $0.address + offset - UInt64($0.fileOffset) } ?? 0
      }
      for s in a.sites {
        ranges.append((address(s.fileOffset), address(s.fileOffset) + UInt64(s.length)))
        if s.hole != 0 {
          // What is left of the last NOP may decode as anything; nothing runs into it.
          let hole = address(SiteTable.holeOffset(s))
          ranges.append((hole, hole + 20))
        }
      }
    }
    ranges.sort { $0.0 < $1.0 }
    var r = 0
    var differences = 0
    for (i, at) in before.addresses.enumerated() {
      while r < ranges.count, at >= ranges[r].1 { r += 1 }
      if r < ranges.count, at >= ranges[r].0 { continue }
      guard let j = after.position(at), after.text(j) == before.text(i) else {
        differences += 1
        continue
      }
    }
    #expect(differences == 0)
  }
}
