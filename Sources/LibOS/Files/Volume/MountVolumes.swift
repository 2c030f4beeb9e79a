#if CLOISTER_ENCLAVE
  import EnclaveCrypto
  import EnclaveRuntime
  import LinuxABI
  import PayloadFormat
  import SealedVolume

  extension Namespace {
    /// Mounts the configuration's sealed volumes. A volume that cannot be opened ends the run: a program that finds an
    /// empty directory instead would do harm.
    static func mountVolumes(_ configuration: MeasuredConfiguration) {
      for (i, mount) in configuration.volumes.enumerated() {
        do throws(VolumeError) {
          let volume = try open(mount, index: i)
          if !mount.isReadOnly { try volume.beginWriting() }
          let fs = VolumeFileSystem(volume, index: i)
          guard let node = fs.rootNode else { throw .damaged("there is no root directory") }
          Namespace.mount(node.makeInode(in: fs), at: mount.path)
          fs.publishRoot()
        } catch {
          Host.log(
            KernelLog.bytes("cloister: cannot mount the volume at ") + mount.path
              + KernelLog.bytes(": ") + error.sentence + [0x0A])
          Host.exit(status: 125)
        }
      }
    }

    private static func open(_ mount: VolumeMount, index: Int) throws(VolumeError) -> SealedVolume {
      let storage = HostVolume(index: index)
      let expected = try expectation(mount, storage)
      switch mount.keySource {
      case .insecureKey:
        return try SealedVolume.open(
          storage, key: mount.insecureKey, isReadOnly: mount.isReadOnly, expected: expected)
      case .sealingMRENCLAVE, .sealingMRSIGNER:
        return try openSealed(storage, mount, expected)
      case .job:
        // The job's keys are released before the program starts; see `VolumeKeys`.
        guard let key = VolumeKeys.released(mount.path) else { throw .keyNotReleased }
        return try SealedVolume.open(
          storage, key: key, isReadOnly: mount.isReadOnly, expected: expected)
      }
    }

    /// The state that the volume must be in: as it was measured, and as whoever started the run says.
    private static func expectation(
      _ mount: VolumeMount, _ storage: HostVolume
    ) throws(VolumeError) -> VolumeRoot? {
      let measured = mount.expectedRoot.flatMap { VolumeRoot($0) }
      guard let wanted = try storage.expectedRoot() else { return measured }
      if let measured, measured != wanted {
        throw .rolledBack(found: measured.sequence, expected: wanted.sequence)
      }
      return wanted
    }

    /// A volume whose key only this enclave (or its signer's) gets from the processor. An empty host file becomes a new
    /// volume: nobody else could make it.
    private static func openSealed(
      _ storage: HostVolume, _ mount: VolumeMount, _ expected: VolumeRoot?
    ) throws(VolumeError) -> SealedVolume {
      let kind: VolumeKeyKind =
        mount.keySource == .sealingMRENCLAVE ? .sealingMRENCLAVE : .sealingMRSIGNER
      let header: (kind: VolumeKeyKind, data: [UInt8])
      do throws(VolumeError) { header = try SealedVolume.header(storage) } catch {
        // Only a file with nothing in it is taken for a new one, and never when a state was expected.
        let first = VolumeBuffer(count: 8192)
        try storage.read(0, into: first.memory)
        guard error == .notAVolume, first.memory.isZero, expected == nil, !mount.isReadOnly else {
          throw error
        }
        let made = try VolumeKeys.newSealingKey(kind)
        return try SealedVolume.create(
          storage, key: made.key, keyKind: kind, keyData: made.data, timeNs: Inode.now())
      }
      guard header.kind == kind else { throw .wrongKey }
      let key = try VolumeKeys.sealingKey(kind, header.data)
      return try SealedVolume.open(
        storage, key: key, isReadOnly: mount.isReadOnly, expected: expected)
    }
  }

  /// Keys of volumes that come from the processor or from a job.
  enum VolumeKeys {
    /// Keys that a job released, by mount point. Written before the first program starts.
    nonisolated(unsafe) private static var released: [(path: [UInt8], key: [UInt8])] = []

    /// For the job runner: the volume at `path` may be opened with `key` (32 bytes).
    static func release(_ path: [UInt8], key: [UInt8]) { unsafe released.append((path, key)) }
    static func released(_ path: [UInt8]) -> [UInt8]? {
      for r in unsafe released where r.path == path { return r.key }
      return nil
    }

    /// Key data in the volume's header: CPUSVN (16 bytes), ISVSVN (2), CONFIGSVN (2), salt (16).
    static func newSealingKey(_ kind: VolumeKeyKind) throws(VolumeError) -> (
      key: [UInt8], data: [UInt8]
    ) {
      let salt = EnclaveCrypto.random(16)
      do throws(Errno) {
        let key = SealingKey(runtime: policy(kind), salt: salt, of: try OwnIdentity())
        let data = key.CPUSVN + key.ISVSVN + key.CONFIGSVN + salt
        return (try expand(key), data)
      } catch { throw .noMemory }
    }

    static func sealingKey(_ kind: VolumeKeyKind, _ data: [UInt8]) throws(VolumeError) -> [UInt8] {
      do throws(Errno) {
        var key = SealingKey(
          runtime: policy(kind), salt: [UInt8](data[20..<36]), of: try OwnIdentity())
        key.CPUSVN = [UInt8](data[0..<16])
        key.ISVSVN = [UInt8](data[16..<18])
        key.CONFIGSVN = [UInt8](data[18..<20])
        return try expand(key)
      } catch { throw .wrongKey }
    }

    private static func policy(_ kind: VolumeKeyKind) -> SealingKey.Policy {
      kind == .sealingMRENCLAVE ? .MRENCLAVE : .MRSIGNER
    }

    private static func expand(_ key: SealingKey) throws(Errno) -> [UInt8] {
      var short = try key.derive(hasKSS: try OwnIdentity().hasKSS)
      defer { EnclaveCrypto.wipe(&short) }
      let none: [UInt8] = []
      let info = KernelLog.bytes("cloister volume 1 sealing key")
      guard
        let long = HKDFSHA256.deriveKey(
          secret: short.span, salt: none.span, info: info.span, count: 32)
      else { throw .ENOMEM }
      return long
    }
  }
#endif
