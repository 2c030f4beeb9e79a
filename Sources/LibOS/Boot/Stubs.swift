import CEnclave
import LinuxABI
extension Task {
  var registers: UnsafeMutablePointer<cl_regs>! { get { nil } set {} }
  func returnToUser(_ r: UnsafeMutablePointer<cl_regs>) {}
  func handleException(vector: UInt8, errorCode: UInt64, address: UInt, segvCode: Int32 = 1, _ regs: UnsafeMutablePointer<cl_regs>) {}
}
struct SignalInfo { static let SEGV_MAPERR: Int32 = 1; static let SEGV_ACCERR: Int32 = 2 }
enum Sg { case SIGKILL }
extension Process { func kill(_ s: Sg) {} }
@c(libos_kernel_thread) func libos_kernel_thread(_ x: UInt64) {}
