/// The one error of everything that comes from outside: files, configurations, token ids, text, environment.
///
/// It says what is wrong, where (a file, a byte offset, a field), and what to do about it.
public struct InputError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The class of the fault, for programs that react to it.
  public enum Kind: String, Sendable, CaseIterable {
    case truncated, badMagic, badVersion, tooLarge, badUTF8, badJSON, duplicate, missing, wrongType, badValue
    case unknownDType, overflow, sizeMismatch, badOffset, trailing, pathEscape, notFound, inconsistent
    case unsupported, badChecksum, budget, io, nonFinite
  }

  /// The class of the fault.
  public var kind: Kind
  /// What is wrong, in one sentence.
  public var what: String
  /// Where it is: a file, a byte offset, a field; outermost first.
  public var place: String
  /// What the reader of the message can do.
  public var advice: String

  /// Creates an error.
  public init(_ kind: Kind, _ what: String, at place: String = "", advice: String = "") {
    (self.kind, self.what, self.place, self.advice) = (kind, what, place, advice)
  }

  /// The same error, found inside `outer` (the file that holds the field, say).
  public func inside(_ outer: String) -> InputError {
    InputError(kind, what, at: place.isEmpty ? outer : "\(outer): \(place)", advice: advice)
  }

  /// Place, fault, kind and advice in one line.
  public var description: String {
    (place.isEmpty ? "" : "\(place): ") + what + " [\(kind.rawValue)]" + (advice.isEmpty ? "" : ". \(advice)")
  }
}
