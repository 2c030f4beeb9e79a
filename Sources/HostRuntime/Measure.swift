import PayloadFormat

/// What `cloister measure` prints: MRENCLAVE of each profile, for these options.
public func measure(_ options: RunOptions) throws(HostError) -> [String] {
  var configuration = try options.measuredConfiguration()
  let path: String
  if let file = options.imageFile { path = file } else { path = try EnclaveImage.find() }
  let image = try EnclaveImage(contentsOf: path)
  var lines: [String] = []
  for (name, profile) in [("edmm", MeasuredConfiguration.Profile.edmm), ("fixed", .fixed)] {
    configuration.profile = profile
    if options.memorySize == nil { configuration.memorySize = RunOptions.defaultMemory(profile) }
    let builder = EnclaveBuilder(
      image: image, configuration: configuration, isDebug: true, xfrm: supportedXFRM())
    lines.append("\(name)\t\(hexText(try builder.measure()))")
  }
  return lines
}
