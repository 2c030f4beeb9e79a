import EnclaveRuntime
import LinuxABI
import Synchronization

/// The descriptor table of a process (shared with CLONE_FILES).
///
/// `lock` guards the slots. A file is never released while it is held, because closing may do anything.
final class FileTable: @unchecked Sendable {
  struct Slot {
    var file: File?
    var closeOnExec = false
    /// Taken by an open in progress.
    var reserved = false
  }

  /// Processes that share the table (CLONE_FILES).
  let users = Atomic<Int>(1)
  private let lock = Lock()
  private var slots: [Slot] = []
  /// No free slot lies below.
  private var firstFree = 0
  /// RLIMIT_NOFILE, soft; whoever changes the limit changes it here.
  private var limitValue = 1024

  init() {}

  /// fork(2): a table of its own with the same open files.
  init(copying other: FileTable) {
    other.lock.lock()
    slots = other.slots
    for i in slots.indices {
      slots[i].reserved = false
      slots[i].file?.gainDescriptor()
    }
    firstFree = 0
    limitValue = other.limitValue
    other.lock.unlock()
  }

  var limit: Int {
    get { lock.withLock { limitValue } }
    set { lock.withLock { limitValue = newValue } }
  }

  /// The file of a descriptor. Throws EBADF, also for O_PATH descriptors unless `path` is given.
  @inline(__always)
  func get(_ fd: Int32, path: Bool = false) throws(Errno) -> File {
    lock.lock()
    guard fd >= 0, Int(fd) < slots.count, let file = slots[Int(fd)].file else {
      lock.unlock()
      throw .EBADF
    }
    lock.unlock()
    if !path && file.isPath { throw .EBADF }
    return file
  }

  /// Whether the descriptor still refers to this description.
  func has(_ file: File, at fd: Int32) -> Bool {
    lock.withLock { Int(fd) < slots.count && slots[Int(fd)].file === file }
  }

  /// Lowest free descriptor at or above `minimum`. Throws EMFILE.
  @discardableResult
  func insert(_ file: File, closeOnExec: Bool, minimum: Int = 0) throws(Errno) -> Int32 {
    lock.lock()
    defer { lock.unlock() }
    let fd = try lowestFree(minimum)
    file.gainDescriptor()
    slots[fd] = Slot(file: file, closeOnExec: closeOnExec)
    return Int32(fd)
  }

  /// Keeps the lowest free descriptor for a file that is yet to come (Linux: get_unused_fd_flags), so that what
  /// makes the file cannot succeed in vain. Throws EMFILE. `fill` or `release` follows.
  func reserve() throws(Errno) -> Int32 {
    lock.lock()
    defer { lock.unlock() }
    let fd = try lowestFree(0)
    slots[fd].reserved = true
    return Int32(fd)
  }

  func fill(_ fd: Int32, with file: File, closeOnExec: Bool) {
    lock.lock()
    defer { lock.unlock() }
    file.gainDescriptor()
    slots[Int(fd)] = Slot(file: file, closeOnExec: closeOnExec)
  }

  func release(_ fd: Int32) {
    lock.lock()
    defer { lock.unlock() }
    slots[Int(fd)] = Slot()
    if Int(fd) < firstFree { firstFree = Int(fd) }
  }

  private func lowestFree(_ minimum: Int) throws(Errno) -> Int {
    var fd = max(minimum, firstFree)
    while fd < slots.count, slots[fd].file != nil || slots[fd].reserved { fd += 1 }
    guard fd < limitValue else { throw .EMFILE }
    while slots.count <= fd { slots.append(Slot()) }
    if minimum <= firstFree { firstFree = fd + 1 }
    return fd
  }

  /// dup2(2), dup3(2): `fd` refers to `file` from now on; what it was before is closed.
  func replace(_ fd: Int32, with file: File, closeOnExec: Bool) throws(Errno) {
    lock.lock()
    guard fd >= 0, Int(fd) < limitValue else {
      lock.unlock()
      throw .EBADF
    }
    while slots.count <= Int(fd) { slots.append(Slot()) }
    if slots[Int(fd)].reserved {
      lock.unlock()
      throw .EBUSY
    }
    let old = slots[Int(fd)].file
    file.gainDescriptor()
    slots[Int(fd)] = Slot(file: file, closeOnExec: closeOnExec)
    lock.unlock()
    old?.loseDescriptor()
    old?.descriptorClosed(in: self)
  }

  /// Takes a descriptor out of the table; the file closes when its last user lets go.
  func remove(_ fd: Int32) throws(Errno) -> File {
    lock.lock()
    guard fd >= 0, Int(fd) < slots.count, let file = slots[Int(fd)].file else {
      lock.unlock()
      throw .EBADF
    }
    slots[Int(fd)] = Slot()
    if Int(fd) < firstFree { firstFree = Int(fd) }
    lock.unlock()
    file.loseDescriptor()
    return file
  }

  func closeOnExec(_ fd: Int32) throws(Errno) -> Bool {
    lock.lock()
    defer { lock.unlock() }
    guard fd >= 0, Int(fd) < slots.count, slots[Int(fd)].file != nil else { throw .EBADF }
    return slots[Int(fd)].closeOnExec
  }

  func setCloseOnExec(_ fd: Int32, _ value: Bool) throws(Errno) {
    lock.lock()
    defer { lock.unlock() }
    guard fd >= 0, Int(fd) < slots.count, slots[Int(fd)].file != nil else { throw .EBADF }
    slots[Int(fd)].closeOnExec = value
  }

  /// close_range(2) with CLOSE_RANGE_CLOEXEC.
  func setCloseOnExec(from first: Int, through last: Int) {
    lock.lock()
    defer { lock.unlock() }
    var i = first
    while i < slots.count && i <= last {
      if slots[i].file != nil { slots[i].closeOnExec = true }
      i += 1
    }
  }

  /// Takes out all descriptors in a range, or those marked close-on-exec, or (at exit) everything.
  func removeAll(from first: Int = 0, through last: Int = .max, onlyCloseOnExec: Bool = false)
    -> [File]
  {
    var out: [File] = []
    lock.lock()
    var i = first
    while i < slots.count && i <= last {
      if let file = slots[i].file, !onlyCloseOnExec || slots[i].closeOnExec {
        out.append(file)
        slots[i] = Slot()
        if i < firstFree { firstFree = i }
      }
      i += 1
    }
    lock.unlock()
    for file in out { file.loseDescriptor() }
    return out
  }

  /// execve(2): closes what is marked close-on-exec.
  func closeOnExecute() {
    for file in removeAll(onlyCloseOnExec: true) { file.descriptorClosed(in: self) }
  }

  /// exit(2): closes everything.
  func closeAll() {
    for file in removeAll() { file.descriptorClosed(in: self) }
  }

  /// One process less uses the table; the last one closes everything.
  func drop() {
    if users.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { closeAll() }
  }

  /// Open descriptors, ascending, for /proc/PID/fd.
  func descriptors() -> [Int] {
    lock.lock()
    defer { lock.unlock() }
    var out: [Int] = []
    for i in slots.indices where slots[i].file != nil { out.append(i) }
    return out
  }

  /// Descriptors 0, 1 and 2 on the host's standard streams.
  static func standardStreams() -> FileTable {
    let table = FileTable()
    for i in 0..<3 {
      let file = StreamFile(stream: UInt64(i))
      file.gainDescriptor()
      table.slots.append(Slot(file: file))
    }
    table.firstFree = 3
    return table
  }
}
