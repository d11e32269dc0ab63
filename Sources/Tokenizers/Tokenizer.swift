public import Formats

/// Text to token ids and back.
///
/// Token ids are plain numbers in `0..<vocabularySize`; an id in that range need not have a token, because
/// vocabularies with holes exist. Texts, tokens and ids are data from outside: what is wrong with them is thrown as an
/// `InputError`, and never stops the process.
public protocol Tokenizer: Sendable {
  /// One more than the greatest token id.
  var vocabularySize: Int { get }

  /// The ids of a text.
  ///
  /// Special tokens that are written in the text itself become their ids in any case.
  /// - Parameters:
  ///   - text: Any text, also an empty one.
  ///   - addingSpecialTokens: Whether to add what the tokenizer puts around a text, such as a token for its beginning.
  /// - Throws: `InputError` of kind `badValue` where the text has a character that no token stands for.
  func encode(_ text: String, addingSpecialTokens: Bool) throws(InputError) -> [Int]

  /// The text of some ids: what their detokenizer gives, in one piece.
  ///
  /// - Parameters:
  ///   - ids: Any number of ids, also none.
  ///   - skippingSpecialTokens: Whether special tokens are left out.
  /// - Throws: `InputError` of kind `badValue` where an id has no token.
  func decode(_ ids: [Int], skippingSpecialTokens: Bool) throws(InputError) -> String

  /// The id of a token, written as the vocabulary writes it; `nil` if there is none.
  ///
  /// Tokens are compared by their bytes: a letter with an accent is not the same token as the letter and the accent.
  func id(of token: String) -> Int?

  /// The token of an id, as the vocabulary writes it (`Ġthe`, `▁the`, `<0x0A>`); `nil` if there is none.
  func token(of id: Int) -> String?

  /// A new detokenizer, which turns ids into text one at a time.
  ///
  /// - Parameter skippingSpecialTokens: Whether special tokens are left out.
  func makeDetokenizer(skippingSpecialTokens: Bool) -> Detokenizer
}

extension Tokenizer {
  /// The ids of a text, together with the special tokens that the tokenizer puts around a text.
  ///
  /// - Throws: `InputError` of kind `badValue` where the text has a character that no token stands for.
  public func encode(_ text: String) throws(InputError) -> [Int] {
    try encode(text, addingSpecialTokens: true)
  }

  /// The text of some ids, special tokens included.
  ///
  /// - Throws: `InputError` of kind `badValue` where an id has no token.
  public func decode(_ ids: [Int]) throws(InputError) -> String {
    try decode(ids, skippingSpecialTokens: false)
  }

  /// The text of some ids: what their detokenizer gives, in one piece.
  ///
  /// - Throws: `InputError` of kind `badValue` where an id has no token.
  public func decode(_ ids: [Int], skippingSpecialTokens: Bool) throws(InputError) -> String {
    var detokenizer = makeDetokenizer(skippingSpecialTokens: skippingSpecialTokens)
    return try detokenizer.text(of: ids)
  }

  /// A new detokenizer, special tokens included.
  public func makeDetokenizer() -> Detokenizer {
    makeDetokenizer(skippingSpecialTokens: false)
  }
}
