import Glibc
import SealedVolume
import VolumeFiles

/// Copies an output volume into a folder that appears complete or not at all.
///
/// The volume's key came from the enclave, but a program in it may have code of anybody's making, so the tree is not
/// believed (`VolumeUnpacker`).
struct OutputFolder {
  private let source: SealedVolume
  private let name: String
  private let progress: JobProgress?
  private let total: UInt64
  private(set) var files = 0
  private(set) var bytes: UInt64 = 0
  /// Devices, sockets and pipes, which are of no use outside.
  private(set) var skipped: [String] = []

  init(_ source: SealedVolume, name: String, total: UInt64, progress: JobProgress?) {
    self.source = source
    self.name = name
    self.total = total
    self.progress = progress
  }

  /// `body` adds to the folder before it is put in its place.
  mutating func write(
    to folder: String, body: (_ temporary: String) throws(JobsError) -> Void
  ) throws(JobsError) {
    guard !Files.exists(folder) else {
      throw JobsError(
        .cannotCreate, "\(folder) exists; nothing is overwritten, choose another name")
    }
    let base = Self.base(folder)
    let temporary = Self.temporary(for: folder)
    guard mkdir(temporary, 0o700) == 0 else {
      throw JobsError(.cannotCreate, "cannot make \(temporary): \(errorText())")
    }
    do throws(JobsError) {
      try unpack(to: temporary)
      try body(temporary)
      try Self.synchronize(temporary)
      // Of what may have come there meanwhile rename(2) replaces an empty folder only.
      guard rename(temporary, base) == 0 else {
        throw JobsError(.cannotCreate, "cannot make \(folder): \(errorText())")
      }
    } catch {
      Self.removeTree(temporary)
      throw error
    }
    progress?("opening", bytes, bytes)
  }

  private static func base(_ folder: String) -> String {
    var base = folder
    while base.count > 1, base.hasSuffix("/") { base.removeLast() }
    return base
  }

  /// What the folder is called until it is complete.
  static func temporary(for folder: String) -> String { "\(base(folder)).partial.\(getpid())" }

  private mutating func unpack(to folder: String) throws(JobsError) {
    var unpacker = VolumeUnpacker(
      source, .init(merges: false, keepsOwners: false, keepsFoldersOpen: true, isDurable: true))
    if let progress {
      let total = total
      var done: UInt64 = 0
      unpacker.onBytes = {
        done += UInt64($0)
        progress("opening", done, max(total, done))
      }
    }
    do throws(VolumeFilesError) {
      try unpacker.copyContents(VolumeFormat.rootInode, to: HostPath(folder))
    } catch { throw JobsError(error, name) }
    (files, bytes, skipped) = (unpacker.files, unpacker.bytes, unpacker.skipped)
  }

  private static func synchronize(_ folder: String) throws(JobsError) {
    let fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard fd >= 0 else { throw Files.writeFailure(folder) }
    defer { close(fd) }
    guard fsync(fd) == 0 else { throw Files.writeFailure(folder) }
  }

  /// Removes what was made; links are not followed.
  static func removeTree(_ path: String) { HostPath(path).removeTree() }
}
