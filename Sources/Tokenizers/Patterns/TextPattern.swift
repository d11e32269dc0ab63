/// What is looked for in a text, to be cut at or replaced.
enum TextPattern: Sendable {
  /// A string, which is not empty.
  case literal([UInt8])
  /// One of the known word patterns.
  case words(WordPattern)
  case expression(RegularExpression)
  /// Each white-space scalar alone.
  case whitespace
  /// Each scalar of punctuation alone.
  case punctuation
  /// Each numeric scalar alone.
  case numeric
  /// Runs of word characters, and runs of others that are no white space.
  case wordRuns

  /// The least number of bytes that it finds at once.
  var leastLength: Int {
    if case .literal(let literal) = self { literal.count } else { 1 }
  }

  /// Calls `body` with what is found at `start..<end` of a text: leftmost first, without overlaps, never empty.
  @inline(__always)
  func forEachMatch(in text: [UInt8], _ start: Int, _ end: Int, _ body: (_ start: Int, _ end: Int) -> Void) {
    switch self {
    case .literal(let literal):
      guard let first = literal.first else { return }
      var index = start
      while index < end {
        if text[index] == first && text.holds(literal, at: index, before: end) {
          body(index, index + literal.count)
          index += literal.count
        } else {
          index += 1
        }
      }
    case .words(let pattern):
      var index = start
      while index < end {
        let next = pattern.wordEnd(in: text, from: index, before: end)
        body(index, next)
        index = next
      }
    case .expression(let expression): expression.forEachMatch(in: text, start, end, body)
    case .whitespace: Self.forEachScalar(in: text, start, end, UnicodeData.whitespace, body)
    case .punctuation: Self.forEachScalar(in: text, start, end, UnicodeData.punctuation, body)
    case .numeric: Self.forEachScalar(in: text, start, end, UnicodeData.numeric, body)
    case .wordRuns: Self.forEachRun(in: text, start, end, body)
    }
  }

  private static func forEachScalar(
    in text: [UInt8], _ start: Int, _ end: Int, _ set: ScalarTable, _ body: (Int, Int) -> Void
  ) {
    var index = start
    while index < end {
      let (value, next) = scalar(in: text, at: index, before: end)
      if set.contains(value) { body(index, next) }
      index = next
    }
  }

  private static func forEachRun(in text: [UInt8], _ start: Int, _ end: Int, _ body: (Int, Int) -> Void) {
    enum Kind { case word, space, other }
    let (words, whitespace) = (UnicodeData.words, UnicodeData.whitespace)
    var (index, runStart, runKind) = (start, start, Kind.space)
    while index < end {
      let (value, next) = scalar(in: text, at: index, before: end)
      let kind: Kind = words.contains(value) ? .word : whitespace.contains(value) ? .space : .other
      if kind != runKind {
        if runKind != .space { body(runStart, index) }
        (runStart, runKind) = (index, kind)
      }
      index = next
    }
    if runKind != .space { body(runStart, end) }
  }
}
