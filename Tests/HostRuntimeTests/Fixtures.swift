import Foundation
import HostInterface
import LinuxABI
import PayloadFormat
import SGX
import Synchronization

@testable import HostRuntime

/// A machine that notes what it is asked and enters nothing.
final class RecordingMachine: SGXMachine {
  enum Event: Equatable, Sendable {
    case add(address: UInt64, pages: Int, flags: UInt64)
    case augment(UInt64, UInt64, copied: Bool)
    case restrict(UInt64, UInt64, UInt64)
    case mapPermissions(UInt64, UInt64, UInt64)
    case modifyType(UInt64, UInt64, UInt8)
    case remove(UInt64, UInt64)
    case interrupt
  }
  let events = Mutex<[Event]>([])
  func note(_ event: Event) { events.withLock { $0.append(event) } }

  func create(_ secs: SECS) throws(SGXError) {}
  func addPages(
    at address: UInt64, source: UnsafeRawBufferPointer, flags: SECINFO.Flags, measure: Bool
  ) throws(SGXError) {
    note(.add(address: address, pages: source.count / 4096, flags: flags.rawValue))
  }
  func initialize(_ sigstruct: SIGSTRUCT) throws(SGXError) {}
  func attachThread() throws(SGXError) {}
  func detachThread() {}
  func enter(_ run: inout EnclaveRun) -> EnclaveExit { .interrupted }
  func interrupt(thread: UInt) { note(.interrupt) }
  func augment(address: UInt64, length: UInt64, copied: Bool) throws(SGXError) {
    note(.augment(address, length, copied: copied))
  }
  func mapPermissions(
    address: UInt64, length: UInt64, to: SECINFO.Flags
  ) throws(SGXError) { note(.mapPermissions(address, length, to.rawValue)) }
  func restrictPermissions(
    address: UInt64, length: UInt64, to: SECINFO.Flags
  ) throws(SGXError) { note(.restrict(address, length, to.rawValue)) }
  func modifyType(
    address: UInt64, length: UInt64, to: SECINFO.PageType
  ) throws(SGXError) { note(.modifyType(address, length, to.rawValue)) }
  func remove(address: UInt64, length: UInt64) throws(SGXError) { note(.remove(address, length)) }
}

/// A folder that goes away with the test.
final class TemporaryFolder {
  let path: String
  init() {
    path = NSTemporaryDirectory() + "cloister-test-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    // Symbolic links above us would confuse tests about symbolic links.
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
  func write(_ name: String, _ text: String) {
    try! Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
  }
}

/// A process with thread 0 and its buffer, for serving requests without an enclave.
struct ServingHost {
  let machine = RecordingMachine()
  let process: EnclaveProcess
  let thread: HostThread
  let buffer: ThreadBuffer

  init(
    threadCount: UInt32 = 4, flags: MeasuredConfiguration.Flags = [.insecureDevelopmentRoot],
    network: MeasuredConfiguration.Network = .host,
    source: (any ObjectSource)? = nil, quoting: (any QuotingSource)? = nil
  ) throws {
    var configuration = MeasuredConfiguration()
    configuration.threadCount = threadCount
    configuration.flags = flags
    configuration.network = network
    process = EnclaveProcess(
      machine: machine, configuration: configuration, source: source, quoting: quoting
    ) { _, _ in }
    thread = try HostThread(index: 0, process: process)
    buffer = try ThreadBuffer()
  }

  /// Serves one request; a negative result is -errno.
  func serve(_ call: HostCall, _ arguments: UInt64..., data: [UInt8] = []) -> Int64 {
    for (i, value) in arguments.enumerated() {
      buffer.base.storeBytes(of: value, toByteOffset: 8 + 8 * i, as: UInt64.self)
    }
    buffer.data.copyBytes(from: data)
    var request = HostRequest(thread: thread, process: process, buffer: buffer)
    do {
      return Int64(try request.serve(call))
    } catch {
      return -Int64(error.rawValue)
    }
  }

  func data(_ count: Int) -> [UInt8] { Array(buffer.data[..<count]) }
}

func error(_ errno: Errno) -> Int64 { -Int64(errno.rawValue) }
