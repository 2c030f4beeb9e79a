#if CLOISTER_ENCLAVE
  import EnclaveRuntime
  import LinuxABI
  import PayloadFormat
  import SealedVolume

  /// A volume of the configuration on its way into the tree: found, opened or made, mounted. Nothing is written before
  /// `create`, so that whoever opens several can still give up.
  struct VolumeOpening {
    let mount: VolumeMount
    /// Its place in the configuration.
    let index: Int
    /// What a job released, 32 bytes; nil: no job, or none for this volume.
    var key: [UInt8]?
    /// The state that the job's owner expects.
    var root: VolumeRoot?

    init(_ mount: VolumeMount, index: Int) {
      self.mount = mount
      self.index = index
    }

    /// nil: its file is empty, and becomes a new volume (`create`).
    func open() throws(VolumeError) -> SealedVolume? {
      let storage = HostVolume(index: index)
      let expected = try expectation(storage)
      switch mount.keySource {
      case .insecureKey:
        return try SealedVolume.open(
          storage, key: mount.insecureKey, isReadOnly: mount.isReadOnly, expected: expected)
      case .sealingMRENCLAVE, .sealingMRSIGNER: return try openSealed(storage, expected)
      case .job:
        guard let key else { throw .keyNotReleased }
        return try SealedVolume.open(
          storage, key: key, isReadOnly: mount.isReadOnly, expected: expected)
      }
    }

    /// The volume that an empty file becomes. Only the processor's keys make one: nobody else could have made it.
    func create() throws(VolumeError) -> SealedVolume {
      let made = try VolumeKeys.newSealingKey(keyKind)
      return try SealedVolume.create(
        HostVolume(index: index), key: made.key, keyKind: keyKind, keyData: made.data,
        timeNs: Inode.now())
    }

    func openOrCreate() throws(VolumeError) -> SealedVolume {
      if let volume = try open() { return volume }
      return try create()
    }

    @discardableResult
    func attach(_ volume: SealedVolume) throws(VolumeError) -> VolumeFileSystem {
      if !mount.isReadOnly { try volume.beginWriting() }
      let fs = VolumeFileSystem(volume, index: index)
      guard let node = fs.rootNode else { throw .damaged("there is no root directory") }
      Namespace.mount(node.makeInode(in: fs), at: mount.path)
      fs.publishRoot()
      return fs
    }

    /// Why it is not mounted, in words.
    func complaint(_ error: VolumeError) -> [UInt8] {
      KernelLog.bytes("cannot mount the volume at ") + mount.path + KernelLog.bytes(": ")
        + error.sentence
    }

    private var keyKind: VolumeKeyKind {
      mount.keySource == .sealingMRENCLAVE ? .sealingMRENCLAVE : .sealingMRSIGNER
    }

    /// The state that the volume must be in: as it was measured, as the owner of the job says, and as whoever started
    /// the run says.
    private func expectation(_ storage: HostVolume) throws(VolumeError) -> VolumeRoot? {
      var expected = mount.expectedRoot.flatMap { VolumeRoot($0) }
      for wanted in [root, try storage.expectedRoot()] {
        guard let wanted else { continue }
        if let expected, expected != wanted {
          throw .rolledBack(found: expected.sequence, expected: wanted.sequence)
        }
        expected = wanted
      }
      return expected
    }

    /// A volume whose key only this enclave (or its signer's) gets from the processor.
    private func openSealed(
      _ storage: HostVolume, _ expected: VolumeRoot?
    ) throws(VolumeError) -> SealedVolume? {
      let header: (kind: VolumeKeyKind, data: [UInt8])
      do throws(VolumeError) { header = try SealedVolume.header(storage) } catch {
        // Only a file with nothing in it is taken for a new one, and never when a state was expected.
        let first = VolumeBuffer(count: 8192)
        try storage.read(0, into: first.memory)
        guard error == .notAVolume, first.memory.isZero, expected == nil, !mount.isReadOnly else {
          throw error
        }
        return nil
      }
      guard header.kind == keyKind else { throw .wrongKey }
      let key = try VolumeKeys.sealingKey(keyKind, header.data)
      return try SealedVolume.open(
        storage, key: key, isReadOnly: mount.isReadOnly, expected: expected)
    }
  }
#endif
