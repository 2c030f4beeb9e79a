import Attestation
import FuzzDriver

fuzz { bytes in
  if let crl = try? CRL(bytes) { precondition(crl.revokedCount <= bytes.count) }
}
