import EnclaveRuntime
import LinuxABI

/// Who this enclave is, in the processor's words: the fields of a report about itself (SDM vol. 3D, 37.15).
struct OwnIdentity {
  private let report: [UInt8]

  /// - Throws: `ENOMEM`.
  init() throws(Errno) {
    report = try Leaf.EREPORT(
      target: [UInt8](repeating: 0, count: Leaf.targetInfoSize),
      data: [UInt8](repeating: 0, count: Leaf.reportDataSize))
  }

  var CPUSVN: [UInt8] { [UInt8](report[0..<16]) }
  var ISVSVN: [UInt8] { [UInt8](report[258..<260]) }
  var CONFIGSVN: [UInt8] { [UInt8](report[260..<262]) }
  var CONFIGID: [UInt8] { [UInt8](report[192..<256]) }
  var MRENCLAVE: [UInt8] { [UInt8](report[64..<96]) }
  /// ATTRIBUTES.FLAGS bit 7: CONFIGID and its kin count.
  var hasKSS: Bool { report[48] & 0x80 != 0 }

  /// TARGETINFO that names this enclave, for others that make reports for it.
  var targetInfo: [UInt8] {
    var info = [UInt8](repeating: 0, count: Leaf.targetInfoSize)
    func put(_ offset: Int, _ from: Int, _ count: Int) {
      for i in 0..<count { info[offset + i] = report[from + i] }
    }
    put(0, 64, 32)  // MEASUREMENT: MRENCLAVE
    put(32, 48, 16)  // ATTRIBUTES
    put(48, 20, 1)  // CET_ATTRIBUTES
    put(50, 260, 2)  // CONFIGSVN
    put(52, 16, 4)  // MISCSELECT
    put(64, 192, 64)  // CONFIGID
    return info
  }
}
