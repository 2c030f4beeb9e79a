import EnclaveCrypto

/// The keys of a volume: one data key for each mount that ever wrote to it, derived from the volume's key and the
/// mount's salt.
final class VolumeCipher {
  private var master: [UInt8]
  /// By mount number.
  private(set) var salts: [[UInt8]?] = []
  private var keys: [AESGCM?] = []
  /// The mount that writes now, and its next nonce.
  var mount: UInt16 = 0
  private(set) var counter: UInt64 = 0
  /// Tests record every (mount salt, counter) that is used to seal.
  var onSeal: ((_ salt: [UInt8], _ counter: UInt64) -> Void)?
  /// Tests and fuzzing: changes a copy of what is about to be sealed. Somebody who has the key can seal anything.
  var onPlain: ((_ copy: VolumeMemory, _ object: UInt64, _ index: UInt64, _ level: Int) -> Void)?

  init(master: [UInt8]) { self.master = master }
  deinit { EnclaveCrypto.wipe(&master) }

  static let info: [UInt8] = Array(staticString: "cloister volume 1 data key")

  static func key(master: [UInt8], salt: [UInt8]) -> AESGCM? {
    guard
      var k = HKDFSHA256.deriveKey(secret: master.span, salt: salt.span, info: info.span, count: 32)
    else { return nil }
    let made = AESGCM(key: k.span)
    EnclaveCrypto.wipe(&k)
    return made
  }

  func setSalt(_ index: UInt16, _ salt: [UInt8]?) {
    while salts.count <= Int(index) {
      salts.append(nil)
      keys.append(nil)
    }
    salts[Int(index)] = salt
    keys[Int(index)] = nil
  }
  func clearSalts() {
    salts = []
    keys = []
  }

  private func key(_ index: UInt16) throws(VolumeError) -> AESGCM {
    let i = Int(index)
    guard i < salts.count, let salt = salts[i] else {
      throw .damaged("a block names a mount that never was")
    }
    if let k = keys[i] { return k }
    guard let k = Self.key(master: master, salt: salt) else { throw .noMemory }
    keys[i] = k
    return k
  }

  /// Starts to write under a salt of its own.
  func begin(mount: UInt16, salt: [UInt8]) {
    self.mount = mount
    counter = 0
    setSalt(mount, salt)
  }

  /// Nonce: four zero bytes, the counter. Additional data: object, index, level.
  private func with<R>(
    _ counter: UInt64, _ object: UInt64, _ index: UInt64, _ level: Int,
    _ body: (UnsafePointer<UInt8>, UnsafeRawPointer) -> R
  ) -> R {
    let nonce: (UInt32, UInt32, UInt32) = (
      0, UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32)
    )
    let ad: (UInt64, UInt64, UInt64) = (object, index, UInt64(level))
    // SAFETY: 12 and 24 bytes of two local tuples of one integer type each, used within `body`.
    return unsafe withUnsafeBytes(of: nonce) { (n) in
      unsafe withUnsafeBytes(of: ad) { (a) in
        unsafe body(n.baseAddress!.assumingMemoryBound(to: UInt8.self), a.baseAddress!)
      }
    }
  }

  private func next() throws(VolumeError) -> UInt64 {
    let c = counter
    guard c < 1 << 48 else { throw .noSpace }
    counter = c + 1
    if let onSeal, let salt = salts[Int(mount)] { onSeal(salt, c) }
    return c
  }

  /// Seals one block for `block`; the pointer that opens it.
  func seal(
    _ source: VolumeMemory, into destination: VolumeMemory, block: UInt64, object: UInt64,
    index: UInt64, level: Int
  ) throws(VolumeError) -> BlockPointer {
    precondition(source.count == destination.count)
    if let onPlain {
      let copy = VolumeBuffer(count: source.count)
      copy.memory.copy(from: source)
      self.onPlain = nil
      defer { self.onPlain = onPlain }
      onPlain(copy.memory, object, index, level)
      return try seal(
        copy.memory, into: destination, block: block, object: object, index: index, level: level)
    }
    let k = try key(mount)
    var p = BlockPointer()
    p.block = block
    p.mount = mount
    p.counter = try next()
    var tag: (UInt64, UInt64) = (0, 0)
    let ok = unsafe with(p.counter, object, index, level) { (nonce, ad) in
      // SAFETY: lengths were compared; the tag has 16 bytes.
      unsafe withUnsafeMutableBytes(of: &tag) { (t) in
        unsafe k.seal(
          from: source.address, to: destination.address, count: source.count, nonce: nonce, ad: ad,
          adCount: 24,
          tag: t.baseAddress!.assumingMemoryBound(to: UInt8.self))
      }
    }
    guard ok else { throw .noMemory }
    p.tag = (UInt64(littleEndian: tag.0), UInt64(littleEndian: tag.1))
    return p
  }

  /// Opens one block.
  func open(
    _ source: VolumeMemory, into destination: VolumeMemory, _ p: BlockPointer, object: UInt64,
    index: UInt64, level: Int
  ) throws(VolumeError) {
    precondition(source.count == destination.count)
    let k = try key(p.mount)
    let tag = (p.tag.0.littleEndian, p.tag.1.littleEndian)
    let ok = unsafe with(p.counter, object, index, level) { (nonce, ad) in
      // SAFETY: as in `seal`.
      unsafe withUnsafeBytes(of: tag) { (t) in
        unsafe k.open(
          from: source.address, to: destination.address, count: source.count, nonce: nonce, ad: ad,
          adCount: 24,
          tag: t.baseAddress!.assumingMemoryBound(to: UInt8.self))
      }
    }
    guard ok else {
      throw .damaged("a block is not what was sealed: it was changed, moved or replaced")
    }
  }

  /// Seals a superblock in place: header in `block`, body after it.
  func sealSuperblock(_ block: VolumeMemory) throws(VolumeError) {
    let k = try key(mount)
    let c = try next()
    block.store(c, VolumeFormat.Superblock.counter.offset)
    let text = block.slice(VolumeFormat.Superblock.body.offset, VolumeFormat.Superblock.body.size)
    onPlain?(text, VolumeFormat.superblockObject, 0, 0)
    let tag = block.slice(VolumeFormat.Superblock.tag.offset, 16)
    let ok = unsafe with(c, 0, 0, 0) { (nonce, _) in
      // SAFETY: slices of one block, checked.
      unsafe k.seal(
        from: text.address, to: text.address, count: text.count, nonce: nonce, ad: block.address,
        adCount: VolumeFormat.Superblock.headerSize,
        tag: tag.address.assumingMemoryBound(to: UInt8.self))
    }
    guard ok else { throw .noMemory }
  }

  /// Opens a superblock in place. False: not with this key.
  func openSuperblock(_ block: VolumeMemory) throws(VolumeError) -> Bool {
    let salt = block.slice(VolumeFormat.Superblock.salt.offset, VolumeFormat.saltSize).bytes
    guard let k = Self.key(master: master, salt: salt) else { throw .noMemory }
    let c = block.load(VolumeFormat.Superblock.counter.offset, as: UInt64.self)
    let text = block.slice(VolumeFormat.Superblock.body.offset, VolumeFormat.Superblock.body.size)
    let tag = block.slice(VolumeFormat.Superblock.tag.offset, 16)
    return unsafe with(c, 0, 0, 0) { (nonce, _) in
      // SAFETY: slices of one block, checked.
      unsafe k.open(
        from: text.address, to: text.address, count: text.count, nonce: nonce, ad: block.address,
        adCount: VolumeFormat.Superblock.headerSize,
        tag: tag.address.assumingMemoryBound(to: UInt8.self))
    }
  }
}

extension [UInt8] {
  init(staticString s: StaticString) {
    // SAFETY: a static string's bytes live as long as the program.
    unsafe self.init(UnsafeBufferPointer(start: s.utf8Start, count: s.utf8CodeUnitCount))
  }
}
