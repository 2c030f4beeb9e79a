import LinuxABI

/// Which sockets the payload may make: asked here, by socket(2) and socketpair(2), and nowhere else.
///
/// The measured configuration will say what is allowed; until then Internet sockets are.
enum NetworkPolicy {
  /// Set once at boot.
  nonisolated(unsafe) static var allowsInternet = true

  /// - Throws: EACCES, as socket(2) has it for a type or protocol that is denied.
  static func check(family: Int32) throws(Errno) {
    guard family == Int32(AF.INET) || family == Int32(AF.INET6) else { return }
    guard unsafe allowsInternet else { throw .EACCES }
  }
}
