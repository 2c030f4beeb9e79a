/// Every host call: the complete interface between the enclave and the untrusted host.
///
/// A call is made with EEXIT (RDI = `ExitReason.hostCall`) after the enclave has written a request
/// record at the start of the thread's untrusted buffer. The host serves it, writes `result`, and
/// enters the same TCS again. Everything the host writes is copied in once and checked; the column
/// "answer" says what it may be. An answer outside of it stops the enclave (`hostLied`), except where
/// "else" names something milder.
///
/// A negative result is `-errno`; only the errnos listed for a call are believed, any other becomes EIO.
public enum HostCall: UInt64, CaseIterable, Sendable {
  /// `exit(status, familySwitches, familyBytes)`; the last two are for `--stats` only. Ends the host process. Answer: none; coming back is a lie.
  case exit = 0
  /// `threadStart(thread)`. The host enters the TCS of that index on a new host thread. Answer: 0, EAGAIN.
  case threadStart = 1
  /// `threadExit()`. Ends the calling host thread; the TCS is idle afterwards. Answer: none.
  case threadExit = 2
  /// `park(timeoutNs)`. Sleeps until `unpark` or `kick` of this thread, or the timeout (UInt64.max: none).
  /// One pending unpark is remembered. Answer: 0, ETIMEDOUT, EINTR; all of them may be spurious.
  case park = 3
  /// `unpark(thread)`. Answer: 0.
  case unpark = 4
  /// `kick(thread)`. Makes the thread leave user mode (AEX) or end a blocking host call with EINTR. Answer: 0.
  case kick = 5
  /// `clock()`. Answer: 0; reply[0] = CLOCK_REALTIME in ns, reply[1] = CLOCK_MONOTONIC in ns (clamped: never back),
  /// reply[2] = TSC frequency in Hz or 0.
  case clock = 6
  /// `blockRead(object, offset, length)`. Data in the data area. Answer: 0...length, EIO. Content is verified above.
  case blockRead = 7
  /// `streamRead(stream, length, flags)`. Blocks, unless `SocketFlags` say otherwise (sockets only). Answer:
  /// 0...length, EINTR, EAGAIN, EIO; of sockets also what `SocketErrnos` lists. For datagrams the reply words are the
  /// sender's `SocketName` (of the socket's family), and above the scope the datagram's real length: at least the
  /// answer, and equal to it unless the answer is `length`.
  case streamRead = 8
  /// `streamWrite(stream, length, name...)`: `name` for datagrams, a `SocketName` or four zeros, with `SocketFlags` in the
  /// upper half of its last word. Data in the data area. Answer: 0...length, EINTR, EAGAIN, EPIPE, EIO, ENOSPC; of
  /// sockets what `SocketErrnos` lists.
  /// The kernel's own lines go to stream 2 the same way: never unless the measured configuration has a log flag,
  /// except the last words of a panic and, in development, hints that name a setting.
  case streamWrite = 9
  /// `streamStatus(stream)`. Answer: 0; reply[0] = kind (`StreamKind`), reply[1] = rows << 16 | columns of a terminal;
  /// of sockets reply[2] = pending error (taken; an errno of the network or 0, any other is EIO), reply[3] = bytes to
  /// read (cut to 31 bits), and in the data area two `SocketName`s of the socket's family or none: its own, its peer's.
  case streamStatus = 10
  /// `poll(count, timeoutNs)`. `count` entries of {stream u32, events u16, revents u16} in the data area. Answer:
  /// 0...count, EINTR; each revents a subset of events | POLLERR | POLLHUP | POLLNVAL.
  case poll = 11
  /// `augment(address, length, copied)`. EAUG: pending RW pages. `copied` 1: EACCEPTCOPY fills all of them, then
  /// `restrict` comes with `pageTablesOnly`. Answer: 0, ENOMEM. Proven by EACCEPT or EACCEPTCOPY.
  case augment = 12
  /// `restrict(address, length, prot)`. EMODPR to `prot` (bits of SECINFO.FLAGS: R 1, W 2, X 4), and page tables to
  /// the same. With `PageRestriction.pageTablesOnly` no EMODPR:
  /// page tables follow EMODPE or EACCEPTCOPY. Answer: 0. Proven by EACCEPT. May be a `PageList`.
  case restrict = 13
  /// `modifyType(address, length, type)`. EMODT to TRIM or TCS. Answer: 0. Proven by EACCEPT. May be a `PageList`.
  case modifyType = 14
  /// `remove(address, length)`. EREMOVE of trimmed pages. Answer: 0. May be a `PageList`.
  case remove = 15
  /// `streamClose(stream)`. Answer: 0; whatever it is, the number is free again.
  case streamClose = 17
  /// `socket(stream, family, type)`. Makes an Internet socket (AF_INET, AF_INET6; SOCK_STREAM, SOCK_DGRAM) that never
  /// blocks, under a number that the enclave chooses: there is no handle to believe. Answer: 0, errnos as listed in
  /// `SocketErrnos`, as for all calls on sockets.
  case socket = 18
  /// `bind(stream, name...)`. Answer: 0; the reply words are the name it has now, of the same family.
  case bind = 19
  /// `listen(stream, backlog)`. Answer: 0.
  case listen = 20
  /// `accept(stream, new)`. Does not wait. Answer: 0; `new` is the connection, the reply words its peer's name.
  case accept = 21
  /// `connect(stream, name...)`, four zeros: to nobody any more. Does not wait. Answer: 0.
  case connect = 22
  /// `setOption(stream, level << 32 | name, value)`; the value is a number, or two for SO_LINGER. Answer: 0.
  case setOption = 23
  /// `shutdown(stream, how)`. Answer: 0.
  case shutdown = 24
  /// `blockWrite(object, offset, length | durable << 63)`. Data in the data area; the object grows as needed. `durable`: the
  /// answer comes when this write and all before it are on the medium (length 0: nothing but that). Volumes and what
  /// belongs to a job only.
  /// Answer: 0...length, ENOSPC, EIO. What it stored is verified when it is read.
  case blockWrite = 26
  /// `quote(length)`. In the data area a REPORT (432 bytes) and the TARGETINFO (512 bytes) that it was made for.
  /// Answer: 1...8192, a quote of the report in the data area (its signatures are its reader's to check); 0 when
  /// the report was not made for the platform's quoting enclave, whose TARGETINFO (512 bytes) is then in the
  /// data area: ask again with a report for that one. EAGAIN, EIO.
  case quote = 25

  /// Development only: `lookup(directory, nameLength)`, name in the data area. Answer: object index >= 0 with an
  /// `ObjectStatus` in the data area; ENOENT, ENOTDIR, EACCES, ENAMETOOLONG, EIO. Object 0 is the root directory.
  case lookup = 64
  /// Development only: `readdir(directory, cookie)`. Answer: byte count, 0 at the end; entries in the data area:
  /// {nextCookie u64, type u8 (DT_*), nameLength u8, name}, packed. ENOTDIR, EIO.
  case readdir = 65

  /// The flag in the third argument of `blockWrite`.
  public static let durableBit: UInt64 = 1 << 63

  /// Refused unless the measured configuration has `insecureDevelopmentRoot`.
  public var isDevelopmentOnly: Bool { self == .lookup || self == .readdir }
}

/// What RDI says when the enclave leaves with EEXIT.
public enum ExitReason: UInt64, Sendable {
  /// A request record waits in the thread's buffer. Serve it and EENTER again.
  case hostCall = 1
  /// The exception handler (CSSA 1) is done: ERESUME.
  case resume = 2
  /// The enclave is dead or the entry was refused; do not enter this TCS again. RSI: panic code.
  case refused = 3
}

/// What the host hands over in the first thread's buffer at the very first entry, where a reply lies otherwise.
/// No call: it is copied in once, before the first one, and never looked at again.
///
/// `result`: 0...64 CPUID entries in the data area, 24 bytes each: leaf, subleaf, EAX, EBX, ECX, EDX (u32);
/// any other count stops the enclave. reply[0]: bits 0-31 processors online (clamped to 1...256). Hints only: what
/// would need a state component that XFRM lacks is masked, sizes of XSAVE areas are our own. Bits 32-39, 40-47 and
/// 48-55: the `StreamKind` of streams 0, 1 and 2; an unknown one stops the enclave. Bit 56: the host wants the
/// instance to wait for a job, which a payload that takes no jobs refuses. Bit 57: with its keys on the host's disk.
public enum Handover {
  public static let largestEntryCount = 64
  public static let entrySize = 24
}

/// What a stream is, as far as the host says. Affects only buffering decisions of the program (isatty).
public enum StreamKind: UInt64, Sendable {
  case pipe = 0
  case terminal = 1
  case file = 2
  case socket = 3
  case null = 4
}

/// Layout of a thread's untrusted buffer. Every access is made in aligned 8-byte words.
///
/// | offset | content |
/// | --- | --- |
/// | 0 | call number (u64) |
/// | 8 | 6 arguments (u64 each) |
/// | 56 | result (i64), written by the host |
/// | 64 | 4 reply words (u64 each), written by the host |
/// | 4096 | data area, up to the end |
public enum HostBuffer {
  public static let size: UInt64 = 256 << 10
  public static let numberOffset: UInt64 = 0
  public static let argumentsOffset: UInt64 = 8
  public static let resultOffset: UInt64 = 56
  public static let replyOffset: UInt64 = 64
  public static let dataOffset: UInt64 = 4096
  public static let dataSize: UInt64 = size - dataOffset

  /// Whether the enclave may use the buffer the host offers: wholly above ELRANGE (2^40) and below the
  /// end of user space (2^47), aligned for 8-byte accesses, exactly the one size. Nothing wraps.
  public static func isAcceptable(address: UInt64, size offered: UInt64) -> Bool {
    offered == size && address & 7 == 0 && address >= 1 << 40 && address <= (1 << 47) - size
  }
}

/// What `lookup` says of an object, 80 bytes, all u64 unless said otherwise:
/// index 0, mode (u32) 8, nlink (u32) 12, uid (u32) 16, gid (u32) 20, size 24, inode 32, device 40,
/// rdev 48, mtimeNs 56, ctimeNs 64, atimeNs 72. A symbolic link's target is read with `blockRead`.
public enum ObjectStatus {
  public static let size: UInt64 = 80
}

/// What `restrict` takes beside permissions.
public enum PageRestriction {
  /// No EMODPR: the EPCM has the permissions already, the page tables follow.
  public static let pageTablesOnly: UInt64 = 8
}

/// Several page changes of one kind in one call: the fourth argument is how many (0: the first three arguments say the
/// one change), and the data area has the arguments of each, {address u64, length u64, value u64}, to be done in order.
public enum PageList {
  public static let entrySize: UInt64 = 24
  public static let largestCount = 256
}

/// Block object numbers: `blockRead` of `index + sitesOffset` yields the system-call site table of file
/// `index` (development root only; a signed payload carries the tables in its manifest).
public enum BlockObject {
  public static let sitesOffset: UInt64 = 1 << 32
  /// A signed payload's manifest, and the file with the content that the manifest speaks of.
  public static let manifest: UInt64 = 1 << 40
  public static let data: UInt64 = 1 << 40 | 1
  /// `volumesOffset + i` is the host file of sealed volume i, in the order of the measured configuration.
  public static let volumesOffset: UInt64 = 1 << 41
  /// States of the volumes (Docs/Volume.md, "Rollback"), 40 bytes each in the same order. Read: the root that whoever
  /// started the run expects, zeros: none. Written: the root that the volume has now, for him to keep. Nothing about it
  /// is measured: it protects the one who runs the payload from a storage that he does not trust.
  public static let volumeRoots: UInt64 = 1 << 42
  /// Of an instance that waits for a job (Docs/Job.md): whose it is, as the host says it (read).
  public static let jobOwner: UInt64 = 1 << 43
  /// The offer (written once).
  public static let jobOffer: UInt64 = 1 << 43 | 1
  /// The job (read). The first read waits until there is one; after `refused`, for another one.
  public static let job: UInt64 = 1 << 43 | 2
  /// The result (read and written).
  public static let jobResult: UInt64 = 1 << 43 | 3
  /// What becomes of the job (written): a number of 8 bytes and a text. Accepted 1, refused 2, done 3, failed 4.
  public static let jobStatus: UInt64 = 1 << 43 | 4
  /// The instance's sealed key (read and written).
  public static let jobKey: UInt64 = 1 << 43 | 5
}
