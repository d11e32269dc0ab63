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

  init(_ value: UInt32) {
    if value < 0x80 {
      self = Self.ascii[Int(value)]
    } else if let scalar = Unicode.Scalar(value) {
      self.init(scalar.properties)
    } else {
      self = .other
    }
  }

  private init(_ properties: Unicode.Scalar.Properties) {
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
    case .decimalNumber, .letterNumber, .otherNumber: self = .number
    default: self = properties.isWhitespace ? .space : .other
    }
  }

  private static let ascii: [ScalarClass] = (0..<128).map { value in
    let scalar = Unicode.Scalar(UInt8(value))
    return scalar == "\r" || scalar == "\n" ? .newline : ScalarClass(scalar.properties)
  }
}

extension Unicode.Scalar {
  /// `\w` of a Unicode regular expression: letters, marks, decimal digits, connectors, joiners.
  var isWordScalar: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
    default: properties.isAlphabetic || properties.isJoinControl
    }
  }
}
