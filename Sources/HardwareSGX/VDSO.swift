import CHardwareSGX
import Glibc
import SGX

/// `__vdso_sgx_enter_enclave`, found in the vDSO's dynamic symbols.
struct VDSO: Sendable {
  let functionAddress: UInt
  var function: UnsafeRawPointer { UnsafeRawPointer(bitPattern: functionAddress)! }
  let range: Range<UInt64>

  static func find() throws(SGXError) -> VDSO {
    let base = UInt(chsgx_vdso_base())
    guard base != 0, let image = UnsafeRawPointer(bitPattern: base) else {
      throw .device(.vdso, errno: ENOENT)
    }
    let header = image.load(as: Elf64_Ehdr.self)
    var size: UInt64 = 0
    var dynamic: UnsafeRawPointer?
    for i in 0..<Int(header.e_phnum) {
      let p = image.load(
        fromByteOffset: Int(header.e_phoff) + i * MemoryLayout<Elf64_Phdr>.stride,
        as: Elf64_Phdr.self)
      if p.p_type == 1 { size = max(size, p.p_vaddr + p.p_memsz) }
      if p.p_type == 2 { dynamic = image + Int(p.p_vaddr) }
    }
    guard let dynamic else { throw .device(.vdso, errno: ENOEXEC) }
    var strings = 0, symbols = 0, hash = 0
    var at = 0
    while true {
      let tag = dynamic.load(fromByteOffset: at, as: Int64.self)
      let value = dynamic.load(fromByteOffset: at + 8, as: Int.self)
      if tag == 0 { break }
      if tag == 5 { strings = value }
      if tag == 6 { symbols = value }
      if tag == 4 { hash = value }
      at += 16
    }
    // DT_HASH's second word is the number of symbols; without it the table ends where the strings start.
    let count =
      hash != 0
      ? Int(image.load(fromByteOffset: hash + 4, as: UInt32.self)) : (strings - symbols) / 24
    for i in 0..<max(count, 0) {
      let symbol = image.load(fromByteOffset: symbols + i * 24, as: Elf64_Sym.self)
      let name = (image + strings + Int(symbol.st_name)).assumingMemoryBound(to: CChar.self)
      guard symbol.st_value != 0, strcmp(name, "__vdso_sgx_enter_enclave") == 0 else { continue }
      return VDSO(
        functionAddress: base + UInt(symbol.st_value),
        range: UInt64(base)..<(UInt64(base) + size))
    }
    // Linux before 5.11, or built without SGX.
    throw .device(.vdso, errno: ENOSYS)
  }
}
