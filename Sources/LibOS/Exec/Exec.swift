import CEnclave
import EnclaveRuntime
import LinuxABI

/// What execve(2) needs to start a program, gathered before the old one is gone.
struct ExecRequest {
  var object: MappedObject
  /// Absolute path of the program (AT_EXECFN is the name that was asked for).
  var path: [UInt8]
  var arguments: [[UInt8]]
  var environment: [[UInt8]]
}

extension ExecRequest {
  /// Follows `#!` lines as Linux does (at most four deep): interpreter, its one optional argument, the script.
  mutating func resolveScripts(open: ([UInt8]) throws(Errno) -> MappedObject) throws(Errno) {
    for _ in 0..<5 {
      let head = try ELFImage.bytes(object, 0, 256)
      guard head.count >= 2, head[0] == 0x23, head[1] == 0x21 else { return }
      var end = 2
      while end < head.count, head[end] != 0x0A, head[end] != 0 { end += 1 }
      guard end < head.count || head.count < 256 else { throw .ENOEXEC }
      var words = head[2..<end]
      func isBlank(_ b: UInt8) -> Bool { b == 0x20 || b == 0x09 }
      while let f = words.first, isBlank(f) { words.removeFirst() }
      while let l = words.last, isBlank(l) { words.removeLast() }
      guard !words.isEmpty else { throw .ENOEXEC }
      var name: [UInt8] = []
      while let f = words.first, !isBlank(f) {
        name.append(f)
        words.removeFirst()
      }
      while let f = words.first, isBlank(f) { words.removeFirst() }
      var new = [name]
      if !words.isEmpty { new.append([UInt8](words)) }
      new.append(path)
      new.append(contentsOf: arguments.dropFirst())
      arguments = new
      object = try open(name)
      path = name
    }
    throw .ELOOP
  }

  /// Loads the program into an empty address space. Returns the registers it starts with.
  func load(
    into memory: AddressSpace, credentials: AuxiliaryIdentity,
    openInterpreter: ([UInt8]) throws(Errno) -> MappedObject
  ) throws(Errno) -> cl_regs {
    let image = try ELFImage(object)
    var interpreterObject: MappedObject?
    var interpreterImage: ELFImage?
    if let name = image.interpreter {
      let file = try openInterpreter(name)
      interpreterObject = file
      do throws(Errno) { interpreterImage = try ELFImage(file) } catch { throw .ELIBBAD }
    }

    // Layout, randomised by RDRAND: stack at the top, mappings downwards below it, a position-independent program
    // low, its heap behind it. A small user area (profile `fixed`) leaves little room for randomness, and the program
    // goes where mmap puts it.
    try memory.placeStack()
    let stackTop = memory.stackTop
    let base = image.isPositionIndependent ? memory.placeProgram(image.end - image.start) : nil

    let stackSize: UInt = PageChange.isFixed ? memory.stackLimit : 132 << 10
    var stack = MappingRequest(
      length: stackSize, protection: [.PROT_READ, .PROT_WRITE])
    if image.executableStack { stack.protection.insert(.PROT_EXEC) }
    stack.address = stackTop - stackSize
    stack.isFixed = true
    stack.growsDown = true
    stack.kind = .stack
    _ = try memory.map(stack)

    let program = try memory.load(image, object, base: base)
    var start = program.entry
    var interpreterBase: UInt = 0
    if let interpreterImage, let interpreterObject {
      let loaded = try memory.load(interpreterImage, interpreterObject, base: nil)
      start = loaded.entry
      interpreterBase = loaded.bias &+ interpreterImage.start
    }
    memory.brkStart = (program.end + ((UInt(Random.next()) & 0xFFF) << 12) + 4095) & ~4095
    memory.brkEnd = memory.brkStart

    var builder = StackBuilder(top: stackTop)
    let executable = try builder.string(path)
    let platform = try builder.string([0x78, 0x38, 0x36, 0x5F, 0x36, 0x34])
    var environmentPointers: [UInt] = []
    for e in environment.reversed() { environmentPointers.append(try builder.string(e)) }
    environmentPointers.reverse()
    var argumentPointers: [UInt] = []
    for a in arguments.reversed() { argumentPointers.append(try builder.string(a)) }
    argumentPointers.reverse()
    let random = try builder.bytes(Random.bytes(count: 16), alignment: 16)

    var vector: [UInt] = []
    func aux(_ type: UInt, _ value: UInt) {
      vector.append(type)
      vector.append(value)
    }
    #if CLOISTER_ENCLAVE
      let vdso = UInt(cl_vdso_address())
      if vdso != 0 { aux(33, vdso) }  // AT_SYSINFO_EHDR
    #endif
    aux(16, UInt(Processor.hwcap))  // AT_HWCAP
    aux(6, 4096)  // AT_PAGESZ
    aux(17, 100)  // AT_CLKTCK
    if image.programHeaderAddress != 0 {
      aux(3, program.bias &+ image.programHeaderAddress)  // AT_PHDR
    }
    aux(4, 56)  // AT_PHENT
    aux(5, UInt(image.programHeaderCount))  // AT_PHNUM
    aux(7, interpreterBase)  // AT_BASE
    aux(8, 0)  // AT_FLAGS
    aux(9, program.entry)  // AT_ENTRY
    aux(11, UInt(credentials.uid))
    aux(12, UInt(credentials.euid))
    aux(13, UInt(credentials.gid))
    aux(14, UInt(credentials.egid))
    aux(23, 0)  // AT_SECURE
    aux(25, random)  // AT_RANDOM
    aux(26, 2)  // AT_HWCAP2: FSGSBASE usable from user mode
    aux(51, 3632)  // AT_MINSIGSTKSZ
    aux(31, executable)  // AT_EXECFN
    aux(15, platform)  // AT_PLATFORM
    aux(0, 0)

    var words: [UInt] = [UInt(argumentPointers.count)]
    words.append(contentsOf: argumentPointers)
    words.append(0)
    words.append(contentsOf: environmentPointers)
    words.append(0)
    words.append(contentsOf: vector)
    let sp = try builder.words(words)

    var regs = cl_regs()
    regs.rip = UInt64(start)
    regs.rsp = UInt64(sp)
    regs.rflags = 0x202
    regs.mxcsr = 0x1F80
    regs.orig_rax = UInt64.max
    return regs
  }
}

/// Ids for the auxiliary vector.
struct AuxiliaryIdentity {
  var uid: UInt32 = 0, euid: UInt32 = 0, gid: UInt32 = 0, egid: UInt32 = 0
}

/// Fills a new program's stack from its top down.
struct StackBuilder {
  var at: UInt
  init(top: UInt) { at = top - 8 }

  mutating func string(_ s: [UInt8]) throws(Errno) -> UInt {
    at -= UInt(s.count + 1)
    var copy = s
    copy.append(0)
    try UserMemory.writeBytes(copy, to: at)
    return at
  }

  mutating func bytes(_ b: [UInt8], alignment: UInt) throws(Errno) -> UInt {
    at = (at - UInt(b.count)) & ~(alignment - 1)
    try UserMemory.writeBytes(b, to: at)
    return at
  }

  mutating func words(_ w: [UInt]) throws(Errno) -> UInt {
    at = (at - UInt(w.count) * 8) & ~15
    for i in w.indices { try UserMemory.write(w[i], to: at + UInt(i) * 8) }
    return at
  }
}

/// Program start for a task: what boot and execve(2) share.
enum Exec {
  /// The file that is being looked at besides the program itself (an interpreter), for boot's error line.
  nonisolated(unsafe) static var subject: [UInt8]?

  private static func open(_ name: [UInt8], _ task: Task) throws(Errno) -> MappedObject {
    unsafe subject = name
    let object = try Namespace.openForExec(name, task).object
    unsafe subject = nil
    return object
  }

  /// Follows `#!` lines; afterwards the request names a binary.
  static func load(_ request: inout ExecRequest, _ task: Task) throws(Errno) {
    try request.resolveScripts { (name) throws(Errno) in try open(name, task) }
  }

  /// Fills an empty address space; the registers to start with.
  static func enter(_ request: ExecRequest, _ task: Task, _ memory: AddressSpace) throws(Errno) -> cl_regs {
    let process = task.process
    let c = process.credentials
    let identity = AuxiliaryIdentity(
      uid: c.realUser, euid: c.effectiveUser, gid: c.realGroup, egid: c.effectiveGroup)
    let regs = try request.load(into: memory, credentials: identity) { (name) throws(Errno) in
      try open(name, task)
    }
    process.commandLine = request.arguments
    process.environment = request.environment
    var name = request.path
    if let slash = name.lastIndex(of: 0x2F) { name.removeFirst(slash + 1) }
    task.name = [UInt8](name.prefix(15))
    return regs
  }
}
