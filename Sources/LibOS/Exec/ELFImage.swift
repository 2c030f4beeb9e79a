import EnclaveRuntime
import LinuxABI

/// The header and program headers of an ELF file, parsed with bounds (elf(5)).
struct ELFImage {
  struct Segment {
    var offset: UInt64
    var address: UInt
    var fileSize: UInt
    var memorySize: UInt
    var protection: Protection
    var alignment: UInt
  }

  var isPositionIndependent = false
  var entry: UInt = 0
  var programHeaderOffset: UInt64 = 0
  var programHeaderSize = 0
  var programHeaderCount = 0
  /// Address of the program headers in memory (unbiased), when a segment holds them.
  var programHeaderAddress: UInt = 0
  var segments: [Segment] = []
  var interpreter: [UInt8]?
  var executableStack = false

  /// Lowest and one past the highest address of the segments, page rounded.
  var start: UInt { (segments.first?.address ?? 0) & ~4095 }
  var end: UInt {
    guard let last = segments.last else { return 0 }
    return (last.address + last.memorySize + 4095) & ~4095
  }

  /// Throws ENOEXEC for what is not an x86-64 program, EIO/ELIBBAD for one that is broken.
  init(_ object: MappedObject) throws(Errno) {
    let header = try Self.bytes(object, 0, 64)
    guard header.count == 64, header[0] == 0x7F, header[1] == 0x45, header[2] == 0x4C,
      header[3] == 0x46, header[4] == 2, header[5] == 1
    else { throw .ENOEXEC }
    let type = Self.get16(header, 16)
    guard type == 2 || type == 3, Self.get16(header, 18) == 62 else { throw .ENOEXEC }
    isPositionIndependent = type == 3
    entry = UInt(Self.get64(header, 24))
    programHeaderOffset = Self.get64(header, 32)
    programHeaderSize = Int(Self.get16(header, 54))
    programHeaderCount = Int(Self.get16(header, 56))
    guard programHeaderSize == 56, programHeaderCount > 0, programHeaderCount * 56 <= 65536,
      programHeaderOffset < 1 << 40
    else { throw .ENOEXEC }
    let table = try Self.bytes(object, programHeaderOffset, programHeaderCount * 56)
    guard table.count == programHeaderCount * 56 else { throw .ENOEXEC }
    let limit: UInt64 = 1 << 40
    for i in 0..<programHeaderCount {
      let at = i * 56
      let type = Self.get32(table, at)
      let flags = Self.get32(table, at + 4)
      let offset = Self.get64(table, at + 8)
      let address = Self.get64(table, at + 16)
      let fileSize = Self.get64(table, at + 32)
      let memorySize = Self.get64(table, at + 40)
      let alignment = Self.get64(table, at + 48)
      switch type {
      case 1:  // PT_LOAD
        guard offset < limit, address < limit, fileSize < limit, memorySize < limit,
          fileSize <= memorySize, (offset ^ address) & 4095 == 0
        else { throw .ENOEXEC }
        if memorySize == 0 { continue }
        var protection: Protection = []
        if flags & 4 != 0 { protection.insert(.PROT_READ) }
        if flags & 2 != 0 { protection.insert(.PROT_WRITE) }
        if flags & 1 != 0 { protection.insert(.PROT_EXEC) }
        if let last = segments.last {
          guard UInt(address) >= last.address + last.memorySize else { throw .ENOEXEC }
        }
        segments.append(
          Segment(
            offset: offset, address: UInt(address), fileSize: UInt(fileSize),
            memorySize: UInt(memorySize), protection: protection, alignment: UInt(alignment)))
        if programHeaderOffset >= offset, programHeaderOffset < offset + fileSize {
          programHeaderAddress = UInt(address + (programHeaderOffset - offset))
        }
      case 3:  // PT_INTERP
        guard fileSize >= 2, fileSize <= 4096 else { throw .ENOEXEC }
        var path = try Self.bytes(object, offset, Int(fileSize))
        guard path.count == Int(fileSize), path.last == 0 else { throw .ENOEXEC }
        path.removeLast()
        interpreter = path
      case 0x6474_E551:  // PT_GNU_STACK
        executableStack = flags & 1 != 0
      default: break
      }
    }
    guard !segments.isEmpty else { throw .ENOEXEC }
  }

  static func bytes(_ object: MappedObject, _ offset: UInt64, _ count: Int) throws(Errno) -> [UInt8]
  {
    guard let run = PageRun(pageCount: (count + 4095) >> 12) else { throw .ENOMEM }
    var done = 0
    while done < count {
      var buffer = run.buffer(done, count: count - done)
      let n = try object.read(&buffer, offset: offset + UInt64(done))
      if n == 0 { break }
      done += n
    }
    return run.bytes(0, count: done)
  }

  static func get16(_ b: [UInt8], _ i: Int) -> UInt16 { UInt16(b[i]) | UInt16(b[i + 1]) << 8 }
  static func get32(_ b: [UInt8], _ i: Int) -> UInt32 {
    UInt32(get16(b, i)) | UInt32(get16(b, i + 2)) << 16
  }
  static func get64(_ b: [UInt8], _ i: Int) -> UInt64 {
    UInt64(get32(b, i)) | UInt64(get32(b, i + 4)) << 32
  }
}
