extension JobDigest {
  /// The bytes of a constant text.
  static func bytes(_ text: StaticString) -> [UInt8] {
    // SAFETY: a static string's bytes live as long as the program.
    unsafe [UInt8](UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}
