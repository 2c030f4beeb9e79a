import CHostRuntime
import Foundation
import PayloadFormat
import SGX
import SoftwareSGX
import Testing

@testable import HostRuntime

@Suite("seccomp filter")
struct SandboxTests {
  @Test("the filter is well formed: every jump stays inside, every path ends in an answer")
  func program() {
    let program = Sandbox.program(pid: 1, allowsNetwork: true)
    #expect(program.count < 4096)
    #expect(program.last?.code == 0x06)
    for (at, instruction) in program.enumerated() where instruction.code & 7 == 5 {
      #expect(at + 1 + Int(max(instruction.jumpTrue, instruction.jumpFalse)) < program.count)
      if instruction.code == 5 { #expect(at + 1 + Int(instruction.k) < program.count) }
    }
    #expect(MemoryLayout<Sandbox.Instruction>.stride == 8)
  }

  @Test("the probe enclave does reach the host: what the filter allows is counted")
  func probeWorks() async throws {
    await #expect(processExitsWith: .exitCode(2)) { try Probe.run([[39], [186], [59, 0, 0, 0]]) }
  }

  @Test("from inside the enclave: jumping to the host's code opens, starts and reaches nothing")
  func escapeProbes() async throws {
    await #expect(processExitsWith: .exitCode(0)) {
      let path = strdup("/etc/passwd")!
      func pointer(_ p: UnsafeMutablePointer<CChar>) -> UInt64 { UInt64(UInt(bitPattern: p)) }
      let file = pointer(path)
      let parent = UInt64(getppid())
      let at = UInt64(bitPattern: -100)
      let probes: [[UInt64]] = [
        [2, file, 0],  // open
        [257, at, file, 0],  // openat
        [437, at, file, file, 24],  // openat2
        [85, file, 0o600],  // creat
        [87, file],  // unlink
        [262, at, file, file, 0],  // newfstatat
        [59, file, 0, 0],  // execve
        [322, at, file, 0, 0, 0],  // execveat
        [57],  // fork
        [58],  // vfork
        [56, 17, 0],  // clone without CLONE_VM: a process
        [56, 0x7E02_0000, 0],  // clone with new name spaces
        [62, parent, 9],  // kill
        [200, parent, 9],  // tkill
        [234, parent, parent, 9],  // tgkill of another process
        [101, 16, parent, 0, 0],  // ptrace
        [310, parent, 0, 0, 0, 0, 0],  // process_vm_readv
        [165, file, file, file, 0, 0],  // mount
        [272, 0x1000_0000],  // unshare
        [321, 0, 0, 0],  // bpf
        [298, 0, 0, 0, 0],  // perf_event_open
        [41, 17, 3, 0],  // socket(AF_PACKET, SOCK_RAW)
        [41, 17, 0x80803, 0],
        [41, 2, 3, 1],  // socket(AF_INET, SOCK_RAW)
        [41, 2, 0x80803, 0],
        [41, 2, 0x80802, 1],  // ICMP datagrams
        [41, 2, 0x80801, 262],  // MPTCP
        [41, 2, 1, 0],  // socket(AF_INET, SOCK_STREAM), which blocks and is inherited
        [41, 1, 0x80801, 0],  // socket(AF_UNIX)
        [41, 16, 0x80802, 0],  // socket(AF_NETLINK)
        [41, 40, 0x80801, 0],  // socket(AF_VSOCK)
        [53, 1, 1, 0, file],  // socketpair
        [54, 0, 1, 25, file, 4],  // setsockopt(SO_BINDTODEVICE)
        [54, 0, 1, 26, file, 16],  // setsockopt(SO_ATTACH_FILTER)
        [54, 0, 6, 31, file, 4],  // setsockopt(TCP_ULP)
        [55, 0, 6, 11, file, file],  // getsockopt(TCP_INFO)
        [307, 0, file, 1, 0],  // sendmmsg
        [299, 0, file, 1, 0, 0],  // recvmmsg
        [16, 0, 0x8912, file],  // ioctl(SIOCGIFCONF)
        [16, 0, 0x5412, file],  // ioctl(TIOCSTI)
        [157, 22, 1, 0],  // prctl(PR_SET_SECCOMP)
        [105, 0],  // setuid
        [248, file, file, file, 0, 0],  // add_key
        [425, 8, file],  // io_uring_setup
        [434, parent, 0],  // pidfd_open
        [323, 0],  // userfaultfd
        [169, 0xFEE1_DEAD, 672_274_793, 0],  // reboot
      ]
      try Probe.run(probes)
    }
  }

  @Test("without the network no socket at all can be made or used")
  func noNetwork() async throws {
    await #expect(processExitsWith: .exitCode(0)) {
      try Probe.run(
        [
          [41, 2, 0x80801, 0], [41, 10, 0x80802, 0], [42, 0, 0, 0], [44, 0, 0, 0, 0, 0, 0],
          [45, 0, 0, 0, 0, 0, 0], [48, 0, 0], [49, 0, 0, 0], [50, 0, 1], [54, 0, 1, 2, 0, 4],
          [288, 0, 0, 0, 0],
        ], allowsNetwork: false)
    }
  }

  @Test("with it TCP and UDP sockets can be made: what the filter allows is counted")
  func network() async throws {
    await #expect(processExitsWith: .exitCode(4)) {
      try Probe.run([
        [41, 2, 0x80801, 0], [41, 10, 0x80801, 0], [41, 2, 0x80802, 0], [41, 10, 0x80802, 0],
        [41, 3, 0x80802, 0],
      ])
    }
  }
}

/// Runs the probe enclave in this process, sandboxed as a real run is, and ends with its exit code.
enum Probe {
  static func run(_ probes: [[UInt64]], allowsNetwork: Bool = true) throws -> Never {
    var image = try EnclaveImage(bytes: try assemble("probe"))
    guard let data = image.segments.firstIndex(where: { $0.isWritable }) else {
      throw HostError("the probe has no data segment")
    }
    image.segments[data].bytes.put(clh_syscall_gadget(), at: 0)
    image.segments[data].bytes.put(UInt64(probes.count), at: 8)
    for (i, probe) in probes.enumerated() {
      for (j, word) in probe.enumerated() {
        image.segments[data].bytes.put(word, at: 16 + 64 * i + 8 * j)
      }
    }
    var configuration = MeasuredConfiguration()
    configuration.threadCount = 1
    let builder = EnclaveBuilder(
      image: image, configuration: configuration, isDebug: true, xfrm: supportedXFRM())
    let key = try SigningKey.generate()
    var clock = Stopwatch()
    let built = try MachineChoice(.software, isStrict: false).build(builder, clock: &clock) {
      (mrenclave, attributes) throws(HostError) in
      try! key.sign(SIGSTRUCT(enclaveHash: mrenclave, attributes: attributes, date: 0x2026_0101))
    }
    let process = EnclaveProcess(
      machine: built.machine, configuration: configuration, source: nil
    ) { _, _ in }
    try Sandbox.enter(allowsNetwork: allowsNetwork)
    try process.start(0)
    while true { sleep(1) }
  }

  /// Assembles and links `Enclaves/NAME.S` with the toolchain's clang and lld.
  static func assemble(_ name: String) throws -> [UInt8] {
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Enclaves").path
    let folder = TemporaryFolder()
    for command in [
      [
        "clang", "--target=x86_64-unknown-none-elf", "-c", "\(sources)/\(name).S", "-o",
        "\(folder.path)/\(name).o",
      ],
      [
        "ld.lld", "-static", "-T", "\(sources)/image.ld", "\(folder.path)/\(name).o", "-o",
        "\(folder.path)/\(name)",
      ],
    ] {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = command
      try process.run()
      process.waitUntilExit()
      guard process.terminationStatus == 0 else { throw HostError("\(command[0]) failed") }
    }
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(name)")))
  }
}
