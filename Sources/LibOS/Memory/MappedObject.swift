import EnclaveRuntime
import LinuxABI

/// A stretch of a file in the page cache: `count` bytes from byte `from` of a run belong `at` bytes behind
/// the offset that was asked for. Holding the run keeps its pages, whatever happens to the file.
struct PagePiece {
  let run: PageRun
  let from: Int
  let at: Int
  let count: Int
}

/// What a file mapping maps. Files make one of these for mmap(2) and for the program loader.
///
/// Overridden by the file systems. Called without the memory map's lock; may sleep.
class MappedObject: @unchecked Sendable {
  init() {}

  /// Size of the file in bytes.
  var size: UInt64 { 0 }

  /// Copies file content from `offset` on; returns the bytes moved, fewer only at the end of the file.
  func read(_ buffer: inout IOBuffer, offset: UInt64) throws(Errno) -> Int { throw .ENODEV }

  /// The kernel's own pages behind [offset, offset + count), to copy from without another copy between;
  /// what no piece covers is zero. nil: there are none to be had, `read` does it.
  func pieces(_ offset: UInt64, _ count: Int) throws(Errno) -> [PagePiece]? { nil }

  /// Pages that MAP_SHARED mappings have in common, and where they are otherwise; nil: every mapping has clean
  /// copies of its own.
  var shared: SharedPages? { nil }
  var sharedBacking: (any SharedBacking)? { nil }

  /// madvise(2), MADV_REMOVE: bytes [offset, offset + count) of a shared mapping read as zeros from now on, and
  /// their pages are free.
  func punch(_ offset: UInt64, _ count: UInt64) throws(Errno) { throw .EINVAL }

  /// Where what shared mappings write lasts, for msync(2); nil: nowhere.
  var persistentFileSystem: FileSystem? { nil }

  /// The table of system-call sites (`SiteTable` encoding), or nil when the file has none.
  func siteTable() throws(Errno) -> [UInt8]? { nil }

  /// Absolute path, device and inode number for /proc/PID/maps.
  var path: [UInt8] { [] }
  var device: UInt64 { 0 }
  var inodeNumber: UInt64 { 0 }
}
