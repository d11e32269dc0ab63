public import Formats

/// One token per character of one's own text: the smallest tokenizer, for models that are trained from nothing.
///
/// A character is a Unicode scalar, so that a letter with an accent may be two. Ids follow the order of the scalars.
public struct CharacterTokenizer: Tokenizer {
  private let vocabulary: Vocabulary

  /// The tokenizer of the characters that occur in `text`.
  ///
  /// - Throws: `InputError` of kind `badValue` for an empty text.
  public init(charactersOf text: String) throws(InputError) {
    try self.init(sorted: Set(text.unicodeScalars).sorted())
  }

  /// Reads what `fileContents` gives.
  ///
  /// - Throws: `InputError`: `badJSON` and its kin, `missing`, `wrongType`; `unsupported` for another type of tokenizer,
  ///   `badVersion` for another version; `badValue` where the characters are none, or not in strictly rising order.
  public init(fileContents bytes: [UInt8]) throws(InputError) {
    let root = try JSONField(parsing: bytes)
    let type = try root.required("type")
    guard try type.string() == Self.typeName else { throw root.unsupportedType(try type.string()) }
    let version = try root.required("version")
    guard try version.int() == Self.version else {
      throw version.error(.badVersion, "is \(try version.int()), but only \(Self.version) is known")
    }
    try root.allowOnly(["type", "version", "characters"])
    let field = try root.required("characters")
    let scalars = Array(try field.string().unicodeScalars)
    guard zip(scalars, scalars.dropFirst()).allSatisfy(<) else {
      throw field.error(.badValue, "must be in rising order, each character once")
    }
    do throws(InputError) {
      try self.init(sorted: scalars)
    } catch {
      throw error.inside(field.path)
    }
  }

  private init(sorted scalars: [Unicode.Scalar]) throws(InputError) {
    guard !scalars.isEmpty else { throw InputError(.badValue, "A tokenizer needs at least one character") }
    var vocabulary = Vocabulary(expectedCount: scalars.count)
    for (id, scalar) in scalars.enumerated() {
      var bytes: [UInt8] = []
      append(scalar.value, to: &bytes)
      try vocabulary.add(bytes, id: id)
    }
    self.vocabulary = vocabulary
  }

  private static let typeName = "CharacterTokenizer"
  private static let version = 1

  /// The tokenizer as a small JSON file, the same for the same characters.
  public var fileContents: [UInt8] {
    get throws(InputError) {
      let characters = (0..<vocabularySize).flatMap { vocabulary.token(of: $0) ?? [] }
      let root: JSONValue = .object([
        JSONMember("type", .string(JSONString(Self.typeName))), JSONMember("version", .integer(Self.version)),
        JSONMember("characters", .string(JSONString(utf8: characters))),
      ])
      return try root.encoded(pretty: true)
    }
  }

  /// One more than the greatest token id.
  public var vocabularySize: Int { vocabulary.idBound }

  /// The ids of a text's characters. There are no special tokens to add.
  ///
  /// - Throws: `InputError` of kind `badValue` that names the first character without a token.
  public func encode(_ text: String, addingSpecialTokens: Bool) throws(InputError) -> [Int] {
    let text = Array(text.utf8)
    var (ids, index) = ([Int](), 0)
    while index < text.count {
      let next = scalar(in: text, at: index, before: text.count).next
      let id = vocabulary.id(of: text, index, next)
      guard id >= 0 else {
        throw InputError(
          .badValue, "The character \(quoted(text[index..<next])) has no token", at: "byte \(index)",
          advice: "Make the tokenizer from a text that has every character")
      }
      ids.append(Int(id))
      index = next
    }
    return ids
  }

  /// The id of a token, written as the vocabulary writes it; `nil` if there is none.
  public func id(of token: String) -> Int? {
    let id = vocabulary.id(of: Array(token.utf8))
    return id < 0 ? nil : Int(id)
  }

  /// The token of an id, as the vocabulary writes it; `nil` if there is none.
  public func token(of id: Int) -> String? {
    vocabulary.token(of: id).map { String(decoding: $0, as: UTF8.self) }
  }

  /// A new detokenizer, which turns ids into text one at a time.
  public func makeDetokenizer(skippingSpecialTokens: Bool) -> Detokenizer {
    Detokenizer(vocabulary, specialIDs: [], decoder: Decoder(), skipsSpecialTokens: skippingSpecialTokens)
  }
}
