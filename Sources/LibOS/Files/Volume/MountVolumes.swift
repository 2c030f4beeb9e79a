#if CLOISTER_ENCLAVE
  import EnclaveRuntime
  import LinuxABI
  import PayloadFormat
  import SealedVolume

  extension Namespace {
    /// Mounts the configuration's sealed volumes. A volume that cannot be opened ends the run: a program that finds an
    /// empty directory instead would do harm.
    static func mountVolumes(_ configuration: MeasuredConfiguration) {
      for (i, mount) in configuration.volumes.enumerated() {
        let opening = VolumeOpening(mount, index: i)
        do throws(VolumeError) { try opening.attach(opening.openOrCreate()) } catch {
          Host.log(KernelLog.bytes("cloister: ") + opening.complaint(error) + [0x0A])
          Host.exit(status: 125)
        }
      }
    }
  }
#endif
