import ArgumentParser
import HostRuntime
import JobFormat
import Jobs

/// `--volume-key NAME=KEYFILE` and `--volume-root NAME=ROOT` of `cloister seal`.
enum JobVolumeOptions {
  static func keys(_ texts: [String], roots: [String]) throws -> [JobVolumeKey] {
    var expected: [String: [UInt8]] = [:]
    for text in roots {
      let (name, digits) = try split(text, "--volume-root", "ROOT")
      guard let root = hexadecimal(digits), root.count == 40, root.contains(where: { $0 != 0 })
      else {
        throw ValidationError(
          "--volume-root \(text): a root has 80 hexadecimal digits, as `cloister volume check` prints it"
        )
      }
      guard expected.updateValue(root, forKey: name) == nil else {
        throw ValidationError("--volume-root \(text): \(name) is given twice")
      }
    }
    var keys: [JobVolumeKey] = []
    for text in texts {
      let (name, file) = try split(text, "--volume-key", "KEYFILE")
      let bytes: [UInt8]
      do throws(HostError) { bytes = try VolumeKeyFile.read(file) } catch {
        throw JobsError(.missing, error.description)
      }
      guard
        let key = JobVolumeKey(
          name: Array(name.utf8), key: bytes, root: expected.removeValue(forKey: name))
      else {
        throw ValidationError("--volume-key \(text): \(name) cannot be the name of a volume")
      }
      keys.append(key)
    }
    if let name = expected.keys.min() {
      throw ValidationError("--volume-root \(name)=...: there is no --volume-key for \(name)")
    }
    return keys
  }

  private static func split(
    _ text: String, _ option: String, _ what: String
  ) throws -> (name: String, value: String) {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex,
      text.index(after: equals) != text.endIndex
    else { throw ValidationError("\(option) \(text): use NAME=\(what)") }
    return (String(text[..<equals]), String(text[text.index(after: equals)...]))
  }
}
