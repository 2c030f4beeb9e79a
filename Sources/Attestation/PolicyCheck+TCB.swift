extension PolicyCheck {
  mutating func checkTCB() {
    checkStatus()
    checkAdvisories()
    if let minimum = policy.minimumEvaluationDataNumber {
      let number = min(evidence.evaluationDataNumber, evidence.qeEvaluationDataNumber)
      step(
        .policyEvaluationNumber, number >= minimum, "TCB evaluation data number \(number)",
        else: "TCB evaluation data number \(number) is below \(minimum): collateral rolled back?")
    }
  }

  private mutating func checkStatus() {
    let status = evidence.status
    // No policy can accept this one.
    guard status != .Revoked else {
      step(.policyTCBStatus, false, "", else: "Revoked is never accepted")
      return
    }
    guard policy.statuses.contains(status) else {
      step(
        .policyTCBStatus, false, "",
        else: "\(status.rawValue) is not accepted by the policy: \(status.explanation)")
      return
    }
    if status == .OutOfDate || status == .OutOfDateConfigurationNeeded {
      let end = policy.outOfDateGraceDays.map {
        evidence.newestTCBDate.adding(seconds: Int64($0) * 86_400)
      }
      guard let end, time <= end else {
        step(
          .policyTCBStatus, false, "",
          else: "\(status.rawValue), and the grace period after the TCB recovery of "
            + "\(evidence.newestTCBDate) is over")
        return
      }
      warn("\(status.rawValue) is accepted until \(end), by the policy's grace period")
    } else if status != .UpToDate {
      warn("the status is \(status.rawValue): \(status.explanation)")
    }
    step(.policyTCBStatus, true, "\(status.rawValue) is among the accepted statuses", else: "")
  }

  /// Every status but `UpToDate` needs all of its advisories in the allow-list.
  private mutating func checkAdvisories() {
    let advisories = evidence.advisories
    let refused = advisories.filter(policy.refusedAdvisories.contains)
    guard refused.isEmpty else {
      step(
        .policyAdvisories, false, "",
        else: "the policy refuses \(refused.joined(separator: ", "))")
      return
    }
    guard evidence.status != .UpToDate else {
      if !policy.refusedAdvisories.isEmpty {
        step(.policyAdvisories, true, "no advisory that the policy refuses", else: "")
      }
      return
    }
    guard evidence.knowsAdvisories else {
      step(
        .policyAdvisories, false, "",
        else: "TCB info of version 2 names no advisories; a status other than UpToDate needs them")
      return
    }
    let open = advisories.filter { !policy.allowedAdvisories.contains($0) }
    guard open.isEmpty, !policy.allowedAdvisories.isEmpty else {
      let what = open.isEmpty ? "advisories" : open.joined(separator: ", ")
      step(
        .policyAdvisories, false, "",
        else: "\(evidence.status.rawValue) needs an advisory allow-list: add \(what) to "
          + "tcb.allowed_advisories, or pass --allow-advisory, once you have judged them")
      return
    }
    step(
      .policyAdvisories, true,
      "all advisories are in the allow-list: \(advisories.joined(separator: ", "))", else: "")
  }

  mutating func checkPlatform() {
    var bad: [String] = []
    func check(_ name: String, _ value: [UInt8]?, in allowed: [[UInt8]]) {
      guard !allowed.isEmpty else { return }
      guard let value else {
        bad.append("the platform has no \(name)")
        return
      }
      if !allowed.contains(value) {
        bad.append("\(name) \(Hex.encode(value)) is not in the policy")
      }
    }
    check("PPID", evidence.pck.PPID, in: policy.ppid)
    check("platform instance id", evidence.pck.platformInstanceID, in: policy.platformInstanceID)
    check("FMSPC", evidence.pck.FMSPC, in: policy.fmspc)
    guard !(policy.ppid.isEmpty && policy.platformInstanceID.isEmpty && policy.fmspc.isEmpty) else {
      return
    }
    step(
      .policyPlatform, bad.isEmpty, "the platform is in the policy's list",
      else: bad.joined(separator: "; "))
  }
}
