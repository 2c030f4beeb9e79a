#if CLOISTER_ENCLAVE
  // What the C and C++ code that is linked into the enclave calls (Enclave/boringssl).

  /// A spin lock's holder seems to be descheduled.
  @c(cl_yield) public func cl_yield() { Parking.yield() }

  /// abort(3).
  @c(cl_abort) public func cl_abort() -> Never { panic("the C code in the enclave gave up") }
#endif
