/// mmap(2) MAP_* bits (asm-generic/mman-common.h, x86's asm/mman.h); the low four are the type.
struct MapFlags: OptionSet, Sendable {
  var rawValue: UInt32

  static let typeMask: UInt32 = 0xF
  static let MAP_SHARED: UInt32 = 1
  static let MAP_PRIVATE: UInt32 = 2
  static let MAP_SHARED_VALIDATE: UInt32 = 3

  static let MAP_FIXED = MapFlags(rawValue: 0x10)
  static let MAP_ANONYMOUS = MapFlags(rawValue: 0x20)
  static let MAP_32BIT = MapFlags(rawValue: 0x40)
  static let MAP_ABOVE4G = MapFlags(rawValue: 0x80)
  static let MAP_GROWSDOWN = MapFlags(rawValue: 0x100)
  static let MAP_DENYWRITE = MapFlags(rawValue: 0x800)
  static let MAP_EXECUTABLE = MapFlags(rawValue: 0x1000)
  static let MAP_LOCKED = MapFlags(rawValue: 0x2000)
  static let MAP_NORESERVE = MapFlags(rawValue: 0x4000)
  static let MAP_POPULATE = MapFlags(rawValue: 0x8000)
  static let MAP_NONBLOCK = MapFlags(rawValue: 0x1_0000)
  static let MAP_STACK = MapFlags(rawValue: 0x2_0000)
  static let MAP_HUGETLB = MapFlags(rawValue: 0x4_0000)
  static let MAP_FIXED_NOREPLACE = MapFlags(rawValue: 0x10_0000)
  static let MAP_UNINITIALIZED = MapFlags(rawValue: 0x400_0000)
  /// The bits of the sizes MAP_HUGE_2MB (21 << 26) and MAP_HUGE_1GB (30 << 26).
  static let hugeSizes = MapFlags(rawValue: 0x7C00_0000)

  /// What MAP_SHARED_VALIDATE lets pass (LEGACY_MAP_MASK): neither MAP_SYNC nor MAP_FIXED_NOREPLACE is in it.
  static let known: MapFlags = [
    MapFlags(rawValue: typeMask), .MAP_FIXED, .MAP_ANONYMOUS, .MAP_32BIT, .MAP_ABOVE4G,
    .MAP_GROWSDOWN, .MAP_DENYWRITE, .MAP_EXECUTABLE, .MAP_LOCKED, .MAP_NORESERVE, .MAP_POPULATE,
    .MAP_NONBLOCK, .MAP_STACK, .MAP_HUGETLB, .MAP_UNINITIALIZED, .hugeSizes,
  ]
}
