import Formats

/// A token for each whole piece that is in the vocabulary, and one for all others.
struct WordLevelModel: Sendable {
  let vocabulary: Vocabulary
  private let unknownID: Int32

  init(_ vocabulary: Vocabulary, unknown: [UInt8]) {
    (self.vocabulary, unknownID) = (vocabulary, vocabulary.id(of: unknown))
  }

  func appendTokens(
    of text: [UInt8], _ start: Int, _ end: Int, to tokens: inout [PieceToken]
  ) throws(InputError) {
    let known = vocabulary.id(of: text, start, end)
    let id = known >= 0 ? known : unknownID
    guard id >= 0 else { throw unknownText(text[start..<end]) }
    tokens.append(PieceToken(id: id, start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end)))
  }
}

extension WordLevelModel {
  /// Reads a `WordLevel` of a `tokenizer.json`.
  init(_ field: JSONField) throws(InputError) {
    try field.allowOnly(["type", "vocab", "unk_token"])
    self.init(
      try Vocabulary(try field.required("vocab")), unknown: try field.required("unk_token").jsonString().utf8)
  }
}
