import EnclaveCrypto

/// A sealed volume: a tree of files in one storage that nobody but the holder of its key can read or change.
///
/// Nothing is changed in place. What is written goes to free blocks; `commit` makes all of it the volume's state at
/// once, by writing the superblock. If anything stops before, the state is the last committed one.
///
/// Not for two threads at a time: whoever owns the volume takes turns. Docs/Volume.md describes the format and what it
/// protects against.
public final class SealedVolume {
  let storage: VolumeStorage
  let cipher: VolumeCipher
  public let isReadOnly: Bool
  let saltSource: SaltSource

  public private(set) var sequence: UInt64 = 0
  public private(set) var volumeID: [UInt8] = []
  public private(set) var keyKind: VolumeKeyKind = .file
  public private(set) var keyData: [UInt8] = []
  /// One copy of the superblock could not be opened: a torn write, or somebody touched it. The next commit mends it.
  public private(set) var hasDamagedCopy = false
  /// Tag of the committed superblock: with the sequence and the ID, the volume's root.
  private var rootTag: [UInt8] = []
  /// The superblock of the committed state, as it lies in the storage, 4096 bytes: what `root` names, for people without
  /// the key.
  public private(set) var superblock: [UInt8] = []
  var nextInode: UInt64 = VolumeFormat.rootInode + 1
  var freeInodes: [UInt64] = []

  /// nil until the first write: then the whole tree is walked.
  var map: BlockMap?
  /// One past the highest block that the committed state may point to, as its superblock says.
  private(set) var blockCount: UInt64 = VolumeFormat.firstFreeBlock
  /// This opening has a salt of its own, and the salt table has it.
  private var isWriting = false
  var inodes: VolumeObject
  private var salts: VolumeObject
  /// Objects in memory by number.
  var objects: [UInt64: VolumeObject] = [:]
  private var useClock: UInt64 = 0
  var nodeTotal = 0
  /// Most nodes in memory, each a little over 4 KiB.
  public var nodeLimit = 4096

  // Blocks that are sealed and wait to be written together: consecutive block numbers.
  private let staging: VolumeBuffer
  private var stagingFirst: UInt64 = 0
  private var stagingCount = 0
  private let incoming: VolumeBuffer
  private let scratch = VolumeBuffer(count: VolumeFormat.blockSize)
  /// Blocks written since the last commit.
  public private(set) var uncommittedBlocks = 0

  private init(
    _ storage: VolumeStorage, key: [UInt8], isReadOnly: Bool, salts saltSource: @escaping SaltSource
  ) {
    self.storage = storage
    self.isReadOnly = isReadOnly
    self.saltSource = saltSource
    cipher = VolumeCipher(master: key)
    inodes = VolumeObject(number: VolumeFormat.inodeTable, isMetadata: true)
    salts = VolumeObject(number: VolumeFormat.saltTable, isMetadata: true)
    let transfer = max(4096, storage.largestTransfer / 4096 * 4096)
    staging = VolumeBuffer(count: transfer)
    incoming = VolumeBuffer(count: transfer)
  }

  /// Tests: called with (mount salt, counter) for each nonce that is used.
  public func recordNonces(_ body: @escaping (_ salt: [UInt8], _ counter: UInt64) -> Void) {
    cipher.onSeal = body
  }

  /// Tests and fuzzing: `body` may change the plain text of every block before it is sealed, the bodies of superblocks
  /// (object `VolumeFormat.superblockObject`) included. Makes volumes that a hostile holder of the key could make.
  public func changeBeforeSealing(
    _ body:
      @escaping (_ copy: VolumeMemory, _ object: UInt64, _ index: UInt64, _ level: Int) -> Void
  ) {
    cipher.onPlain = body
  }

  public static let keySize = 32

  // MARK: Making and opening

  /// Makes an empty volume with a root directory and commits it. The storage's two first blocks are overwritten.
  public static func create(
    _ storage: VolumeStorage, key: [UInt8], keyKind: VolumeKeyKind = .file, keyData: [UInt8] = [],
    mode: UInt32 = 0o755,
    uid: UInt32 = 0, gid: UInt32 = 0, timeNs: Int64 = 0,
    salts: @escaping SaltSource = { EnclaveCrypto.random(32) }
  ) throws(VolumeError) -> SealedVolume {
    precondition(key.count == keySize && keyData.count <= 64)
    let v = SealedVolume(storage, key: key, isReadOnly: false, salts: salts)
    v.keyKind = keyKind
    v.keyData = keyData + [UInt8](repeating: 0, count: 64 - keyData.count)
    v.volumeID = [UInt8](salts()[..<16])
    v.map = BlockMap()
    v.startWriting(mount: 0)
    var root = VolumeInode()
    root.mode = 0o040000 | mode & 0o7777
    root.nlink = 2
    root.uid = uid
    root.gid = gid
    root.setTimes(timeNs)
    try v.setInode(VolumeFormat.rootInode, root)
    try v.commit()
    return v
  }

  /// Opens the newest committed state. `expected`: the root that the user kept (`root`); another one is refused.
  public static func open(
    _ storage: VolumeStorage, key: [UInt8], isReadOnly: Bool, expected: VolumeRoot? = nil,
    salts: @escaping SaltSource = { EnclaveCrypto.random(32) }
  ) throws(VolumeError) -> SealedVolume {
    precondition(key.count == keySize)
    let v = SealedVolume(storage, key: key, isReadOnly: isReadOnly, salts: salts)
    try v.readSuperblocks()
    if let expected {
      guard expected.volumeID == v.volumeID else { throw .otherVolume }
      guard expected == v.root else {
        throw .rolledBack(found: v.sequence, expected: expected.sequence)
      }
    }
    try v.loadSalts()
    return v
  }

  /// What a user keeps to know the volume's state again.
  public var root: VolumeRoot { VolumeRoot(volumeID: volumeID, sequence: sequence, tag: rootTag) }

  /// The plain header of a volume, without its key: which key it wants.
  public static func header(_ storage: VolumeStorage) throws(VolumeError) -> (
    kind: VolumeKeyKind, data: [UInt8]
  ) {
    let block = VolumeBuffer(count: 4096)
    var newer: UInt32?
    for slot in 0..<2 as Range<UInt64> {
      try storage.read(slot * 4096, into: block.memory)
      guard block.memory.load(0, as: UInt64.self) == VolumeFormat.magic else { continue }
      let version = block.memory.load(8, as: UInt32.self)
      if version > VolumeFormat.version { newer = version }
      guard version == VolumeFormat.version,
        let kind = VolumeKeyKind(rawValue: block.memory.load(12, as: UInt32.self))
      else { continue }
      return (kind, block.memory.slice(16, 64).bytes)
    }
    if let newer { throw .newerVersion(newer) }
    throw .notAVolume
  }

  private func readSuperblocks() throws(VolumeError) {
    var best: VolumeBuffer?
    var bestSequence: UInt64 = 0
    var bestTag: [UInt8] = []
    var bestBytes: [UInt8] = []
    var looksRight = false
    var newer: UInt32?
    var damaged = 0
    for slot in 0..<2 as Range<UInt64> {
      let block = VolumeBuffer(count: 4096)
      let m = block.memory
      try storage.read(slot * 4096, into: m)
      typealias S = VolumeFormat.Superblock
      guard m.load(S.magic.offset, as: UInt64.self) == VolumeFormat.magic else {
        damaged += 1
        continue
      }
      let version = m.load(S.version.offset, as: UInt32.self)
      if version != VolumeFormat.version {
        if version > VolumeFormat.version { newer = version }
        damaged += 1
        continue
      }
      looksRight = true
      let tag = m.slice(S.tag.offset, S.tag.size).bytes
      let sealed = m.bytes
      guard m.slice(S.reserved.offset, S.reserved.size).isZero,
        VolumeKeyKind(rawValue: m.load(S.keyKind.offset, as: UInt32.self)) != nil,
        try cipher.openSuperblock(m)
      else {
        damaged += 1
        continue
      }
      let sequence = m.load(S.body.offset, as: UInt64.self)
      if best == nil || sequence > bestSequence {
        best = block
        bestSequence = sequence
        bestTag = tag
        bestBytes = sealed
      }
    }
    guard let best else {
      if let newer, !looksRight { throw .newerVersion(newer) }
      if looksRight { throw .wrongKey }
      throw .notAVolume
    }
    hasDamagedCopy = damaged > 0
    rootTag = bestTag
    superblock = bestBytes
    try readBody(best.memory)
  }

  private func readBody(_ m: VolumeMemory) throws(VolumeError) {
    typealias S = VolumeFormat.Superblock
    typealias B = VolumeFormat.Body
    let body = m.slice(S.body.offset, S.body.size)
    keyKind = VolumeKeyKind(rawValue: m.load(S.keyKind.offset, as: UInt32.self)) ?? .file
    keyData = m.slice(S.keyData.offset, S.keyData.size).bytes
    sequence = body.load(B.sequence.offset, as: UInt64.self)
    volumeID = body.slice(B.volumeID.offset, B.volumeID.size).bytes
    nextInode = body.load(B.nextInode.offset, as: UInt64.self)
    blockCount = body.load(B.blockCount.offset, as: UInt64.self)
    guard blockCount >= VolumeFormat.firstFreeBlock, blockCount <= VolumeFormat.maximumBlocks,
      body.slice(B.reserved.offset, B.reserved.size).isZero,
      body.slice(B.padding.offset, B.padding.size).isZero, nextInode < 1 << 40,
      let table = VolumeObject(
        descriptor: body, B.inodeTable.offset, number: VolumeFormat.inodeTable, isMetadata: true),
      let saltTable = VolumeObject(
        descriptor: body, B.saltTable.offset, number: VolumeFormat.saltTable, isMetadata: true),
      saltTable.size <= UInt64(VolumeFormat.maximumMounts * VolumeFormat.saltSize),
      saltTable.size % 32 == 0
    else { throw .damaged("the superblock makes no sense") }
    inodes = table
    salts = saltTable
    let mount = body.load(B.mount.offset, as: UInt16.self)
    cipher.clearSalts()
    cipher.setSalt(mount, m.slice(S.salt.offset, S.salt.size).bytes)
  }

  /// The salts of all mounts whose blocks are still there. Their own blocks are under the superblock's mount.
  private func loadSalts() throws(VolumeError) {
    let count = Int(salts.size / 32)
    var all: [[UInt8]] = []
    for b in 0..<(salts.size + 4095) / 4096 {
      let node = try node(salts, level: 0, index: b, forWriting: false)
      guard let node else { throw .damaged("the salt table has a hole") }
      for i in 0..<min(128, count - Int(b) * 128) {
        all.append(node.buffer.memory.slice(i * 32, 32).bytes)
      }
    }
    for (i, salt) in all.enumerated() {
      if cipher.salts.count > i, let known = cipher.salts[i], known != salt {
        throw .damaged("the salt table and the superblock differ")
      }
      if salt.contains(where: { $0 != 0 }) { cipher.setSalt(UInt16(i), salt) }
    }
  }

  // MARK: Writing

  /// Does now what the first write would do: finds out which blocks are free, and takes a salt.
  public func beginWriting() throws(VolumeError) { try prepareToWrite() }

  /// Before the first change: find out which blocks are in use, and take a fresh salt.
  func prepareToWrite() throws(VolumeError) {
    if isReadOnly { throw .readOnly }
    if isWriting { return }
    if map == nil {
      let walk = VolumeWalk(self)
      try walk.run(contents: false)
      map = walk.map
      freeInodes = walk.freeInodes
      unlinked = walk.unlinked
      // Mounts of which no block is left give their number back.
      for i in cipher.salts.indices where !walk.mounts.contains(UInt16(i)) {
        cipher.setSalt(UInt16(i), nil)
      }
    }
    let mount = cipher.salts.firstIndex { $0 == nil } ?? cipher.salts.count
    guard mount < VolumeFormat.maximumMounts else { throw .noSpace }
    startWriting(mount: UInt16(mount))
    // Files that had no name any more when the last owner stopped.
    for number in unlinked { try freeInode(number) }
    unlinked = []
  }
  private var unlinked: [UInt64] = []

  private func startWriting(mount: UInt16) {
    cipher.begin(mount: mount, salt: saltSource())
    isWriting = true
    mustWriteSalts = true
  }
  private var mustWriteSalts = false

  /// Seals a block and puts it where it will be written from.
  func put(_ source: VolumeMemory, object: UInt64, index: UInt64, level: Int) throws(VolumeError)
    -> BlockPointer
  {
    guard let map else { throw .readOnly }
    if stagingCount * 4096 == staging.memory.count { try flushStaging() }
    let block = map.allocate()
    if stagingCount > 0 && block != stagingFirst + UInt64(stagingCount) {
      do throws(VolumeError) { try flushStaging() } catch {
        map.release(block)
        throw error
      }
    }
    if stagingCount == 0 { stagingFirst = block }
    let place = staging.memory.slice(stagingCount * 4096, 4096)
    let p = try cipher.seal(
      source, into: place, block: block, object: object, index: index, level: level)
    stagingCount += 1
    uncommittedBlocks += 1
    return p
  }

  /// What fails here stays to be written again.
  func flushStaging(durable: Bool = false) throws(VolumeError) {
    if stagingCount == 0 && !durable { return }
    try storage.write(
      stagingFirst * 4096, from: staging.memory.slice(0, stagingCount * 4096), durable: durable)
    stagingCount = 0
  }

  func release(_ p: BlockPointer) { if !p.isHole { map?.release(p.block) } }

  /// Whether blocks may be where a pointer says. Only who has the key can make one of which this is not true.
  func checkPlace(_ block: UInt64, count: UInt64) throws(VolumeError) {
    guard block >= VolumeFormat.firstFreeBlock else {
      throw .damaged("a pointer into the superblocks")
    }
    guard block + count <= max(blockCount, map?.end ?? 0) else {
      throw .damaged("a pointer beyond the volume's end")
    }
  }

  /// Reads and opens one block.
  func get(_ p: BlockPointer, into memory: VolumeMemory, object: UInt64, index: UInt64, level: Int)
    throws(VolumeError)
  {
    try checkPlace(p.block, count: 1)
    if stagingCount > 0, p.block >= stagingFirst, p.block < stagingFirst + UInt64(stagingCount) {
      let place = staging.memory.slice(Int(p.block - stagingFirst) * 4096, 4096)
      return try cipher.open(place, into: memory, p, object: object, index: index, level: level)
    }
    try storage.read(p.block * 4096, into: scratch.memory)
    try cipher.open(scratch.memory, into: memory, p, object: object, index: index, level: level)
  }

  /// Reads and opens data blocks whose numbers follow each other, with one read.
  func get(
    _ pointers: [BlockPointer], into memory: VolumeMemory, object: UInt64, index: UInt64
  ) throws(VolumeError) {
    guard let first = pointers.first else { return }
    if pointers.count == 1 {
      return try get(first, into: memory, object: object, index: index, level: 0)
    }
    try checkPlace(first.block, count: UInt64(pointers.count))
    let last = first.block + UInt64(pointers.count)
    if stagingCount > 0, first.block < stagingFirst + UInt64(stagingCount), last > stagingFirst {
      try flushStaging()
    }
    let source = incoming.memory.slice(0, pointers.count * 4096)
    try storage.read(first.block * 4096, into: source)
    for (i, p) in pointers.enumerated() {
      try cipher.open(
        source.slice(i * 4096, 4096), into: memory.slice(i * 4096, 4096), p, object: object,
        index: index + UInt64(i),
        level: 0)
    }
  }
  var largestRead: Int { incoming.memory.count / 4096 }

  /// Hands down what waits to be written, without committing it: the storage's size is the last one then.
  public func settle() throws(VolumeError) { try flushStaging() }

  // MARK: Commit

  public var hasChanges: Bool {
    if uncommittedBlocks > 0 || isSuperblockDirty || inodes.dirtyNodes > 0 { return true }
    for (_, o) in objects where o.isDirty || o.dirtyNodes > 0 { return true }
    return false
  }
  var isSuperblockDirty = false

  /// Makes everything that was written the volume's state. When it throws, the state on the storage is the last
  /// committed one, nothing in memory is lost, and it may be tried again.
  public func commit() throws(VolumeError) {
    guard isWriting, map != nil, hasChanges else { return }
    try flushObjects()
    if mustWriteSalts { try writeSalts() }
    try flush(salts)
    inodes.size = nextInode * UInt64(VolumeFormat.inodeSize)
    try flush(inodes)
    let block = VolumeBuffer(count: 4096)
    let m = block.memory
    typealias S = VolumeFormat.Superblock
    typealias B = VolumeFormat.Body
    m.store(VolumeFormat.magic, S.magic.offset)
    m.store(VolumeFormat.version, S.version.offset)
    m.store(keyKind.rawValue, S.keyKind.offset)
    m.slice(S.keyData.offset, S.keyData.size).copy(from: keyData)
    guard let salt = cipher.salts[Int(cipher.mount)] else { throw .noMemory }
    m.slice(S.salt.offset, S.salt.size).copy(from: salt)
    let body = m.slice(S.body.offset, S.body.size)
    body.store(sequence + 1, B.sequence.offset)
    body.slice(B.volumeID.offset, B.volumeID.size).copy(from: volumeID)
    body.store(cipher.mount, B.mount.offset)
    body.store(nextInode, B.nextInode.offset)
    let end = map?.end ?? blockCount
    body.store(end, B.blockCount.offset)
    inodes.storeDescriptor(body, B.inodeTable.offset)
    salts.storeDescriptor(body, B.saltTable.offset)
    try cipher.sealSuperblock(m)
    // All blocks are on the medium before the first copy is, and that before the second: at every moment one copy is
    // whole, and what it names is there. If the first copy's write fails it may be there all the same: from here on
    // its blocks count as committed, and are not used again.
    try flushStaging(durable: true)
    map?.freeze()
    try storage.write(0, from: m, durable: true)
    try storage.write(4096, from: m, durable: false)
    sequence += 1
    blockCount = end
    rootTag = m.slice(S.tag.offset, S.tag.size).bytes
    superblock = m.bytes
    hasDamagedCopy = false
    mustWriteSalts = false
    isSuperblockDirty = false
    uncommittedBlocks = 0
    map?.committed()
  }

  private func writeSalts() throws(VolumeError) {
    try truncate(salts, to: 0)
    let count = cipher.salts.count
    for (i, salt) in cipher.salts.enumerated() {
      guard let node = try node(salts, level: 0, index: UInt64(i / 128), forWriting: true) else {
        continue
      }
      node.buffer.memory.slice(i % 128 * 32, 32).copy(
        from: salt ?? [UInt8](repeating: 0, count: 32))
    }
    salts.size = UInt64(count) * 32
  }

  // MARK: Objects in memory

  var saltsForWalk: VolumeObject { salts }

  func use(_ o: VolumeObject) {
    useClock += 1
    o.lastUse = useClock
  }

  /// Writes every dirty node and descriptor of files and directories; the inode table is left dirty.
  func flushObjects() throws(VolumeError) {
    for (_, o) in objects where o.isDirty || o.dirtyNodes > 0 { try flush(o) }
    for (_, o) in objects where o.isDirty { try storeDescriptor(o) }
  }
}

/// What identifies one committed state of one volume: 40 bytes, for people 80 hexadecimal digits.
public struct VolumeRoot: Equatable, Sendable {
  public var volumeID: [UInt8]
  public var sequence: UInt64
  public var tag: [UInt8]

  /// Bytes of `bytes`.
  public static let size = 40

  public init(volumeID: [UInt8], sequence: UInt64, tag: [UInt8]) {
    self.volumeID = volumeID
    self.sequence = sequence
    self.tag = tag
  }
  public var bytes: [UInt8] {
    var out = volumeID
    for i in 0..<8 { out.append(UInt8(truncatingIfNeeded: sequence >> (8 * UInt64(i)))) }
    return out + tag
  }
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.size else { return nil }
    volumeID = [UInt8](bytes[..<16])
    sequence = 0
    for i in 0..<8 { sequence |= UInt64(bytes[16 + i]) << (8 * UInt64(i)) }
    tag = [UInt8](bytes[24...])
  }
}
