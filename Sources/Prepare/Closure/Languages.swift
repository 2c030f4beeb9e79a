import Glibc
import HostRuntime

/// What programs find at run time without naming it in their ELF headers.
extension Closure {
  /// Library trees of interpreters, by the name of the program.
  func languages(_ path: String) throws(HostError) {
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    let folder = String(path.dropLast(name.utf8.count + 1))
    if name.hasPrefix("python3") || name.hasPrefix("libpython3") {
      var version = name.hasPrefix("lib") ? name.dropFirst(9) : name.dropFirst(6)
      if let so = version.range(of: ".so") { version = version[..<so.lowerBound] }
      guard version.contains(".") else { return }
      for tree in [
        "/usr/lib/python\(version)", "/usr/lib/python3", "/usr/local/lib/python\(version)",
        folder + "/../lib/python\(version)",
      ] { try addIfPresent(tree, reason: "Python's libraries (\(path))") }
      try addIfPresent(folder + "/../pyvenv.cfg", reason: "Python's environment (\(path))")
    } else if name == "perl" || name.hasPrefix("perl5.") {
      for tree in [
        "/etc/perl", "/usr/share/perl5", "/usr/share/perl", "/usr/lib/x86_64-linux-gnu/perl",
        "/usr/lib/x86_64-linux-gnu/perl5", "/usr/lib/x86_64-linux-gnu/perl-base",
      ] { try addIfPresent(tree, reason: "Perl's libraries (\(path))") }
      for entry in names(in: Array("/usr/share/perl".utf8)) ?? [] {
        try addIfPresent("/usr/share/perl/" + text(entry), reason: "Perl's libraries (\(path))")
      }
      for tree in ["perl", "perl5"] {
        let base = "/usr/lib/x86_64-linux-gnu/" + tree
        for entry in names(in: Array(base.utf8)) ?? [] {
          try addIfPresent(base + "/" + text(entry), reason: "Perl's libraries (\(path))")
        }
      }
    } else if name == "java", folder.hasSuffix("/bin") {
      let home = String(folder.dropLast(4))
      try addIfPresent(home, reason: "Java's libraries (\(path))")
      // Debian keeps the configuration of a JVM in /etc, with links from its home.
      if let jvm = home.split(separator: "/").last {
        let parts = jvm.split(separator: "-")
        if parts.count >= 2 {
          try addIfPresent("/etc/java-\(parts[1])-openjdk", reason: "Java's configuration")
        }
      }
      try addIfPresent("/etc/ssl/certs/java", reason: "Java's certificates")
    }
  }

  /// After everything else: NSS, gconv, locales, certificates, terminals, and the files of /etc that a program
  /// expects, made up so that nothing of this machine gets in.
  public func addRuntimeFiles(
    environment: [String: String], uid: UInt32, gid: UInt32, usesNetwork: Bool
  ) throws(HostError) {
    let libraries = "/usr/lib/x86_64-linux-gnu"
    if hasLibc {
      if usesNames {
        for service in ["files", "dns", "compat"] {
          try addIfPresent(
            "\(libraries)/libnss_\(service).so.2", reason: "NSS module (dlopen by libc)")
        }
      }
      if usesIconv {
        try addIfPresent("\(libraries)/gconv", reason: "character sets (dlopen by iconv)")
      }
      for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
        guard let locale = environment[name], !["", "C", "POSIX"].contains(locale) else { continue }
        let folder = "/usr/lib/locale/" + locale.replacingUTF8Spelling
        try addIfPresent(folder, reason: "locale \(locale) (\(name))")
        if !["C.UTF-8", "C.utf8"].contains(locale) {
          try addIfPresent("/usr/lib/locale/locale-archive", reason: "locale \(locale) (\(name))")
        }
      }
      if environment["TZ"] != nil { try addIfPresent("/usr/share/zoneinfo", reason: "TZ is set") }
      if usesLibraryCache {
        try addIfPresent("/etc/ld.so.cache", reason: "libraries outside of the usual folders")
      }
    }
    if files.reasons.keys.contains(where: {
      $0.contains("/libssl.so") || $0.contains("/libgnutls.so")
    }) {
      for path in ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/openssl.cnf", "/usr/lib/ssl"] {
        try addIfPresent(path, reason: "certificates (TLS library)")
      }
    }
    if files.reasons.keys.contains(where: { $0.contains("/libtinfo.so") }) {
      for entry in ["d/dumb", "l/linux", "v/vt100", "x/xterm", "x/xterm-256color", "s/screen"] {
        try addIfPresent("/lib/terminfo/" + entry, reason: "terminal descriptions (libtinfo)")
      }
    }
    try add(
      "/",
      made: [
        ("etc/passwd", passwd(uid, gid)), ("etc/group", group(gid)),
        ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n"),
        ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
      ])
    if usesNetwork {
      try addIfPresent("/etc/services", reason: "names of ports")
    }
    for folder in ["/tmp", "/proc", "/sys", "/dev", "/root", "/var/tmp", "/run"] {
      let guest = Array(folder.utf8)
      let isOpen = folder.hasSuffix("tmp")
      if !files.contains(guest) { files.addDirectory(guest, mode: isOpen ? 0o1777 : 0o755) }
    }
    try drain()
  }

  private func add(_ root: String, made: [(path: String, content: String)]) throws(HostError) {
    for (path, content) in made where !files.contains(Array((root + path).utf8)) {
      files.add(
        bytes: Array(content.utf8), at: Array((root + path).utf8),
        reason: "made by prepare, nothing of this machine in it")
    }
  }

  private func passwd(_ uid: UInt32, _ gid: UInt32) -> String {
    var out = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    if uid != 0, uid != 65534 { out += "user:x:\(uid):\(gid):user:/:/bin/sh\n" }
    return out
  }
  private func group(_ gid: UInt32) -> String {
    var out = "root:x:0:\nnogroup:x:65534:\n"
    if gid != 0, gid != 65534 { out += "user:x:\(gid):\n" }
    return out
  }
}

extension String {
  /// `de_DE.UTF-8` is `de_DE.utf8` in /usr/lib/locale.
  var replacingUTF8Spelling: String {
    hasSuffix(".UTF-8") ? dropLast(6) + ".utf8" : self
  }
  /// Where another string first occurs.
  func range(of other: String) -> Range<String.Index>? { self[...].range(of: other) }
}

extension Substring {
  func range(of other: String) -> Range<String.Index>? {
    var at = startIndex
    while at < endIndex {
      if self[at...].hasPrefix(other) { return at..<index(at, offsetBy: other.count) }
      at = index(after: at)
    }
    return nil
  }
}
