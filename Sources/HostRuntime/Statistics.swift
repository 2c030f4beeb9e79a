import HostInterface

/// What one host thread counts. Only that thread writes its words; others may read them meanwhile.
final class ThreadStatistics: @unchecked Sendable {
  private static let callSlots = 128
  private static let vectorSlots = 32
  enum Word: Int, CaseIterable {
    case unknownCalls, interrupts, enters, resumes, bytesIn, bytesOut, familySwitches, familyBytes
  }
  private static let slots = callSlots + vectorSlots + Word.allCases.count

  private let words = UnsafeMutablePointer<UInt64>.allocate(capacity: slots)
  init() { words.initialize(repeating: 0, count: Self.slots) }
  deinit { words.deallocate() }

  func count(_ call: HostCall) { words[Int(call.rawValue)] &+= 1 }
  func count(fault vector: UInt8) {
    words[Self.callSlots + min(Int(vector), Self.vectorSlots - 1)] &+= 1
  }
  func count(_ word: Word, _ by: UInt64 = 1) {
    words[Self.callSlots + Self.vectorSlots + word.rawValue] &+= by
  }

  func add(_ other: ThreadStatistics) { for i in 0..<Self.slots { words[i] &+= other.words[i] } }

  func calls(_ call: HostCall) -> UInt64 { words[Int(call.rawValue)] }
  func faults(_ vector: Int) -> UInt64 { words[Self.callSlots + vector] }
  subscript(_ word: Word) -> UInt64 { words[Self.callSlots + Self.vectorSlots + word.rawValue] }
  var allCalls: UInt64 { HostCall.allCases.reduce(0) { $0 + calls($1) } }
  var allFaults: UInt64 { (0..<Self.vectorSlots).reduce(0) { $0 + faults($1) } }
}

/// The name of an exception vector (SDM Vol. 3A 6.15).
func vectorName(_ vector: Int) -> String {
  switch vector {
  case 0: "#DE"
  case 1: "#DB"
  case 3: "#BP"
  case 5: "#BR"
  case 6: "#UD"
  case 13: "#GP"
  case 14: "#PF"
  case 16: "#MF"
  case 17: "#AC"
  case 19: "#XM"
  case 21: "#CP"
  default: String(vector)
  }
}
