import Formats

/// A token that is looked for in the text itself, before anything else.
struct AddedToken: Sendable {
  var content: [UInt8]
  var id: Int
  /// Only where no word character touches it.
  var isSingleWord = false
  /// Takes the white space before it.
  var stripsLeft = false
  /// Takes the white space after it.
  var stripsRight = false
  /// Is looked for in the normalized text, as its own normalized form.
  var isNormalized = false
  /// Is left out of decoded text on demand.
  var isSpecial = false
}

/// Finds added tokens in a text: the leftmost first and, among those that start together, the longest.
struct AddedTokenMatcher: Sendable {
  /// A stretch of text: an added token, or what lies between two.
  struct Segment: Equatable {
    var id: Int?
    var start: Int
    var end: Int
  }

  private let tokens: [AddedToken]
  private let matcher: LongestMatcher

  /// The longest token, in bytes.
  static let longestToken = 512

  /// The most added tokens that a file may hold.
  static let sizeLimit = 1 << 17

  /// The most bytes of all tokens together; they take 14 times as much memory.
  static let byteLimit = 1 << 20

  /// A matcher of tokens that are to be found as `patterns`, which are not empty. Of equal patterns the first counts.
  ///
  /// - Throws: `tooLarge` for a pattern that is too long, and for too many bytes of all patterns.
  init(_ tokens: [AddedToken], as patterns: [[UInt8]]) throws(InputError) {
    var byteCount = 0
    for pattern in patterns {
      guard pattern.count <= Self.longestToken else {
        throw InputError(.tooLarge, "The added token \(quoted(pattern)) is longer than \(Self.longestToken) bytes")
      }
      byteCount += pattern.count
    }
    guard byteCount <= Self.byteLimit else {
      throw InputError(.tooLarge, "The added tokens have more than \(Self.byteLimit) bytes together")
    }
    (self.tokens, matcher) = (tokens, LongestMatcher(patterns))
  }

  /// The text's segments, in order; none for an empty text. They are apart, but that white space which one token stripped
  /// may be in the next ones too. Takes time in proportion to the text.
  func segments(of text: [UInt8]) -> [Segment] {
    var (segments, segmentStart) = ([Segment](), 0)
    // White space that was looked through: a token may stand within what the one before it stripped.
    var spaces = 0..<0
    matcher.forEachMatch(in: text) { match, matchStart, matchEnd in
      let token = tokens[match]
      var (start, end) = (matchStart, matchEnd)
      if token.isSingleWord && (touchesWord(text, before: start) || touchesWord(text, after: end)) { return }
      if token.stripsLeft { start = max(segmentStart, spaceStart(text, before: start, notBefore: segmentStart)) }
      if token.stripsRight {
        if !spaces.contains(end) { spaces = end..<spaceEnd(text, after: end) }
        end = spaces.upperBound
      }
      // A token that strips right may have taken what this one consists of; as in the reference library, this one is there
      // nevertheless, and the text goes on after it.
      guard start <= end else { return }
      if segmentStart < start { segments.append(Segment(id: nil, start: segmentStart, end: start)) }
      if start < end { segments.append(Segment(id: token.id, start: start, end: end)) }
      segmentStart = end
    }
    if segmentStart < text.count { segments.append(Segment(id: nil, start: segmentStart, end: text.count)) }
    return segments
  }

  private func touchesWord(_ text: [UInt8], before index: Int) -> Bool {
    guard index > 0 else { return false }
    return isWord(text, at: scalarStart(in: text, endingAt: index, notBefore: 0))
  }

  private func touchesWord(_ text: [UInt8], after index: Int) -> Bool {
    index < text.count && isWord(text, at: index)
  }

  private func isWord(_ text: [UInt8], at index: Int) -> Bool {
    UnicodeData.words.contains(scalar(in: text, at: index, before: text.count).value)
  }

  private func spaceStart(_ text: [UInt8], before end: Int, notBefore start: Int) -> Int {
    var index = end
    while index > start {
      let previous = scalarStart(in: text, endingAt: index, notBefore: start)
      guard ScalarClass(scalar(in: text, at: previous, before: text.count).value).isSpace else { break }
      index = previous
    }
    return index
  }

  private func spaceEnd(_ text: [UInt8], after start: Int) -> Int {
    var index = start
    while index < text.count, case let (value, next) = scalar(in: text, at: index, before: text.count),
      ScalarClass(value).isSpace
    {
      index = next
    }
    return index
  }
}
