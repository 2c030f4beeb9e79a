#if CLOISTER_ENCLAVE
  import EnclaveCrypto
  import EnclaveRuntime
  import LinuxABI
  import SealedVolume

  /// Keys of volumes that come from the processor (EGETKEY).
  enum VolumeKeys {
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
