#if CLOISTER_ENCLAVE
  import EnclaveRuntime
  import JobFormat
  import LinuxABI
  import PayloadFormat
  import SealedVolume

  /// The payload's volumes in an instance that waits for a job: looked at before there is an offer, opened when the job
  /// brings their keys, mounted when nothing can refuse the job any more. A refused offer or job changes no volume.
  ///
  /// Attacks considered here: the host gives another volume, or an older state of the right one (the owner may name the
  /// root that it must have), or changes the file between offer and job (it is opened again).
  struct JobVolumes {
    private var volumes: [(opening: VolumeOpening, volume: SealedVolume?)] = []
    /// Those whose key the job brought.
    private(set) var released: [(name: [UInt8], fs: VolumeFileSystem)] = []

    /// Whose keys a job brings.
    static func names(_ configuration: MeasuredConfiguration) -> [[UInt8]] {
      configuration.volumes.filter { $0.keySource == .job }.map { $0.name }
    }

    /// Ends the run if a volume that needs no job is not the right one, or no offer could state the others.
    static func check(_ configuration: MeasuredConfiguration) {
      guard Offer.areVolumeNames(names(configuration)) else {
        JobInstance.fail(
          "a name of a volume with key = \"job\" is too long, or there are more than 16")
      }
      for (i, mount) in configuration.volumes.enumerated() where mount.keySource != .job {
        let opening = VolumeOpening(mount, index: i)
        do throws(VolumeError) { _ = try opening.open() } catch {
          JobInstance.fail(opening.complaint(error))
        }
      }
    }

    /// Opens all of them, and writes nothing.
    init(_ configuration: MeasuredConfiguration, _ keys: [JobVolumeKey]) throws(JobRefusal) {
      let wanted = Self.names(configuration)
      for key in keys where !wanted.contains(key.name) {
        throw JobRefusal("the order has a key for a volume that the payload does not have")
      }
      for (i, mount) in configuration.volumes.enumerated() {
        var opening = VolumeOpening(mount, index: i)
        if mount.keySource == .job {
          guard let key = keys.first(where: { $0.name == mount.name }) else {
            throw JobRefusal("the order has no key for the volume ", mount.name)
          }
          opening.key = key.key
          opening.root = key.root.flatMap { VolumeRoot($0) }
        }
        do throws(VolumeError) { volumes.append((opening, try opening.open())) } catch {
          throw JobRefusal("", opening.complaint(error))
        }
      }
    }

    /// Makes the new ones.
    mutating func create() throws(JobRefusal) {
      for i in volumes.indices where volumes[i].volume == nil {
        let opening = volumes[i].opening
        do throws(VolumeError) { volumes[i].volume = try opening.create() } catch {
          throw JobRefusal("", opening.complaint(error))
        }
      }
    }

    /// Mounts all.
    mutating func mount() {
      for (opening, volume) in volumes {
        do throws(VolumeError) {
          let fs = try opening.attach(volume!)
          if opening.mount.keySource == .job { released.append((opening.mount.name, fs)) }
        } catch { JobInstance.fail(opening.complaint(error)) }
      }
    }

    /// The last commit of all of them: for the owner, a line `NAME ROOT` for each one that the job opened.
    func commitForGood() throws(Errno) -> [UInt8] {
      try Namespace.commitAll()
      var text: [UInt8] = []
      for (name, fs) in released {
        let root = try fs.commitForGood().root
        text += name + [0x20]
        for byte in root.bytes { text.append(hex: UInt(byte), width: 2) }
        text.append(0x0A)
      }
      return text
    }
  }
#endif
