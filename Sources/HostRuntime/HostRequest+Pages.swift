import CHostRuntime
import HostInterface
import LinuxABI
import PayloadFormat
import SGX

/// SGX2 page changes, as the Linux driver's ioctls do them. The machine refuses what the EPCM does not
/// allow; the enclave proves every change with EACCEPT.
extension HostRequest {
  private func checkRange(_ address: UInt64, _ length: UInt64) throws(Errno) {
    let mask = EnclaveLayout.pageSize - 1
    guard address & mask == 0, length & mask == 0, length > 0,
      address < EnclaveLayout.elrangeSize, length <= EnclaveLayout.elrangeSize - address
    else { throw .EINVAL }
  }

  /// The one change that the arguments say, or those of a `PageList`, each word read once.
  private func forEachChange(
    _ body: (_ address: UInt64, _ length: UInt64, _ value: UInt64) throws(Errno) -> Void
  ) throws(Errno) {
    let count = argument(3)
    if count == 0 {
      let (address, length) = (argument(0), argument(1))
      try checkRange(address, length)
      return try body(address, length, argument(2))
    }
    guard count <= UInt64(PageList.largestCount), let data = buffer.data(count * PageList.entrySize)
    else { throw .EINVAL }
    for i in 0..<Int(count) {
      let entry = data.baseAddress! + i * Int(PageList.entrySize)
      let (address, length) = (clh_load64(entry), clh_load64(entry + 8))
      try checkRange(address, length)
      try body(address, length, clh_load64(entry + 16))
    }
  }

  func augment() throws(Errno) -> Int {
    let (address, length) = (argument(0), argument(1))
    try checkRange(address, length)
    guard argument(2) <= 1 else { throw .EINVAL }
    do {
      try process.machine.augment(address: address, length: length, copied: argument(2) == 1)
    } catch {
      throw .ENOMEM
    }
    return 0
  }

  func restrict() throws(Errno) -> Int {
    try forEachChange { (address, length, value) throws(Errno) in
      let permissions = SECINFO.Flags(rawValue: value & 7)
      do {
        if value & PageRestriction.pageTablesOnly != 0 {
          try process.machine.mapPermissions(address: address, length: length, to: permissions)
        } else {
          try process.machine.restrictPermissions(
            address: address, length: length, to: permissions)
        }
      } catch {
        throw .EINVAL
      }
    }
    return 0
  }

  func modifyType() throws(Errno) -> Int {
    try forEachChange { (address, length, value) throws(Errno) in
      guard let type = SECINFO.PageType(rawValue: UInt8(truncatingIfNeeded: value)) else {
        throw .EINVAL
      }
      do {
        try process.machine.modifyType(address: address, length: length, to: type)
      } catch {
        throw .EINVAL
      }
    }
    return 0
  }

  func remove() throws(Errno) -> Int {
    try forEachChange { (address, length, _) throws(Errno) in
      do {
        try process.machine.remove(address: address, length: length)
      } catch {
        throw .EINVAL
      }
    }
    return 0
  }
}
