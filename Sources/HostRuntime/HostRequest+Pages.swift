import HostInterface
import LinuxABI
import PayloadFormat
import SGX

/// SGX2 page changes, as the Linux driver's ioctls do them. The machine refuses what the EPCM does not
/// allow; the enclave proves every change with EACCEPT.
extension HostRequest {
  private func range() throws(Errno) -> (address: UInt64, length: UInt64) {
    let address = argument(0)
    let length = argument(1)
    let mask = EnclaveLayout.pageSize - 1
    guard address & mask == 0, length & mask == 0, length > 0,
      address < EnclaveLayout.elrangeSize, length <= EnclaveLayout.elrangeSize - address
    else { throw .EINVAL }
    return (address, length)
  }

  func augment() throws(Errno) -> Int {
    let (address, length) = try range()
    guard argument(2) <= 1 else { throw .EINVAL }
    do {
      try process.machine.augment(address: address, length: length, copied: argument(2) == 1)
    } catch {
      throw .ENOMEM
    }
    return 0
  }

  func restrict() throws(Errno) -> Int {
    let (address, length) = try range()
    let permissions = SECINFO.Flags(rawValue: argument(2) & 7)
    do {
      if argument(2) & PageRestriction.pageTablesOnly != 0 {
        try process.machine.mapPermissions(address: address, length: length, to: permissions)
      } else {
        try process.machine.restrictPermissions(
          address: address, length: length, to: permissions)
      }
    } catch {
      throw .EINVAL
    }
    return 0
  }

  func modifyType() throws(Errno) -> Int {
    let (address, length) = try range()
    guard let type = SECINFO.PageType(rawValue: UInt8(truncatingIfNeeded: argument(2))) else {
      throw .EINVAL
    }
    do {
      try process.machine.modifyType(address: address, length: length, to: type)
    } catch {
      throw .EINVAL
    }
    return 0
  }

  func remove() throws(Errno) -> Int {
    let (address, length) = try range()
    do {
      try process.machine.remove(address: address, length: length)
    } catch {
      throw .EINVAL
    }
    return 0
  }
}
