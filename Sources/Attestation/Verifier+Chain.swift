extension VerificationRun {
  /// 2018-05-21T10:41:11Z: no quote of this PKI is older than its root.
  static let earliestTime = Timestamp(secondsSince1970: 1_526_899_271)

  mutating func parse(_ bytes: [UInt8]) {
    step(.quoteFormat) { (run) throws(Stop) in
      let quote: Quote
      do throws(QuoteFormatError) {
        quote = try Quote(bytes)
      } catch {
        throw .refused(.quoteFormat, error.description)
      }
      guard quote.header.vendorID == QuoteHeader.intelVendorID else {
        throw .refused(
          .qeVendorID, "the QE vendor id \(Hex.encode(quote.header.vendorID)) is not Intel's")
      }
      run.quote = quote
      let tee = quote.header.tee == .sgx ? "SGX" : "TDX"
      return "\(tee) quote of version \(quote.header.version), \(quote.bytes.count) bytes"
    }
    step(.clock) { (run) throws(Stop) in
      guard run.time >= Self.earliestTime else {
        throw .undecided(
          .clock,
          "the verification time \(run.time) is before the root's creation: is the clock set?")
      }
      return "verifying as of \(run.time)"
    }
  }

  mutating func checkChains() {
    step(.pckChain, needs: .quoteFormat) { (run) throws(Stop) in
      let list = try run.pckCertificates()
      let chain = try CertificateChain.pck(list, trusted: try? run.collateral.pckCA.get())
      guard let anchor = run.anchors.first(where: { $0.matches(chain.root) }) else {
        throw .refused(
          .pckChainTrust,
          "the root \"\(chain.root.commonName)\", SHA-256 \(Hex.encode(chain.root.sha256)), "
            + "is not a trust anchor")
      }
      run.chain = chain
      run.anchor = anchor
      return "\(chain.leaf.commonName) <- \(chain.intermediate!.commonName) <- "
        + chain.root.commonName
    }
    step(.pckChainValidity, needs: .pckChain, .clock) { (run) throws(Stop) in
      try run.chain!.checkValidity(at: run.time)
      run.expiries.append(run.chain!.notAfter)
      return "all certificates are valid, the first until \(run.chain!.notAfter)"
    }
    step(.pckExtension, needs: .pckChain) { (run) throws(Stop) in
      do throws(FormatError) {
        let pck = try PCKExtension(run.chain!.leaf)
        run.pck = pck
        return "FMSPC \(Hex.encode(pck.FMSPC)), PCESVN \(pck.PCESVN)"
      } catch {
        throw .refused(.pckExtension, error.description)
      }
    }
  }

  /// The chain in the quote, or for a quote without one the chain beside it.
  private func pckCertificates() throws(Stop) -> [PKICertificate] {
    let data = quote!.signature.certificationData
    switch data {
    case .pckChain(let pem):
      let list: [PKICertificate]
      do {
        list = try PKICertificate.list(pem: pem)
      } catch {
        throw .refused(.pckChainFormat, "PCK chain in the quote: \(error)")
      }
      switch collateral.pckChain {
      case .success(let beside):
        guard beside.map(\.der) == list.map(\.der) else {
          throw .refused(
            .pckChainMismatch,
            "pck_chain.pem is not the chain in the quote: collateral of another platform?")
        }
      case .failure(.undecided(.collateralMissing, _)): break
      case .failure(let stop): throw stop
      }
      return list
    case .pckCertificate(let bytes):
      let beside = try certificatesBeside(data)
      let leaf = try leafCertificate(bytes)
      guard beside.first?.der == leaf.der else {
        throw .refused(
          .pckChainMismatch, "pck_chain.pem does not start with the certificate in the quote")
      }
      return beside
    default:
      return try certificatesBeside(data)
    }
  }

  private func leafCertificate(_ bytes: [UInt8]) throws(Stop) -> PKICertificate {
    do {
      if bytes.first == 0x2D {
        let list = try PKICertificate.list(pem: bytes)
        guard list.count == 1 else { throw FormatError("not exactly one certificate") }
        return list[0]
      }
      return try PKICertificate(der: bytes)
    } catch {
      throw .refused(.pckChainFormat, "PCK certificate in the quote: \(error)")
    }
  }

  private func certificatesBeside(_ data: CertificationData) throws(Stop) -> [PKICertificate] {
    switch collateral.pckChain {
    case .success(let list): return list
    case .failure(.undecided(.collateralMissing, _)):
      throw .undecided(
        .pckChainMissing,
        "the quote has certification data of type \(data.type), no PCK chain: "
          + "put the platform's pck_chain.pem beside the collateral")
    case .failure(let stop): throw stop
    }
  }
}
