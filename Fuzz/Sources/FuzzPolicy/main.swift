import Attestation
import FuzzDriver

fuzz { bytes in
  guard let policy = try? PolicyFile.parse(String(decoding: bytes, as: UTF8.self)) else { return }
  // Whatever was read, no file may ask for what no file can have.
  precondition(!policy.statuses.contains(.Revoked))
}
