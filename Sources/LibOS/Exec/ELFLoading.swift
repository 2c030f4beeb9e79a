import EnclaveRuntime
import LinuxABI

/// Where a program or interpreter was put.
struct LoadedImage {
  var bias: UInt
  var entry: UInt
  var end: UInt
}

extension AddressSpace {
  /// Maps the segments of an ELF file as Linux's binfmt_elf does. `base`: where a position-independent
  /// image's first page goes, nil for "wherever mmap puts it".
  func load(_ image: ELFImage, _ object: MappedObject, base: UInt?) throws(Errno) -> LoadedImage {
    var bias: UInt = 0
    let span = image.end - image.start
    if image.isPositionIndependent {
      if let base {
        bias = base &- image.start
      } else {
        lock.lock()
        let place = gap(span, below: mmapBase, above: Self.lowest + (4 << 20))
        lock.unlock()
        guard let place else { throw .ENOMEM }
        bias = place &- image.start
      }
    }
    for s in image.segments {
      let start = (bias &+ s.address) & ~4095
      let lead = s.address & 4095
      let fileEnd = bias &+ s.address + s.fileSize
      let memoryEnd = (bias &+ s.address + s.memorySize + 4095) & ~4095
      let fileMapEnd = (fileEnd + 4095) & ~4095
      if s.fileSize > 0 {
        var request = MappingRequest(length: fileMapEnd - start, protection: s.protection)
        request.address = start
        request.isFixed = true
        request.object = object
        request.offset = s.offset - UInt64(lead)
        _ = try map(request)
      }
      let anonymousStart = s.fileSize > 0 ? fileMapEnd : start
      if memoryEnd > anonymousStart {
        var request = MappingRequest(length: memoryEnd - anonymousStart, protection: s.protection)
        request.address = anonymousStart
        request.isFixed = true
        _ = try map(request)
      }
    }
    prepopulate((bias &+ image.start) & ~4095, (bias &+ image.end + 4095) & ~4095)
    for s in image.segments where s.memorySize > s.fileSize && s.protection.contains(.PROT_WRITE) {
      // The rest of the last page of file content belongs to .bss.
      let fileEnd = bias &+ s.address + s.fileSize
      if s.fileSize > 0, fileEnd & 4095 != 0 {
        try UserMemory.zero(fileEnd, count: Int(4096 - fileEnd & 4095))
      }
    }
    return LoadedImage(bias: bias, entry: bias &+ image.entry, end: bias &+ image.end)
  }
}
