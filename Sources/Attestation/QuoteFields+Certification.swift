extension QuoteFields {
  /// What the quote says about the key that certified the quoting enclave, whichever of the types it has.
  mutating func add(_ data: CertificationData) {
    add("certificationDataType", "\(data.type)")
    switch data {
    case .plainPPID(let record): add(record, ppid: "cert.ppid")
    case .encryptedPPID2048(let record): add(record, ppid: "cert.ppidEncryptedRSA2048")
    case .encryptedPPID3072(let record): add(record, ppid: "cert.ppidEncryptedRSA3072")
    case .pckCertificate(let bytes):
      addCertificates(
        bytes.first == 0x2D
          ? Result { () throws(FormatError) in try PKICertificate.list(pem: bytes) }
          : Result { () throws(FormatError) in [try PKICertificate(der: bytes)] })
    case .pckChain(let pem):
      addCertificates(Result { () throws(FormatError) in try PKICertificate.list(pem: pem) })
    case .platformManifest(let bytes): add("cert.platformManifest", hex: bytes)
    }
  }

  private mutating func add(_ record: CertificationData.PPIDRecord, ppid: String) {
    add(ppid, hex: record.ppid)
    add("cert.cpusvn", hex: record.CPUSVN)
    add("cert.pcesvn", "\(record.PCESVN)")
    add("cert.pceid", hex: record.PCEID)
  }

  private mutating func addCertificates(_ list: Result<[PKICertificate], FormatError>) {
    switch list {
    case .failure(let error): add("cert.error", error.description)
    case .success(let certificates):
      for (index, certificate) in certificates.enumerated() {
        let prefix = "cert.\(index)."
        add(prefix + "subject", certificate.commonName)
        add(prefix + "serial", hex: certificate.serial)
        add(prefix + "notBefore", certificate.notBefore.description)
        add(prefix + "notAfter", certificate.notAfter.description)
        add(prefix + "sha256", hex: certificate.sha256)
        if let pck = try? PCKExtension(certificate) { add(pck) }
      }
    }
  }

  private mutating func add(_ pck: PCKExtension) {
    add("pck.ppid", hex: pck.PPID)
    add("pck.tcbComponents", hex: pck.components)
    add("pck.pcesvn", "\(pck.PCESVN)")
    add("pck.cpusvn", hex: pck.CPUSVN)
    add("pck.pceid", hex: pck.PCEID)
    add("pck.fmspc", hex: pck.FMSPC)
    add("pck.sgxType", "\(pck.type)")
    if let id = pck.platformInstanceID { add("pck.platformInstanceId", hex: id) }
    if let flag = pck.dynamicPlatform { add("pck.dynamicPlatform", "\(flag)") }
    if let flag = pck.cachedKeys { add("pck.cachedKeys", "\(flag)") }
    if let flag = pck.smtEnabled { add("pck.smtEnabled", "\(flag)") }
  }
}
