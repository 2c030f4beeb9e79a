import Foundation

/// Collateral as a folder of files: `tcb_info.json`, `qe_identity.json`, their issuer chains,
/// `pck_crl.der` and its issuer chain, `root_ca_crl.der`, and perhaps `pck_chain.pem`.
public enum CollateralFolder {
  static let maximumFileSize = 8 << 20

  /// Files that are not there are left out; the verdict names them. CRLs may also be `.pem`.
  public static func read(_ path: String) throws(FormatError) -> Collateral {
    let folder = URL(fileURLWithPath: path, isDirectory: true)
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory),
      isDirectory.boolValue
    else { throw FormatError("\(path) is not a folder") }
    var collateral = Collateral()
    for part in Collateral.Part.allCases {
      var names = [part.rawValue]
      if part.rawValue.hasSuffix(".der") {
        names.append(String(part.rawValue.dropLast(4)) + ".pem")
      }
      for name in names {
        let file = folder.appendingPathComponent(name)
        guard FileManager.default.fileExists(atPath: file.path) else { continue }
        collateral[part] = try readFile(file.path, limit: maximumFileSize)
        break
      }
    }
    return collateral
  }

  /// Writes each part to its file. The folder is made if it is not there.
  public static func write(_ collateral: Collateral, to path: String) throws(FormatError) {
    do {
      let folder = URL(fileURLWithPath: path, isDirectory: true)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for (part, bytes) in collateral.parts {
        try Data(bytes).write(
          to: folder.appendingPathComponent(part.rawValue), options: .atomic)
      }
    } catch {
      throw FormatError("cannot write to \(path): \(PlainWords.of(error))")
    }
  }

  /// The bytes of a file, or why they cannot be had, in one line.
  public static func readFile(_ path: String, limit: Int) throws(FormatError) -> [UInt8] {
    do {
      let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? handle.close() }
      let data = try handle.read(upToCount: limit + 1) ?? Data()
      guard data.count <= limit else { throw FormatError("\(path) is longer than \(limit) bytes") }
      return Array(data)
    } catch let error as FormatError {
      throw error
    } catch {
      throw FormatError("cannot read \(path): \(PlainWords.of(error))")
    }
  }
}
