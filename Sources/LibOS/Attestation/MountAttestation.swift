import EnclaveRuntime
import LinuxABI

extension Namespace {
  /// /dev/attestation with Gramine's names, sizes and modes (its documentation, "Low-level /dev/attestation
  /// interface"), so that RA-TLS libraries written for it work.
  static func addAttestation(_ fs: FileSystem, in dev: Dentry) {
    let directory = AttestationDirectory(fs)
    let place = add(directory, "attestation", in: dev)
    func file(_ name: StaticString, _ inode: AttestationInode) {
      directory.add(inode, name, in: place)
    }
    file(
      "attestation_type",
      AttestationInode(fs) { (_) throws(Errno) in
        [UInt8](staticString: unsafe Attestation.isRemote ? "dcap" : "none")
      })
    file(
      "user_report_data",
      AttestationInode(
        fs,
        save: { (process, bytes) throws(Errno) in
          try process.attestation.setUserReportData(bytes)
        }, load: { (_) throws(Errno) in [] }))
    file(
      "target_info",
      AttestationInode(
        fs, save: { (process, bytes) throws(Errno) in process.attestation.setTargetInfo(bytes) },
        load: { (_) throws(Errno) in [] }))
    file(
      "my_target_info",
      AttestationInode(fs) { (_) throws(Errno) in try OwnIdentity().targetInfo })
    file(
      "report",
      AttestationInode(fs) { (process) throws(Errno) in
        let state = process.attestation
        return try Attestation.report(for: state.targetInfo, state.userReportData)
      })
    if unsafe Attestation.isRemote {
      file(
        "quote",
        AttestationInode(fs) { (process) throws(Errno) in
          try Attestation.quote(process.attestation.userReportData)
        })
    }
    addAttestationKeys(fs, directory, place)
  }

  private static func addAttestationKeys(
    _ fs: FileSystem, _ attestation: AttestationDirectory, _ place: Dentry
  ) {
    let keys = AttestationDirectory(fs)
    let inside = attestation.add(keys, "keys", in: place)
    keys.add(
      AttestationInode(
        fs, save: { (_, bytes) throws(Errno) in try AttestationKeys.provision(bytes) },
        load: { (_) throws(Errno) in try AttestationKeys.value(.provisioned) }),
      "default", in: inside)
    // Gramine lets a program overwrite these two; here they are the processor's word and nothing else.
    keys.add(
      AttestationInode(fs) { (_) throws(Errno) in try AttestationKeys.value(.MRENCLAVE) },
      "_sgx_mrenclave", in: inside)
    keys.add(
      AttestationInode(fs) { (_) throws(Errno) in try AttestationKeys.value(.MRSIGNER) },
      "_sgx_mrsigner", in: inside)
  }
}
