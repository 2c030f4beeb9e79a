#if CLOISTER_ENCLAVE
  import EnclaveCrypto
  import EnclaveRuntime
  import HostInterface
  import JobFormat
  import LinuxABI
  import PayloadFormat
  import SealedVolume
  import Synchronization

  /// The one job of an instance: its input, its output and the payload's volumes are mounted, and at its end result and receipt are made.
  final class JobRun: @unchecked Sendable {
    /// Set at boot, before there is a second thread.
    nonisolated(unsafe) static var current: JobRun?

    private let owner: OwnerContext
    private let offer: Offer
    private let job: [UInt8]
    private let run = Random.bytes(count: 32)
    private let order: JobOrder
    private let configurationDigest: [UInt8]
    private let showsStreams: Bool
    private let memorySize: UInt64
    private let input: HostVolume
    private let output: HostVolume
    private let outputKey: [UInt8]
    private let outputs: VolumeFileSystem
    /// `stdout` and `stderr` of the output.
    private var streams: [VolumeNode] = []
    /// The payload's own.
    private var volumes: JobVolumes
    /// `volumes` of the output: where the owner finds the roots that they have at the end.
    private var rootsFile: UInt64?
    private let startNs = Clock.realtimeNs()
    private let startMonotonicNs = Clock.monotonicNs()
    /// What this thread used while it waited is not the job's.
    private let processorNsBefore = Task.current.cpuTime.runNs

    /// Opens the input, makes the output, and mounts both.
    init(
      _ job: Job, _ order: JobOrder, _ instance: JobInstance, _ offer: Offer
    ) throws(JobRefusal) {
      owner = instance.owner
      self.offer = offer
      self.job = job.digest
      self.order = order
      configurationDigest = instance.configurationDigest
      memorySize = instance.configuration.memorySize
      showsStreams = instance.configuration.flags.contains(.insecureJobStreams)
      input = HostVolume(object: BlockObject.job, base: job.volumeOffset)
      output = HostVolume(object: BlockObject.jobResult, base: JobResult.volumeOffset)
      outputKey = EnclaveCrypto.random(32)

      try Self.checkSize(job, order)
      volumes = try JobVolumes(instance.configuration, order.volumeKeys)
      let inputs: VolumeFileSystem
      do throws(VolumeError) {
        let volume = try SealedVolume.open(
          input, key: order.inputKey, isReadOnly: true, expected: VolumeRoot(order.inputRoot))
        guard JobDigest.volume(superblock: volume.superblock) == order.inputCommitment else {
          throw .otherVolume
        }
        inputs = VolumeFileSystem(volume, index: nil)
      } catch {
        throw JobRefusal("the input behind the job is not the one that its owner ordered", error)
      }
      guard let inputRoot = inputs.rootNode else {
        throw JobRefusal("the input has no root directory")
      }

      let uid = instance.configuration.uid
      let gid = instance.configuration.gid
      let top: (directory: UInt64, streams: [UInt64], roots: UInt64?)
      do throws(VolumeError) {
        let now = Inode.now()
        let volume = try SealedVolume.create(
          output, key: outputKey, keyKind: .job, uid: uid, gid: gid, timeNs: now)
        func make(_ name: StaticString, _ mode: UInt32) throws(VolumeError) -> UInt64 {
          var inode = VolumeInode()
          inode.mode = mode
          inode.uid = uid
          inode.gid = gid
          inode.setTimes(now)
          return try volume.make(VolumeFormat.rootInode, KernelLog.bytes(name), inode)
        }
        var files: [UInt64] = []
        let directory = try make("output", FileMode.S_IFDIR | 0o755)
        if !showsStreams {
          files.append(try make("stdout", FileMode.S_IFREG | 0o644))
          files.append(try make("stderr", FileMode.S_IFREG | 0o644))
        }
        let roots =
          order.volumeKeys.isEmpty ? nil : try make("volumes", FileMode.S_IFREG | 0o644)
        try volume.commit()
        top = (directory, files, roots)
        outputs = VolumeFileSystem(volume, index: nil)
      } catch { throw JobRefusal("the result cannot be written", error) }
      guard let root = outputs.node(top.directory) else {
        throw JobRefusal("the result cannot be written")
      }
      for number in top.streams {
        guard let node = outputs.node(number) else {
          throw JobRefusal("the result cannot be written")
        }
        streams.append(node)
      }
      rootsFile = top.roots
      try volumes.create()
      volumes.mount()
      Namespace.mount(inputRoot.makeInode(in: inputs), at: KernelLog.bytes("/input"))
      Namespace.mount(root.makeInode(in: outputs), at: KernelLog.bytes("/output"))
    }

    /// Nothing is missing behind the job's header, and nothing follows the input.
    private static func checkSize(_ job: Job, _ order: JobOrder) throws(JobRefusal) {
      let (end, overflow) = job.volumeOffset.addingReportingOverflow(order.inputSize)
      guard !overflow, order.inputSize >= 8192, end < 1 << 62 else {
        throw JobRefusal("the order states a size of the input that cannot be")
      }
      var tail: [UInt8] = []
      do throws(Errno) {
        tail = try JobHost.read(BlockObject.job, offset: end - 1, count: 2)
      } catch { throw JobRefusal("the input cannot be read") }
      if tail.isEmpty { throw JobRefusal("the input is cut off") }
      if tail.count > 1 { throw JobRefusal("the input is longer than the one that was ordered") }
    }

    /// Arguments follow the payload's own; a variable replaces the payload's of that name.
    func apply(to configuration: inout MeasuredConfiguration) {
      configuration.arguments += order.arguments
      for pair in order.environment {
        let name = pair[...(pair.firstIndex(of: 0x3D) ?? 0)]
        configuration.environment.removeAll { $0.starts(with: name) }
        configuration.environment.append(pair)
      }
    }

    /// What stream 0, 1 or 2 of the program is.
    func stream(_ number: UInt64, _ task: Task) throws(Errno) -> File {
      if number == 0 {
        return try task.openFile(KernelLog.bytes("/dev/null"), base: nil, flags: [], mode: 0)
      }
      if showsStreams { return StreamFile(stream: number) }
      let inode = streams[Int(number) - 1].makeInode(in: outputs)
      let name: StaticString = number == 1 ? "stdout" : "stderr"
      let dentry = Dentry(inode, name: KernelLog.bytes(name), parent: nil)
      return try inode.open(dentry, flags: [.O_WRONLY, .O_APPEND])
    }

    /// The program has ended: output, receipt, result. Everything before `done` can stop without a trace on the owner's
    /// side, because the host puts a result in place only then.
    func finish(waitStatus: Int32, processorNs: UInt64) -> Never {
      let volume: (root: VolumeRoot, superblock: [UInt8])
      do throws(Errno) {
        let roots = try volumes.commitForGood()
        if let rootsFile {
          try outputs.withVolume { (v) throws(VolumeError) in try v.replaceAll(rootsFile, roots) }
        }
        volume = try outputs.commitForGood()
      } catch {
        JobInstance.fail(
          error == .ENOSPC
            ? "there is no result: the provider's disk is full"
            : "there is no result: the output or a volume cannot be written")
      }
      var receipt = Receipt(
        owner: owner, offer: offer.digest, job: job, run: run, configuration: configurationDigest,
        inputCommitment: order.inputCommitment,
        outputCommitment: JobDigest.volume(superblock: volume.superblock))
      receipt.waitStatus = UInt32(bitPattern: waitStatus)
      receipt.flags = Receipt.Flags(offer.flags)
      if order.flags.contains(.repeatable) { receipt.flags.insert(.repeatable) }
      receipt.startNs = startNs
      receipt.endNs = Clock.realtimeNs()
      receipt.elapsedNs = Clock.monotonicNs() - startMonotonicNs
      receipt.processorNs = processorNs > processorNsBefore ? processorNs - processorNsBefore : 0
      // All memory of profile `fixed` is there from the start.
      receipt.peakMemory =
        unsafe EnclavePages.isFixed ? memorySize : EnclavePages.peak.load(ordering: .relaxed)
      receipt.inputBytes = input.bytesRead
      receipt.outputBytes = output.bytesWritten
      receipt.outputSize = output.end
      let quote: [UInt8]
      do throws(Errno) {
        quote = try Attestation.quote(ReportData(runtime: receipt.reportData))
      } catch { JobInstance.fail("there is no result: the platform makes no quote") }
      do throws(JobFormatError) {
        let head = try JobResult.encode(
          job: job, run: run, replyKey: order.replyKey, receipt: receipt.encoded(quote: quote),
          secrets: JobResult.Secrets(
            outputKey: outputKey, outputRoot: volume.root.bytes, receiptDigest: receipt.digest))
        do throws(Errno) {
          try JobHost.write(BlockObject.jobResult, head, durable: true)
        } catch { throw .cannotOpen }
      } catch { JobInstance.fail("there is no result: it cannot be written") }
      JobHost.tell(.done, ending(waitStatus))
      Host.exit(
        status: 0, familySwitches: FamilyStatistics.switches.load(ordering: .relaxed),
        familyBytes: FamilyStatistics.bytes.load(ordering: .relaxed))
    }

    /// What the receipt says to all, in words.
    private func ending(_ waitStatus: Int32) -> [UInt8] {
      let signal = waitStatus & 0x7F
      return signal == 0
        ? KernelLog.bytes("the program ended with exit code ")
          + KernelLog.decimal(Int(waitStatus >> 8 & 0xFF))
        : KernelLog.bytes("signal ") + KernelLog.decimal(Int(signal))
          + KernelLog.bytes(" ended the program")
    }
  }
#endif
