#if CLOISTER_ENCLAVE
  import CEnclave
  import HostInterface

  /// Where the kernel was when it stopped for good: return addresses in the image, which `Scripts/symbolize` turns
  /// into names. Only in debug enclaves: the path that the kernel took may depend on the program's data.
  public enum Backtrace {
    /// ATTRIBUTES.DEBUG of our own report. Set once at boot.
    nonisolated(unsafe) public static var isEnabled = false

    /// The calling thread's, as one line of the last words. Allocates nothing.
    static func append(_ at: inout Int) {
      guard unsafe isEnabled else { return }
      var addresses = InlineArray<24, UInt64>(repeating: 0)
      var span = addresses.mutableSpan
      let count = unsafe span.withUnsafeMutableBufferPointer { (p) in
        // SAFETY: at most as many as there is room for.
        unsafe Int(cl_own_backtrace(p.baseAddress!, Int32(p.count)))
      }
      line(addresses, count, first: nil, &at)
    }

    static func line(
      _ addresses: InlineArray<24, UInt64>, _ count: Int, first: UInt64?, _ at: inout Int
    ) {
      HostTransport.lastWords("cloister: the kernel was at ", at: &at)
      if let first { hexadecimal(first, &at) }
      for i in 0..<min(count, 24) { hexadecimal(addresses[i], &at) }
      HostTransport.lastWords("       \n", at: &at)
    }

    /// Sixteen digits.
    private static func hexadecimal(_ value: UInt64, _ at: inout Int) {
      for half in 0..<2 as Range<UInt64> {
        var word: UInt64 = 0
        for i in 0..<8 as Range<UInt64> {
          let digit = value >> (60 - (half * 8 + i) * 4) & 15
          word |= (digit < 10 ? 0x30 + digit : 0x57 + digit) << (i * 8)
        }
        HostTransport.lastWord(word, at: &at)
      }
      HostTransport.lastWords(" ", at: &at)
    }
  }

  /// The kernel faulted: called on the exception stack, with the dead flag set.
  @c(libos_last_words) func libos_last_words(_ rip: UInt64, _ rsp: UInt64, _ rbp: UInt64) {
    guard unsafe cl_block().pointee.host_buffer != 0 else { return }
    var at = 0
    HostTransport.lastWords("cloister: enclave panic: the kernel faulted", at: &at)
    HostTransport.lastWords("       \n", at: &at)
    if unsafe Backtrace.isEnabled {
      var addresses = InlineArray<24, UInt64>(repeating: 0)
      var span = addresses.mutableSpan
      let count = unsafe span.withUnsafeMutableBufferPointer { (p) in
        // SAFETY: as above.
        unsafe Int(cl_backtrace(rsp, rbp, p.baseAddress!, Int32(p.count)))
      }
      Backtrace.line(addresses, count, first: rip, &at)
    }
    HostTransport.write(.streamWrite, 2, UInt64(at))
  }
#endif
