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
  struct Segment {
    var id: Int?
    var start: Int
    var end: Int
  }

  /// The positions in `tokens`, by what they are to be found as.
  private var trie = ByteTrie(expectedCount: 64)
  private var tokens: [AddedToken] = []
  private var firstBytes = [Bool](repeating: false, count: 256)

  /// The longest token, in bytes; it bounds the time that a text takes.
  static let longestToken = 512

  /// The most added tokens that a file may hold.
  static let sizeLimit = 1 << 17

  /// Adds a token that is to be found as `pattern`, which is not empty. Of equal patterns the first stays.
  mutating func add(_ token: AddedToken, as pattern: [UInt8]) throws(InputError) {
    guard pattern.count <= Self.longestToken else {
      throw InputError(.tooLarge, "The added token \(quoted(pattern)) is longer than \(Self.longestToken) bytes")
    }
    guard let first = pattern.first else { return }
    firstBytes[Int(first)] = true
    if let node = trie.node(of: pattern), trie.id(at: node) >= 0 { return }
    trie.add(pattern, id: Int32(truncatingIfNeeded: tokens.count))
    tokens.append(token)
    do throws(InputError) { try trie.checkSize(tokenCount: tokens.count) } catch { throw error.inside("added_tokens") }
  }

  /// The text's segments, in order; none for an empty text. They are apart, but that white space which one token stripped
  /// may be in the next ones too.
  func segments(of text: [UInt8]) -> [Segment] {
    var (segments, index, segmentStart) = ([Segment](), 0, 0)
    while index < text.count && !tokens.isEmpty {
      guard firstBytes[Int(text[index])], let (token, matchEnd) = longestMatch(in: text, at: index) else {
        index += 1
        continue
      }
      var (start, end) = (index, matchEnd)
      index = matchEnd
      if token.isSingleWord && (touchesWord(text, before: start) || touchesWord(text, after: end)) { continue }
      if token.stripsLeft { start = max(segmentStart, spaceStart(text, before: start, notBefore: segmentStart)) }
      if token.stripsRight { end = spaceEnd(text, after: end) }
      // A token that strips right may have taken what this one consists of; as in the reference library, this one is there
      // nevertheless, and the text goes on after it.
      guard start <= end else { continue }
      if segmentStart < start { segments.append(Segment(id: nil, start: segmentStart, end: start)) }
      if start < end { segments.append(Segment(id: token.id, start: start, end: end)) }
      segmentStart = end
    }
    if segmentStart < text.count { segments.append(Segment(id: nil, start: segmentStart, end: text.count)) }
    return segments
  }

  private func longestMatch(in text: [UInt8], at start: Int) -> (AddedToken, end: Int)? {
    var (node, index, best) = (ByteTrie.root, start, (AddedToken, end: Int)?.none)
    while index < text.count, let child = trie.child(of: node, text[index]) {
      (node, index) = (child, index + 1)
      if case let token = Int(trie.id(at: node)), token >= 0 { best = (tokens[token], index) }
    }
    return best
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
