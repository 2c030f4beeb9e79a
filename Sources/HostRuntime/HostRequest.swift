import CHostRuntime
import Glibc
import HostInterface
import LinuxABI
import PayloadFormat
import SGX

/// One host call being served. The handlers are in files of their own, a family a file; each answers as
/// its row in `HostCall` says.
struct HostRequest {
  let thread: HostThread
  let process: EnclaveProcess
  let buffer: ThreadBuffer

  func argument(_ index: Int) -> UInt64 { buffer.argument(index) }

  mutating func serve(_ call: HostCall) throws(Errno) -> Int {
    switch call {
    case .exit: exit()
    case .threadStart: try threadStart()
    case .threadExit: throw .ENOSYS  // ends the loop in HostThread
    case .park: try park()
    case .unpark: try unpark()
    case .kick: try kick()
    case .clock: clock()
    case .blockRead: try blockRead()
    case .blockWrite: try blockWrite()
    case .streamRead: try streamRead()
    case .streamWrite: try streamWrite()
    case .streamStatus: try streamStatus()
    case .poll: try poll()
    case .augment: try augment()
    case .restrict: try restrict()
    case .modifyType: try modifyType()
    case .remove: try remove()
    case .streamClose: streamClose()
    case .socket: try socket()
    case .bind: try bind()
    case .listen: try listen()
    case .accept: try accept()
    case .connect: try connect()
    case .setOption: try setOption()
    case .shutdown: try shutdown()
    case .quote: try quote()
    case .lookup: try lookup()
    case .readdir: try readdir()
    }
  }
}
