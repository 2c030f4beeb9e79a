import LinuxABI

/// User and group identities of a process (credentials(7)), as a container sees them.
struct Credentials {
  var realUser: UInt32 = 0
  var effectiveUser: UInt32 = 0
  var savedUser: UInt32 = 0
  var fileSystemUser: UInt32 = 0
  var realGroup: UInt32 = 0
  var effectiveGroup: UInt32 = 0
  var savedGroup: UInt32 = 0
  var fileSystemGroup: UInt32 = 0
  var groups: [UInt32] = []
  var capabilities = CapabilitySets.container
  /// prctl(PR_SET_KEEPCAPS)
  var keepsCapabilities = false

  init() {}
  init(user: UInt32, group: UInt32) {
    realUser = user
    effectiveUser = user
    savedUser = user
    fileSystemUser = user
    realGroup = group
    effectiveGroup = group
    savedGroup = group
    fileSystemGroup = group
    if user != 0 {
      capabilities.effective = 0
      capabilities.permitted = 0
    }
  }
}

/// capabilities(7).
struct CapabilitySets {
  var effective: UInt64
  var permitted: UInt64
  var inheritable: UInt64
  var bounding: UInt64
  var ambient: UInt64

  static let CAP_DAC_OVERRIDE: UInt64 = 1
  static let CAP_KILL: UInt64 = 5
  static let CAP_SETGID: UInt64 = 6
  static let CAP_SETUID: UInt64 = 7
  static let CAP_SETPCAP: UInt64 = 8
  static let CAP_IPC_LOCK: UInt64 = 14
  static let CAP_SYS_RESOURCE: UInt64 = 24
  static let last: UInt64 = 40

  /// What Docker and Podman leave to root in a container: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID,
  /// SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP.
  static let container = CapabilitySets(
    effective: 0xA804_25FB, permitted: 0xA804_25FB, inheritable: 0, bounding: 0xA804_25FB,
    ambient: 0)

  func has(_ capability: UInt64) -> Bool { effective & (1 << capability) != 0 }
}
