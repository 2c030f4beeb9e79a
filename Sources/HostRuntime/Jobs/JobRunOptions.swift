extension RunOptions {
  /// Options that would do nothing in a run of this kind are errors.
  func checkJobOptions() throws(HostError) {
    guard jobFile != nil else {
      if resultFile != nil {
        throw HostError("-o is where a job's result goes; it needs --job")
      }
      if keyFile != nil {
        throw HostError("--key starts an instance again for a job; it needs --job")
      }
      if showsProgress {
        throw HostError("--progress shows how far a job's run is; it needs --job")
      }
      return
    }
    if let option = optionOfAnInstance {
      throw HostError(
        keyFile == nil
          ? "\(option) does nothing with --job: the instance runs already; `cloister offer` has its options"
          : "\(option) does nothing with --job and --key")
    }
  }

  /// One that was given and that only a run of its own heeds; with `keyFile` the instance is started here.
  private var optionOfAnInstance: String? {
    let given = [
      (wantsStatistics, "--stats"), (wantsStrace, "--strace"),
      (keyFile != nil && showsProgress, "--progress"),
      (wantsKernelLog, "--log"), (savedRoots != nil, "--save-roots"),
      (!expectedRoots.isEmpty, "--expect"), (binding != nil, "--configid"),
      (keyFile == nil && machine != .auto, "--machine"), (keyFile == nil && isStrict, "--strict"),
      (keyFile == nil && imageFile != nil, "--image"),
      (keyFile == nil && !volumes.isEmpty, "--volume"),
    ]
    return given.first { $0.0 }?.1
  }
}
