extension Verdict {
  /// The verdict for people: one line that says it all, then each step with its reason.
  public var text: String {
    var lines = [headline]
    if let evidence {
      lines.append("TCB status: \(evidence.status.rawValue): \(evidence.status.explanation)")
      if !evidence.advisories.isEmpty {
        lines.append("Advisories: \(evidence.advisories.joined(separator: ", "))")
      }
      lines.append(
        "Collateral: TCB evaluation data number \(evidence.evaluationDataNumber), "
          + "valid until \(evidence.expires)")
    }
    lines += reasons.map { "Reason: \($0)" }
    lines += warnings.map { "Warning: \($0)" }
    lines.append("Steps:")
    lines += steps.map { step in
      let name = step.id.rawValue
      let padding = String(repeating: " ", count: max(1, 32 - name.count))
      let code = step.code.map { "[\($0.rawValue)] " } ?? ""
      return "  \(mark(step.outcome)) \(name)\(padding)\(code)\(step.reason)"
    }
    return lines.joined(separator: "\n")
  }

  /// A software machine is named before anything else is said.
  public var headline: String {
    let words =
      switch outcome {
      case .accepted: "ACCEPTED"
      case .refusedByVerification: "REFUSED by verification"
      case .refusedByPolicy: "REFUSED by policy"
      case .undecided: "COULD NOT DECIDE"
      }
    let prefix = isSoftware ? "SOFTWARE, NO PROTECTION: " : ""
    let reason = reasons.first.map { ": \($0)" } ?? ""
    return prefix + words + reason
  }

  private func mark(_ outcome: Step.Outcome) -> String {
    switch outcome {
    case .passed: "ok     "
    case .refused: "REFUSED"
    case .undecided: "unknown"
    case .skipped: "skipped"
    }
  }
}
