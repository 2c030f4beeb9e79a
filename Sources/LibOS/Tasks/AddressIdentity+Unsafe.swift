/// An object's address, as a number that tells it from every other living object.
enum AddressIdentity {
  @inline(__always) static func of(_ object: AnyObject) -> UInt {
    // SAFETY: the address is only compared, never followed.
    unsafe UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque())
  }
}
