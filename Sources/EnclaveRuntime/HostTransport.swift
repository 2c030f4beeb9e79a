import CEnclave
import HostInterface

/// What came back from one host call: copied in, not yet checked.
@safe struct HostReply {
  var result: Int64
  var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
}

/// Carries one request to the host and its reply back, through the thread's untrusted buffer.
///
/// Attacks considered here: (a) a buffer that overlaps the enclave: checked once, when the thread
/// starts, and never moved; (b) a reply that changes while it is read: every word is read once;
/// (c) an unaligned or partial access that leaks or injects stale data: aligned 8-byte words only.
@safe enum HostTransport {
  #if CLOISTER_ENCLAVE
    // Safe to call: the data is only read, `sendCount` bytes of it, as every caller states beside the pointer.
    @safe static func exchange(
      _ call: HostCall, _ a0: UInt64 = 0, _ a1: UInt64 = 0, _ a2: UInt64 = 0,
      _ a3: UInt64 = 0, _ a4: UInt64 = 0, _ a5: UInt64 = 0,
      send: UnsafeRawPointer? = nil, sendCount: Int = 0
    ) -> HostReply {
      let block = unsafe cl_block()
      // SAFETY: the buffer was checked to lie outside ELRANGE when the thread started; the offsets
      // are constants within its size, and `sendCount` is bounded below.
      let base = unsafe UnsafeMutablePointer<UInt64>(bitPattern: UInt(block.pointee.host_buffer))!
      if let source = unsafe send, sendCount > 0 {
        precondition(UInt64(sendCount) <= HostBuffer.dataSize)
        unsafe cl_host_write(base + Int(HostBuffer.dataOffset / 8), source, UInt64(sendCount))
      }
      unsafe cl_host_write64(base, call.rawValue)
      unsafe cl_host_write64(base + 1, a0)
      unsafe cl_host_write64(base + 2, a1)
      unsafe cl_host_write64(base + 3, a2)
      unsafe cl_host_write64(base + 4, a3)
      unsafe cl_host_write64(base + 5, a4)
      unsafe cl_host_write64(base + 6, a5)
      cl_host_exit()
      let reply = unsafe base + Int(HostBuffer.replyOffset / 8)
      return unsafe HostReply(
        result: Int64(bitPattern: cl_host_read64(base + Int(HostBuffer.resultOffset / 8))),
        words: (
          cl_host_read64(reply), cl_host_read64(reply + 1), cl_host_read64(reply + 2),
          cl_host_read64(reply + 3)
        ))
    }

    /// Copies the first `count` bytes of the data area in. Once per call: what is there may change.
    @unsafe static func receive(into destination: UnsafeMutableRawPointer, count: Int) {
      precondition(count >= 0 && UInt64(count) <= HostBuffer.dataSize)
      let block = unsafe cl_block()
      // SAFETY: as in `exchange`; the caller vouches for the destination.
      unsafe cl_host_read(
        destination,
        UnsafeRawPointer(bitPattern: UInt(block.pointee.host_buffer + HostBuffer.dataOffset))!,
        UInt64(count))
    }

    /// Copies in what lies in the buffer at the very first entry, into memory of the image: there is no heap
    /// before the first host call, and that call overwrites the buffer.
    static func takeHandover() {
      let block = unsafe cl_block()
      let area = unsafe cl_handover()
      let count = UInt64(Handover.largestEntryCount * Handover.entrySize)
      // SAFETY: the buffer was checked; the image's area has room for two words and the largest table.
      unsafe area[0] = cl_host_read64(
        UnsafePointer(bitPattern: UInt(block.pointee.host_buffer + HostBuffer.resultOffset))!)
      unsafe area[1] = cl_host_read64(
        UnsafePointer(bitPattern: UInt(block.pointee.host_buffer + HostBuffer.replyOffset))!)
      unsafe cl_host_read(
        area + 2,
        UnsafeRawPointer(bitPattern: UInt(block.pointee.host_buffer + HostBuffer.dataOffset))!,
        count)
    }

    /// The copy, not yet checked: always room for the largest table.
    static func handover() -> (reply: HostReply, table: [UInt8]) {
      let area = unsafe cl_handover()
      // SAFETY: as in `takeHandover`; exactly that many bytes are initialised.
      let table = unsafe [UInt8](
        UnsafeRawBufferPointer(
          start: area + 2, count: Handover.largestEntryCount * Handover.entrySize))
      return unsafe (
        HostReply(result: Int64(bitPattern: area[0]), words: (area[1], 0, 0, 0)), table
      )
    }
  #else
    // Safe to call: the data is only read, `sendCount` bytes of it, as every caller states beside the pointer.
    @safe static func exchange(
      _ call: HostCall, _ a0: UInt64 = 0, _ a1: UInt64 = 0, _ a2: UInt64 = 0,
      _ a3: UInt64 = 0, _ a4: UInt64 = 0, _ a5: UInt64 = 0,
      send: UnsafeRawPointer? = nil, sendCount: Int = 0
    ) -> HostReply {
      precondition(UInt64(sendCount) <= HostBuffer.dataSize)
      var request = HostDouble.Request(call: call, arguments: [a0, a1, a2, a3, a4, a5])
      if let source = unsafe send, sendCount > 0 {
        request.data = unsafe [UInt8](UnsafeRawBufferPointer(start: source, count: sendCount))
      }
      let reply = HostDouble.handler(request)
      HostDouble.received = reply.data
      var words = reply.words
      while words.count < 4 { words.append(0) }
      return HostReply(result: reply.result, words: (words[0], words[1], words[2], words[3]))
    }

    static func handover() -> (reply: HostReply, table: [UInt8]) {
      let given = HostDouble.firstEntry
      var table = given.data
      while table.count < Handover.largestEntryCount * Handover.entrySize { table.append(0) }
      return (
        HostReply(result: given.result, words: (given.words.first ?? 0, 0, 0, 0)), table
      )
    }

    @unsafe static func receive(into destination: UnsafeMutableRawPointer, count: Int) {
      for i in 0..<count {
        let byte = i < HostDouble.received.count ? HostDouble.received[i] : 0
        unsafe destination.storeBytes(of: byte, toByteOffset: i, as: UInt8.self)
      }
    }
  #endif
}

#if !CLOISTER_ENCLAVE
  /// The host in plain-Swift tests: a closure that answers requests, truthfully or not.
  public enum HostDouble {
    public struct Request: Sendable {
      public var call: HostCall
      public var arguments: [UInt64]
      public var data: [UInt8] = []
    }
    public struct Reply: Sendable {
      public var result: Int64
      public var words: [UInt64]
      public var data: [UInt8]
      public init(result: Int64, words: [UInt64] = [], data: [UInt8] = []) {
        self.result = result
        self.words = words
        self.data = data
      }
    }
    nonisolated(unsafe) public static var handler: @Sendable (Request) -> Reply = { _ in
      Reply(result: -38)
    }
    /// What lies in the buffer at the very first entry.
    nonisolated(unsafe) public static var firstEntry = Reply(result: 0)
    nonisolated(unsafe) static var received: [UInt8] = []
  }
#endif

#if CLOISTER_ENCLAVE
  extension HostTransport {
    /// Writes a request without arguments and does not leave: for the exit of a thread.
    static func write(_ call: HostCall, _ a0: UInt64 = 0, _ a1: UInt64 = 0) {
      let block = unsafe cl_block()
      // SAFETY: as in `exchange`.
      let base = unsafe UnsafeMutablePointer<UInt64>(bitPattern: UInt(block.pointee.host_buffer))!
      unsafe cl_host_write64(base, call.rawValue)
      unsafe cl_host_write64(base + 1, a0)
      unsafe cl_host_write64(base + 2, a1)
    }

    /// Appends constant text to the data area, padded with blanks to whole words.
    static func lastWords(_ text: StaticString, at offset: inout Int) {
      let source = unsafe text.utf8Start
      var i = 0
      while i < text.utf8CodeUnitCount, offset < 4000 {
        var word: UInt64 = 0
        for byte in 0..<8 {
          let c = unsafe i + byte < text.utf8CodeUnitCount ? source[i + byte] : 0x20
          word |= UInt64(c) << UInt64(byte * 8)
        }
        lastWord(word, at: &offset)
        i += 8
      }
    }

    static func lastWord(_ word: UInt64, at offset: inout Int) {
      guard offset < 4000 else { return }
      let base = unsafe UInt(cl_block().pointee.host_buffer + HostBuffer.dataOffset)
      // SAFETY: within the first 4 KiB of the data area of the checked buffer.
      unsafe cl_host_write64(UnsafeMutablePointer(bitPattern: base + UInt(offset))!, word)
      offset += 8
    }
  }
#endif
