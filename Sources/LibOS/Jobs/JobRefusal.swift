import JobFormat
import SealedVolume

/// Why a job cannot be taken, in words for the provider; they say nothing of what is inside the job.
struct JobRefusal: Error {
  let text: [UInt8]

  init(_ what: StaticString) { text = KernelLog.bytes(what) }
  init(_ what: StaticString, _ rest: [UInt8]) { text = KernelLog.bytes(what) + rest }
  init(_ what: StaticString, _ error: JobFormatError) {
    text = KernelLog.bytes(what) + KernelLog.bytes(": ") + KernelLog.bytes(error.text)
  }
  init(_ what: StaticString, _ error: VolumeError) {
    text = KernelLog.bytes(what) + KernelLog.bytes(": ") + KernelLog.bytes(error.text)
  }
}
