import LinuxABI

/// Credentials after execve(2): set-user-ID and set-group-ID files, capabilities (capabilities(7), "Transformation of
/// capabilities during execve()").
extension Credentials {
  /// `mode`, `owner` and `group` of the file that is executed.
  func executed(mode: UInt32, owner: UInt32, group: UInt32, noNewPrivileges: Bool) -> Credentials {
    var new = self
    if !noNewPrivileges {
      if mode & FileMode.S_ISUID != 0 { new.effectiveUser = owner }
      // Set-group-ID without group execute meant mandatory locking.
      if mode & FileMode.S_ISGID != 0, mode & 0o010 != 0 { new.effectiveGroup = group }
    }
    new.savedUser = new.effectiveUser
    new.savedGroup = new.effectiveGroup
    new.fileSystemUser = new.effectiveUser
    new.fileSystemGroup = new.effectiveGroup
    new.keepsCapabilities = false
    let changed = new.effectiveUser != effectiveUser || new.effectiveGroup != effectiveGroup
    if changed { new.capabilities.ambient = 0 }
    // Root gets what the bounding set leaves; others keep ambient capabilities only.
    if new.effectiveUser == 0 || new.realUser == 0 {
      new.capabilities.permitted = new.capabilities.inheritable | new.capabilities.bounding
      new.capabilities.effective =
        new.effectiveUser == 0 ? new.capabilities.permitted : new.capabilities.ambient
    } else {
      new.capabilities.permitted = new.capabilities.ambient
      new.capabilities.effective = new.capabilities.ambient
    }
    return new
  }
}
