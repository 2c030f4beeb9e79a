import CHostRuntime
import Glibc
import HostInterface

extension ThreadBuffer {
  /// `Handover`: what CPUID says of this processor, for the leaves that programs ask for (SDM Vol. 2A, CPUID),
  /// and what the standard streams are.
  func handOver(jobs: JobObjects? = nil) {
    var entries: [[UInt32]] = []
    func add(_ leaf: UInt32, _ subleaf: UInt32 = 0) -> [UInt32] {
      var out = [UInt32](repeating: 0, count: 4)
      clh_cpuid(leaf, subleaf, &out)
      if entries.count < Handover.largestEntryCount { entries.append([leaf, subleaf] + out) }
      return out
    }
    let basic = add(0)[0]
    for leaf: UInt32 in [1, 2, 5, 6, 0x15, 0x16] where leaf <= basic { _ = add(leaf) }
    // Leaf 4 ends with cache type 0, leaf 7 says in EAX how many subleaves there are.
    if basic >= 4 {
      for subleaf: UInt32 in 0..<8 where add(4, subleaf)[0] & 0x1F == 0 { break }
    }
    if basic >= 7 {
      let last = add(7)[0]
      for subleaf in 1...3 where UInt32(subleaf) <= last { _ = add(7, UInt32(subleaf)) }
    }
    if basic >= 0xB { for subleaf: UInt32 in 0..<3 { _ = add(0xB, subleaf) } }
    if basic >= 0xD { for subleaf: UInt32 in 0..<10 { _ = add(0xD, subleaf) } }
    let extended = add(0x8000_0000)[0]
    for leaf: UInt32 in 0x8000_0001...0x8000_0008 where leaf <= extended { _ = add(leaf) }
    // AMD's leaf 4, which ends in the same way (APM Vol. 3, E.4.15).
    if extended >= 0x8000_001D {
      for subleaf: UInt32 in 0..<8 where add(0x8000_001D, subleaf)[0] & 0x1F == 0 { break }
    }

    var bytes: [UInt8] = []
    for word in entries.joined() {
      withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }
    data.copyBytes(from: bytes)
    var word = UInt64(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    for stream in 0..<3 as Range<UInt64> {
      word |= (Streams.status(stream)?.kind ?? .null).rawValue << (32 + 8 * stream)
    }
    if let jobs { word |= 1 << 56 | (jobs.key == nil ? 0 : 1 << 57) }
    setReply(0, word)
    setResult(Int64(entries.count))
  }
}
