import Dispatch
import Glibc
import HostRuntime
import Payload
import PayloadFormat
import Synchronization

/// Hashes file contents and finds their system-call sites, on all processors.
struct Hashing {
  /// What was done, for the summary.
  struct Result: Sendable {
    var fileCount = 0
    var cachedCount = 0
    var bytesHashed: UInt64 = 0
  }

  static func run(
    _ contents: [FileContent], cache: inout HashCache, progress: Progress
  ) throws(HostError) -> Result {
    var result = Result()
    result.fileCount = contents.count
    var open: [FileContent] = []
    for content in contents where content.hash == nil {
      if let identity = content.identity, let found = cache.find(identity) {
        content.hash = found.hash
        content.sites = found.sites
        result.cachedCount += 1
      } else {
        open.append(content)
      }
    }
    // The largest first, so that no processor is left with one at the end.
    open.sort { $0.size > $1.size }
    let total = open.reduce(UInt64(0)) { $0 + $1.size }
    result.bytesHashed = total
    let failure = Mutex<HostError?>(nil)
    let done = Atomic<UInt64>(0)
    let work = open
    DispatchQueue.concurrentPerform(iterations: work.count) { i in
      if failure.withLock({ $0 != nil }) { return }
      do throws(HostError) { try hash(work[i]) } catch { failure.withLock { $0 = error } }
      let now = done.add(work[i].size, ordering: .relaxed).newValue
      progress.show("hashing", now, of: total)
    }
    progress.clear()
    if let error = failure.withLock({ $0 }) { throw error }
    for content in open {
      if let identity = content.identity, let hash = content.hash {
        cache.add(identity, HashCache.Found(hash: hash, sites: content.sites))
      }
    }
    return result
  }

  private static func hash(_ content: FileContent) throws(HostError) {
    guard case .file(let path) = content.source, let identity = content.identity else { return }
    let file = try MappedContent(path, identity)
    content.hash = ContentHash(file.bytes)
    content.sites = sites(file.bytes)
    try file.checkUnchanged()
  }

  /// The table of sites of an ELF program or library; empty when there is nothing to rewrite.
  static func sites(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    guard bytes.count >= 64, bytes.loadUnaligned(as: UInt32.self) == 0x464C_457F else { return [] }
    guard let analysis = try? SiteAnalysis(bytes), !analysis.sites.isEmpty else { return [] }
    return analysis.table
  }
}
