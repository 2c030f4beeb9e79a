import Attestation
import Crypto
import Foundation
import X509

extension SoftwarePlatform {
  /// `$CLOISTER_STATE`, else `$XDG_STATE_HOME/cloister`, else `~/.local/state/cloister`; in it
  /// `software-quoting`.
  public static var standardFolder: String {
    let environment = ProcessInfo.processInfo.environment
    let base: String
    if let folder = environment["CLOISTER_STATE"], !folder.isEmpty {
      base = folder
    } else if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
      base = state + "/cloister"
    } else {
      base = (environment["HOME"] ?? NSHomeDirectory()) + "/.local/state/cloister"
    }
    return base + "/software-quoting"
  }

  /// The platform of this folder, made if it is not there: the folder 0700, keys 0600.
  public static func open(folder: String = standardFolder) throws(FormatError) -> SoftwarePlatform {
    if !FileManager.default.fileExists(atPath: folder) { try create(folder) }
    return try read(folder)
  }

  private static let keyFiles:
    [(name: String, key: WritableKeyPath<PKIKeys, P256.Signing.PrivateKey> & Sendable)] = [
      ("root.key", \.root), ("platform_ca.key", \.platformCA), ("tcb_signing.key", \.tcbSigning),
      ("pck.key", \.pck), ("attestation.key", \.attestation),
    ]

  /// Everything is written to a folder beside and renamed, so that two processes that start at
  /// once agree: the second finds the first one's.
  private static func create(_ folder: String) throws(FormatError) {
    let manager = FileManager.default
    let parent = URL(fileURLWithPath: folder).deletingLastPathComponent()
    let temporary = parent.appendingPathComponent(".software-quoting.\(UUID().uuidString)")
    do {
      let now = Timestamp.now
      let keys = PKIKeys()
      var recipe = PKIRecipe(at: now)
      var random = SystemRandomNumberGenerator()
      recipe.sgx.ppid = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
      recipe.sgx.platformInstanceID = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random)
      }
      let certificates = try PKICertificates(keys, recipe)

      try manager.createDirectory(at: parent, withIntermediateDirectories: true)
      try manager.createDirectory(
        at: temporary, withIntermediateDirectories: false,
        attributes: [.posixPermissions: 0o700])
      func write(_ name: String, _ bytes: [UInt8]) throws {
        let path = temporary.appendingPathComponent(name).path
        guard
          manager.createFile(
            atPath: path, contents: Data(bytes), attributes: [.posixPermissions: 0o600])
        else { throw FormatError("cannot write \(path)") }
      }
      for (name, key) in keyFiles {
        try write(name, Array(keys[keyPath: key].pemRepresentation.utf8))
      }
      try write("root.pem", PKICertificates.pem(certificates.root))
      try write("platform_ca.pem", PKICertificates.pem(certificates.platformCA))
      try write("tcb_signing.pem", PKICertificates.pem(certificates.tcbSigning))
      try write("pck.pem", PKICertificates.pem(certificates.pck))
      do {
        try manager.moveItem(atPath: temporary.path, toPath: folder)
      } catch {
        try? manager.removeItem(at: temporary)
        guard manager.fileExists(atPath: folder) else { throw error }
      }
    } catch {
      throw FormatError("cannot make the software platform in \(folder): \(error)")
    }
  }

  private static func read(_ folder: String) throws(FormatError) -> SoftwarePlatform {
    let attributes = try? FileManager.default.attributesOfItem(atPath: folder)
    let mode = (attributes?[.posixPermissions] as? NSNumber)?.intValue ?? 0o777
    guard mode & 0o077 == 0 else {
      throw FormatError(
        "\(folder) can be read by others (mode \(String(mode, radix: 8)), 700 is right)")
    }
    do {
      var keys = PKIKeys()
      for (name, key) in keyFiles {
        let pem = try CollateralFolder.readFile("\(folder)/\(name)", limit: 4096)
        keys[keyPath: key] = try P256.Signing.PrivateKey(
          pemRepresentation: String(decoding: pem, as: UTF8.self))
      }
      func certificate(_ name: String) throws -> Certificate {
        let pem = try CollateralFolder.readFile("\(folder)/\(name)", limit: 16384)
        return try Certificate(pemEncoded: String(decoding: pem, as: UTF8.self))
      }
      let certificates = PKICertificates(
        root: try certificate("root.pem"), platformCA: try certificate("platform_ca.pem"),
        tcbSigning: try certificate("tcb_signing.pem"), pck: try certificate("pck.pem"))
      return SoftwarePlatform(
        keys: keys, certificates: certificates, sgx: try SGXExtensionRecipe(of: certificates.pck))
    } catch {
      throw FormatError("the software platform in \(folder) is damaged: \(error)")
    }
  }
}

extension SGXExtensionRecipe {
  /// What a PCK certificate of ours says.
  init(of certificate: Certificate) throws(FormatError) {
    let known = try PCKExtension(certificateDER: PKICertificates.der(certificate))
    self.init()
    ppid = known.PPID
    platformInstanceID = known.platformInstanceID ?? platformInstanceID
    components = known.components
    PCESVN = Int(known.PCESVN)
    PCEID = known.PCEID
    FMSPC = known.FMSPC
  }
}
