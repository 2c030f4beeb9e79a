import EnclaveRuntime
import LinuxABI

/// The interfaces that a program sees (netdevice(7)): the loopback interface, number 1, and no other. What the
/// host has is the host's business; connections to the outside work all the same.
enum NetworkInterfaces {
  private static let loopback = [UInt8](staticString: "lo")
  /// IFF_UP, IFF_LOOPBACK, IFF_RUNNING
  static let loopbackFlags: UInt32 = 0x49
  static let loopbackMTU: UInt32 = 65536

  /// Requests on any socket. `struct ifreq` is a name of 16 bytes and 24 bytes of content.
  static func ioctl(_ socket: Socket, _ request: UInt32, _ argument: UInt) throws(Errno) -> Int {
    switch request {
    case SocketIoctl.SIOCGIFCONF:
      let room = try UserMemory.read(argument, as: Int32.self)
      let at = try UserMemory.read(argument &+ 8, as: UInt.self)
      if at != 0, room >= 40 {
        var record = loopback
        record.append(contentsOf: [UInt8](repeating: 0, count: 14))
        record.append(contentsOf: [2, 0, 0, 0, 127, 0, 0, 1])
        record.append(contentsOf: [UInt8](repeating: 0, count: 16))
        try UserMemory.writeBytes(record, to: at)
      }
      try UserMemory.write(at == 0 || room >= 40 ? Int32(40) : 0, to: argument)
      return 0
    case SocketIoctl.SIOCGIFNAME:
      guard try UserMemory.read(argument &+ 16, as: Int32.self) == 1 else { throw .ENODEV }
      try UserMemory.writeBytes(
        loopback + [UInt8](repeating: 0, count: 14), to: argument)
      return 0
    case SocketIoctl.SIOCGIFINDEX, SocketIoctl.SIOCGIFFLAGS, SocketIoctl.SIOCGIFADDR,
      SocketIoctl.SIOCGIFNETMASK, SocketIoctl.SIOCGIFMTU, SocketIoctl.SIOCGIFHWADDR:
      let name = try UserMemory.readBytes(argument, count: 16)
      guard UnixNames.text(name) == loopback else { throw .ENODEV }
      switch request {
      case SocketIoctl.SIOCGIFINDEX: try UserMemory.write(Int32(1), to: argument &+ 16)
      case SocketIoctl.SIOCGIFFLAGS:
        try UserMemory.write(UInt16(loopbackFlags), to: argument &+ 16)
      case SocketIoctl.SIOCGIFMTU: try UserMemory.write(loopbackMTU, to: argument &+ 16)
      case SocketIoctl.SIOCGIFADDR:
        try UserMemory.writeBytes(
          [2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], to: argument &+ 16)
      case SocketIoctl.SIOCGIFNETMASK:
        try UserMemory.writeBytes(
          [2, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], to: argument &+ 16)
      default:
        // ARPHRD_LOOPBACK, and no address.
        try UserMemory.writeBytes(
          [0x04, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], to: argument &+ 16)
      }
      return 0
    case SocketIoctl.SIOCATMARK:
      guard socket.type == SOCK.STREAM, socket.family != AF.UNIX else { throw .ENOTTY }
      try UserMemory.write(Int32(0), to: argument)
      return 0
    default: throw .ENOTTY
    }
  }
}
