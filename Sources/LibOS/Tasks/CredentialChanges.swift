import LinuxABI

/// The rules of credentials(7) for changing user and group ids. -1 (.max) leaves one as it is.
extension Credentials {
  private var maySetUsers: Bool { capabilities.has(CapabilitySets.CAP_SETUID) }
  private var maySetGroups: Bool { capabilities.has(CapabilitySets.CAP_SETGID) }

  /// setuid(2)
  mutating func setUser(_ id: UInt32) throws(Errno) {
    guard id != .max else { throw .EINVAL }
    let before = self
    if maySetUsers {
      realUser = id
      savedUser = id
    } else if id != realUser, id != savedUser {
      throw .EPERM
    }
    effectiveUser = id
    fileSystemUser = id
    usersChanged(before)
  }

  mutating func setGroup(_ id: UInt32) throws(Errno) {
    guard id != .max else { throw .EINVAL }
    if maySetGroups {
      realGroup = id
      savedGroup = id
    } else if id != realGroup, id != savedGroup {
      throw .EPERM
    }
    effectiveGroup = id
    fileSystemGroup = id
  }

  /// setreuid(2): the saved id follows when the real one is set or the effective one leaves it.
  mutating func setUsers(real: UInt32, effective: UInt32) throws(Errno) {
    let before = self
    if real != .max {
      guard maySetUsers || real == realUser || real == effectiveUser else { throw .EPERM }
      realUser = real
    }
    if effective != .max {
      guard
        maySetUsers || effective == before.realUser || effective == before.effectiveUser
          || effective == before.savedUser
      else { throw .EPERM }
      effectiveUser = effective
    }
    if real != .max || (effective != .max && effective != before.realUser) {
      savedUser = effectiveUser
    }
    fileSystemUser = effectiveUser
    usersChanged(before)
  }

  mutating func setGroups(real: UInt32, effective: UInt32) throws(Errno) {
    let before = self
    if real != .max {
      guard maySetGroups || real == realGroup || real == effectiveGroup else { throw .EPERM }
      realGroup = real
    }
    if effective != .max {
      guard
        maySetGroups || effective == before.realGroup || effective == before.effectiveGroup
          || effective == before.savedGroup
      else { throw .EPERM }
      effectiveGroup = effective
    }
    if real != .max || (effective != .max && effective != before.realGroup) {
      savedGroup = effectiveGroup
    }
    fileSystemGroup = effectiveGroup
  }

  /// setresuid(2)
  mutating func setUsers(real: UInt32, effective: UInt32, saved: UInt32) throws(Errno) {
    let before = self
    if !maySetUsers {
      for id in [real, effective, saved] where id != .max {
        guard id == before.realUser || id == before.effectiveUser || id == before.savedUser else {
          throw .EPERM
        }
      }
    }
    if real != .max { realUser = real }
    if effective != .max { effectiveUser = effective }
    if saved != .max { savedUser = saved }
    fileSystemUser = effectiveUser
    usersChanged(before)
  }

  mutating func setGroups(real: UInt32, effective: UInt32, saved: UInt32) throws(Errno) {
    let before = self
    if !maySetGroups {
      for id in [real, effective, saved] where id != .max {
        guard id == before.realGroup || id == before.effectiveGroup || id == before.savedGroup
        else {
          throw .EPERM
        }
      }
    }
    if real != .max { realGroup = real }
    if effective != .max { effectiveGroup = effective }
    if saved != .max { savedGroup = saved }
    fileSystemGroup = effectiveGroup
  }

  /// capabilities(7), "Effect of user ID changes on capabilities".
  private mutating func usersChanged(_ before: Credentials) {
    let hadRoot = before.realUser == 0 || before.effectiveUser == 0 || before.savedUser == 0
    if hadRoot, realUser != 0, effectiveUser != 0, savedUser != 0 {
      if !keepsCapabilities { capabilities.permitted = 0 }
      capabilities.effective = 0
      capabilities.ambient = 0
    }
    if before.effectiveUser == 0, effectiveUser != 0 { capabilities.effective = 0 }
    if before.effectiveUser != 0, effectiveUser == 0 {
      capabilities.effective = capabilities.permitted
    }
  }
}
