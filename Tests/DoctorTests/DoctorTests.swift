import Foundation
import Glibc
import HostRuntime
import Testing

@testable import Doctor

@Suite("cloister doctor")
struct DoctorTests {
  /// A server with everything: SGX2, launch control, KSS, 2 sections of 64 GiB and 1 MiB.
  static func xeon() -> Probe {
    var probe = Probe.live
    probe.cpuid = { leaf, subleaf in
      switch (leaf, subleaf) {
      case (0, _): [0x1B, 0x756E_6547, 0x6C65_746E, 0x4965_6E69]
      case (1, _): [0, 0, 1 << 30 | 1 << 27, 0]
      case (7, 0): [0, 1 << 2 | 1, 1 << 30, 0]
      case (0x12, 0): [3, 1, 0, 56 << 8 | 31]
      case (0x12, 1): [1 << 7 | 0x36, 0, 0xE7, 0]
      case (0x12, 2): [1, 0, 1, 0x10]
      case (0x12, 3): [1, 0, 0x10_0001, 0]
      default: [0, 0, 0, 0]
      }
    }
    probe.openDevice = { _ in 0 }
    probe.connect = { _ in 0 }
    probe.reach = { _, _ in 0 }
    probe.hasFSGSBASE = { true }
    probe.hasUserDispatch = { true }
    probe.image = { .success("/x/cloister-enclave.elf") }
    probe.softwareRoot = { .success([UInt8](repeating: 0xAB, count: 32)) }
    probe.read = { path in
      switch path {
      case "/etc/sgx_default_qcnl.conf":
        "{\n // \"pccs_url\": \"https://no\"\n  \"pccs_url\": \"https://pccs.example:8081/sgx/v4/\",\n}"
      case "/proc/sys/vm/mmap_min_addr": "65536\n"
      default: nil
      }
    }
    return probe
  }

  @Test("a complete machine is ready, and its page cache is counted")
  func ready() {
    let d = Doctor.examine(Self.xeon())
    #expect(d.outcome == .ready && d.outcome.exitCode == 0)
    #expect(d.checks.allSatisfy { $0.state == .ok && $0.advice.isEmpty }, "\(d.text)")
    #expect(d.epcSize == 64 << 30 | 1 << 20)
    #expect(d["pccs"]?.found.contains("pccs.example:8081") == true)
  }

  struct Damage: Sendable, CustomTestStringConvertible {
    var check: String
    var outcome: Diagnosis.Outcome
    var state: Diagnosis.Check.State = .missing
    var change: @Sendable (inout Probe) -> Void
    var testDescription: String { check }

    /// One CPUID register with bits taken out.
    static func cpuid(
      _ check: String, _ outcome: Diagnosis.Outcome, _ state: Diagnosis.Check.State = .missing,
      leaf: UInt32, subleaf: UInt32 = 0, register: Int, clear bits: UInt32
    ) -> Damage {
      Damage(check: check, outcome: outcome, state: state) { probe in
        let good = probe.cpuid
        probe.cpuid = { l, s in
          var r = good(l, s)
          if l == leaf && s == subleaf { r[register] &= ~bits }
          return r
        }
      }
    }
  }

  static let damages: [Damage] = [
    .cpuid("cpu.sgx", .softwareOnly, leaf: 7, register: 1, clear: 1 << 2),
    .cpuid("cpu.sgx1", .unusable, leaf: 0x12, register: 0, clear: 1),
    .cpuid("cpu.sgx2", .ready, .wanting, leaf: 0x12, register: 0, clear: 2),
    .cpuid("cpu.launchControl", .unusable, leaf: 7, register: 2, clear: 1 << 30),
    .cpuid("cpu.kss", .ready, .wanting, leaf: 0x12, subleaf: 1, register: 0, clear: 1 << 7),
    .cpuid("cpu.exinfo", .unusable, leaf: 0x12, register: 1, clear: 1),
    .cpuid("cpu.size", .unusable, leaf: 0x12, register: 3, clear: 32 << 8),
    .cpuid("epc", .unusable, leaf: 0x12, subleaf: 2, register: 0, clear: 1),
    Damage(check: "driver", outcome: .unusable) { $0.openDevice = { _ in ENOENT } },
    Damage(check: "driver", outcome: .unusable) { $0.openDevice = { _ in EACCES } },
    Damage(check: "aesm", outcome: .noQuotes) { $0.connect = { _ in ECONNREFUSED } },
    Damage(check: "pccs", outcome: .ready, state: .wanting) { $0.reach = { _, _ in ETIMEDOUT } },
    Damage(check: "image", outcome: .nothing) { $0.image = { .failure(HostError("none")) } },
    .cpuid("software.cpu", .ready, leaf: 1, register: 2, clear: 1 << 30),
    Damage(check: "software.dispatch", outcome: .ready) { $0.hasUserDispatch = { false } },
    Damage(check: "software.fsgsbase", outcome: .ready) { $0.hasFSGSBASE = { false } },
    Damage(check: "software.root", outcome: .ready) {
      $0.softwareRoot = { .failure(HostError("others can read it")) }
    },
  ]

  @Test("what is missing is named, with advice, and decides", arguments: damages)
  func missing(damage: Damage) throws {
    var probe = Self.xeon()
    damage.change(&probe)
    let d = Doctor.examine(probe)
    let check = try #require(d[damage.check])
    #expect(check.state == damage.state && !check.advice.isEmpty)
    #expect(d.outcome == damage.outcome, "\(d.text)")
  }

  @Test("every outcome has an exit code of its own")
  func exitCodes() {
    let all: [Diagnosis.Outcome] = [.ready, .noQuotes, .unusable, .softwareOnly, .nothing]
    #expect(all.map(\.exitCode) == [0, 1, 2, 3, 4])
    var probe = Self.xeon()
    Self.damages[0].change(&probe)
    probe.hasUserDispatch = { false }
    #expect(Doctor.examine(probe).outcome == .nothing)
  }

  @Test("the JSON has the software machine's root")
  func json() throws {
    let d = Doctor.examine(Self.xeon())
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(d.json.utf8)) as? [String: Any])
    #expect(object["softwareRoot"] as? String == String(repeating: "ab", count: 32))
    #expect(object["exitCode"] as? Int == 0)
    #expect((object["checks"] as? [[String: Any]])?.count == d.checks.count)
  }

  @Test("the quote provider's configuration, old and new")
  func configuration() {
    #expect(Doctor.pccsURL("PCCS_URL=https://a.b/v3/\n") == "https://a.b/v3/")
    #expect(Doctor.pccsURL("# PCCS_URL=https://a.b/\n") == nil)
    #expect(Doctor.hostAndPort("https://a.b/v3/")! == ("a.b", 443))
    #expect(Doctor.hostAndPort("http://[::1]:80/")! == ("::1", 80))
    #expect(Doctor.hostAndPort("ftp://a") == nil)
    #expect(Doctor.hostAndPort("https://a:99999/") == nil)
  }

  @Test("this machine: the answer is consistent")
  func live() {
    var probe = Probe.live
    probe.softwareRoot = { .success([UInt8](repeating: 1, count: 32)) }
    let d = Doctor.examine(probe)
    #expect(d["cpu.sgx"] != nil && d["software.dispatch"] != nil)
    #expect((d["cpu.sgx"]?.state == .ok) || d.epcSize == 0)
  }
}
