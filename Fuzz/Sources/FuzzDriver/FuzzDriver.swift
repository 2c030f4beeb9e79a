import Glibc

/// libFuzzer as a function: what every target of this package calls, in its `main.swift`.
///
/// libFuzzer's own `main` is left out of the program because SwiftPM makes one; the driver behind it
/// is called instead (LLVM, `FuzzerInterface.h`: `LLVMFuzzerRunDriver`, "Users are expected to pass
/// argc and argv, and the callback").
///
/// - Parameter target: reads bytes that a stranger made. It must return, whatever they are; a trap, a
///   sanitizer's report and more time than `-timeout` are findings.
public func fuzz(_ target: @escaping ([UInt8]) -> Void) -> Never {
  precondition(FuzzTarget.body == nil, "one target a program")
  FuzzTarget.body = target
  var count = CommandLine.argc
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
  let status = runDriver(&count, &arguments) { start, size in
    FuzzTarget.body!(Array(UnsafeBufferPointer(start: start, count: size)))
    return 0
  }
  exit(status)
}

private enum FuzzTarget {
  /// Set once before the driver starts; the driver calls from one thread. A C callback carries nothing.
  nonisolated(unsafe) static var body: (([UInt8]) -> Void)?
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
