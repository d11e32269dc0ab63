import Formats

/// WordPiece: of each word the longest token that it starts with, then the longest that goes on from there.
///
/// Schuster and Nakajima, "Japanese and Korean voice search" (2012), as BERT uses it.
struct WordPieceModel: Sendable {
  let vocabulary: Vocabulary
  private let unknownID: Int32
  private let longestWord: Int
  private let trie: ByteTrie
  private let continuation: ByteTrie.Node?

  /// The longest token, in bytes; it bounds the time that a text takes.
  static let longestToken = 8192

  /// - Parameters:
  ///   - prefix: What tokens start with that go on within a word.
  ///   - longestWord: The most scalars of a word; a longer one is unknown.
  init(_ vocabulary: Vocabulary, unknown: [UInt8], prefix: [UInt8], longestWord: Int) throws(InputError) {
    (self.vocabulary, unknownID, self.longestWord) = (vocabulary, vocabulary.id(of: unknown), longestWord)
    trie = try vocabulary.trie(ofTokensUpTo: Self.longestToken)
    continuation = trie.node(of: prefix)
  }

  func appendTokens(
    of text: [UInt8], _ start: Int, _ end: Int, to tokens: inout [PieceToken]
  ) throws(InputError) {
    let mark = tokens.count
    var index = start
    var isKnown = end - start <= longestWord || scalarCount(of: text[start..<end]) <= longestWord
    while isKnown && index < end {
      guard let (id, next) = longestToken(in: text, index, end, isFirst: index == start) else {
        isKnown = false
        break
      }
      tokens.append(PieceToken(id: id, start: Int32(truncatingIfNeeded: index), end: Int32(truncatingIfNeeded: next)))
      index = next
    }
    guard !isKnown else { return }
    guard unknownID >= 0 else { throw unknownText(text[start..<end]) }
    tokens.removeSubrange(mark...)
    tokens.append(
      PieceToken(id: unknownID, start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end)))
  }

  private func longestToken(in text: [UInt8], _ start: Int, _ end: Int, isFirst: Bool) -> (Int32, end: Int)? {
    guard var node = isFirst ? ByteTrie.root : continuation else { return nil }
    var (index, best) = (start, (Int32, end: Int)?.none)
    while index < end, let child = trie.child(of: node, text[index]) {
      (node, index) = (child, index + 1)
      let id = trie.id(at: node)
      if id >= 0 { best = (id, index) }
    }
    return best
  }
}

/// The number of scalars of a text.
func scalarCount(of text: ArraySlice<UInt8>) -> Int {
  text.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
}

extension WordPieceModel {
  /// Reads a `WordPiece` of a `tokenizer.json`.
  init(_ field: JSONField) throws(InputError) {
    try field.allowOnly(["type", "vocab", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word"])
    try self.init(
      try Vocabulary(try field.required("vocab")), unknown: try field.required("unk_token").jsonString().utf8,
      prefix: try field.required("continuing_subword_prefix").text(0...512),
      longestWord: try field.required("max_input_chars_per_word").int(in: 0...Int.max))
  }
}
