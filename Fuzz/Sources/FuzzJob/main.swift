import FuzzDriver
import JobFormat

// What providers and owners send each other (Docs/Job.md): whatever the bytes are, the readers answer or refuse, and what they
// read is what they would write.
fuzz { bytes in
  if let (offer, quote) = try? Offer.parse(bytes) {
    precondition(offer.encoded(quote: quote) == bytes)
    precondition(Offer.areVolumeNames(offer.volumes))
    _ = try? offer.key()
    _ = offer.reportData
  }
  if let (receipt, quote) = try? Receipt.parse(bytes) {
    precondition(receipt.encoded(quote: quote) == bytes)
    _ = (receipt.exitCode, receipt.signal)
  }
  if let job = try? Job(bytes) {
    precondition(job.volumeOffset % Job.volumeAlignment == 0)
    _ = job.digest
  }
  if let result = try? JobResult(bytes) { _ = try? Receipt.parse(result.receipt) }
  _ = try? SealedJobKey(bytes)
  if let order = try? JobOrder(bytes), let again = try? order.encoded() {
    precondition((try? JobOrder(again)) == order)
  }
}
