/// What stops the host runtime: one clear line for a person, and the exit code that goes with it.
public struct HostError: Error, CustomStringConvertible, Sendable {
  /// As `podman run` has them: 125 our error, 126 not executable, 127 not found.
  public var exitCode: Int32
  public var description: String
  public init(_ description: String, exitCode: Int32 = 125) {
    self.description = description
    self.exitCode = exitCode
  }
}
