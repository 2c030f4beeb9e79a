enum SyscallNames {
  static func name(_ n: Int) -> [UInt8] { KernelLog.decimal(n) }
}
