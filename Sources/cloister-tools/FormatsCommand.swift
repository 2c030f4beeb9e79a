import ArgumentParser
import PayloadFormat
import Prepare
import SGX
import SealedVolume

/// `cloister formats`: the binary formats of a payload, field by field, from the definitions that the readers use.
/// The tamper campaign (`Scripts/payload-test`) has rows for each of them.
struct FormatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "formats", abstract: "List the fields of the payload's formats as JSON.")

  func run() throws {
    func format(_ name: String, _ size: Int, _ fields: [FormatField]) -> JSONText {
      .object([
        ("name", .string(name)), ("size", .number(UInt64(size))),
        (
          "fields",
          .array(
            fields.map {
              .object([
                ("name", .string("\($0.name)")), ("offset", .number(UInt64($0.offset))),
                ("size", .number(UInt64($0.size))),
              ])
            })
        ),
      ])
    }
    func volume(_ name: String, _ size: Int, _ fields: [VolumeFormat.Field]) -> JSONText {
      format(name, size, fields.map { FormatField($0.name, $0.offset, $0.size) })
    }
    let sigstruct = JSONText.object([
      ("name", .string("signature")), ("size", .number(UInt64(SIGSTRUCT.size))),
      (
        "fields",
        .array(
          SIGSTRUCT.fields.map {
            .object([
              ("name", .string($0.name)), ("offset", .number(UInt64($0.offset))),
              ("size", .number(UInt64($0.size))),
            ])
          })
      ),
    ])
    print(
      JSONText.object([
        (
          "formats",
          .array([
            format("manifest header", TreeFormat.headerSize, TreeFormat.Header.all),
            format("manifest inode", TreeFormat.inodeSize, TreeFormat.Inode.all),
            format("manifest entry", TreeFormat.entrySize, TreeFormat.Entry.all),
            format("manifest attribute", TreeFormat.attributeHeaderSize, TreeFormat.Attribute.all),
            format(
              "configuration header", MeasuredConfiguration.headerSize,
              MeasuredConfiguration.Header.all),
            format("configuration volume", VolumeMount.headerSize, VolumeMount.Header.all),
            format("configuration tmpfs", TemporaryMount.headerSize, TemporaryMount.Header.all),
            sigstruct,
          ])
        ),
        (
          "configurationRecords",
          .array(
            MeasuredConfiguration.Record.allCases.map {
              .object([("name", .string("\($0)")), ("type", .number(UInt64($0.rawValue)))])
            })
        ),
        (
          "volumeFormats",
          .array([
            volume("superblock", VolumeFormat.blockSize, VolumeFormat.Superblock.all),
            volume("body", VolumeFormat.Superblock.body.size, VolumeFormat.Body.all),
            volume("pointer", VolumeFormat.pointerSize, VolumeFormat.Pointer.all),
            volume("descriptor", VolumeFormat.descriptorSize, VolumeFormat.Descriptor.all),
            volume("inode", VolumeFormat.inodeSize, VolumeFormat.Inode.all),
            volume("bucket", VolumeFormat.bucketHeaderSize, VolumeFormat.Bucket.all),
            volume("entry", VolumeFormat.entryHeaderSize, VolumeFormat.Entry.all),
            volume("attribute", VolumeFormat.attributeHeaderSize, VolumeFormat.Attribute.all),
            volume("salt", VolumeFormat.saltSize, VolumeFormat.Salt.all),
          ])
        ),
        ("chunkSize", .number(UInt64(MerkleShape.chunkSize))),
        ("nodeSize", .number(UInt64(MerkleShape.nodeSize))),
      ]).rendered)
  }
}
