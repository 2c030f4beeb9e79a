/// In a job, what the host damaged is not handed on to the program as an error: a program that goes on without a file would
/// give its owner a result that the provider shaped. The run ends, without a result, and says why.
enum JobDamage {
  /// Returns when there is no job.
  static func stop(_ what: StaticString) {
    #if CLOISTER_ENCLAVE
      if unsafe JobRun.current != nil { JobInstance.fail(what) }
    #endif
  }
}
