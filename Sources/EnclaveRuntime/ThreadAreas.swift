#if CLOISTER_ENCLAVE
  import CEnclave
  import PayloadFormat

  /// Thread areas beyond the measured ones, made with SGX2 as `EnclaveBuilder` makes the others.
  ///
  /// The host sees that a thread area comes, and can enter through its TCS at once; like any other it lands in
  /// `cl_entry`, which refuses all until the thread block says that a thread may start.
  @safe enum ThreadAreas {
    /// False: no memory.
    static func make(_ slot: Int) -> Bool {
      let area = UInt(EnclaveLayout.threadArea(slot))
      let block = UInt(EnclaveLayout.threadBlock(slot))
      guard EnclavePages.commit(area, Int(block - area + UInt(EnclaveLayout.pageSize))) else {
        return false
      }
      store(UInt64(block), at: block + UInt(TB_SELF))
      store(UInt64(slot), at: block + UInt(TB_INDEX))
      // TCS: OSSA 16, NSSA 28, OENTRY 32, OFSBASE 48, OGSBASE 56, FSLIMIT 64, GSLIMIT 68; the rest is zero.
      store(UInt64(area) + EnclaveLayout.ssaOffset, at: area + 16)
      store(UInt64(EnclaveLayout.ssaFrameCount) << 32, at: area + 24)
      store(cl_entry_address(), at: area + 32)
      store(UInt64(block), at: area + 48)
      store(UInt64(block), at: area + 56)
      store(.max, at: area + 64)
      EnclavePages.becomeTCS(area)
      return true
    }

    private static func store(_ value: UInt64, at address: UInt) {
      // SAFETY: within the pages that `make` has just committed; nobody else knows them.
      unsafe UnsafeMutablePointer<UInt64>(bitPattern: address)!.pointee = value
    }
  }
#endif
