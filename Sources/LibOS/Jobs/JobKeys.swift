#if CLOISTER_ENCLAVE
  import EnclaveCrypto
  import EnclaveRuntime
  import HostInterface
  import JobFormat
  import LinuxABI

  /// An instance's private keys on the provider's disk (`cloister offer --seal`), sealed with EGETKEY: to this processor, this
  /// MRENCLAVE, the owner's CONFIGID and these ATTRIBUTES.
  ///
  /// Attacks considered here: (a) the file is copied to another machine, or given to another payload or to another
  /// owner's instance: another sealing key, and it does not open; (b) it is put back to run a job again: nobody can
  /// tell, so only jobs that may be run again are taken then (`JobInstance`).
  enum JobKeys {
    /// nil: the host has none yet.
    static func stored() -> SealedJobKey? {
      var bytes: [UInt8] = []
      do throws(Errno) {
        bytes = try JobHost.read(
          BlockObject.jobKey, offset: 0, count: SealedJobKey.largestSize)
      } catch { JobInstance.fail("the key on disk cannot be read") }
      if bytes.isEmpty { return nil }
      do throws(JobFormatError) { return try SealedJobKey(bytes) } catch {
        JobInstance.fail("the key on disk is damaged, or no key of `cloister offer --seal`")
      }
    }

    static func open(_ stored: SealedJobKey) -> [JobKeyPair] {
      do throws(Errno) {
        let identity = try OwnIdentity()
        var request = SealingKey(
          runtime: .MRENCLAVE, salt: [UInt8](stored.request[20..<36]), of: identity)
        request.CPUSVN = [UInt8](stored.request[0..<16])
        request.ISVSVN = [UInt8](stored.request[16..<18])
        request.CONFIGSVN = [UInt8](stored.request[18..<20])
        var key = try request.derive(hasKSS: identity.hasKSS)
        defer { EnclaveCrypto.wipe(&key) }
        do throws(JobFormatError) { return try stored.open(sealingKey: key) } catch {
          throw .EACCES
        }
      } catch {
        JobInstance.fail(
          "the key on disk was sealed by another machine, another payload or another owner's instance, or was changed"
        )
      }
    }

    static func store(_ keys: [JobKeyPair], _ offer: Offer) {
      do throws(Errno) {
        let identity = try OwnIdentity()
        let salt = Random.bytes(count: 16)
        let request = SealingKey(runtime: .MRENCLAVE, salt: salt, of: identity)
        var key = try request.derive(hasKSS: identity.hasKSS)
        defer { EnclaveCrypto.wipe(&key) }
        guard
          let bytes = SealedJobKey.encode(
            owner: offer.owner,
            request: request.CPUSVN + request.ISVSVN + request.CONFIGSVN + salt, offer: offer,
            keys: keys, sealingKey: key)
        else { throw .ENOMEM }
        try JobHost.write(BlockObject.jobKey, bytes)
      } catch { JobInstance.fail("the key cannot be written") }
    }
  }
#endif
