import Glibc
import HostRuntime
import PayloadFormat
import SGX
import SoftwareSGX

/// `cloister sign`: a SIGSTRUCT for each profile of a payload.
public struct PayloadSigner {
  public enum Key {
    case key(SigningKey)
    /// A command that gets the 256 bytes to sign on its standard input and writes the RSA signature (PKCS #1 v1.5,
    /// SHA-256, 384 bytes, as `openssl dgst -sha256 -sign` writes it) to its standard output; and the public key.
    case command(String, modulus: [UInt8])

    var modulus: [UInt8] {
      switch self {
      case .key(let key): key.modulus
      case .command(_, let modulus): modulus
      }
    }
  }

  public let folder: PayloadFolder
  public let key: Key
  /// yyyymmdd in BCD.
  public let date: UInt32

  public init(_ folder: PayloadFolder, key: Key, date: UInt32? = nil) {
    self.folder = folder
    self.key = key
    self.date = date ?? Self.today()
  }

  /// A private key's file, which nobody else may read.
  public static func readKey(
    _ path: String, passphrase: () throws(HostError) -> [UInt8]
  ) throws(HostError) -> Key {
    guard let s = status(Array(path.utf8)) else {
      throw HostError("cannot open the key \(path): \(errorText())")
    }
    guard s.st_mode & 0o077 == 0 else {
      throw HostError(
        "the key \(path) can be read by others (mode \(String(s.st_mode & 0o777, radix: 8))); "
          + "use `chmod 600 \(path)`")
    }
    let pem = String(
      decoding: try readFile(path, limit: 1 << 16, what: "key"), as: UTF8.self)
    let phrase = SigningKey.isEncrypted(pem: pem) ? try passphrase() : nil
    do throws(SGXError) {
      return .key(try SigningKey(pem: pem, passphrase: phrase))
    } catch {
      let reason =
        switch error {
        case .invalidSigstruct(.modulus): "it is not RSA with 3072 bits"
        case .invalidSigstruct(.exponent): "its public exponent is not 3"
        default: phrase == nil ? "it is not a PEM private key" : "the passphrase does not open it"
        }
      throw HostError(
        "the key \(path) cannot be used: \(reason); `cloister keygen` makes one that can")
    }
  }

  /// Signs both profiles and puts the signatures into the folder. Returns MRENCLAVE of each, and MRSIGNER.
  public func sign() throws(HostError) -> (edmm: [UInt8], fixed: [UInt8], mrsigner: [UInt8]) {
    try PayloadCheck(folder).run()
    var hashes: [[UInt8]] = []
    var signed: [(MeasuredConfiguration.Profile, SIGSTRUCT)] = []
    for profile in [MeasuredConfiguration.Profile.edmm, .fixed] {
      let hash = try folder.builder(profile).measure()
      hashes.append(hash)
      signed.append((profile, try sign(hash)))
    }
    for (profile, sigstruct) in signed {
      try Self.install(sigstruct.encoded(), folder.path, PayloadFolder.signatureName(profile))
    }
    return (hashes[0], hashes[1], signed[0].1.mrsigner)
  }

  private static func install(
    _ bytes: [UInt8], _ folder: String, _ name: String
  ) throws(HostError) {
    let temporary = "\(name).\(getpid())"
    try PayloadWriter.write(bytes, folder, temporary)
    guard rename(folder + "/" + temporary, folder + "/" + name) == 0 else {
      let reason = errorText()
      unlink(folder + "/" + temporary)
      throw HostError("cannot write \(folder)/\(name): \(reason)")
    }
  }

  func sign(_ mrenclave: [UInt8]) throws(HostError) -> SIGSTRUCT {
    let configuration = folder.configuration
    let isDebug = configuration.flags.contains(.insecureDebug)
    // AVX and AVX-512 are the machine's choice unless the vendor says otherwise; nothing else of XCR0 ever is.
    var xfrm = ATTRIBUTES.XFRM.legacy
    var mask = ATTRIBUTES.XFRM(rawValue: ~0)
    let features: [(ATTRIBUTES.XFRM, MeasuredConfiguration.Flags, MeasuredConfiguration.Flags)] = [
      (.avx, .requiresAVX, .refusesAVX), (.avx512, .requiresAVX512, .refusesAVX512),
    ]
    for (bit, required, refused) in features {
      if configuration.flags.contains(required) {
        xfrm.formUnion(bit)
      } else if !configuration.flags.contains(refused) {
        mask.subtract(bit)
      }
    }
    var s = SIGSTRUCT(
      enclaveHash: mrenclave,
      attributes: ATTRIBUTES(flags: isDebug ? [.MODE64BIT, .DEBUG] : [.MODE64BIT], xfrm: xfrm),
      date: date, isvProdID: configuration.isvProdID, isvSVN: configuration.isvSVN)
    s.attributeMask.xfrm = mask
    // KSS is the starter's choice: with it an instance belongs to one owner (CONFIGID). A job's owner sees it in
    // the offer, and keys of an instance without it are others, because FLAGS are part of every sealing key.
    s.attributeMask.flags.remove(.KSS)
    s.modulus = key.modulus
    do throws(SGXError) {
      switch key {
      case .key(let key): s = try key.sign(s)
      case .command(let command, _):
        try completeWith(command, &s)
      }
      try s.verifySignature()
    } catch {
      throw HostError(
        "the signature is not one of that public key over what was asked for (\(error))")
    }
    return s
  }

  private func completeWith(_ command: String, _ s: inout SIGSTRUCT) throws(SGXError) {
    guard let signature = ExternalCommand.run(command, input: s.signedBytes(), limit: 4096) else {
      throw .invalidSignature
    }
    try s.complete(signature: signature)
  }

  /// SOURCE_DATE_EPOCH's day, else today's.
  public static func today() -> UInt32 {
    var now = time(nil)
    if let text = getenv("SOURCE_DATE_EPOCH"), let epoch = Int(String(cString: text)) {
      now = epoch
    }
    var t = tm()
    gmtime_r(&now, &t)
    let decimal = UInt32(t.tm_year + 1900) * 10000 + UInt32(t.tm_mon + 1) * 100 + UInt32(t.tm_mday)
    return UInt32(String(decimal), radix: 16) ?? 0
  }
}
