import CEnclave
import EnclaveRuntime
import Foundation
import LinuxABI
import PayloadFormat

@testable import LibOS

/// Runs system calls against the kernel's files or against the host's kernel, with the same arguments.
enum FilesHarness {
  /// The tree, made once for all tests: no host behind it.
  static let started: Bool = {
    var configuration = MeasuredConfiguration()
    configuration.memorySize = 2 << 30
    Namespace.start(configuration)
    return true
  }()

  static let handlers: [Int: Syscall] = {
    var all: [Int: Syscall] = [:]
    for family in [
      openSyscalls, readWriteSyscalls, statSyscalls, directorySyscalls, descriptorSyscalls,
      nameSyscalls, attributeSyscalls, fileSystemSyscalls, extendedAttributeSyscalls,
      transferSyscalls, lockSyscalls,
    ] {
      for s in family { all[s.number] = s }
    }
    return all
  }()

  /// A process of one thread; `run` makes it the calling thread's.
  static func makeTask(pid: Int32 = 1) -> Task {
    _ = started
    let process = Process(
      pid: pid, parentPid: 0, fileSystem: FileSystemContext(), memory: AddressSpace())
    process.files = FileTable()
    return Task(tid: pid, process: process, parker: Parker(threadIndex: 0), threadIndex: 0)
  }

  static func call(_ task: Task, _ number: Int, _ arguments: [UInt]) -> Int {
    var a = arguments
    while a.count < 6 { a.append(0) }
    guard let handler = handlers[number]?.handler else { return -38 }
    do throws(Errno) {
      return try handler(
        task, SyscallArguments(a0: a[0], a1: a[1], a2: a[2], a3: a[3], a4: a[4], a5: a[5]))
    } catch { return -Int(error.rawValue) }
  }

  static func native(_ number: Int, _ arguments: [UInt]) -> Int {
    var a = arguments
    while a.count < 6 { a.append(0) }
    return cl_native_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5])
  }
}

/// A kernel under test: ours or the host's.
protocol Kernel: AnyObject {
  func call(_ number: Int, _ arguments: [UInt]) -> Int
}

final class OurKernel: Kernel {
  let task: Task
  init(_ task: Task) { self.task = task }
  func call(_ number: Int, _ arguments: [UInt]) -> Int {
    FilesHarness.call(task, number, arguments)
  }
}

final class NativeKernel: Kernel {
  func call(_ number: Int, _ arguments: [UInt]) -> Int { FilesHarness.native(number, arguments) }
}

/// Memory for arguments, freed with the object.
final class Memory {
  private var blocks: [UnsafeMutableRawPointer] = []
  deinit { for b in blocks { b.deallocate() } }
  func allocate(_ count: Int) -> UInt {
    let p = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 16)
    p.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 1))
    blocks.append(p)
    return UInt(bitPattern: p)
  }
  func string(_ s: String) -> UInt {
    let utf8 = Array(s.utf8) + [0]
    let p = allocate(utf8.count)
    UnsafeMutableRawPointer(bitPattern: p)!.copyMemory(from: utf8, byteCount: utf8.count)
    return p
  }
  func bytes(_ b: [UInt8]) -> UInt {
    let p = allocate(b.count)
    UnsafeMutableRawPointer(bitPattern: p)!.copyMemory(from: b, byteCount: b.count)
    return p
  }
  static func read(_ address: UInt, _ count: Int) -> [UInt8] {
    if count <= 0 { return [] }
    return [UInt8](
      UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address)!, count: count))
  }
}

/// SplitMix64: the same sequence for the same seed.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
