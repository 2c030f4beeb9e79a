import EnclaveRuntime
import Foundation
import LinuxABI
import Testing

@testable import LibOS

@Suite("futex(2)", .serialized) struct FutexTests {
  typealias F = FutexOperation

  @Test("EAGAIN: the word has another value") func again() throws {
    let h = try TaskHarness()
    let w = Words(1)
    w[0] = 7
    #expect(
      errno { () throws(Errno) in
        try h.main.sys_futex(w.address(0), operation: F.FUTEX_WAIT, value: 8, 0, 0, 0)
      } == -11)
  }

  @Test("EINVAL: the word is not aligned, or the bit set is empty") func invalid() throws {
    let h = try TaskHarness()
    let w = Words(2)
    #expect(
      errno { () throws(Errno) in
        try h.main.sys_futex(w.address(0) + 1, operation: F.FUTEX_WAIT, value: 0, 0, 0, 0)
      } == -22)
    #expect(
      errno { () throws(Errno) in
        try h.main.sys_futex(w.address(0), operation: F.FUTEX_WAIT_BITSET, value: 0, 0, 0, 0)
      } == -22)
  }

  @Test("ETIMEDOUT at the end of a relative timeout") func timeout() throws {
    let h = try TaskHarness()
    let w = Words(4)
    w[0] = 0
    w[2] = 20_000_000
    var t = Timespec(seconds: 0, nanoseconds: 20_000_000)
    let before = Clock.monotonicNs()
    let result = withUnsafePointer(to: &t) { p in
      errno { () throws(Errno) in
        try h.main.sys_futex(
          w.address(0), operation: F.FUTEX_WAIT, value: 0, UInt(bitPattern: p), 0, 0)
      }
    }
    #expect(result == -110)
    #expect(Clock.monotonicNs() - before >= 20_000_000)
  }

  @Test("wakes as many as asked for, and only those whose bits meet") func wakeBitset() throws {
    let h = try TaskHarness()
    let w = Words(1)
    let threads = [1, 2, 4].map { bit in
      h.thread { t in
        _ = errno { () throws(Errno) in
          try t.sys_futex(w.address(0), operation: F.FUTEX_WAIT_BITSET, value: 0, 0, 0, UInt32(bit))
        }
      }
    }
    var woken = 0
    while woken < 1 {
      woken += errno { () throws(Errno) in
        try h.main.sys_futex(w.address(0), operation: F.FUTEX_WAKE_BITSET, value: 100, 0, 0, 2)
      }
    }
    #expect(woken == 1)
    threads[1].join()
    while woken < 3 {
      woken += errno { () throws(Errno) in
        try h.main.sys_futex(w.address(0), operation: F.FUTEX_WAKE, value: 100, 0, 0, 0)
      }
    }
    threads[0].join()
    threads[2].join()
    #expect(woken == 3)
  }

  @Test("a private and a shared futex at one address are different") func privateAndShared() throws
  {
    let h = try TaskHarness()
    let w = Words(1)
    let t = h.thread { t in
      _ = errno { () throws(Errno) in
        try t.sys_futex(
          w.address(0), operation: F.FUTEX_WAIT | F.FUTEX_PRIVATE_FLAG, value: 0, 0, 0, 0)
      }
    }
    usleep(20_000)
    #expect(
      errno { () throws(Errno) in
        try h.main.sys_futex(w.address(0), operation: F.FUTEX_WAKE, value: 1, 0, 0, 0)
      } == 0)
    while errno({ () throws(Errno) in
      try h.main.sys_futex(
        w.address(0), operation: F.FUTEX_WAKE | F.FUTEX_PRIVATE_FLAG, value: 1, 0, 0, 0)
    }) == 0 { usleep(1000) }
    t.join()
  }

  @Test("FUTEX_CMP_REQUEUE moves waiters to the second word") func requeue() throws {
    let h = try TaskHarness()
    let w = Words(2)
    let threads = (0..<4).map { _ in
      h.thread { t in
        _ = errno { () throws(Errno) in
          try t.sys_futex(w.address(0), operation: F.FUTEX_WAIT, value: 0, 0, 0, 0)
        }
      }
    }
    usleep(100_000)
    #expect(
      errno { () throws(Errno) in
        try h.main.sys_futex(
          w.address(0), operation: F.FUTEX_CMP_REQUEUE, value: 1, 10, w.address(1), 5)
      } == -11)
    var n = 0
    while n < 4 {
      n += errno { () throws(Errno) in
        try h.main.sys_futex(
          w.address(0), operation: F.FUTEX_CMP_REQUEUE, value: 0, 10, w.address(1), 0)
      }
    }
    #expect(
      errno { () throws(Errno) in
        try h.main.sys_futex(w.address(0), operation: F.FUTEX_WAKE, value: 10, 0, 0, 0)
      } == 0)
    #expect(
      errno { () throws(Errno) in
        try h.main.sys_futex(w.address(1), operation: F.FUTEX_WAKE, value: 10, 0, 0, 0)
      } == 4)
    for t in threads { t.join() }
  }

  @Test("FUTEX_WAKE_OP changes the second word and compares its old value") func wakeOp() throws {
    let h = try TaskHarness()
    let w = Words(2)
    w[1] = 5
    // FUTEX_OP(ADD, 3, EQ, 5)
    let operation: UInt32 = 1 << 28 | 0 << 24 | 3 << 12 | 5
    #expect(
      errno { () throws(Errno) in
        try h.main.sys_futex(
          w.address(0), operation: F.FUTEX_WAKE_OP, value: 1, 1, w.address(1), operation)
      } == 0)
    #expect(w[1] == 8)
  }

  @Test("a lock built on it excludes, under contention") func contention() throws {
    let h = try TaskHarness()
    let w = Words(2)
    let counter = Words(1)
    let threads = (0..<4).map { _ in
      h.thread { t in
        for _ in 0..<2000 {
          // Drepper's second mutex: 0 free, 1 held, 2 held with waiters.
          var seen = try! FutexWordAccess.exchange(w.address(0), expected: 0, desired: 1)
          while seen != 0 {
            if seen == 2
              || (try! FutexWordAccess.exchange(w.address(0), expected: 1, desired: 2)) != 0
            {
              _ = errno { () throws(Errno) in
                try t.sys_futex(w.address(0), operation: F.FUTEX_WAIT, value: 2, 0, 0, 0)
              }
            }
            seen = try! FutexWordAccess.exchange(w.address(0), expected: 0, desired: 2)
          }
          counter[0] += 1
          w[0] = 0
          _ = errno { () throws(Errno) in
            try t.sys_futex(w.address(0), operation: F.FUTEX_WAKE, value: 1, 0, 0, 0)
          }
        }
      }
    }
    for t in threads { t.join() }
    #expect(counter[0] == 8000)
  }

  @Test("PI: ownership goes to the waiter, EDEADLK and EPERM otherwise") func pi() throws {
    let h = try TaskHarness()
    let w = Words(1)
    #expect(
      errno { () throws(Errno) in
        try h.main.sys_futex(w.address(0), operation: F.FUTEX_LOCK_PI, value: 0, 0, 0, 0)
      } == 0)
    #expect(w[0] == UInt32(h.main.tid))
    #expect(
      errno { () throws(Errno) in
        try h.main.sys_futex(w.address(0), operation: F.FUTEX_LOCK_PI, value: 0, 0, 0, 0)
      } == -35)
    let t = h.thread { t in
      _ = errno { () throws(Errno) in
        try t.sys_futex(w.address(0), operation: F.FUTEX_UNLOCK_PI, value: 0, 0, 0, 0)
      }
      _ = errno { () throws(Errno) in
        try t.sys_futex(w.address(0), operation: F.FUTEX_LOCK_PI, value: 0, 0, 0, 0)
      }
      if w[0] & FutexWord.FUTEX_TID_MASK == UInt32(t.tid) {
        _ = errno { () throws(Errno) in
          try t.sys_futex(w.address(0), operation: F.FUTEX_UNLOCK_PI, value: 0, 0, 0, 0)
        }
      }
    }
    while w[0] & FutexWord.FUTEX_WAITERS == 0 { usleep(1000) }
    #expect(
      errno { () throws(Errno) in
        try h.main.sys_futex(w.address(0), operation: F.FUTEX_UNLOCK_PI, value: 0, 0, 0, 0)
      } == 0)
    t.join()
    #expect(w[0] == 0)
  }

  @Test("PI: the end of the owner marks the word and hands it on") func piOwnerDied() throws {
    let h = try TaskHarness()
    let w = Words(1)
    let owner = h.thread { t in
      _ = errno { () throws(Errno) in
        try t.sys_futex(w.address(0), operation: F.FUTEX_LOCK_PI, value: 0, 0, 0, 0)
      }
      while w[0] & FutexWord.FUTEX_WAITERS == 0 { usleep(1000) }
      FutexTable.shared.ownerDied(UInt32(t.tid))
    }
    while w[0] == 0 { usleep(1000) }
    #expect(
      errno { () throws(Errno) in
        try h.main.sys_futex(w.address(0), operation: F.FUTEX_LOCK_PI, value: 0, 0, 0, 0)
      } == 0)
    owner.join()
    #expect(w[0] == UInt32(h.main.tid) | FutexWord.FUTEX_OWNER_DIED)
  }
}
