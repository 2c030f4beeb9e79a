import HostRuntime
import PayloadFormat

/// What an ELF file says that it needs (elf(5), ld.so(8)). Read with every bound checked; a file that is not a
/// 64-bit x86 one needs nothing.
struct ELFNeeds {
  var interpreter: String?
  var needed: [String] = []
  var rpath: [String] = []
  var runpath: [String] = []
  /// Names of `.dynstr` that tell what is loaded at run time only.
  var usesNames = false  // getpwnam(3), getaddrinfo(3): NSS
  var usesIconv = false
  var usesLocale = false

  init?(_ b: UnsafeRawBufferPointer) {
    func u16(_ at: Int) -> Int { Int(b.loadUnaligned(fromByteOffset: at, as: UInt16.self)) }
    func u32(_ at: Int) -> UInt32 { b.loadUnaligned(fromByteOffset: at, as: UInt32.self) }
    func u64(_ at: Int) -> UInt64 { b.loadUnaligned(fromByteOffset: at, as: UInt64.self) }
    guard b.count >= 64, u32(0) == 0x464C_457F, b[4] == 2, b[5] == 1, u16(18) == 62 else {
      return nil
    }
    let table = u64(32)
    let count = u16(56)
    guard u16(54) == 56, count <= 1024, table <= UInt64(b.count),
      UInt64(count * 56) <= UInt64(b.count) - table
    else { return nil }
    var loads: [(address: UInt64, offset: UInt64, size: UInt64)] = []
    var dynamic: (offset: UInt64, size: UInt64)?
    func fits(_ offset: UInt64, _ size: UInt64) -> Bool {
      offset <= UInt64(b.count) && size <= UInt64(b.count) - offset
    }
    for i in 0..<count {
      let at = Int(table) + i * 56
      let offset = u64(at + 8)
      let size = u64(at + 32)
      guard fits(offset, size) else { continue }
      switch u32(at) {
      case 1: loads.append((u64(at + 16), offset, size))
      case 2: dynamic = (offset, size)
      case 3 where size > 0 && size < 4096:
        interpreter = String(
          decoding: b[Int(offset)..<Int(offset + size)].prefix { $0 != 0 }, as: UTF8.self)
      default: break
      }
    }
    guard let dynamic else { return }
    var tags: [(tag: UInt64, value: UInt64)] = []
    for i in 0..<Int(min(dynamic.size / 16, 4096)) {
      let at = Int(dynamic.offset) + i * 16
      if u64(at) == 0 { break }
      tags.append((u64(at), u64(at + 8)))
    }
    guard let address = tags.first(where: { $0.tag == 5 })?.value,
      let size = tags.first(where: { $0.tag == 10 })?.value,
      let load = loads.first(where: { address >= $0.address && address - $0.address < $0.size })
    else { return }
    let start = load.offset + (address - load.address)
    guard fits(start, size) else { return }
    let strings = UnsafeRawBufferPointer(rebasing: b[Int(start)..<Int(start + size)])
    func string(_ at: UInt64) -> String? {
      guard at < UInt64(strings.count) else { return nil }
      return String(decoding: strings[Int(at)...].prefix { $0 != 0 }, as: UTF8.self)
    }
    for (tag, value) in tags {
      guard tag == 1 || tag == 15 || tag == 29, let text = string(value) else { continue }
      switch tag {
      case 1: needed.append(text)
      case 15: rpath += text.split(separator: ":").map(String.init)
      default: runpath += text.split(separator: ":").map(String.init)
      }
    }
    var at = 0
    while at < strings.count {
      let name = strings[at...].prefix { $0 != 0 }
      switch String(decoding: name, as: UTF8.self) {
      case "getaddrinfo", "gethostbyname", "getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r",
        "getgrnam", "getgrgid", "getgrgid_r", "getservbyname":
        usesNames = true
      case "iconv_open": usesIconv = true
      case "setlocale", "newlocale": usesLocale = true
      default: break
      }
      at += name.count + 1
    }
  }
}
