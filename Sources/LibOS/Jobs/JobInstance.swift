#if CLOISTER_ENCLAVE
  import EnclaveCrypto
  import EnclaveRuntime
  import HostInterface
  import JobFormat
  import LinuxABI
  import PayloadFormat
  import SealedVolume

  /// An instance that belongs to one owner and waits for one job (Docs/Job.md).
  ///
  /// Attacks considered here: (a) an owner that is not the one in CONFIGID; (b) a payload that takes no jobs, started as
  /// an instance; (c) jobs of others, for others, changed, or of a suite that was not offered; (d) an input that is not the
  /// one that was ordered; (e) a second job: the private keys are wiped when the first is taken; (f) a volume that is not the owner's.
  struct JobInstance {
    let owner: OwnerContext
    let configuration: MeasuredConfiguration
    let configurationDigest: [UInt8]
    private var keys: [JobKeyPair]
    private let offer: Offer

    /// Does nothing for an ordinary run. Otherwise makes an offer, waits for the job, mounts its input and output, and
    /// returns it; the program's arguments and environment are then the job's.
    static func start(_ configuration: inout MeasuredConfiguration, measured: [UInt8]) -> JobRun? {
      let identity: OwnIdentity
      do throws(Errno) { identity = try OwnIdentity() } catch { panic("no memory for a report") }
      let isBound = identity.hasKSS && OwnerContext.isBound(CONFIGID: identity.CONFIGID)
      guard isBound || Host.wantsJob() else { return nil }
      guard configuration.flags.contains(.acceptsJobs) else {
        fail(
          "the payload takes no jobs; its vendor can change that with a [job] table in payload.toml"
        )
      }
      if !isBound && !configuration.flags.contains(.inputsAreData) {
        fail(
          "without KSS nothing binds an instance to its owner, so only payloads that say inputs_are_data take jobs"
        )
      }
      if !isBound && configuration.volumes.contains(where: { $0.keySource != .job }) {
        fail(
          "without KSS the payload's volumes would be open to every owner's jobs; use a payload without volumes, or with key = \"job\""
        )
      }
      JobVolumes.check(configuration)
      var instance = JobInstance(configuration, measured, isBound ? identity : nil)
      let run = instance.wait()
      run.apply(to: &configuration)
      return run
    }

    static func fail(_ text: StaticString) -> Never { fail(KernelLog.bytes(text)) }

    static func fail(_ text: [UInt8]) -> Never {
      JobHost.tell(.failed, text)
      Host.exit(status: 125)
    }

    /// Makes keys and hands the offer out.
    private init(
      _ configuration: MeasuredConfiguration, _ measured: [UInt8], _ identity: OwnIdentity?
    ) {
      self.configuration = configuration
      configurationDigest = JobDigest.configuration(measured)
      var context: OwnerContext?
      do throws(Errno) {
        context = OwnerContext(
          encoded: try JobHost.read(BlockObject.jobOwner, offset: 0, count: OwnerContext.size))
      } catch {}
      guard let context, identity == nil || identity!.CONFIGID == context.CONFIGID else {
        Self.fail("the enclave was not started for this owner and nonce (CONFIGID)")
      }
      owner = context
      var flags: Offer.Flags = []
      if configuration.flags.contains(.inputsAreData) { flags.insert(.inputsAreData) }
      if configuration.flags.contains(.insecureJobStreams) { flags.insert(.insecureStreams) }
      if configuration.flags.contains(.jobArguments) { flags.insert(.takesArguments) }
      if configuration.flags.contains(.jobEnvironment) { flags.insert(.takesEnvironment) }
      if identity == nil { flags.insert(.withoutKSS) }
      let keepsKeysOnDisk = Host.wantsJobKeyOnDisk()
      if keepsKeysOnDisk {
        flags.insert(.keyOnDisk)
        if let stored = JobKeys.stored() {
          guard stored.owner == owner, stored.offer.configuration == configurationDigest,
            stored.offer.flags == flags, stored.offer.volumes == JobVolumes.names(configuration)
          else { Self.fail("the key on disk is of another offer, payload or owner") }
          keys = JobKeys.open(stored)
          offer = stored.offer
          return
        }
      }
      var keys: [JobKeyPair] = []
      for suite in JobSuite.allCases {
        guard let pair = JobKeyPair(suite) else { panic("no memory for keys") }
        keys.append(pair)
      }
      self.keys = keys
      offer = Offer(
        owner: owner, instance: Random.bytes(count: 32), configuration: configurationDigest,
        madeNs: Clock.realtimeNs(), flags: flags, keys: keys.map { $0.publicKey },
        volumes: JobVolumes.names(configuration))
      if keepsKeysOnDisk { JobKeys.store(keys, offer) }
      let quote: [UInt8]
      do throws(Errno) {
        quote = try Attestation.quote(ReportData(runtime: offer.reportData))
      } catch {
        Self.fail("the platform makes no quote (see `cloister doctor`)")
      }
      do throws(Errno) {
        try JobHost.write(BlockObject.jobOffer, offer.encoded(quote: quote))
      } catch {
        Self.fail("the offer cannot be written")
      }
      if keepsKeysOnDisk { Host.exit(status: 0) }
    }

    /// Until there is a job that can be taken.
    private mutating func wait() -> JobRun {
      while true {
        do throws(JobRefusal) {
          let run = try take()
          for i in keys.indices { keys[i].wipe() }
          JobHost.tell(.accepted, [])
          return run
        } catch { JobHost.tell(.refused, error.text) }
      }
    }

    private func take() throws(JobRefusal) -> JobRun {
      let job = try readJob()
      guard job.offer == offer.digest else {
        throw JobRefusal("the job is for another offer: another instance, payload or nonce")
      }
      guard job.isSigned(by: owner) else {
        throw JobRefusal("the job is not signed by the owner of this instance")
      }
      var order: JobOrder?
      for pair in keys where pair.publicKey.suite == job.suite {
        do throws(JobFormatError) { order = try job.open(privateKey: pair.privateKey) } catch {
          throw JobRefusal("the order cannot be opened", error)
        }
      }
      guard let order else { throw JobRefusal("the job's encryption was not offered") }
      if offer.flags.contains(.keyOnDisk) && !order.flags.contains(.repeatable) {
        throw JobRefusal(
          "its owner allowed one run only, which nobody can promise with a key on disk")
      }
      if !order.arguments.isEmpty && !configuration.flags.contains(.jobArguments) {
        throw JobRefusal("the payload takes no arguments from a job")
      }
      if !order.environment.isEmpty && !configuration.flags.contains(.jobEnvironment) {
        throw JobRefusal("the payload takes no environment from a job")
      }
      return try JobRun(job, order, self, offer)
    }

    /// Header and body of the job that the host has; waits for one.
    private func readJob() throws(JobRefusal) -> Job {
      var head: [UInt8] = []
      do throws(Errno) {
        head = try JobHost.read(BlockObject.job, offset: 0, count: JobFileKind.headerSize)
      } catch { Self.fail("the host gives no job") }
      do throws(JobFormatError) {
        let size = try JobFileKind.job.bodySize(header: head)
        return try Job(head + (try Self.body(size)))
      } catch { throw JobRefusal("the job cannot be read", error) }
    }

    private static func body(_ size: Int) throws(JobFormatError) -> [UInt8] {
      do throws(Errno) {
        return try JobHost.read(
          BlockObject.job, offset: UInt64(JobFileKind.headerSize), count: size)
      } catch { throw .truncated }
    }
  }
#endif
