import EnclaveCrypto

/// EnclaveCrypto's HPKE under names of its own (swift-crypto has an HPKE too), with arrays: the testing macros take no
/// spans.
enum EnclaveHPKE {
  static func sender(_ key: [UInt8], _ kem: HPKE.KEM, _ info: [UInt8]) -> HPKE.Context? {
    HPKE.Context(sendingTo: key, kem: kem, info: info.span)
  }
  static func recipient(
    _ key: [UInt8], _ kem: HPKE.KEM, _ encapsulatedKey: [UInt8], _ info: [UInt8]
  ) -> HPKE.Context? {
    HPKE.Context(
      receivingWith: key, kem: kem, encapsulatedKey: encapsulatedKey, info: info.span)
  }
  static func seal(_ context: HPKE.Context, _ text: [UInt8], _ more: [UInt8]) -> [UInt8]? {
    context.seal(text.span, authenticating: more.span)
  }
  static func open(_ context: HPKE.Context, _ text: [UInt8], _ more: [UInt8]) -> [UInt8]? {
    context.open(text.span, authenticating: more.span)
  }
}
