// The five steps of a job from a program: jobs-example CLOISTER PAYLOAD POLICY COLLATERAL SOFTWARE-ROOT|- INPUT FOLDER
//
// Owner and provider are one process here; in life they are two machines, and the files between them are mailed.
import Attestation
import Foundation
import Jobs

let words = Array(CommandLine.arguments.dropFirst())
guard words.count == 7 else {
  print("usage: jobs-example CLOISTER PAYLOAD POLICY COLLATERAL SOFTWARE-ROOT|- INPUT FOLDER")
  exit(64)
}
let (cloister, payload, policyFile, collateral) = (words[0], words[1], words[2], words[3])
let folder = words[6]
func file(_ name: String) -> String { folder + "/" + name }

func bytes(hex: String) -> [UInt8] {
  let digits = Array(hex)
  return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
    UInt8(String(digits[$0...($0 + 1)]), radix: 16)
  }
}

do {
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  let owner = OwnerKey()
  let publicKey = try owner.write(to: file("owner.pem"))
  var random = SystemRandomNumberGenerator()
  let nonce = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }

  let provider = Provider(cloister: cloister)
  let instance = try provider.offer(
    payload: payload, owner: publicKey, nonce: nonce, to: file("offer"))
  defer { instance.stop() }

  let policy = try JobPolicy(contentsOf: policyFile)
  let trust = JobTrust(
    collateral: try CollateralFolder.read(collateral),
    softwareRoot: words[4] == "-" ? nil : bytes(hex: words[4]))
  let offer = try VerifiedOffer(
    contentsOf: file("offer"), owner: owner.publicKey, nonce: nonce, policy: policy, trust: trust)
  let sealing = Sealing(to: offer, owner: owner)
  let sealed = try sealing.run(
    inputs: [words[5]], job: file("job"), ticket: file("job.ticket"))
  print("sealed \(sealed.files) files, \(sealed.bytes) bytes, with \(sealed.suite)")

  try provider.run(payload: payload, job: file("job"), to: file("result"))

  let opened = try OpenedResult(
    file("result"), ticket: try JobTicket(contentsOf: file("job.ticket")), to: file("out"))
  print("the program exited with \(opened.receipt.receipt.exitCode ?? 255)")

  let receipt = try VerifiedReceipt(contentsOf: file("result"), policy: policy, trust: trust)
  try receipt.requireInput(of: file("job"))
  try receipt.requireOutput(of: file("result"))
  print("receipt verified")
} catch {
  FileHandle.standardError.write(Data("jobs-example: \(error)\n".utf8))
  exit(1)
}
