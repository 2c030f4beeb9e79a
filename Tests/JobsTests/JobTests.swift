import Attestation
import EnclaveCrypto
import Foundation
import JobFormat
import SealedVolume
import Testing

@testable import Jobs

@Suite("jobs: from a folder to a proven result")
struct JobTests {
  @Test("seal, run, open, receipt verify", arguments: JobSuite.allCases)
  func happyPath(suite: JobSuite) throws {
    let desk = try Desk()
    var instance = desk.instance()
    if suite == .x25519 { instance.suites = [.x25519] }
    let summary = try desk.seal(try instance.offerFile()) {
      $0.arguments = ["--frame", "7"]
      $0.environment = ["SECRET=blue"]
    }
    #expect(summary.files == 2 && summary.bytes == 300_005 && summary.suite == "\(suite.name)")
    let job = try desk.read("job")
    #expect(
      !job.contains(text: "hello") && !job.contains(text: "blue"), "the provider sees nothing")
    var status = stat()
    #expect(stat(desk.path("job.ticket"), &status) == 0 && status.st_mode & 0o777 == 0o600)

    try instance.run(job: desk.path("job"), result: desk.path("result"), waitStatus: 3 << 8) {
      #expect($0.arguments == ["--frame", "7"] && $0.environment == ["SECRET=blue"])
      #expect(try $0.read("hello.txt") == Array("hello".utf8))
      #expect(try $0.read("deep/big").count == 300_000)
      try $0.write("answer", Array("forty-two".utf8), mode: 0o104755)
    }
    #expect(try !desk.read("result").contains(text: "forty-two"))
    #expect(try OpenedResult.findTicket(for: desk.path("result")) == desk.path("job.ticket"))
    let opened = try desk.open("result")
    #expect(opened.receipt.receipt.exitCode == 3 && opened.files == 1 && opened.bytes == 9)
    #expect(try desk.read("out/output/answer") == Array("forty-two".utf8))
    #expect(stat(desk.path("out/output/answer"), &status) == 0)
    #expect(status.st_mode & 0o7777 == 0o755, "no set-user-ID bit comes out")

    for file in ["result", "out/receipt"] {
      let receipt = try VerifiedReceipt(
        contentsOf: desk.path(file), policy: try PretendInstance.policy(),
        trust: PretendInstance.trust(), owner: desk.owner.publicKey, nonce: desk.nonce)
      #expect(receipt.receipt.inputCommitment == summary.inputCommitment)
      try receipt.requireInput(of: desk.path("job"))
      try receipt.requireOutput(of: desk.path("result"))
      let error = #expect(throws: JobsError.self) { try receipt.requireInputsAreData() }
      #expect(error?.kind == .refusedByPolicy)
    }
    #expect(try desk.leftovers().isEmpty)
  }

  @Test("only the receipt")
  func receiptOnly() throws {
    let desk = try Desk()
    let instance = desk.instance()
    try desk.seal(try instance.offerFile())
    try instance.run(job: desk.path("job"), result: desk.path("result")) { try $0.write("x", [1]) }
    let opened = try desk.open("result", receiptOnly: true)
    #expect(opened.files == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: desk.path("out")) == ["receipt"])
  }

  @Test("what is put where: contents of folders, other things by name, links, modes, times")
  func packing() throws {
    let desk = try Desk()
    let instance = desk.instance()
    try desk.write("single", [1, 2, 3])
    chmod(desk.path("single"), 0o700)
    symlink("hello.txt", desk.path("in/link"))
    utimes(
      desk.path("in/hello.txt"),
      [timeval(tv_sec: 1000, tv_usec: 0), timeval(tv_sec: 2000, tv_usec: 0)])
    let sealing = Sealing(to: try desk.verify(try instance.offerFile()), owner: desk.owner)
    _ = try sealing.run(
      inputs: [desk.path("in/"), desk.path("single")], job: desk.path("job"),
      ticket: desk.path("t"))
    try instance.run(job: desk.path("job"), result: desk.path("result")) { program in
      let input = program.input
      var found: [String: VolumeInode] = [:]
      for name in ["single", "hello.txt", "link", "deep"] {
        found[name] = try input.inode(try input.resolve(Array(name.utf8)))
      }
      #expect(found["single"]?.mode == 0o100744)
      #expect(found["single"]?.uid == 0)
      let time: Int64 = try #require(found["hello.txt"]).mtimeNs
      #expect(time == 2_000_000_000_000)
      #expect(found["link"]?.isSymlink == true)
      #expect(found["deep"]?.isDirectory == true)
      #expect(try program.read("single") == [1, 2, 3])
    }
  }

  @Test("seal: wrong input and output leave nothing behind")
  func badSealing() throws {
    let desk = try Desk()
    let offer = try desk.instance().offerFile()
    let verified = try desk.verify(offer)
    func refused(
      _ kind: JobsError.Kind, _ text: String, inputs: [String]? = nil, job: String = "job",
      ticket: String = "ticket", change: (inout Sealing) -> Void = { _ in }
    ) throws {
      var sealing = Sealing(to: verified, owner: desk.owner)
      change(&sealing)
      let error = #expect(throws: JobsError.self) {
        try sealing.run(
          inputs: inputs ?? [desk.path("in")], job: desk.path(job), ticket: desk.path(ticket))
      }
      #expect(error?.kind == kind && error?.description.contains(text) == true, "\(error!)")
      #expect(!desk.exists("job") && !desk.exists("ticket"))
      #expect(try desk.leftovers().isEmpty)
    }
    try refused(.missing, "none", inputs: [desk.path("none")])
    try refused(.usage, "two inputs", inputs: [desk.path("in"), desk.path("in/hello.txt")])
    try refused(.usage, "neither a file", inputs: ["/dev/null"])
    try refused(.cannotCreate, "exists", job: "in")
    try refused(.cannotCreate, "exists", ticket: "in")
    try refused(.cannotCreate, "cannot write", job: "no/such/folder")
    try refused(.usage, "NAME=VALUE") { $0.environment = ["novalue"] }
    try refused(.usage, "too long") {
      $0.arguments = [String](repeating: String(repeating: "a", count: 1000), count: 1200)
    }
    var plain = desk.instance()
    plain.flags = []
    let other = try desk.verify(try plain.offerFile())
    var sealing = Sealing(to: other, owner: desk.owner)
    sealing.arguments = ["x"]
    let error = #expect(throws: JobsError.self) {
      try sealing.run(inputs: [desk.path("in")], job: desk.path("job"), ticket: desk.path("t"))
    }
    #expect(error?.description.contains("takes no arguments") == true)
  }

  @Test("open: an existing folder, a foreign file, a missing ticket")
  func badOpening() throws {
    let desk = try Desk()
    let instance = desk.instance()
    try desk.seal(try instance.offerFile())
    try instance.run(job: desk.path("job"), result: desk.path("result")) { try $0.write("x", [1]) }
    func refused(_ kind: JobsError.Kind, _ text: String, _ body: () throws -> Void) throws {
      let error = #expect(throws: JobsError.self, performing: body)
      #expect(error?.kind == kind && error?.description.contains(text) == true, "\(error!)")
      #expect(!desk.exists("out"))
      #expect(try desk.leftovers().isEmpty)
    }
    try refused(.cannotCreate, "exists") { _ = try desk.open("result", to: "in") }
    try refused(.malformed, "this is a job") { _ = try desk.open("job") }
    try refused(.malformed, "no file of Cloister") { _ = try desk.open("in/hello.txt") }
    try refused(.missing, "cannot open") { _ = try desk.open("none") }
    try refused(.malformed, "not a ticket") { _ = try desk.open("result", ticket: "job") }
    try desk.write("cut", Array(try desk.read("result").prefix(1000)))
    try refused(.malformed, "cut off") { _ = try desk.open("cut") }
    chmod(desk.path("job.ticket"), 0o644)
    try refused(.usage, "chmod 600") { _ = try desk.open("result") }
    rename(desk.path("job.ticket"), desk.path("moved"))
    try refused(.missing, "--ticket") { _ = try OpenedResult.findTicket(for: desk.path("result")) }
  }

  @Test("a hostile output tree does not lead out of the folder", arguments: ["..", "a/b", "."])
  func hostileNames(name: String) throws {
    let desk = try Desk()
    let instance = desk.instance()
    try desk.seal(try instance.offerFile())
    try instance.run(job: desk.path("job"), result: desk.path("result")) {
      let number = try $0.output.allocateInode()
      var inode = VolumeInode()
      inode.mode = 0o100644
      try $0.output.setInode(number, inode)
      try $0.output.setEntry(
        $0.outputDirectory, VolumeEntry(name: Array(name.utf8), inode: number, type: 8))
    }
    let error = #expect(throws: JobsError.self) { try desk.open("result") }
    // Some names the volume's own code refuses.
    #expect(error?.kind == .malformed || error?.kind == .refusedByVerification, "\(error!)")
    #expect(!desk.exists("out"))
    #expect(try desk.leftovers().isEmpty)
  }

  @Test("a folder that contains itself, links that lead outside, devices")
  func hostileTree() throws {
    let desk = try Desk()
    let instance = desk.instance()
    try desk.seal(try instance.offerFile())
    try instance.run(job: desk.path("job"), result: desk.path("result")) {
      try $0.output.setEntry(
        $0.outputDirectory, VolumeEntry(name: [0x61], inode: $0.outputDirectory, type: 4))
    }
    let error = #expect(throws: JobsError.self) { try desk.open("result") }
    #expect(error?.description.contains("not a tree") == true)
    try instance.run(job: desk.path("job"), result: desk.path("result2")) {
      try $0.write("link", Array("/etc/passwd".utf8), mode: 0o120777)
      try $0.write("null", [], mode: 0o020666)
    }
    let opened = try desk.open("result2")
    #expect(opened.skipped == [desk.folder + "/out.partial.\(getpid())/output/null"])
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: desk.path("out/output/link"))
        == "/etc/passwd")
  }

  @Test("a policy for jobs names the enclave, and leaves nonce and report data to the protocol")
  func policies() throws {
    for text in ["", "[enclave]\n", "[tcb]\naccepted_statuses = [\"UpToDate\"]\n"] {
      let error = #expect(throws: JobsError.self) { try JobPolicy(toml: text) }
      #expect(error?.kind == .usage && error?.description.contains("any program") == true)
    }
    let name = "[enclave]\nmrenclave = [\"\(String(repeating: "00", count: 32))\"]\n"
    for text in [
      "[freshness]\nnonce = \"00\"\n",
      "[report_data]\nexact = \"\(String(repeating: "00", count: 64))\"\n",
    ] {
      #expect(throws: JobsError.self) { try JobPolicy(toml: name + text) }
    }
    _ = try JobPolicy(toml: name)
  }
}

extension [UInt8] {
  func contains(text: String) -> Bool {
    Data(self).range(of: Data(text.utf8)) != nil
  }
}
