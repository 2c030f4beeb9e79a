import EnclaveRuntime
import LinuxABI

/// What setsockopt(2) has set, and what getsockopt(2) answers (socket(7)). Guarded by the socket's lock.
struct SocketOptions {
  struct Integer {
    var level: Int32
    var name: Int32
    var value: Int32
  }
  /// Options that are a number, in the order in which they were set. The others have their default.
  private(set) var integers: [Integer] = []
  /// Twice what was asked for, as Linux keeps them.
  var sendBuffer: Int32 = 212_992
  var receiveBuffer: Int32 = 212_992
  /// 0: none.
  var receiveTimeoutNs: UInt64 = 0
  var sendTimeoutNs: UInt64 = 0
  var linger = Linger()

  func value(_ level: Int32, _ name: Int32) -> Int32? {
    for o in integers where o.level == level && o.name == name { return o.value }
    return nil
  }

  mutating func set(_ level: Int32, _ name: Int32, _ value: Int32) {
    for i in integers.indices where integers[i].level == level && integers[i].name == name {
      integers[i].value = value
      return
    }
    integers.append(Integer(level: level, name: name, value: value))
  }

  func isOn(_ name: Int32) -> Bool { (value(SocketOption.SOL_SOCKET, name) ?? 0) != 0 }
}
