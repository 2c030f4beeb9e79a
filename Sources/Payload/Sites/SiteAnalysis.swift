import Glibc
import PayloadFormat

/// The instructions of one ELF file that an enclave cannot execute, and how each is rewritten.
public struct SiteAnalysis: Equatable, Sendable {
  public struct Counts: Equatable, Sendable {
    public var syscall = 0
    public var cpuid = 0
    public var xgetbv = 0
    public var total: Int { syscall + cpuid + xgetbv }

    mutating func add(_ kind: SiteTable.Kind) {
      switch kind {
      case .syscall: syscall += 1
      case .cpuid: cpuid += 1
      case .xgetbv: xgetbv += 1
      }
    }
  }

  /// A site left to the trap, and why.
  public struct Trapped: Equatable, Sendable {
    public var fileOffset: UInt64
    public var kind: SiteTable.Kind
    public var reason: String
  }

  /// Sorted by file offset.
  public var sites: [Site] = []
  public var found = Counts()
  public var rewritten = Counts()
  public var trapped = Counts()
  /// Empty when the analysis came from the cache, which keeps only the table.
  public var trappedSites: [Trapped] = []

  /// The site table that the enclave applies.
  public var table: [UInt8] {
    SiteTable.encode(
      sites, found: UInt32(clamping: found.total), trapped: UInt32(clamping: trapped.total))
  }

  /// A finished analysis as the cache knows it.
  init(sites: [Site], found: Counts, trapped: Counts) {
    self.sites = sites
    self.found = found
    self.trapped = trapped
    for s in sites { rewritten.add(s.kind) }
  }

  /// Analyses a file's bytes.
  public init(_ bytes: UnsafeRawBufferPointer) throws(SiteAnalysisError) {
    let image = try ELFImage(bytes)
    let segments = image.codeRanges
    var candidates: [[Int]] = []
    for s in segments {
      candidates.append(
        SiteScan.candidates(
          UnsafeRawBufferPointer(rebasing: bytes[s.fileOffset..<(s.fileOffset + s.fileSize)])))
    }
    guard candidates.contains(where: { !$0.isEmpty }) else { return }

    let frames = CallFrames(image)
    var evidence = frames.functions.map { CodeEvidence(start: $0.start, end: $0.end) }
    evidence += GoFunctions.evidence(image)
    evidence.append(CodeEvidence(start: image.entry, end: 0))
    for s in image.sections where s.isAllocated && s.isExecutable {
      evidence.append(CodeEvidence(start: s.address, end: 0))
    }
    var labels: [UInt64] = []
    image.forEachSymbol { symbol in
      labels.append(symbol.address)
      guard symbol.isFunction else { return }
      let (end, overflow) = symbol.address.addingReportingOverflow(symbol.size)
      evidence.append(CodeEvidence(start: symbol.address, end: overflow ? 0 : end))
    }
    let texts = segments.map { TextMap($0, in: bytes, evidence: evidence) }

    // What the sweep sees among the candidates, then everything around it.
    var sites: [[(offset: Int, kind: SiteTable.Kind)]] = []
    for (text, candidates) in zip(texts, candidates) {
      var here: [(offset: Int, kind: SiteTable.Kind)] = []
      for c in candidates {
        text.decode(c..<(c + 1))
        if let kind = text.site(at: c) { here.append((c, kind)) }
      }
      for s in here {
        text.decode((s.offset - SitePlanner.reach)..<(s.offset + SitePlanner.reach))
        let address = text.segment.address + UInt64(s.offset)
        guard let function = frames.function(at: address) else { continue }
        for pad in CallFrames.landingPads(image, function) ?? [] { text.addTarget(address: pad) }
      }
      for l in labels { text.addTarget(address: l) }
      sites.append(here)
    }
    JumpTargets(image, texts, near: sites.map { $0.map(\.offset) }, reach: SitePlanner.reach)
      .collect()

    for (text, sites) in zip(texts, sites) {
      var planner = SitePlanner(text)
      for (site, outcome) in zip(sites, planner.plan(sites)) {
        found.add(site.kind)
        switch outcome {
        case .rewritten(let s):
          rewritten.add(site.kind)
          self.sites.append(s)
        case .trapped(let reason):
          trapped.add(site.kind)
          trappedSites.append(
            Trapped(
              fileOffset: UInt64(text.segment.fileOffset + site.offset), kind: site.kind,
              reason: reason.rawValue))
        }
      }
    }
  }

  public init(_ bytes: [UInt8]) throws(SiteAnalysisError) {
    let result = bytes.withUnsafeBytes { b -> Result<SiteAnalysis, SiteAnalysisError> in
      do throws(SiteAnalysisError) { return .success(try SiteAnalysis(b)) } catch {
        return .failure(error)
      }
    }
    self = try result.get()
  }

  /// Analyses a file, mapped.
  public init(path: String) throws(SiteAnalysisError) {
    let file = try MappedFile(path)
    self = try SiteAnalysis(file.bytes)
  }
}
