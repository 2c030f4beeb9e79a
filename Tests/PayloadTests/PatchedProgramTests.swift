import Foundation
import PayloadFormat
import Testing

@testable import Payload

/// The rewriting, run by the processor: programs and libraries with every site moved into a stub that
/// executes the same instruction, natively, must behave as the originals do.
@Suite("Sites: patched programs run", .serialized)
struct PatchedProgramTests {
  /// Writes the patched copy; nil when the file does not exist here.
  private func patch(_ path: String, as name: String) throws -> String? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    let a = try SiteAnalysis(path: path)
    let patched = try #require(PatchedELF([UInt8](data), a.sites, style: .native))
    let folder = Toolbox.folder + "/run"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let out = folder + "/" + name
    try Data(patched.bytes).write(to: URL(fileURLWithPath: out))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: out)
    return out
  }

  private func compare(_ patched: [String], _ original: [String]) {
    let a = Toolbox.run(patched[0], [String](patched.dropFirst()))
    let b = Toolbox.run(original[0], [String](original.dropFirst()))
    #expect(a.status == b.status)
    #expect(a.text == b.text)
    #expect(!b.text.isEmpty)
  }

  @Test("static Go with goroutines and timers, with symbols and without")
  func go() throws {
    for flags in [[], ["-ldflags=-s -w"]] {
      let name = flags.isEmpty ? "gorun" : "gorunstripped"
      guard let path = Toolbox.go(SiteRewritingTests.goSource, name: name, flags: flags),
        let copy = try patch(path, as: name)
      else { return }
      compare([copy], [path])
    }
  }

  @Test("busybox: sh, pipes, sort, sha256sum, awk, gzip")
  func busybox() throws {
    guard let copy = try patch("/usr/bin/busybox", as: "busybox") else { return }
    let script = """
      B="$0"; for i in 3 1 2; do echo "line $i"; done | $B sort | $B sha256sum;
      $B seq 1 2000 | $B awk '{s+=$1} END {print s}'; $B seq 1 500 | $B gzip | $B gunzip | $B md5sum;
      $B ls / | $B wc -l; ( exit 7 ); echo $?; $B sleep 0.01 & wait; echo done
      """
    compare(
      [copy, "sh", "-c", script, copy],
      ["/usr/bin/busybox", "sh", "-c", script, "/usr/bin/busybox"])
  }

  @Test("glibc and its loader: Python with threads, processes, files, sockets and signals")
  func glibc() throws {
    let program = """
      import threading, subprocess, os, socket, signal, tempfile, time, select
      q = []
      ts = [threading.Thread(target=lambda i=i: (time.sleep(0.001), q.append(i))) for i in range(20)]
      [t.start() for t in ts]; [t.join() for t in ts]; print(sorted(q))
      print(subprocess.run(['/bin/echo', 'child'], capture_output=True).stdout)
      r, w = os.pipe()
      if os.fork() == 0: os.write(w, b'forked'); os._exit(3)
      print(os.wait()[1] >> 8, os.read(r, 10))
      a, b = socket.socketpair(); a.send(b'x' * 1000); print(len(b.recv(2000)))
      got = []; signal.signal(signal.SIGUSR1, lambda s, f: got.append(s)); os.kill(os.getpid(), 10); print(got)
      signal.signal(signal.SIGALRM, lambda s, f: got.append(s)); signal.setitimer(signal.ITIMER_REAL, 0.01)
      time.sleep(0.05); print(got)
      with tempfile.TemporaryFile() as f: f.write(b'z' * 100000); f.seek(5); print(len(f.read()))
      print(os.stat('/').st_ino, os.uname().sysname, sorted(os.listdir('/usr'))[:3], select.select([r],[],[],0))
      """
    guard FileManager.default.fileExists(atPath: "/usr/bin/python3"),
      let libc = try patch("/lib/x86_64-linux-gnu/libc.so.6", as: "libc.so.6"),
      let loader = try patch("/lib64/ld-linux-x86-64.so.2", as: "ld-patched.so")
    else { return }
    let folder = String(libc.dropLast("/libc.so.6".count))
    compare(
      [loader, "--library-path", folder, "/usr/bin/python3", "-I", "-c", program],
      ["/usr/bin/python3", "-I", "-c", program])
  }

  // Not cancellation: musl's handler compares the interrupted RIP with labels around its SYSCALL, and only
  // the enclave's kernel shows it the original address instead of the stub's.
  @Test("musl: threads, files, vfork")
  func musl() throws {
    let source = """
      #include <pthread.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <unistd.h>
      #include <sys/wait.h>
      #include <spawn.h>
      static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER; static int n;
      static void *add(void *x) { for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&m); n++; pthread_mutex_unlock(&m); } return x; }
      int main(void) {
        pthread_t t[4]; int p[2]; char b[8] = "";
        for (int i = 0; i < 4; i++) pthread_create(t + i, 0, add, 0);
        for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
        printf("%d\\n", n); pipe(p); fflush(stdout);
        pid_t c; char *a[] = {"true", 0}; int s = -1;
        printf("%d\\n", posix_spawn(&c, "/bin/true", 0, 0, a, 0)); waitpid(c, &s, 0); printf("%d\\n", s);
        if (!fork()) { write(p[1], "hi", 2); _exit(5); } wait(&s); read(p[0], b, 2);
        printf("%d %s\\n", WEXITSTATUS(s), b); return system("exit 4") >> 8;
      }
      """
    guard
      let path = Toolbox.compile(
        source, name: "muslstatic", arguments: ["-xc", "-w", "-O2", "-static"], with: "musl-gcc"),
      let copy = try patch(path, as: "muslstatic")
    else { return }
    let a = Toolbox.run(copy, [])
    #expect(a.status == 4)
    #expect(a.text == "4000\n0\n0\n5 hi\n")
    compare([copy], [path])
  }
}
