/// The messages of the AESM service that quoting needs: protocol buffers (proto2), a field at a time.
///
/// | request | field | its fields |
/// | --- | --- | --- |
/// | initQuoteEx | 15 | att_key_id 1, b_pub_key_id 3, buf_size 4, timeout 9 (ms) |
/// | getQuoteEx | 17 | report 1, att_key_id 2, buf_size 4, timeout 9 |
///
/// | response | field | its fields |
/// | --- | --- | --- |
/// | initQuoteEx | 15 | errorCode 1, target_info 2, pub_key_id_size 3, pub_key_id 4 |
/// | getQuoteEx | 17 | errorCode 1, quote 2, qe_report_info 3 |
enum AESMMessage {
  enum Field { case number(UInt64), bytes([UInt8]) }

  static func initQuoteEx(timeoutMs: UInt64) -> [UInt8] {
    bytes(
      15, bytes(1, keyID) + number(3, 1) + number(4, 32) + number(9, timeoutMs))
  }

  static func getQuoteEx(report: [UInt8], size: Int, timeoutMs: UInt64) -> [UInt8] {
    bytes(
      17, bytes(1, report) + bytes(2, keyID) + number(4, UInt64(size)) + number(9, timeoutMs))
  }

  /// sgx_att_key_id_t, packed, 256 bytes: ECDSA P-256 by Intel's quoting enclave.
  static var keyID: [UInt8] {
    var id = [UInt8](repeating: 0, count: 256)
    id[4] = 32  // mrsigner_length
    let mrsigner: [UInt8] = [
      0x8C, 0x4F, 0x57, 0x75, 0xD7, 0x96, 0x50, 0x3E, 0x96, 0x13, 0x7F, 0x77, 0xC6, 0x8A, 0x82,
      0x9A, 0x00, 0x56, 0xAC, 0x8D, 0xED, 0x70, 0x14, 0x0B, 0x08, 0x1B, 0x09, 0x44, 0x90, 0xC5,
      0x7B, 0xFF,
    ]
    id.replaceSubrange(6..<38, with: mrsigner)
    id[54] = 1  // prod_id
    id[154] = 2  // algorithm_id: ECDSA P-256
    return id
  }

  /// The fields of a message by their numbers; of a repeated one the last. nil: not protocol buffers.
  static func parse(_ message: [UInt8]) -> [UInt64: Field]? {
    var fields: [UInt64: Field] = [:]
    var rest = message[...]
    while !rest.isEmpty {
      guard let tag = varint(&rest), tag >> 3 > 0 else { return nil }
      switch tag & 7 {
      case 0:
        guard let value = varint(&rest) else { return nil }
        fields[tag >> 3] = .number(value)
      case 1, 5:
        let size = tag & 7 == 1 ? 8 : 4
        guard rest.count >= size else { return nil }
        rest.removeFirst(size)
      case 2:
        guard let size = varint(&rest), size <= UInt64(rest.count) else { return nil }
        fields[tag >> 3] = .bytes(Array(rest.prefix(Int(size))))
        rest.removeFirst(Int(size))
      default: return nil
      }
    }
    return fields
  }

  static func number(_ field: UInt64, _ value: UInt64) -> [UInt8] {
    varint(field << 3) + varint(value)
  }
  static func bytes(_ field: UInt64, _ value: [UInt8]) -> [UInt8] {
    varint(field << 3 | 2) + varint(UInt64(value.count)) + value
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    var out: [UInt8] = []
    var rest = value
    while rest >= 0x80 {
      out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return out + [UInt8(rest)]
  }

  private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard let byte = rest.popFirst() else { return nil }
      if shift == 63 && byte > 1 { return nil }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    return nil
  }
}
