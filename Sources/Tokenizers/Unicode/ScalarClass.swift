/// The categories that the regular expressions of tokenizers distinguish, by the numbers of `UnicodeTables`.
enum UnicodeCategory: UInt8, Sendable, CaseIterable {
  case other
  case uppercase, lowercase, titlecase, modifierLetter, otherLetter
  case mark, digit, otherNumber, punctuation, symbol

  init(_ value: UInt32) {
    self = UnicodeCategory(rawValue: UnicodeData.categories[value]) ?? .other
  }
}

/// What the word patterns of tokenizers distinguish among Unicode scalars.
enum ScalarClass: UInt8, Sendable {
  /// `\p{L}`.
  case letter
  /// `\p{N}`.
  case number
  /// `\s`, except the next.
  case space
  /// A carriage return or a line feed; also `\s`.
  case newline
  /// Everything else: punctuation, symbols, marks, controls, unassigned scalars.
  case other

  var isSpace: Bool { self == .space || self == .newline }

  @inline(__always)
  init(_ value: UInt32) {
    self = value < 0x80 ? Self.ascii[Int(value)] : ScalarClass(tabulated: value)
  }

  private init(tabulated value: UInt32) {
    switch UnicodeCategory(value) {
    case .uppercase, .lowercase, .titlecase, .modifierLetter, .otherLetter: self = .letter
    case .digit, .otherNumber: self = .number
    default: self = UnicodeData.whitespace.contains(value) ? .space : .other
    }
  }

  private static let ascii: [ScalarClass] = (0..<128).map { value in
    value == 0x0A || value == 0x0D ? .newline : ScalarClass(tabulated: value)
  }
}
