import Glibc
import HostRuntime

/// One line on stderr and the error's exit code.
func fail(_ error: HostError) -> Never {
  let text = Array("cloister: \(error.description)\n".utf8)
  _ = write(2, text, text.count)
  exit(error.exitCode)
}
