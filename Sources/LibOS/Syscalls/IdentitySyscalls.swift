import EnclaveRuntime
import LinuxABI

/// getuid(2), setuid(2) and their like.
let identitySyscalls: [Syscall] = [
  Syscall(102, "getuid") { (t, _) throws(Errno) in Int(t.process.credentials.realUser) },
  Syscall(104, "getgid") { (t, _) throws(Errno) in Int(t.process.credentials.realGroup) },
  Syscall(107, "geteuid") { (t, _) throws(Errno) in Int(t.process.credentials.effectiveUser) },
  Syscall(108, "getegid") { (t, _) throws(Errno) in Int(t.process.credentials.effectiveGroup) },
]
