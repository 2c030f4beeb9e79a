import EnclaveRuntime
import LinuxABI

/// What a file mapping maps. Files make one of these for mmap(2) and for the program loader.
///
/// Overridden by the file systems. Called without the memory map's lock; may sleep.
class MappedObject: @unchecked Sendable {
  init() {}

  /// Size of the file in bytes.
  var size: UInt64 { 0 }

  /// Copies file content from `offset` on; returns the bytes moved, fewer only at the end of the file.
  func read(_ buffer: inout IOBuffer, offset: UInt64) throws(Errno) -> Int { throw .ENODEV }

  /// Writes content back (MAP_SHARED of a writable file).
  func write(_ buffer: inout IOBuffer, offset: UInt64) throws(Errno) -> Int { throw .EACCES }

  /// The table of system-call sites (`SiteTable` encoding), or nil when the file has none.
  func siteTable() throws(Errno) -> [UInt8]? { nil }

  /// Absolute path, device and inode number for /proc/PID/maps.
  var path: [UInt8] { [] }
  var device: UInt64 { 0 }
  var inodeNumber: UInt64 { 0 }
}
