import Synchronization

/// Tells edge-triggered epoll(7) when a host stream, which only says how it is, may have become ready anew.
///
/// A report of readiness is given once; after the program has read (or has found that it cannot write), what
/// the host says next is news. So an edge may be seen twice, which epoll(7) allows, and none is lost.
final class HostReadiness: @unchecked Sendable {
  private let reads = Atomic<UInt32>(1)
  private let writes = Atomic<UInt32>(1)
  var readGeneration: UInt32 { reads.load(ordering: .acquiring) }
  var writeGeneration: UInt32 { writes.load(ordering: .acquiring) }
  func hasRead() { reads.add(1, ordering: .acquiringAndReleasing) }
  func couldNotWrite() { writes.add(1, ordering: .acquiringAndReleasing) }
}
