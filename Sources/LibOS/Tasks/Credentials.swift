/// User and group identities of a process.
struct Credentials {
  init() {}
}

/// Resource limits of a process (getrlimit(2)).
struct ResourceLimits {
  init() {}
}
