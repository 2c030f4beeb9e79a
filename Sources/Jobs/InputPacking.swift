import Glibc
import SealedVolume
import VolumeFiles

/// Puts the owner's files into an input volume: of a folder its contents, of anything else itself by its name.
///
/// Owners and groups are left behind (all is root's inside) and everybody inside may read everything, because the
/// program may not run as root; the bits for execution and the times of modification stay.
struct InputPacking {
  private let target: SealedVolume
  /// The job's file, for messages: what fails here is its side.
  private let name: String
  private let progress: JobProgress?
  private(set) var files = 0
  private(set) var bytes: UInt64 = 0

  init(_ target: SealedVolume, name: String, progress: JobProgress?) {
    self.target = target
    self.name = name
    self.progress = progress
  }

  mutating func run(_ inputs: [String]) throws(JobsError) {
    let paths = inputs.map { HostPath($0) }
    let total = progress == nil ? 0 : VolumePacker.size(of: paths)
    var packer = VolumePacker(
      target, .init(keepsOwners: false, replaces: false, noun: "the input "))
    if let progress {
      var done: UInt64 = 0
      packer.onBytes = {
        done += UInt64($0)
        progress("sealing", done, max(total, done))
      }
    }
    for (input, path) in zip(inputs, paths) {
      var status = stat()
      guard stat(input, &status) == 0 else {
        throw JobsError(.missing, "cannot read the input \(input): \(errorText())")
      }
      do throws(VolumeFilesError) {
        if status.st_mode & S_IFMT == S_IFDIR {
          try packer.addContents(of: path, to: VolumeFormat.rootInode)
        } else {
          var name = input[...]
          if let slash = name.lastIndex(of: "/") { name = name[name.index(after: slash)...] }
          // What the owner names is followed, as a copy would.
          try packer.add(
            path, to: VolumeFormat.rootInode, name: Array(name.utf8), follows: true)
        }
      } catch { throw JobsError(error, self.name) }
    }
    files = packer.files
    bytes = packer.bytes
    if total > 0 { progress?("sealing", total, total) }
  }
}

extension JobsError {
  init(_ error: VolumeFilesError, _ name: String) {
    switch error.kind {
    case .source: self.init(.missing, error.text)
    case .refused, .twice: self.init(.usage, error.text)
    case .target: self.init(.inputOutput, "\(error.text); nothing was left behind")
    case .malformed: self.init(.malformed, "\(name): \(error.text)")
    case .volume(let error): self.init(error, name)
    }
  }
}
