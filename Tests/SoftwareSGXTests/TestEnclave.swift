import CTestEnclave
import Foundation
import SGX
import SoftwareSGX
import Testing

/// All tests of the machine: one after the other, because a process holds one enclave at a time.
@Suite(.serialized) struct MachineTests {}

/// The enclave of `CTestEnclave`, built for a test.
final class TestEnclave: @unchecked Sendable {
  static let base: UInt64 = 0xFF_0000_0000
  static let data = base + UInt64(TEST_CODE_SIZE)
  static let threads: UInt64 = 0xFF_4000_0000
  /// A key for tests only; making one takes seconds in a debug build.
  static let key = try! SigningKey(contentsOf: resource("test-signing-key.pem"))
  static let stateFile = NSTemporaryDirectory() + "cloister-test-\(getpid())/software-sgx"

  /// The machine of the test before, whose threads may still hold on to it.
  nonisolated(unsafe) private static var current: SoftwareSGX?

  let machine: SoftwareSGX
  let secs: SECS
  let threadCount: Int
  let nssa: UInt32
  let isvSVN: UInt16

  /// Added and measured, not initialized.
  init(
    _ mode: SoftwareSGX.Mode, threads threadCount: Int = 1, nssa: UInt32 = 2,
    flags: ATTRIBUTES.Flags = [.MODE64BIT], xfrm: ATTRIBUTES.XFRM = [.x87, .sse, .avx],
    miscSelect: MISCSELECT = .EXINFO, stateFile: String = TestEnclave.stateFile,
    isvSVN: UInt16 = 3, configID: [UInt8] = [], configSVN: UInt16 = 0
  ) throws {
    Self.current?.destroy()
    machine = try SoftwareSGX(mode: mode, stateFile: stateFile)
    secs = SECS(
      size: 1 << 40, ssaFrameSize: 1, miscSelect: miscSelect,
      attributes: ATTRIBUTES(flags: flags, xfrm: xfrm), configID: configID, configSVN: configSVN)
    self.threadCount = threadCount
    self.nssa = nssa
    self.isvSVN = isvSVN
    try machine.create(secs)
    Self.current = machine
    try addEverything()
  }

  static func destroyCurrent() { current?.destroy() }

  private func addEverything() throws {
    let bytes = UnsafeRawBufferPointer(
      start: test_enclave_bytes(), count: Int(TEST_CODE_SIZE + TEST_DATA_SIZE))
    try machine.addPages(
      at: Self.base, source: UnsafeRawBufferPointer(rebasing: bytes[..<Int(TEST_CODE_SIZE)]),
      flags: .regRX, measure: true)
    try machine.addPages(
      at: Self.data, source: UnsafeRawBufferPointer(rebasing: bytes[Int(TEST_CODE_SIZE)...]),
      flags: .regRW, measure: true)
    for i in 0..<threadCount {
      let area = Self.area(i)
      let tcs = TCS(
        ossa: area + 0x1000, nssa: nssa, oentry: Self.base, ofsbase: area + 0x8000,
        ogsbase: area + 0x8000)
      try add(tcs.encoded(), at: area, .tcs)
      try add([UInt8](repeating: 0, count: Int(nssa) * 4096), at: area + 0x1000, .regRW)
      var block = [UInt8](repeating: 0, count: 4096)
      block.put(area + 0xB000, at: 24)
      block.put(area + 0x2000 - SSA.GPRSGX.size, at: 32)
      block.put(area + 0xC000, at: 88)
      try add(block, at: area + 0x8000, .regRW)
      try add([UInt8](repeating: 0, count: 0x3000), at: area + 0x9000, .regRW)
    }
  }

  func add(_ bytes: [UInt8], at address: UInt64, _ flags: SECINFO.Flags) throws {
    try bytes.withUnsafeBytes {
      try machine.addPages(at: address, source: $0, flags: flags, measure: true)
    }
  }

  static func area(_ thread: Int) -> UInt64 { threads + UInt64(thread) * 0x10000 }
  func gpr(_ thread: Int = 0, frame: UInt64 = 0) -> UInt64 {
    Self.area(thread) + 0x2000 + frame * 4096 - SSA.GPRSGX.size
  }

  func unsignedSigstruct() -> SIGSTRUCT {
    SIGSTRUCT(
      enclaveHash: machine.mrenclave!, attributes: secs.attributes, miscSelect: secs.miscSelect,
      date: 0x2026_1124, isvProdID: 7, isvSVN: isvSVN)
  }

  /// Signed and initialized, patched in fast mode.
  @discardableResult func start() throws -> TestEnclave {
    try machine.initialize(try Self.key.sign(unsignedSigstruct()))
    if machine.mode == .fast {
      try machine.patchFast(sites: [
        Self.base + test_enclave_enclu_offset(), Self.base + test_enclave_eexit_offset(),
      ])
    }
    return self
  }

  /// EENTER with a command.
  func call(
    _ command: Int, _ rsi: UInt64 = 0, _ rdx: UInt64 = 0, thread: Int = 0
  ) -> (exit: EnclaveExit, run: EnclaveRun) {
    var run = EnclaveRun(tcs: Self.area(thread), function: 2)
    run.rdi = UInt64(command)
    run.rsi = rsi
    run.rdx = rdx
    let exit = machine.enter(&run)
    return (exit, run)
  }

  func resume(thread: Int = 0) -> EnclaveExit {
    var run = EnclaveRun(tcs: Self.area(thread), function: 3)
    return machine.enter(&run)
  }

  /// One ENCLU inside: RAX and RFLAGS, or how it left.
  func leaf(
    _ rax: UInt64, _ rbx: UInt64, _ rcx: UInt64, _ rdx: UInt64 = 0
  ) -> (exit: EnclaveExit, rax: UInt64, zf: Bool) {
    var words: [UInt64] = [rax, rbx, rcx, rdx]
    let exit = words.withUnsafeMutableBytes {
      call(Int(TEST_LEAF), UInt64(UInt(bitPattern: $0.baseAddress!))).exit
    }
    return (exit, words[0], words[1] & 0x40 != 0)
  }

  /// A SECINFO in the enclave's data, then the leaf.
  func pageLeaf(
    _ rax: UInt64, _ flags: SECINFO.Flags, _ page: UInt64, _ source: UInt64 = 0
  ) -> (exit: EnclaveExit, rax: UInt64, zf: Bool) {
    let secinfo = Self.data + UInt64(TEST_SECINFO)
    Self.poke(SECINFO(flags).encoded(), at: secinfo)
    return leaf(rax, secinfo, page, source)
  }

  // The software machine lets the host look into the enclave; the tests make use of it.
  static func peek(_ address: UInt64) -> UInt64 {
    UnsafePointer<UInt64>(bitPattern: UInt(address))!.pointee
  }
  static func peek(_ address: UInt64, _ count: Int) -> [UInt8] {
    [UInt8](
      UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: UInt(address)), count: count))
  }
  static func poke(_ value: UInt64, at address: UInt64) {
    UnsafeMutablePointer<UInt64>(bitPattern: UInt(address))!.pointee = value
  }
  static func poke(_ bytes: [UInt8], at address: UInt64) {
    UnsafeMutableRawPointer(bitPattern: UInt(address))!.copyMemory(
      from: bytes, byteCount: bytes.count)
  }
}

/// Runs `body` on a host thread of its own, attached to the machine.
func onThread<T>(_ enclave: TestEnclave, _ body: @escaping @Sendable () throws -> T) throws -> T {
  try startThread(enclave, body).value()
}

/// A thread with a result; `handle` is its pthread while it runs.
final class TestThread<T>: @unchecked Sendable {
  private let done = DispatchSemaphore(value: 0)
  private let started = DispatchSemaphore(value: 0)
  private var result: Result<T, any Error>?
  private(set) var isDone = false
  private(set) var handle: UInt = 0

  init(_ enclave: TestEnclave, _ body: @escaping @Sendable () throws -> T) {
    let thread = Thread {
      self.handle = UInt(pthread_self())
      do {
        try enclave.machine.attachThread()
        self.started.signal()
        let value = Result { try body() }
        enclave.machine.detachThread()
        self.result = value
      } catch {
        self.started.signal()
        self.result = .failure(error)
      }
      self.isDone = true
      self.done.signal()
    }
    thread.stackSize = 1 << 20
    thread.start()
    started.wait()
  }

  func value() throws -> T {
    done.wait()
    return try result!.get()
  }
}

func startThread<T>(
  _ enclave: TestEnclave, _ body: @escaping @Sendable () throws -> T
) -> TestThread<T> {
  TestThread(enclave, body)
}

func resource(_ name: String) -> String {
  Bundle.module.bundlePath + "/Resources/" + name
}

extension TestEnclave {
  /// Forgets a fault: the handler lets the saved RIP be the EEXIT sequence of the interrupted command.
  func recover(thread: Int = 0) {
    // Back to `leave` of the interrupted call: its stack top holds CSSA 0, as the command left it.
    TestEnclave.poke(
      TestEnclave.base + test_enclave_leave_offset(), at: gpr(thread) + SSA.GPRSGX.rip)
    TestEnclave.poke(
      TestEnclave.area(thread) + 0xB000 - 8, at: gpr(thread) + SSA.GPRSGX.rsp)
    let exit = resume(thread: thread)
    precondition(exit == .eexit, "\(exit)")
  }

  /// The command ends in an exception with this vector; the enclave is usable again afterwards.
  func faults(_ command: Int, _ address: UInt64, vector: UInt8 = 14) -> Bool {
    guard case .fault(vector: vector, _, _) = call(command, address, 42).exit else { return false }
    recover()
    return true
  }
}
