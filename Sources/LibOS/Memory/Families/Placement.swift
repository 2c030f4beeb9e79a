import EnclaveRuntime
import LinuxABI

/// Where a new program goes: stack, mappings and a position-independent image in room that no other
/// process has, at random places (RDRAND).
extension AddressSpace {
  /// What a program may be given behind its image for brk(2) before the C library has to turn to mmap(2).
  static let breakRoom: UInt = 256 << 20

  /// Top of the stack, and below it the top of the mappings. Takes the room of the stack.
  func placeStack() throws(Errno) {
    let highest = Self.highest
    let isSmall = highest < 1 << 36
    let gap =
      (isSmall ? stackLimit + (1 << 20) : max(stackLimit, 128 << 20))
      + (UInt(Random.next()) & (isSmall ? 0xF000 : 0xFF_F000))
    // Windows from the top down, large ones first: mappings go on below the window when it is full.
    var window: UInt = isSmall ? highest / 4 : 8 << 30
    let smallest = gap + (isSmall ? 2 << 20 : 64 << 20)
    while window >= smallest {
      let jitter = UInt(Random.next()) & (isSmall ? 0xF_FFFF : min(0x3FFF_FFFF, window / 4 - 1))
      var top = highest
      while top >= window + Self.lowest {
        let stackTop = (top - 4096 - jitter) & ~4095
        if UserChunks.firstForeign(top - window, top, room.number) == nil, stackTop > gap,
          UserChunks.claim(stackTop - gap, stackTop, room.number) == 0
        {
          self.stackTop = stackTop
          mmapBase = (stackTop - gap) & ~4095
          return
        }
        top -= window
      }
      window /= 2
    }
    throw .ENOMEM
  }

  /// A base for a position-independent program of `size` bytes with room for its heap behind it; nil: it goes
  /// where mmap puts it.
  func placeProgram(_ size: UInt) -> UInt? {
    if Self.highest < 1 << 36 { return nil }
    for attempt in 0..<64 as Range<UInt> {
      // Close together while there is room: the kernel's page maps cost 32 KiB for each GiB in use.
      let spread: UInt = attempt < 32 ? 0x1F_FFFF : 0x1FF_FFFF
      let base = 0x10_0000_0000 + ((UInt(Random.next()) & spread) << 12)
      if UserChunks.claim(base, base + size + Self.breakRoom, room.number) == 0 { return base }
    }
    return nil
  }

  /// Takes the room of a range that nobody chose freely: the break, a growing stack, a hint. False: another process has it.
  func claim(_ start: UInt, _ end: UInt) -> Bool {
    UserChunks.claim(start, end, room.number) == 0
  }
}
