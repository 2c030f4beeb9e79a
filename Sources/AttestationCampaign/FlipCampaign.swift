import Attestation

/// Changes every byte of a complete, accepted set of evidence in turn. None may be accepted.
public struct FlipCampaign: Sendable {
  public struct Flip: Hashable, Sendable, CustomStringConvertible {
    public let part: String
    public let offset: Int
    public let mask: UInt8
    public var description: String { "\(part) byte \(offset) xor \(mask)" }
  }

  public struct Result: Sendable {
    public var tried = 0
    public var accepted: [Flip] = []
    /// Accepted, and listed below as changing nothing that counts.
    public var insignificant: [Flip] = []
  }

  let quote: [UInt8]
  let collateral: Collateral
  let time: Timestamp
  let policy: Policy
  let verifier: Verifier

  public init(
    quote: [UInt8], collateral: Collateral, time: Timestamp, policy: Policy,
    verifier: Verifier = Verifier()
  ) {
    self.quote = quote
    self.collateral = collateral
    self.time = time
    self.policy = policy
    self.verifier = verifier
  }

  /// The unchanged set. A campaign around evidence that is refused would show nothing.
  public var base: Verdict {
    verifier.verify(quote, collateral: collateral, at: time, policy: policy)
  }

  /// - Parameters:
  ///   - stride: every how many bytes; 1 is all of them.
  ///   - masks: what to change in each byte.
  public func run(stride step: Int, masks: [UInt8]) -> Result {
    var result = Result()
    let prepared = PreparedCollateral(collateral)
    for offset in stride(from: 0, to: quote.count, by: step) {
      for mask in masks {
        var changed = quote
        changed[offset] ^= mask
        let verdict = verifier.verify(changed, collateral: prepared, at: time, policy: policy)
        note(Flip(part: "quote.bin", offset: offset, mask: mask), verdict, &result)
      }
    }
    for part in Collateral.Part.allCases {
      guard let bytes = collateral[part] else { continue }
      for offset in stride(from: 0, to: bytes.count, by: step) {
        for mask in masks {
          var changed = collateral
          changed[part]![offset] ^= mask
          let verdict = verifier.verify(quote, collateral: changed, at: time, policy: policy)
          let flip = Flip(part: part.rawValue, offset: offset, mask: mask)
          note(flip, verdict, &result, isInsignificant: isCase(of: part, bytes, offset, mask))
        }
      }
    }
    return result
  }

  private func note(
    _ flip: Flip, _ verdict: Verdict, _ result: inout Result, isInsignificant: Bool = false
  ) {
    result.tried += 1
    guard verdict.isAccepted else { return }
    if isInsignificant {
      result.insignificant.append(flip)
    } else {
      result.accepted.append(flip)
    }
  }

  /// The one thing that may differ: the case of a hexadecimal digit of a document's signature.
  private func isCase(
    of part: Collateral.Part, _ bytes: [UInt8], _ offset: Int, _ mask: UInt8
  ) -> Bool {
    guard part == .tcbInfo || part == .qeIdentity, mask == 0x20 else { return false }
    let isLetter = (0x61...0x66).contains(bytes[offset] | 0x20)
    // The signature's 128 digits end three bytes before the end: `"}` and, perhaps, a newline.
    return isLetter && offset > bytes.count - 134
  }
}
