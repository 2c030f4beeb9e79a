// swift-tools-version: 6.2
import PackageDescription

/// Everything that may end up inside the enclave also builds as plain Swift, so that `swift test`
/// exercises it on the host; `Enclave/build` compiles the same sources as Embedded Swift.
let enclaveSettings: [SwiftSetting] = [
  .enableExperimentalFeature("Lifetimes"),
  .strictMemorySafety(),
]
let hostSettings: [SwiftSetting] = []

let package = Package(
  name: "cloister",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "cloister", targets: ["cloister"]),
    .executable(name: "cloister-tools", targets: ["cloister-tools"]),
    .library(name: "Attestation", targets: ["Attestation"]),
    .library(name: "PayloadFormat", targets: ["PayloadFormat"]),
    .library(name: "SealedVolume", targets: ["SealedVolume"]),
    .library(name: "Jobs", targets: ["Jobs"]),
    .library(name: "JobFormat", targets: ["JobFormat"]),
    .library(name: "AttestationTLS", targets: ["AttestationTLS"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
  ],
  targets: [
    // Both sides of the enclave boundary.
    .target(name: "LinuxABI", swiftSettings: enclaveSettings),
    .target(name: "SGX", swiftSettings: enclaveSettings),
    .target(name: "HostInterface", dependencies: ["LinuxABI"], swiftSettings: enclaveSettings),
    .target(name: "PayloadFormat", swiftSettings: enclaveSettings),

    // Inside.
    .target(name: "CEnclave", exclude: ["Entry.S", "User.S"]),
    // BoringSSL as swift-crypto vendors it: its C headers come with the product. The enclave links the same
    // sources, compiled by Enclave/build; Enclave/boringssl has what they need from a platform.
    .target(
      name: "CEnclaveCrypto", dependencies: [.product(name: "Crypto", package: "swift-crypto")]),
    .target(
      name: "EnclaveCrypto", dependencies: ["CEnclaveCrypto"], swiftSettings: enclaveSettings),
    .target(name: "SealedVolume", dependencies: ["EnclaveCrypto"], swiftSettings: enclaveSettings),
    // Offers, jobs, results and receipts (Docs/Job.md): what the instance and the owner both read and write.
    .target(
      name: "JobFormat", dependencies: ["EnclaveCrypto", "PayloadFormat"],
      swiftSettings: enclaveSettings),
    .target(
      name: "EnclaveRuntime",
      dependencies: ["CEnclave", "LinuxABI", "HostInterface", "PayloadFormat"],
      swiftSettings: enclaveSettings),
    .target(
      name: "LibOS",
      dependencies: [
        "EnclaveCrypto", "SealedVolume", "EnclaveRuntime", "CEnclave", "LinuxABI", "HostInterface",
        "PayloadFormat", "JobFormat",
      ],
      swiftSettings: enclaveSettings),

    // The untrusted host.
    .target(name: "CSoftwareSGX"),
    .target(
      name: "SoftwareSGX",
      dependencies: [
        "SGX", "CSoftwareSGX", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "_CryptoExtras", package: "swift-crypto"),
      ], swiftSettings: hostSettings),
    .target(name: "CHardwareSGX"),
    .target(
      name: "HardwareSGX", dependencies: ["SGX", "CHardwareSGX"], swiftSettings: hostSettings),
    .target(name: "CHostRuntime"),
    .target(
      name: "HostRuntime",
      dependencies: [
        "CHostRuntime", "LinuxABI", "SGX", "HostInterface", "PayloadFormat", "SoftwareSGX",
        "JobFormat",
        .product(name: "Crypto", package: "swift-crypto"),
        "HardwareSGX", "Payload",
      ], swiftSettings: hostSettings),

    // The user's and the vendor's tools.
    .target(
      name: "TOMLInput", dependencies: [.product(name: "TOMLKit", package: "TOMLKit")],
      swiftSettings: hostSettings),
    .testTarget(name: "TOMLInputTests", dependencies: ["TOMLInput"]),
    .target(
      name: "Attestation",
      dependencies: [
        "TOMLInput",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "X509", package: "swift-certificates"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
        .product(name: "TOMLKit", package: "TOMLKit"),
      ], swiftSettings: hostSettings),
    .target(
      name: "SoftwareQuoting",
      dependencies: [
        "Attestation", "SGX", "SoftwareSGX", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "X509", package: "swift-certificates"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
      ], swiftSettings: hostSettings),
    .target(
      name: "AttestationCampaign",
      dependencies: ["Attestation", "SoftwareQuoting"], swiftSettings: hostSettings),
    .executableTarget(
      name: "attestation-bench", dependencies: ["Attestation", "AttestationCampaign"],
      path: "Benchmarks/Attestation",
      swiftSettings: hostSettings),
    .target(
      name: "AttestationFetch",
      dependencies: [
        "Attestation", .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ], swiftSettings: hostSettings),
    .target(
      name: "AttestationTLS",
      dependencies: [
        "Attestation", .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ], swiftSettings: hostSettings),
    .executableTarget(
      name: "ra-tls-client",
      dependencies: [
        "Attestation", "AttestationTLS", .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ], path: "Samples/ra-tls/Client", swiftSettings: hostSettings),
    .systemLibrary(name: "CZydis", providers: [.apt(["libzydis-dev"])]),
    .target(
      name: "Payload",
      dependencies: ["PayloadFormat", "CZydis", .product(name: "Crypto", package: "swift-crypto")],
      swiftSettings: hostSettings),
    // The vendor's side of payloads: gathering files, writing, signing, inspecting.
    .target(name: "CPrepare"),
    .target(
      name: "Prepare",
      dependencies: [
        "CPrepare", "TOMLInput", "HostRuntime", "Payload", "PayloadFormat", "SGX", "SoftwareSGX",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "TOMLKit", package: "TOMLKit"),
      ], swiftSettings: hostSettings),
    // The data owner's side of jobs, for the command line and for programs that embed it.
    .target(
      name: "Jobs",
      dependencies: [
        "Attestation", "EnclaveCrypto", "SealedVolume", "VolumeFiles", "PayloadFormat", "JobFormat",
        .product(name: "Crypto", package: "swift-crypto"),
      ], swiftSettings: hostSettings),
    .target(name: "CVolumeFiles"),
    .target(
      name: "VolumeFiles", dependencies: ["CVolumeFiles", "SealedVolume"],
      swiftSettings: hostSettings),
    .target(
      name: "Doctor", dependencies: ["CHostRuntime", "HostRuntime", "SoftwareQuoting"],
      swiftSettings: hostSettings),
    .executableTarget(
      name: "jobs-example", dependencies: ["Attestation", "Jobs"], path: "Samples/jobs",
      swiftSettings: hostSettings),
    .testTarget(
      name: "JobsTests",
      dependencies: [
        "Jobs", "JobFormat", "EnclaveCrypto", "SealedVolume", "SoftwareQuoting",
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .testTarget(name: "DoctorTests", dependencies: ["Doctor"]),
    // What people type: `run` itself, which must start quickly, and a door to all other verbs.
    .executableTarget(
      name: "cloister", dependencies: ["HostRuntime"], swiftSettings: hostSettings),
    .executableTarget(
      name: "cloister-tools",
      dependencies: [
        "HostRuntime", "HostInterface", "LibOS", "SealedVolume", "VolumeFiles", "SGX",
        "SoftwareSGX",
        "Payload", "Prepare",
        "Attestation",
        "AttestationFetch", "SoftwareQuoting", "Jobs", "JobFormat", "Doctor",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: hostSettings),

    // Known answers, checked by the unit tests on the host and by the self-test image inside an enclave.
    .target(
      name: "CryptoVectors", dependencies: ["EnclaveCrypto"], path: "Tests/CryptoVectors",
      swiftSettings: enclaveSettings),
    .testTarget(name: "SealedVolumeTests", dependencies: ["SealedVolume", "EnclaveCrypto"]),
    .testTarget(name: "VolumeFilesTests", dependencies: ["SealedVolume", "VolumeFiles"]),
    .testTarget(name: "JobFormatTests", dependencies: ["JobFormat", "EnclaveCrypto"]),
    .testTarget(name: "EnclaveCryptoTests", dependencies: ["EnclaveCrypto", "CryptoVectors"]),
    .testTarget(name: "SGXTests", dependencies: ["SGX"]),
    .testTarget(name: "EnclaveRuntimeTests", dependencies: ["EnclaveRuntime", "PayloadFormat"]),
    .target(name: "CTestEnclave", path: "Tests/CTestEnclave"),
    .testTarget(
      name: "SoftwareSGXTests", dependencies: ["SoftwareSGX", "HardwareSGX", "CTestEnclave"],
      resources: [.copy("Resources")]),
    .testTarget(
      name: "HostRuntimeTests",
      dependencies: ["HostRuntime", "CHostRuntime", "SGX", "SoftwareSGX", "HostInterface"],
      exclude: ["Enclaves"]),
    .testTarget(name: "PayloadTests", dependencies: ["Payload"]),
    .testTarget(
      name: "PrepareTests", dependencies: ["Prepare", "PayloadFormat", "HostRuntime"]),
    .testTarget(
      name: "LibOSTests",
      dependencies: [
        "LibOS", "EnclaveRuntime", "CEnclave", "LinuxABI", "HostInterface", "PayloadFormat",
      ]),
    .testTarget(
      name: "AttestationFetchTests",
      dependencies: [
        "AttestationFetch", .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "X509", package: "swift-certificates"),
      ]),
    .testTarget(
      name: "AttestationTLSTests",
      dependencies: [
        "AttestationTLS", "SoftwareQuoting", .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "X509", package: "swift-certificates"),
        .product(name: "SwiftASN1", package: "swift-asn1"),
      ]),
    .testTarget(
      name: "AttestationTests",
      dependencies: [
        "Attestation", "SoftwareQuoting", "AttestationCampaign",
        .product(name: "X509", package: "swift-certificates"),
      ],
      resources: [.copy("Resources")]),
  ],
  swiftLanguageModes: [.v6]
)
