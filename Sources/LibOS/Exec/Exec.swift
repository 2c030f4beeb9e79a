import CEnclave
import EnclaveRuntime
import LinuxABI

/// What execve(2) needs to start a program, gathered before the old one is gone.
struct ExecRequest {
  /// The binary, once scripts are followed.
  var object: FileMapping
  /// The name that was asked for: AT_EXECFN and, without its directory, comm.
  var path: [UInt8]
  var arguments: [[UInt8]]
  var environment: [[UInt8]]
  /// Absolute path of the binary, for /proc/PID/exe.
  var executablePath: [UInt8] = []
  /// A script's interpreter can open `path`: not when it names a descriptor that execve(2) closes.
  var isReachable = true
  var credentials = Credentials()
  /// AT_SECURE: the file gave the process other ids.
  var isSecure = false

  init(object: FileMapping, path: [UInt8], arguments: [[UInt8]], environment: [[UInt8]]) {
    self.object = object
    self.path = path
    self.arguments = arguments
    self.environment = environment
  }

  var commandName: [UInt8] {
    var name = path
    if let slash = name.lastIndex(of: 0x2F) { name.removeFirst(slash + 1) }
    return [UInt8](name.prefix(15))
  }
}

extension ExecRequest {
  /// Follows `#!` lines to a binary and takes the credentials that it gives.
  mutating func prepare(_ task: Task) throws(Errno) {
    try resolveScripts { (name) throws(Errno) in
      unsafe Exec.subject = name
      let found = try Namespace.openForExec(name, task)
      unsafe Exec.subject = nil
      return found
    }
    try object.denyWriting()
    let inode = object.dentry.inode
    let before = task.process.credentials
    credentials = before.executed(
      mode: inode.mode, owner: inode.uid, group: inode.gid,
      noNewPrivileges: task.process.attributes.noNewPrivileges)
    isSecure =
      credentials.effectiveUser != before.realUser || credentials.effectiveGroup != before.realGroup
  }

  /// Follows `#!` lines as Linux does (at most four deep): interpreter, its one optional argument, the script.
  mutating func resolveScripts(
    open: ([UInt8]) throws(Errno) -> (object: FileMapping, path: [UInt8])
  ) throws(Errno) {
    var script = path
    for _ in 0..<5 {
      let head = try ELFImage.bytes(object, 0, 256)
      guard head.count >= 2, head[0] == 0x23, head[1] == 0x21 else { return }
      guard isReachable else { throw .ENOENT }
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
      new.append(script)
      new.append(contentsOf: arguments.dropFirst())
      arguments = new
      (object, executablePath) = try open(name)
      script = name
    }
    throw .ELOOP
  }
}

/// A program and its interpreter, looked at before the old program is gone.
struct PreparedImage {
  let image: ELFImage
  let object: MappedObject
  var interpreter: (image: ELFImage, object: MappedObject)?

  /// - Throws: ENOEXEC, ELIBBAD for a broken interpreter, or why it cannot be opened.
  init(
    _ request: ExecRequest, openInterpreter: ([UInt8]) throws(Errno) -> MappedObject
  ) throws(Errno) {
    object = request.object
    image = try ELFImage(object)
    guard let name = image.interpreter else { return }
    let file = try openInterpreter(name)
    do throws(Errno) { interpreter = (try ELFImage(file), file) } catch { throw .ELIBBAD }
  }

  /// Loads the program into an empty address space, which is the calling thread's. Returns the registers it starts with.
  func load(
    into memory: AddressSpace, _ request: ExecRequest, _ credentials: Credentials
  ) throws(Errno) -> cl_regs {
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
    // What the kernel writes and the program begins with: not one fault for each.
    memory.prepopulate(stackTop - AddressSpace.smallestWindow, stackTop)

    let program = try memory.load(image, object, base: base)
    var start = program.entry
    var interpreterBase: UInt = 0
    if let interpreter {
      let loaded = try memory.load(interpreter.image, interpreter.object, base: nil)
      start = loaded.entry
      interpreterBase = loaded.bias &+ interpreter.image.start
    }
    memory.brkStart = (program.end + ((UInt(Random.next()) & 0xFFF) << 12) + 4095) & ~4095
    memory.brkEnd = memory.brkStart

    var builder = StackBuilder(top: stackTop)
    let executable = try builder.string(request.path)
    let platform = try builder.string([0x78, 0x38, 0x36, 0x5F, 0x36, 0x34])
    var environmentPointers: [UInt] = []
    for e in request.environment.reversed() { environmentPointers.append(try builder.string(e)) }
    environmentPointers.reverse()
    var argumentPointers: [UInt] = []
    for a in request.arguments.reversed() { argumentPointers.append(try builder.string(a)) }
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
    aux(11, UInt(credentials.realUser))
    aux(12, UInt(credentials.effectiveUser))
    aux(13, UInt(credentials.realGroup))
    aux(14, UInt(credentials.effectiveGroup))
    aux(23, request.isSecure ? 1 : 0)  // AT_SECURE
    aux(25, random)  // AT_RANDOM
    aux(26, 2)  // AT_HWCAP2: FSGSBASE usable from user mode
    aux(51, 3632)  // AT_MINSIGSTKSZ
    aux(31, executable)  // AT_EXECFN
    aux(15, platform)  // AT_PLATFORM
    aux(0, 0)
    memory.auxiliaryVector = vector

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

/// For boot's error line.
enum Exec {
  /// The file that is being looked at besides the program itself (an interpreter).
  nonisolated(unsafe) static var subject: [UInt8]?
}
