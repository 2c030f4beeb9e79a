import CEnclave

#if !CLOISTER_ENCLAVE
  import Glibc
#endif

/// The kernel is wrong, or the host lied: say so in one line without payload data, and never run again.
public func panic(_ message: StaticString) -> Never {
  #if CLOISTER_ENCLAVE
    Host.panicExit(message, code: 1)
  #else
    fatalError("panic: \(message)")
  #endif
}

/// The host answered what it may not answer. `call` and `field` name the check that failed.
public func hostLied(_ call: StaticString, _ field: StaticString) -> Never {
  #if CLOISTER_ENCLAVE
    Host.lied(call, field)
  #else
    fatalError("host lied: \(call).\(field)")
  #endif
}
