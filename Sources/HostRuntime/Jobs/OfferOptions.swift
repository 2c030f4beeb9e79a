import Crypto
import Glibc
import JobFormat
import PayloadFormat

/// The options of `cloister offer`, parsed by hand as those of `cloister run` are.
public struct OfferOptions: Sendable {
  public var run = RunOptions()
  public var owner: OwnerContext!
  public var offerFile = ""
  public var jobFile: String?
  public var resultFile: String?
  public var patience = 24 * 3600
  public var isForeground = false
  /// Where the sealed key goes to, or comes from.
  public var keyFile: String?
  /// The sealed key, when there is one already.
  var key: [UInt8] = []
  public var withoutKSS = false
  public var printsJSON = false
  /// Where what `--json` says goes.
  var report: JobReport?
  public var wantsHelp = false

  public static let help = """
    OVERVIEW: Start an instance of a payload for one owner, write its offer, and let it wait for that owner's job.

    USAGE: cloister offer PAYLOAD --owner OWNER.PUB --nonce HEX -o OFFER [options]

    The instance keeps its private key in its memory and waits in the background; `cloister run PAYLOAD --job JOB -o RESULT`
    finds it. It runs one job, and ends.

        cloister offer payload --owner owner.pub --nonce $nonce -o offer     # the offer goes to the owner, a job comes back
        cloister run payload --job job -o result                             # the result goes to the owner

    OPTIONS:
      --owner FILE          the owner's public key, as the owner sent it
      --nonce HEX           64 hexadecimal digits that the owner chose for this offer
      -o, --output FILE     where the offer goes
      --wait SECONDS        how long it waits for the job (default: 86400)
      --foreground          do not go to the background
      --job FILE --result FILE
                            in one command: wait (in the foreground) until the job is there as FILE, run it, and
                            write the result
      --seal KEYFILE        keep the key on disk, sealed to this machine, and end; `cloister run --key KEYFILE` uses
                            it. It survives a restart. In return nobody can tell how often a job is run: the
                            offer says so, and only jobs that may be run again are taken
      --without-kss         for processors without KSS; only payloads that say inputs_are_data
      --volume NAME=FILE    the file of one of the payload's volumes
      --machine auto|software|hardware, --strict, --profile edmm|fixed, --stats, --quiet   as for `cloister run`
      --json                say on standard output in JSON, an object on a line, what was offered (and with --job, what
                            was run), or what is wrong

    EXIT CODES: 0; 125 when cloister fails or the job is refused; 128+N when signal N ended it.
    """

  public init(_ arguments: [String]) throws(HostError) {
    var rest = arguments[...]
    var ownerFile: String?
    var nonce: String?
    func value(_ option: String, _ inline: String?) throws(HostError) -> String {
      if let inline { return inline }
      guard let next = rest.popFirst() else { throw HostError("option \(option) needs a value") }
      return next
    }
    while let argument = rest.popFirst() {
      guard argument.utf8.first == 0x2D, argument.utf8.count > 1 else {
        guard run.program.isEmpty else {
          throw HostError("\(argument): one payload is offered at a time")
        }
        run.program = [argument]
        continue
      }
      var option = argument
      var inline: String?
      if argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") {
        option = String(argument[..<equals])
        inline = String(argument[argument.index(after: equals)...])
      }
      switch option {
      case "--owner": ownerFile = try value(option, inline)
      case "--nonce": nonce = try value(option, inline)
      case "-o", "--output": offerFile = try value(option, inline)
      case "--job": jobFile = try value(option, inline)
      case "--result": resultFile = try value(option, inline)
      case "--wait":
        let text = try value(option, inline)
        guard let n = Int(text), n > 0, n <= 1 << 30 else {
          throw HostError("--wait \(text): use a number of seconds")
        }
        patience = n
      case "--volume": run.volumes.append(try value(option, inline))
      case "--foreground": isForeground = true
      case "--seal": keyFile = try value(option, inline)
      case "--without-kss": withoutKSS = true
      case "--json":
        printsJSON = true
        report = .standardOutput
      case "--strict": run.isStrict = true
      case "--stats": run.wantsStatistics = true
      case "--quiet", "-q": run.isQuiet = true
      case "--machine":
        let name = try value(option, inline)
        guard let machine = RunOptions.Machine(rawValue: name) else {
          throw HostError("--machine \(name): use auto, software or hardware")
        }
        run.machine = machine
      case "--profile":
        switch try value(option, inline) {
        case "edmm": run.profile = .edmm
        case "fixed": run.profile = .fixed
        case let name: throw HostError("--profile \(name): use edmm or fixed")
        }
      case "--help", "-h":
        wantsHelp = true
        return
      default: throw HostError("unknown option \(argument); see `cloister offer --help`")
      }
    }
    guard !run.program.isEmpty else {
      throw HostError(
        "no payload given; use `cloister offer PAYLOAD --owner OWNER.PUB --nonce HEX -o OFFER`")
    }
    guard let ownerFile else {
      throw HostError("--owner is missing: the owner's public key (owner.pub)")
    }
    guard let nonce else {
      throw HostError("--nonce is missing: 64 hexadecimal digits that the owner sent")
    }
    guard !offerFile.isEmpty else { throw HostError("-o is missing: where the offer goes") }
    guard (jobFile == nil) == (resultFile == nil) else {
      throw HostError("--job and --result belong together")
    }
    if keyFile != nil, jobFile != nil {
      throw HostError("--seal ends when the offer is made; give the job to `cloister run --key`")
    }
    for file in [offerFile, keyFile, resultFile] {
      // An offer that is there may be one that an instance waits with.
      if let file, access(file, F_OK) == 0 {
        throw HostError("\(file) exists already; remove it or choose another name")
      }
    }
    let key = try Self.publicKey(ownerFile)
    guard let bytes = hexadecimal(nonce), let owner = OwnerContext(publicKey: key, nonce: bytes)
    else {
      throw HostError(
        "--nonce \(nonce): use 64 hexadecimal digits, as `openssl rand -hex 32` makes them")
    }
    self.owner = owner
  }

  /// `cloister run PAYLOAD --job JOB -o RESULT --key KEYFILE`
  init(_ run: RunOptions, payload: String, keyFile: String, job: String, result: String)
    throws(HostError)
  {
    self.run = run
    self.run.program = [payload]
    if let file = run.jsonFile { report = try JobReport(file) }
    self.run.jsonFile = nil
    self.keyFile = keyFile
    jobFile = job
    resultFile = result
    key = try readFile(keyFile, limit: SealedJobKey.largestSize, what: "key")
    do throws(JobFormatError) {
      let sealed = try SealedJobKey(key)
      owner = sealed.owner
      withoutKSS = sealed.offer.flags.contains(.withoutKSS)
    } catch {
      throw HostError(
        "\(keyFile): not a key that `cloister offer --seal` made: \(error.text)")
    }
  }

  static func publicKey(_ path: String) throws(HostError) -> [UInt8] {
    let bytes = try readFile(path, limit: 1 << 16, what: "the owner's public key")
    let text = String(decoding: bytes, as: UTF8.self)
    guard let key = try? P256.Signing.PublicKey(pemRepresentation: text) else {
      let isPrivate = text.contains("PRIVATE KEY")
      throw HostError(
        isPrivate
          ? "\(path): a private key, which stays with its owner; use owner.pub"
          : "\(path): not a public key of P-256 in PEM, as `cloister owner keygen` makes it (owner.pub)"
      )
    }
    return Array(key.rawRepresentation)
  }
}
