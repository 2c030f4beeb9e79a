// swift-tools-version: 6.2
import PackageDescription

/// libFuzzer targets. Built by `Scripts/fuzz-attestation`, which adds -sanitize=fuzzer,address.
let names = ["FuzzQuote", "FuzzCertificate", "FuzzCRL", "FuzzJSON"]

let package = Package(
  name: "fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "cloister", path: "..")],
  targets: names.map {
    .executableTarget(
      name: $0, dependencies: [.product(name: "Attestation", package: "cloister")],
      swiftSettings: [.unsafeFlags(["-parse-as-library"])])
  } + [
    .executableTarget(
      name: "FuzzPayload", dependencies: [.product(name: "PayloadFormat", package: "cloister")],
      swiftSettings: [.unsafeFlags(["-parse-as-library"])])
  ],
  swiftLanguageModes: [.v6]
)
