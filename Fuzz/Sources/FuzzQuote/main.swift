import Attestation
import FuzzDriver

fuzz { bytes in
  // As the command reads it, and through the whole verification with no collateral: every
  // parser that a quote reaches runs, and nothing may be accepted.
  let verdict = Verifier().verify(
    input: bytes, collateral: Collateral(), at: Timestamp(secondsSince1970: 1_781_983_385))
  precondition(!verdict.isAccepted)
  _ = verdict.text
  if let quote = try? Quote(bytes) {
    precondition(quote.bytes.count <= bytes.count)
    _ = quote.text
    _ = try? CollateralKey(quote)
  }
}
