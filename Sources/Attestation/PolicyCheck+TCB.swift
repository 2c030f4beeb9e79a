extension PolicyCheck {
  mutating func checkTCB() {
    checkStatus()
    checkAdvisories()
    if let minimum = policy.minimumEvaluationDataNumber {
      let number = min(evidence.evaluationDataNumber, evidence.qeEvaluationDataNumber)
      step(
        .policyEvaluationNumber, .policyEvaluationNumber, number >= minimum,
        "TCB evaluation data number \(number)",
        else: "TCB evaluation data number \(number) is below \(minimum): collateral rolled back?")
    }
  }

  private mutating func checkStatus() {
    let status = evidence.status
    // No policy can accept this one.
    guard status != .Revoked else {
      refuse(.policyTCBStatus, .policyRevoked, "Revoked is never accepted")
      return
    }
    guard policy.statuses.contains(status) else {
      refuse(
        .policyTCBStatus, .policyStatus,
        "\(status.rawValue) is not accepted by the policy: \(status.explanation)")
      return
    }
    if status == .OutOfDate || status == .OutOfDateConfigurationNeeded {
      let end = policy.outOfDateGraceDays.map {
        evidence.newestTCBDate.adding(seconds: Int64($0) * 86_400)
      }
      guard let end, time <= end else {
        refuse(
          .policyTCBStatus, .policyGracePeriod,
          "\(status.rawValue), and the grace period after the TCB recovery of "
            + "\(evidence.newestTCBDate) is over")
        return
      }
      warn("\(status.rawValue) is accepted until \(end), by the policy's grace period")
    } else if status != .UpToDate {
      warn("the status is \(status.rawValue): \(status.explanation)")
    }
    step(.policyTCBStatus, [], "\(status.rawValue) is among the accepted statuses")
  }

  /// Every status but `UpToDate` needs all of its advisories in the allow-list.
  private mutating func checkAdvisories() {
    let advisories = evidence.advisories
    let refused = advisories.filter(policy.refusedAdvisories.contains)
    guard refused.isEmpty else {
      refuse(
        .policyAdvisories, .policyRefusedAdvisory,
        "the policy refuses \(refused.joined(separator: ", "))")
      return
    }
    guard evidence.status != .UpToDate else {
      if !policy.refusedAdvisories.isEmpty {
        step(.policyAdvisories, [], "no advisory that the policy refuses")
      }
      return
    }
    guard evidence.knowsAdvisories else {
      refuse(
        .policyAdvisories, .policyUnknownAdvisories,
        "TCB info of version 2 names no advisories; a status other than UpToDate needs them")
      return
    }
    let open = advisories.filter { !policy.allowedAdvisories.contains($0) }
    guard open.isEmpty, !policy.allowedAdvisories.isEmpty else {
      let what = open.isEmpty ? "advisories" : open.joined(separator: ", ")
      refuse(
        .policyAdvisories, .policyAdvisories,
        "\(evidence.status.rawValue) needs an advisory allow-list: add \(what) to "
          + "tcb.allowed_advisories, or pass --allow-advisory, once you have judged them")
      return
    }
    step(
      .policyAdvisories, [],
      "all advisories are in the allow-list: \(advisories.joined(separator: ", "))")
  }

  mutating func checkPlatform() {
    var broken: Broken = []
    func check(_ rule: Rule, _ name: String, _ value: [UInt8]?, in allowed: [[UInt8]]) {
      guard !allowed.isEmpty else { return }
      guard let value else {
        broken.append((rule, "the platform has no \(name)"))
        return
      }
      if !allowed.contains(value) {
        broken.append((rule, "\(name) \(Hex.encode(value)) is not in the policy"))
      }
    }
    check(.policyPPID, "PPID", evidence.pck.PPID, in: policy.ppid)
    check(
      .policyPlatformInstanceID, "platform instance id", evidence.pck.platformInstanceID,
      in: policy.platformInstanceID)
    check(.policyFMSPC, "FMSPC", evidence.pck.FMSPC, in: policy.fmspc)
    guard !(policy.ppid.isEmpty && policy.platformInstanceID.isEmpty && policy.fmspc.isEmpty) else {
      return
    }
    step(.policyPlatform, broken, "the platform is in the policy's list")
  }
}
