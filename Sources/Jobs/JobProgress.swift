/// How far a long piece of work is: what, bytes done, bytes in all (0: not known).
public typealias JobProgress = (_ what: String, _ done: UInt64, _ total: UInt64) -> Void
