/// One verification under way: the steps so far and what they have established.
///
/// Steps go on after a failure as long as they do not need what failed, so that a forged quote
/// with stale collateral is called forged and not merely stale.
struct VerificationRun {
  let anchors: [TrustAnchor]
  let collateral: PreparedCollateral
  let time: Timestamp

  private(set) var steps: [Step] = []
  private var passed: Set<Step.ID> = []

  var quote: Quote?
  var chain: CertificateChain?
  var anchor: TrustAnchor?
  var pck: PCKExtension?
  var tcbInfo: TCBInfo?
  var qeIdentity: QEIdentity?
  var sgxLevel: TCBInfo.Level?
  var level: TCBInfo.Level?
  var moduleIdentity: TCBInfo.ModuleIdentity?
  var moduleLevel: IdentityLevel?
  var qeLevel: IdentityLevel?
  var evidence: Evidence?
  /// Ends of validity of what has been used.
  var expiries: [Timestamp] = []

  init(anchors: [TrustAnchor], collateral: PreparedCollateral, time: Timestamp) {
    self.anchors = anchors
    self.collateral = collateral
    self.time = time
  }

  mutating func verify(_ bytes: [UInt8]) {
    parse(bytes)
    checkChains()
    checkCRLs()
    checkDocuments()
    checkSignatures()
    checkLevels()
    conclude()
  }

  /// Runs `body` unless a step that it needs has not passed, and records what came of it.
  mutating func step(
    _ id: Step.ID, needs: Step.ID..., body: (inout Self) throws(Stop) -> String
  ) {
    if let missing = needs.first(where: { !passed.contains($0) }) {
      steps.append(
        Step(
          id: id, outcome: .skipped, rules: [], reason: "needs the step \(missing.rawValue)"))
      return
    }
    do {
      let reason = try body(&self)
      passed.insert(id)
      steps.append(Step(id: id, outcome: .passed, rules: [], reason: reason))
    } catch {
      let outcome: Step.Outcome
      switch error {
      case .refused: outcome = .refused
      case .undecided: outcome = .undecided
      }
      steps.append(Step(id: id, outcome: outcome, rules: [error.rule], reason: error.reason))
    }
  }

  /// Evidence exists only when each and every step has passed.
  private mutating func conclude() {
    step(.tcbStatus, needs: .tcbLevel, .qeLevel) { (run) throws(Stop) in
      // The first step that did not pass is not a skipped one: it needs nothing that failed.
      if let first = run.steps.first(where: { $0.outcome != .passed }) {
        throw first.outcome == .refused
          ? .refused(first.rules[0], "no status, because the step \(first.id.rawValue) failed")
          : .undecided(
            first.rules[0], "no status, because of the step \(first.id.rawValue)")
      }
      let evidence = run.makeEvidence()
      run.evidence = evidence
      return "\(evidence.status.rawValue): \(evidence.status.explanation)"
    }
  }

  private func makeEvidence() -> Evidence {
    guard let quote, let pck, let tcbInfo, let qeIdentity, let sgxLevel, let level, let qeLevel,
      let crl = try? collateral.pckCRL.get(), let expires = expiries.min(), let anchor
    else { preconditionFailure("steps passed without their results") }
    var status = level.status
    if let moduleLevel { status = Convergence.converge(status, with: moduleLevel.status) }
    if let moduleLevel, case .td(let report) = quote.body, report.version == .v1_5 {
      status = Convergence.relaunch(
        status,
        .init(
          sgxLevel: sgxLevel.status, tdxLevel: level.status, module: moduleLevel.status,
          qe: qeLevel.status, isNewestModule: isNewestModule(report, tcbInfo)))
    }
    status = Convergence.converge(status, with: qeLevel.status)
    let advisories = Set(
      level.advisories + (moduleLevel?.advisories ?? []) + qeLevel.advisories)
    return Evidence(
      quote: quote, status: status, advisories: advisories.sorted(),
      knowsAdvisories: tcbInfo.knowsAdvisories, tcbDate: level.date,
      newestTCBDate: tcbInfo.levels.map(\.date).max()!,
      evaluationDataNumber: tcbInfo.evaluationDataNumber,
      qeEvaluationDataNumber: qeIdentity.evaluationDataNumber, pck: pck, expires: expires,
      collateralIssued: min(tcbInfo.issueDate, qeIdentity.issueDate, crl.thisUpdate),
      isSoftware: anchor.isSoftware)
  }
}
