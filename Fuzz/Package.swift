// swift-tools-version: 6.2
import PackageDescription

/// libFuzzer targets, built by `Scripts/fuzz`, which adds -sanitize=fuzzer,address. A new one is a line
/// here (with the products of the package that it reads), a `main.swift` that calls `fuzz { bytes in … }`,
/// and its seeds in `Scripts/fuzz`.
let targets = [
  "FuzzQuote": ["Attestation"],
  "FuzzCertificate": ["Attestation"],
  "FuzzCRL": ["Attestation"],
  "FuzzJSON": ["Attestation"],
  "FuzzPolicy": ["Attestation"],
  "FuzzPayload": ["PayloadFormat"],
  "FuzzJob": ["JobFormat"],
  "FuzzVolume": ["SealedVolume"],
]

let package = Package(
  name: "fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "cloister", path: "..")],
  targets: [.target(name: "FuzzDriver")]
    + targets.map { name, products in
      .executableTarget(
        name: name,
        dependencies: ["FuzzDriver"] + products.map { .product(name: $0, package: "cloister") })
    },
  swiftLanguageModes: [.v6]
)
