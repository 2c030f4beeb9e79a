/// /proc/PID/net: one network for all processes.
enum ProcNet {
  static func entries() -> [ProcEntry] {
    [
      .text(
        "dev",
        "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
      ),
      .text(
        "if_inet6", "00000000000000000000000000000001 01 80 10 80       lo\n"),
      .text("unix", "Num       RefCount Protocol Flags    Type St Inode Path\n"),
    ]
  }
}
