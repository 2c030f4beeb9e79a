import Glibc

/// Looks at a machine: is SGX there, can it be used, can quotes be made, and does the software machine work?
public struct Doctor {
  private let probe: Probe
  private var checks: [Diagnosis.Check] = []

  public init(_ probe: Probe = .live) { self.probe = probe }

  public static func examine(_ probe: Probe = .live) -> Diagnosis {
    var doctor = Doctor(probe)
    return doctor.run()
  }

  private mutating func add(
    _ id: String, _ isThere: Bool, _ found: String, otherwise: Diagnosis.Check.State = .missing,
    _ advice: String
  ) {
    checks.append(Diagnosis.Check(id, isThere ? .ok : otherwise, found, advice))
  }
  private mutating func skip(_ ids: [String], _ why: String) {
    for id in ids { checks.append(Diagnosis.Check(id, .skipped, why)) }
  }

  private mutating func run() -> Diagnosis {
    let (hasSGX, isUsable, epc) = processor()
    var canEnter = false
    if hasSGX { canEnter = device() && isUsable } else { skip(["driver"], "no SGX") }
    let canQuote = quoting(canEnter)
    let softwareWorks = softwareMachine()
    let root = probe.softwareRoot()
    switch root {
    case .success:
      add("software.root", true, "the software machine's root certificate is there", "")
    case .failure(let error):
      add("software.root", false, error.description, "remove or repair that folder")
    }
    let image = probe.image()
    switch image {
    case .success(let path): add("image", true, path, "")
    case .failure(let error): add("image", false, error.description, "`make` builds it")
    }
    let hasImage = (try? image.get()) != nil
    let outcome: Diagnosis.Outcome =
      !hasImage
      ? .nothing
      : canEnter
        ? canQuote ? .ready : .noQuotes
        : hasSGX ? .unusable : softwareWorks ? .softwareOnly : .nothing
    return Diagnosis(
      outcome: outcome, checks: checks, epcSize: epc, softwareRoot: try? root.get())
  }

  // MARK: The processor (SDM vol. 3D, 34.7 "Discovering Support for Intel SGX")

  private mutating func processor() -> (hasSGX: Bool, isUsable: Bool, epcSize: UInt64) {
    let leaves = probe.cpuid(0, 0)[0]
    let seven = leaves >= 7 ? probe.cpuid(7, 0) : [0, 0, 0, 0]
    let isIntel = probe.cpuid(0, 0)[1] == 0x756E_6547
    let hasSGX = leaves >= 0x12 && seven[1] & 1 << 2 != 0
    add(
      "cpu.sgx", hasSGX,
      hasSGX ? "the processor has SGX" : "CPUID shows no SGX",
      isIntel
        ? "enable SGX in the firmware (and in the hypervisor, if this is a virtual machine); only Xeon "
          + "processors since Ice Lake and older Core ones have it"
        : "SGX needs an Intel processor; use the software machine for development")
    let rest = ["cpu.sgx1", "cpu.sgx2", "cpu.launchControl", "cpu.kss", "cpu.exinfo", "cpu.size"]
    guard hasSGX else {
      skip(rest + ["epc"], "no SGX")
      return (false, false, 0)
    }
    let features = probe.cpuid(0x12, 0)
    let attributes = probe.cpuid(0x12, 1)
    let has1 = features[0] & 1 != 0
    add(
      "cpu.sgx1", has1, has1 ? "enclaves can be made" : "SGX is switched off",
      "enable SGX in the firmware, with memory reserved for it (PRMRR)")
    let has2 = features[0] & 2 != 0
    add(
      "cpu.sgx2", has2, has2 ? "memory on demand (profile edmm)" : "no SGX2", otherwise: .wanting,
      "only profile fixed can be used: `cloister run --profile fixed`")
    let hasControl = seven[2] & 1 << 30 != 0
    add(
      "cpu.launchControl", hasControl,
      hasControl ? "flexible launch control" : "no flexible launch control",
      "the Linux driver needs it: enable it in the firmware, or use a newer processor")
    let hasKSS = attributes[0] & 1 << 7 != 0
    add(
      "cpu.kss", hasKSS,
      hasKSS ? "instances can belong to one owner" : "no key separation and sharing (KSS)",
      otherwise: .wanting, "only jobs of payloads that say inputs_are_data can be run")
    let hasEXINFO = features[1] & 1 != 0
    add(
      "cpu.exinfo", hasEXINFO, hasEXINFO ? "faults are reported to enclaves" : "no EXINFO",
      "Cloister's enclaves need it; use a newer processor")
    let bits = features[3] >> 8 & 0xFF
    add(
      "cpu.size", bits >= 40, "enclaves of up to 2^\(bits) bytes",
      "Cloister's enclaves have an address range of 2^40 bytes; use a newer processor")
    let epc = epcSize()
    add(
      "epc", epc > 0, "\(epc >> 20) MiB of enclave page cache",
      "reserve memory for SGX in the firmware (PRMRR)")
    return (true, has1 && hasControl && hasEXINFO && bits >= 40 && epc > 0, epc)
  }

  /// CPUID leaf 12H from subleaf 2 on: sections until one is of type 0.
  private func epcSize() -> UInt64 {
    var sum: UInt64 = 0
    for subleaf in 2..<18 as Range<UInt32> {
      let r = probe.cpuid(0x12, subleaf)
      guard r[0] & 0xF == 1 else { break }
      sum += UInt64(r[2] & 0xFFFF_F000) | UInt64(r[3] & 0xF_FFFF) << 32
    }
    return sum
  }

  // MARK: The driver and who makes quotes

  private mutating func device() -> Bool {
    let error = probe.openDevice("/dev/sgx_enclave")
    let advice =
      switch error {
      case ENOENT:
        "it needs Linux 5.11 or newer with CONFIG_X86_SGX; `dmesg | grep -i sgx` says why it is not there"
      case EACCES, EPERM:
        "join the group that may use it: `ls -l /dev/sgx_enclave`, `usermod -aG GROUP USER`, log in again"
      default: "see `dmesg | grep -i sgx`; in a container pass --device /dev/sgx_enclave"
      }
    add(
      "driver", error == 0,
      "/dev/sgx_enclave " + (error == 0 ? "opens" : "cannot be used: \(text(error))"), advice)
    return error == 0
  }

  private mutating func quoting(_ canEnter: Bool) -> Bool {
    guard canEnter else {
      skip(["aesm", "pccs"], "no use without SGX")
      return false
    }
    let error = probe.connect(probe.aesmSocket)
    add(
      "aesm", error == 0,
      "the AESM service at \(probe.aesmSocket) "
        + (error == 0 ? "answers" : "cannot be reached: \(text(error))"),
      "install sgx-aesm-service and libsgx-aesm-quote-ex-plugin (Intel's repository), start aesmd; in a "
        + "container mount /var/run/aesmd")
    pccs()
    return error == 0
  }

  /// The quote provider's own configuration names the server; verifiers with a collateral folder need none.
  private mutating func pccs() {
    let path = "/etc/sgx_default_qcnl.conf"
    let advice =
      "run a PCCS (or use a cloud's), and name it as pccs_url in \(path); verifiers may use "
      + "`cloister collateral fetch` instead"
    guard let text = probe.read(path) else {
      return add("pccs", false, "no \(path)", otherwise: .wanting, advice)
    }
    guard let url = Self.pccsURL(text), let (host, port) = Self.hostAndPort(url) else {
      return add("pccs", false, "\(path) names no server", otherwise: .wanting, advice)
    }
    let error = probe.reach(host, port)
    add(
      "pccs", error == 0,
      "\(url) " + (error == 0 ? "answers" : "cannot be reached: \(self.text(error))"),
      otherwise: .wanting, advice)
  }

  /// `"pccs_url": "https://..."` (JSON with comments), or `PCCS_URL=...` of older versions.
  static func pccsURL(_ text: String) -> String? {
    for raw in text.split(separator: "\n") {
      let line = raw.drop { $0 == " " || $0 == "\t" }
      if line.hasPrefix("//") || line.hasPrefix("#") { continue }
      let lower = line.lowercased()
      guard lower.hasPrefix("\"pccs_url\"") || lower.hasPrefix("pccs_url"),
        let start = line.range(of: "http")?.lowerBound
      else { continue }
      let url = line[start...].prefix { $0 != "\"" && $0 != "," && $0 != " " && $0 != "\r" }
      return String(url)
    }
    return nil
  }

  static func hostAndPort(_ url: String) -> (String, Int)? {
    let isTLS = url.hasPrefix("https://")
    guard isTLS || url.hasPrefix("http://") else { return nil }
    var authority = url.dropFirst(isTLS ? 8 : 7).prefix { $0 != "/" }
    var port = isTLS ? 443 : 80
    if let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") {
      guard let number = Int(authority[authority.index(after: colon)...]),
        (1...65535).contains(number)
      else { return nil }
      port = number
      authority = authority[..<colon]
    }
    if authority.hasPrefix("["), authority.hasSuffix("]") {
      authority = authority.dropFirst().dropLast()
    }
    return authority.isEmpty ? nil : (String(authority), port)
  }

  // MARK: The software machine

  private mutating func softwareMachine() -> Bool {
    let one = probe.cpuid(1, 0)
    let hasRDRAND = one[2] & 1 << 30 != 0
    let hasXSAVE = one[2] & 1 << 27 != 0
    add(
      "software.cpu", hasRDRAND && hasXSAVE,
      hasRDRAND && hasXSAVE
        ? "RDRAND and XSAVE" : hasRDRAND ? "XSAVE is missing" : "RDRAND is missing",
      "use a processor (or a virtual machine's CPU model) that has both")
    let hasBase = probe.hasFSGSBASE()
    add(
      "software.fsgsbase", hasBase,
      hasBase ? "WRFSBASE may be used" : "the kernel does not let programs use WRFSBASE",
      "it needs Linux 5.9 or newer without `nofsgsbase`")
    let hasDispatch = probe.hasUserDispatch()
    add(
      "software.dispatch", hasDispatch,
      hasDispatch ? "Syscall User Dispatch" : "the kernel has no Syscall User Dispatch",
      "it needs Linux 5.11 or newer with CONFIG_GENERIC_ENTRY; some containers forbid the prctl")
    let lowest = probe.read("/proc/sys/vm/mmap_min_addr").flatMap {
      Int($0.filter { $0.isASCII && $0.isNumber })
    }
    let isLow = (lowest ?? 0) <= 65536
    add(
      "software.mmap", isLow, "the lowest address that may be mapped is \(lowest ?? 0)",
      "use `sysctl vm.mmap_min_addr=65536`: programs at fixed addresses need it")
    return hasRDRAND && hasXSAVE && hasBase && hasDispatch && isLow
  }

  private func text(_ error: Int32) -> String { String(cString: strerror(error)) }
}
