import EnclaveRuntime
import LinuxABI

/// Which room of the one user address range belongs to which processes.
///
/// An EPC page has one address, so two processes cannot both keep pages at the same one. The range is cut
/// into chunks; a chunk belongs to one `AddressRoom`, that is to one process or to one family of
/// processes that take turns in it. Addresses that the kernel chooses lie in free chunks or in the room's own.
///
/// `lock` guards the table. It comes after the memory map's lock and is held for moments only: nothing is
/// allocated and no host call made under it.
enum UserChunks {
  static let lock = Lock()
  /// log2 of a chunk's size: 16 MiB, so that a process takes little; 1 MiB where there is little.
  static let shift: UInt = PageChange.isFixed ? 20 : 24
  /// Room numbers by chunk, 0: free.
  nonisolated(unsafe) private static var owners = [UInt16](
    repeating: 0, count: chunkCount)
  private static let chunkCount = Int((UserRange.end + (1 << shift) - 1) >> shift)
  /// How many of 64 neighbouring chunks are taken, so that giving back looks at few.
  nonisolated(unsafe) private static var taken = [UInt8](repeating: 0, count: chunkCount / 64 + 1)
  /// The room that has all the taken chunks of a group, 0: none is taken, `mixed`: look at each.
  nonisolated(unsafe) private static var sole = [UInt16](repeating: 0, count: chunkCount / 64 + 1)
  private static let mixed = UInt16.max
  /// Numbers in use.
  nonisolated(unsafe) private static var numbers = [Bool](repeating: false, count: 1 << 16)
  nonisolated(unsafe) private static var lastNumber: UInt16 = 0

  private static func chunks(_ start: UInt, _ end: UInt) -> Range<Int> {
    let first = Int(start >> shift)
    return first..<max(first, min(chunkCount, Int((end + (1 << shift) - 1) >> shift)))
  }

  /// A number for a room.
  static func takeNumber() -> UInt16 {
    lock.lock()
    defer { lock.unlock() }
    for _ in 0..<(1 << 16) {
      unsafe lastNumber &+= 1
      if unsafe lastNumber != 0, unsafe lastNumber != .max, unsafe !numbers[Int(lastNumber)] {
        unsafe numbers[Int(lastNumber)] = true
        return unsafe lastNumber
      }
    }
    // More memory maps than there can be threads.
    panic("too many memory maps")
  }

  /// Frees a room's chunks and its number.
  static func giveBack(_ room: UInt16) {
    lock.lock()
    defer { lock.unlock() }
    forEach(of: room) { (i) in set(i, 0) }
    unsafe numbers[Int(room)] = false
  }

  /// Takes the chunks of [start, end) for a room. The number of a room that has one of them already, and then nothing is
  /// taken; 0: done.
  static func claim(_ start: UInt, _ end: UInt, _ room: UInt16) -> UInt16 {
    lock.lock()
    defer { lock.unlock() }
    let range = chunks(start, end)
    if let i = firstForeign(range, room) { return unsafe owners[i] }
    var i = range.lowerBound
    while i < range.upperBound {
      if i & 63 == 0, unsafe taken[i >> 6] == 64 {
        // All of the group is the room's, as nothing foreign was found.
        i += 64
        continue
      }
      set(i, room)
      i += 1
    }
    return 0
  }

  /// Start of the lowest chunk of [start, end) that belongs to another room; nil: there is none.
  static func firstForeign(_ start: UInt, _ end: UInt, _ room: UInt16) -> UInt? {
    lock.lock()
    defer { lock.unlock() }
    return firstForeign(chunks(start, end), room).map { UInt($0) << shift }
  }

  /// Whole groups that are free or the room's alone are passed over: reservations of tens of gigabytes cost little.
  private static func firstForeign(_ range: Range<Int>, _ room: UInt16) -> Int? {
    var i = range.lowerBound
    while i < range.upperBound {
      if i & 63 == 0, unsafe sole[i >> 6] == 0 || sole[i >> 6] == room {
        i += 64
        continue
      }
      if unsafe owners[i] != room && owners[i] != 0 { return i }
      i += 1
    }
    return nil
  }

  /// All that `old` has belongs to `new` from now on: two processes have become a family.
  static func merge(_ old: UInt16, into new: UInt16) {
    lock.lock()
    defer { lock.unlock() }
    for group in unsafe sole.indices where unsafe sole[group] == old { unsafe sole[group] = new }
    forEach(of: old) { (i) in set(i, new) }
  }

  private static func set(_ i: Int, _ room: UInt16) {
    let group = i >> 6
    if unsafe owners[i] == 0, room != 0 {
      if unsafe taken[group] == 0 { unsafe sole[group] = room }
      unsafe taken[group] += 1
    }
    if unsafe owners[i] != 0, room == 0 {
      unsafe taken[group] -= 1
      if unsafe taken[group] == 0 { unsafe sole[group] = 0 }
    }
    if room != 0, unsafe sole[group] != room { unsafe sole[group] = mixed }
    unsafe owners[i] = room
  }

  private static func forEach(of room: UInt16, _ body: (Int) -> Void) {
    for group in 0...(chunkCount / 64) where unsafe taken[group] != 0 {
      for i in group * 64..<min(chunkCount, group * 64 + 64) where unsafe owners[i] == room {
        body(i)
      }
    }
  }
}

/// The bounds of user memory.
enum UserRange {
  static let end = AddressSpace.highest
}

/// Names the chunks of one process, or of a family: they are free again when its last memory map is gone.
final class AddressRoom: Sendable {
  let number: UInt16
  init() { number = UserChunks.takeNumber() }
  private init(number: UInt16) { self.number = number }
  deinit { UserChunks.giveBack(number) }

  /// Of a map that is over.
  static let none = AddressRoom(number: .max)
}
