import LinuxABI

/// The few errors that starting a program can end with, in words and with what to do.
enum ErrnoText {
  static func describe(_ e: Errno) -> [UInt8] {
    switch e {
    case .ENOENT: KernelLog.bytes("no such file or directory")
    case .EACCES: KernelLog.bytes("permission denied (is it executable?)")
    case .ENOEXEC: KernelLog.bytes("not an x86-64 ELF program or #! script")
    case .ELIBBAD: KernelLog.bytes("its ELF interpreter is damaged")
    case .ENOTDIR: KernelLog.bytes("not a directory")
    case .ELOOP: KernelLog.bytes("too many symbolic links or nested #! interpreters")
    case .EIO: KernelLog.bytes("it, or its interpreter, cannot be read as it was signed")
    case .ENOMEM: KernelLog.bytes("out of enclave memory (give it more with --memory)")
    case .E2BIG: KernelLog.bytes("arguments and environment are too long")
    default: KernelLog.bytes("error ") + KernelLog.decimal(Int(e.rawValue))
    }
  }
}
