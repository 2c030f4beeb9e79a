import Foundation
import SwiftASN1
import X509

/// What the libraries below throw, in the few words that a person needs.
public enum PlainWords {
  public static func of(_ error: any Error) -> String {
    switch error {
    case let error as FormatError: return error.description
    case let error as ASN1Error: return "not DER as it should be, \(error.code)"
    case let error as CertificateError: return "\(error.code)"
    default: return system(error)
    }
  }

  /// `strerror(3)` of the error number beneath, where there is one.
  private static func system(_ error: any Error) -> String {
    let error = error as NSError
    for candidate in [error, error.userInfo[NSUnderlyingErrorKey] as? NSError] {
      if let candidate, candidate.domain == NSPOSIXErrorDomain {
        return String(cString: strerror(Int32(candidate.code)))
      }
    }
    return error.localizedDescription
  }
}
