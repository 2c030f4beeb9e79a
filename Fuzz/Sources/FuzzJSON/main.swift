import Attestation
import FuzzDriver

fuzz { bytes in
  if let info = try? TCBInfo(bytes) {
    precondition(!info.levels.isEmpty && info.levels.allSatisfy { $0.sgxComponents.count == 16 })
  }
  if let identity = try? QEIdentity(bytes) { precondition(!identity.levels.isEmpty) }
}
