import Glibc
import PayloadFormat
import SGX

/// The enclave image: a freestanding ELF file linked at a fixed address.
///
/// The host checks it only to give a clear message: the measurement, not this parser, is what the user
/// of the enclave relies on. Every offset is checked against the file, every address against
/// `EnclaveLayout.imageBase ..< imageEnd`.
public struct EnclaveImage: Sendable {
  /// A PT_LOAD segment, in whole pages.
  public struct Segment: Sendable {
    public var address: UInt64
    public var isWritable: Bool
    public var isExecutable: Bool
    /// File bytes and zeros; a multiple of the page size.
    public var bytes: [UInt8]
    public var end: UInt64 { address + UInt64(bytes.count) }
  }

  /// OENTRY: where EENTER arrives.
  public var entry: UInt64
  public var segments: [Segment] = []
  /// Addresses of the 8-byte ENCLU routines, for the software machine's fast mode.
  public var encluSites: [UInt64] = []

  static let maximumFileSize = 64 << 20

  public init(contentsOf path: String) throws(HostError) {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else {
      throw HostError("cannot open the enclave image \(path): \(lastError()); `make` builds it")
    }
    defer { close(fd) }
    var status = stat()
    guard fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_size <= Self.maximumFileSize
    else { throw HostError("the enclave image \(path) is not a regular file, or too large") }
    let size = Int(status.st_size)
    var at: UnsafeMutableRawPointer?
    if size > 0 {
      at = mmap(nil, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0)
      guard at != MAP_FAILED else {
        throw HostError("cannot map the enclave image \(path): \(lastError())")
      }
    }
    defer { if let at { munmap(at, size) } }
    do {
      try self.init(UnsafeRawBufferPointer(start: at, count: size))
    } catch {
      throw HostError(
        "enclave image \(path) is corrupt (\(error.description)); build it again with `make`")
    }
  }

  public init(bytes: [UInt8]) throws(HostError) {
    let result = bytes.withUnsafeBytes { buffer -> Result<EnclaveImage, HostError> in
      do throws(HostError) {
        return .success(try EnclaveImage(buffer))
      } catch {
        return .failure(error)
      }
    }
    self = try result.get()
  }

  private init(_ bytes: UnsafeRawBufferPointer) throws(HostError) {
    let file = LittleEndianBytes(bytes)
    guard bytes.count >= 64, try file.u32(0) == 0x464C_457F else {
      throw HostError("not an ELF file")
    }
    // elf(5): 64 bits, little-endian, ET_EXEC (2) or ET_DYN (3), EM_X86_64 (62).
    guard bytes[4] == 2, bytes[5] == 1, try file.u16(18) == 62 else {
      throw HostError("not an x86-64 ELF file")
    }
    let type = try file.u16(16)
    guard type == 2 || type == 3 else { throw HostError("ELF type \(type) is not executable") }
    entry = try file.u64(24)
    let headerOffset = try file.u64(32)
    let headerSize = try file.u16(54)
    let headerCount = try file.u16(56)
    guard headerSize == 56, headerCount >= 1, headerCount <= 64 else {
      throw HostError("program headers out of place")
    }
    var notes: [(offset: UInt64, size: UInt64)] = []
    for index in 0..<UInt64(headerCount) {
      let (at, overflow) = headerOffset.addingReportingOverflow(index * 56)
      guard !overflow else { throw HostError("program headers out of place") }
      switch try file.u32(at) {
      case 1: segments.append(try Self.segment(file, header: at))  // PT_LOAD
      case 2, 3: throw HostError("it is dynamically linked")  // PT_DYNAMIC, PT_INTERP
      case 4: notes.append((try file.u64(at + 8), try file.u64(at + 32)))  // PT_NOTE
      default: break
      }
    }
    segments.removeAll { $0.bytes.isEmpty }
    guard !segments.isEmpty else { throw HostError("nothing to load") }
    for (a, b) in zip(segments, segments.dropFirst()) where b.address < a.end {
      throw HostError("segments overlap or are not sorted")
    }
    guard segments.contains(where: { $0.isExecutable && $0.address <= entry && entry < $0.end })
    else { throw HostError("entry point outside executable segments") }
    for note in notes { try readNotes(file, offset: note.offset, size: note.size) }
  }

  private static func segment(_ file: LittleEndianBytes, header: UInt64) throws(HostError)
    -> Segment
  {
    let flags = try file.u32(header + 4)
    let offset = try file.u64(header + 8)
    let address = try file.u64(header + 16)
    let fileSize = try file.u64(header + 32)
    let memorySize = try file.u64(header + 40)
    let page = EnclaveLayout.pageSize
    guard flags & 3 != 3 else { throw HostError("a segment is writable and executable") }
    guard fileSize <= memorySize, address >= EnclaveLayout.imageBase,
      address < EnclaveLayout.imageEnd, memorySize <= EnclaveLayout.imageEnd - address
    else {
      throw HostError("a segment lies outside \(hex(EnclaveLayout.imageBase))")
    }
    let slice = try file.bytes(offset, fileSize)
    let start = address & ~(page - 1)
    let end = (address + memorySize + page - 1) & ~(page - 1)
    var bytes = [UInt8](repeating: 0, count: Int(end - start))
    bytes.withUnsafeMutableBytes { to in
      UnsafeMutableRawBufferPointer(rebasing: to[Int(address - start)...]).copyMemory(from: slice)
    }
    return Segment(
      address: start, isWritable: flags & 2 != 0, isExecutable: flags & 1 != 0,
      bytes: memorySize == 0 ? [] : bytes)
  }

  /// A note of name "Cloister", type 1: {address, count} of the array of ENCLU sites.
  private mutating func readNotes(_ file: LittleEndianBytes, offset: UInt64, size: UInt64)
    throws(HostError)
  {
    var note = LittleEndianBytes(try file.bytes(offset, size))
    while note.count >= 12 {
      let nameSize = UInt64(try note.u32(0))
      let descriptorSize = UInt64(try note.u32(4))
      let nameEnd = 12 + (nameSize + 3) & ~3
      let descriptorEnd = nameEnd + (descriptorSize + 3) & ~3
      let name = try note.bytes(12, nameSize)
      if try note.u32(8) == 1, Array(name.prefix(8)) == Array("Cloister".utf8) {
        guard descriptorSize >= 16 else { throw HostError("the Cloister note is too short") }
        try readSites(address: try note.u64(nameEnd), count: try note.u64(nameEnd + 8))
      }
      guard descriptorEnd < UInt64(note.count) else { return }
      note = LittleEndianBytes(
        try note.bytes(descriptorEnd, UInt64(note.count) - descriptorEnd))
    }
  }

  private mutating func readSites(address: UInt64, count: UInt64) throws(HostError) {
    guard count <= 256 else { throw HostError("too many ENCLU sites") }
    for index in 0..<count {
      encluSites.append(try word(at: address &+ index * 8))
    }
    for site in encluSites {
      guard
        segments.contains(where: { $0.isExecutable && $0.address <= site && site + 8 <= $0.end })
      else { throw HostError("ENCLU site \(hex(site)) is not in executable code") }
    }
  }

  private func word(at address: UInt64) throws(HostError) -> UInt64 {
    guard
      let s = segments.first(where: { $0.address <= address && address < $0.end })
    else { throw HostError("the list of ENCLU sites is not in the image") }
    let at = Int(address - s.address)
    guard at <= s.bytes.count - 8 else {
      throw HostError("the list of ENCLU sites is not in the image")
    }
    return s.bytes.littleEndian(at: at)
  }
}
