import Glibc
import PayloadFormat
import SGX

/// A payload folder as it lies on the provider's disk (Docs/Payload.md). Nothing in it is believed here: the
/// configuration and the image are measured when the enclave is built, the rest is verified inside.
public struct PayloadFolder: Sendable {
  public static let imageName = "enclave.elf"
  public static let configurationName = "configuration"
  public static let manifestName = "manifest"
  public static let dataName = "data"
  public static let explanationName = "explanation"
  public static func signatureName(_ profile: MeasuredConfiguration.Profile) -> String {
    profile == .edmm ? "signature.edmm" : "signature.fixed"
  }
  public static let fileNames = [
    imageName, configurationName, manifestName, dataName, explanationName,
    signatureName(.edmm), signatureName(.fixed),
  ]

  public let path: String
  /// As it lies there: profile `edmm`.
  public let configuration: MeasuredConfiguration
  public let image: EnclaveImage

  /// Whether a path looks like one: then `cloister run` takes it as a payload and not as a program.
  public static func isPayload(_ path: String) -> Bool {
    access(path + "/" + configurationName, F_OK) == 0
  }

  public init(_ path: String) throws(HostError) {
    self.path = path
    guard Self.isPayload(path) else {
      throw HostError(
        "\(path): not a payload folder (it has no file `configuration`); make one with "
          + "`cloister prepare`")
    }
    let bytes = try readFile(
      path + "/" + Self.configurationName, limit: Int(EnclaveLayout.configurationMaximumSize),
      what: "payload's configuration")
    guard let configuration = MeasuredConfiguration(bytes) else {
      throw HostError(
        "\(path)/\(Self.configurationName): damaged, or of another version; prepare the payload again"
      )
    }
    guard configuration.profile == .edmm else {
      throw HostError("\(path)/\(Self.configurationName): its profile is not `edmm`")
    }
    self.configuration = configuration
    image = try EnclaveImage(contentsOf: path + "/" + Self.imageName)
  }

  /// What is measured with a profile. `fixed` is the same configuration with the other profile in its header
  /// (and at least the memory that `fixed` needs).
  public func configuration(
    _ profile: MeasuredConfiguration.Profile
  ) -> MeasuredConfiguration {
    var c = configuration
    c.profile = profile
    if profile == .fixed { c.memorySize = max(c.memorySize, EnclaveLayout.fixedMinimumMemory) }
    return c
  }

  public func builder(
    _ profile: MeasuredConfiguration.Profile, xfrm: ATTRIBUTES.XFRM = .legacy,
    binding: InstanceBinding? = nil
  ) -> EnclaveBuilder {
    EnclaveBuilder(
      image: image, configuration: configuration(profile),
      isDebug: configuration.flags.contains(.insecureDebug), xfrm: xfrm,
      binding: binding)
  }

  /// The signature for a profile; nil: the payload is not signed.
  public func signature(
    _ profile: MeasuredConfiguration.Profile
  ) throws(HostError) -> SIGSTRUCT? {
    let file = path + "/" + Self.signatureName(profile)
    guard access(file, F_OK) == 0 else { return nil }
    let bytes = try readFile(file, limit: 4096, what: "payload's signature")
    do throws(SGXError) { return try SIGSTRUCT(bytes) } catch {
      throw HostError("\(file): not a SIGSTRUCT (\(error)); sign the payload again")
    }
  }
}
