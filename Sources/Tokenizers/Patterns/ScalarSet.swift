/// A set of Unicode scalars as regular expressions write it.
struct ScalarSet: Sendable {
  indirect enum Part: Sendable {
    case range(ClosedRange<UInt32>)
    case categories(Set<UnicodeCategory>)
    case whitespace
    case words
    case han
    case set(ScalarSet)
  }

  private var parts: [Part] = []
  private var isNegated = false
  private var ascii: (UInt64, UInt64) = (0, 0)

  init(_ parts: [Part], isNegated: Bool = false) {
    (self.parts, self.isNegated) = (parts, isNegated)
    for value in UInt32(0)..<64 {
      if holds(value) { ascii.0 |= 1 << UInt64(value) }
      if holds(value + 64) { ascii.1 |= 1 << UInt64(value) }
    }
  }

  /// The set of what is not in this one.
  var negated: ScalarSet { ScalarSet(parts, isNegated: !isNegated) }

  @inline(__always)
  func contains(_ value: UInt32) -> Bool {
    if value < 64 { return ascii.0 >> UInt64(value) & 1 == 1 }
    if value < 128 { return ascii.1 >> UInt64(value - 64) & 1 == 1 }
    return holds(value)
  }

  /// Whether it is known to hold nothing beyond ASCII.
  var isASCII: Bool {
    !isNegated && parts.allSatisfy { if case .range(let range) = $0 { range.upperBound < 0x80 } else { false } }
  }

  private func holds(_ value: UInt32) -> Bool {
    parts.contains { part in
      switch part {
      case .range(let range): range.contains(value)
      case .categories(let categories): categories.contains(UnicodeCategory(value))
      case .whitespace: UnicodeData.whitespace.contains(value)
      case .words: UnicodeData.bracketWords.contains(value)
      case .han: UnicodeData.han.contains(value)
      case .set(let set): set.contains(value)
      }
    } != isNegated
  }

  /// Any scalar but a line feed: what a dot stands for.
  static let dot = ScalarSet([.range(0x0A...0x0A)], isNegated: true)

  /// The set of a property's name in `\p{...}`, of those that are known.
  init?(property name: String) {
    let letters: Set<UnicodeCategory> = [.uppercase, .lowercase, .titlecase, .modifierLetter, .otherLetter]
    let categories: [String: Set<UnicodeCategory>] = [
      "L": letters, "Letter": letters, "Lu": [.uppercase], "Ll": [.lowercase], "Lt": [.titlecase],
      "Lm": [.modifierLetter], "Lo": [.otherLetter], "M": [.mark], "N": [.digit, .otherNumber], "Nd": [.digit],
      "P": [.punctuation], "S": [.symbol],
    ]
    if name == "Han" {
      self.init([.han])
    } else if let found = categories[name] {
      self.init([.categories(found)])
    } else {
      return nil
    }
  }

  /// The set of a letter after a backslash; nil if it stands for none.
  ///
  /// - Parameter inBrackets: Whether it stands within brackets; outside, some numbers of Latin-1 are word characters too.
  init?(escape letter: Unicode.Scalar, inBrackets: Bool) {
    let words: [Part] = inBrackets ? [.words] : [.words, .range(0xB2...0xB3), .range(0xB9...0xB9), .range(0xBC...0xBE)]
    switch letter {
    case "s": self.init([.whitespace])
    case "S": self.init([.whitespace], isNegated: true)
    case "d": self.init([.categories([.digit])])
    case "D": self.init([.categories([.digit])], isNegated: true)
    case "w": self.init(words)
    case "W": self.init(words, isNegated: true)
    default: return nil
    }
  }

  /// The set of one scalar, and of those that differ from it by case alone.
  init(_ value: UInt32, foldingCase: Bool) {
    var values = [value]
    if foldingCase, value < 0x80, let letter = Unicode.Scalar(value), letter.properties.isAlphabetic {
      values = [value | 0x20, value & ~0x20]
      if letter == "s" || letter == "S" { values.append(0x17F) }  // the long s
      if letter == "k" || letter == "K" { values.append(0x212A) }  // the Kelvin sign
    }
    self.init(values.map { .range($0...$0) })
  }
}
