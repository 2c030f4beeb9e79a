import CHostRuntime
import Glibc

/// The seccomp filter of the enclave's process (seccomp(2), Linux's
/// Documentation/userspace-api/seccomp_filter.rst).
///
/// It protects the host from the payload: a hostile program that jumps out of the enclave finds a
/// process that can use the descriptors it has, its own memory and its own threads, and nothing else.
/// Everything not listed answers EPERM; what the system calls of another architecture would do is not
/// asked, the process is killed.
struct Sandbox {
  /// A filter instruction: struct sock_filter (linux/filter.h).
  struct Instruction: Equatable {
    var code: UInt16
    var jumpTrue: UInt8 = 0
    var jumpFalse: UInt8 = 0
    var k: UInt32
  }

  /// Allowed whatever the arguments are.
  static let allowed: [UInt32] = [
    0,  // read
    1,  // write
    3,  // close
    5,  // fstat
    9,  // mmap
    10,  // mprotect
    11,  // munmap
    12,  // brk
    13,  // rt_sigaction
    14,  // rt_sigprocmask
    15,  // rt_sigreturn
    17,  // pread64
    18,  // pwrite64, sealed volumes
    24,  // sched_yield
    25,  // mremap
    28,  // madvise
    35,  // nanosleep
    39,  // getpid
    46,  // sendmsg, on the broker's socket
    47,  // recvmsg
    60,  // exit
    75,  // fdatasync, sealed volumes
    96,  // gettimeofday
    128,  // rt_sigtimedwait
    131,  // sigaltstack
    158,  // arch_prctl
    186,  // gettid
    202,  // futex
    219,  // restart_syscall
    228,  // clock_gettime
    230,  // clock_nanosleep
    231,  // exit_group
    271,  // ppoll
    273,  // set_robust_list
    290,  // eventfd2
    318,  // getrandom
    327,  // preadv2
    328,  // pwritev2
    334,  // rseq
  ]

  /// Allowed when the low 32 bits of each argument named have one of its values.
  struct Rule {
    var number: UInt32
    var arguments: [(index: Int, values: [UInt32])]
  }

  static func restricted(pid: UInt32) -> [Rule] {
    [
      // ioctl: TCGETS (isatty), TIOCGWINSZ, and SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, _MODIFY_TYPES,
      // _REMOVE_PAGES, which only an enclave's descriptor knows.
      Rule(number: 16, arguments: [(1, [0x5401, 0x5413, 0xC028_A405, 0xC028_A406, 0xC018_A407])]),
      Rule(number: 56, arguments: [(0, [0x3D_0F00])]),  // clone: what pthread_create asks for
      // prctl: PR_SET_NAME, PR_SET_SYSCALL_USER_DISPATCH
      Rule(number: 157, arguments: [(0, [15, 59])]),
      Rule(number: 234, arguments: [(0, [pid])]),  // tgkill: this process
    ]
  }

  /// What the calls on sockets need, where the configuration allows the network: TCP and UDP over IPv4 and IPv6,
  /// nothing raw, no other family, and of their options those that `HostCall.setOption` is for.
  static let network: [Rule] = {
    let flags: UInt32 = 0x80800  // SOCK_NONBLOCK | SOCK_CLOEXEC, always given
    return [
      Rule(number: 41, arguments: [(0, [2, 10]), (1, [1 | flags, 2 | flags]), (2, [0])]),  // socket
      Rule(number: 42, arguments: []),  // connect
      Rule(number: 44, arguments: []),  // sendto
      Rule(number: 45, arguments: []),  // recvfrom
      Rule(number: 48, arguments: []),  // shutdown
      Rule(number: 49, arguments: []),  // bind
      Rule(number: 50, arguments: []),  // listen
      Rule(number: 51, arguments: []),  // getsockname
      Rule(number: 52, arguments: []),  // getpeername
      // setsockopt at SOL_SOCKET: REUSEADDR, DONTROUTE, BROADCAST, SNDBUF, RCVBUF, KEEPALIVE, OOBINLINE, LINGER,
      // REUSEPORT, RCVLOWAT.
      Rule(number: 54, arguments: [(1, [1]), (2, [2, 5, 6, 7, 8, 9, 10, 13, 15, 18])]),
      // TCP_NODELAY, CORK, KEEPIDLE, KEEPINTVL, KEEPCNT, SYNCNT, LINGER2, DEFER_ACCEPT, QUICKACK, USER_TIMEOUT.
      Rule(number: 54, arguments: [(1, [6]), (2, [1, 3, 4, 5, 6, 7, 8, 9, 12, 18])]),
      Rule(number: 54, arguments: [(1, [0]), (2, [1, 2, 10, 11, 33, 34])]),  // IP_TOS, TTL, ...
      // IPV6_V6ONLY, ...
      Rule(number: 54, arguments: [(1, [41]), (2, [16, 18, 19, 23, 25, 26, 67])]),
      Rule(number: 55, arguments: [(1, [1]), (2, [4])]),  // getsockopt(SO_ERROR)
      Rule(number: 288, arguments: []),  // accept4
      Rule(number: 16, arguments: [(1, [0x541B])]),  // ioctl(FIONREAD)
    ]
  }()

  static let clone3: UInt32 = 435

  /// The program: architecture, then one comparison after the other.
  static func program(pid: UInt32, allowsNetwork: Bool) -> [Instruction] {
    let load: UInt16 = 0x20  // BPF_LD | BPF_W | BPF_ABS
    let equal: UInt16 = 0x15  // BPF_JMP | BPF_JEQ | BPF_K
    let jump: UInt16 = 0x05  // BPF_JMP | BPF_JA
    let atLeast: UInt16 = 0x35  // BPF_JMP | BPF_JGE | BPF_K
    let answer: UInt16 = 0x06  // BPF_RET | BPF_K
    let allow: UInt32 = 0x7FFF_0000
    let kill: UInt32 = 0x8000_0000
    let errno: UInt32 = 0x0005_0000
    // struct seccomp_data: nr 0, arch 4, instruction pointer 8, arguments from 16 on.
    var p = [
      Instruction(code: load, k: 4),
      Instruction(code: equal, jumpTrue: 1, k: 0xC000_003E),  // AUDIT_ARCH_X86_64
      Instruction(code: answer, k: kill),
      Instruction(code: load, k: 0),
      Instruction(code: atLeast, jumpFalse: 1, k: 0x4000_0000),  // x32
      Instruction(code: answer, k: kill),
    ]
    for number in allowed {
      p.append(Instruction(code: equal, jumpFalse: 1, k: number))
      p.append(Instruction(code: answer, k: allow))
    }
    // ENOSYS makes glibc use clone(2), whose flags can be looked at.
    p.append(Instruction(code: equal, jumpFalse: 1, k: clone3))
    p.append(Instruction(code: answer, k: errno | UInt32(ENOSYS)))
    for rule in restricted(pid: pid) + (allowsNetwork ? network : []) {
      // For each argument: load, one comparison a value, and the jump past the rule.
      let size = rule.arguments.reduce(1) { $0 + $1.values.count + 2 }
      p.append(Instruction(code: load, k: 0))
      p.append(Instruction(code: equal, jumpFalse: UInt8(size), k: rule.number))
      var left = size
      for argument in rule.arguments {
        p.append(Instruction(code: load, k: UInt32(16 + 8 * argument.index)))
        left -= 1
        for (i, value) in argument.values.enumerated() {
          let rest = argument.values.count - i
          p.append(Instruction(code: equal, jumpTrue: UInt8(rest), k: value))
          left -= 1
        }
        left -= 1
        p.append(Instruction(code: jump, k: UInt32(left)))
      }
      p.append(Instruction(code: answer, k: allow))
    }
    p.append(Instruction(code: answer, k: errno | UInt32(EPERM)))
    return p
  }

  /// Enters the filter for good, all threads of the process.
  static func enter(allowsNetwork: Bool) throws(HostError) {
    let program = program(pid: UInt32(getpid()), allowsNetwork: allowsNetwork)
    let result =
      clh_no_new_privileges() < 0
      ? -EPERM : program.withUnsafeBytes { clh_seccomp($0.baseAddress, UInt16(program.count)) }
    guard result == 0 else {
      throw HostError(
        "cannot enter the seccomp filter (\(errorText(-result))); the kernel needs CONFIG_SECCOMP_FILTER"
      )
    }
  }
}
