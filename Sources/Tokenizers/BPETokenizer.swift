public import Formats

/// A byte-pair-encoding tokenizer, as Hugging Face's `tokenizer.json` describes it: GPT-2's and Llama's, and their kin.
///
/// Everything is driven by the file, and gives the ids that the `tokenizers` library gives. What the file asks for and is
/// not implemented here is refused by name when it is loaded. The differences are deliberate:
///
/// - A character that no token stands for is an error where the file names no token for unknown characters; `tokenizers`
///   drops it.
/// - An id without a token is an error when it is decoded; `tokenizers` drops it.
/// - Special tokens are decoded as the file writes them, and skipped on demand. `tokenizers` 0.21 does so too, but 0.23
///   gives tokens that are matched in normalized text in their normalized form, and never skips them.
/// - Normalization form C knows the system's version of Unicode, which is newer than that of `tokenizers`; this matters
///   for rare marks.
///
/// The clean-up of spaces before punctuation that `transformers` may add to decoded text is not part of it.
public struct BPETokenizer: Tokenizer {
  private let addedTokens: AddedTokenMatcher
  private let normalizer: Normalizer
  private let normalizedAddedTokens: AddedTokenMatcher
  private let preTokenizer: PreTokenizer
  private let model: BPEModel
  private let postProcessor: PostProcessor
  private let decoder: Decoder
  private let vocabulary: Vocabulary
  private let specialIDs: Set<Int>

  /// Two forms of tokenizers that are stored as `vocab.json` and `merges.txt`, which do not say how text is cut.
  public enum Layout: Sendable {
    /// GPT-2's word pattern, no normalization.
    case gpt2
    /// Qwen 2's word pattern, text in normalization form C.
    case qwen2
  }

  /// Reads the contents of a `tokenizer.json`.
  ///
  /// - Throws: `InputError`: `badJSON` and its kin for what is not JSON, `missing`, `wrongType`, `badValue`, `duplicate` and
  ///   `inconsistent` for what contradicts the format or itself, `unsupported` for what is not implemented.
  public init(tokenizerJSON bytes: [UInt8]) throws(InputError) {
    let root = JSONField(try JSONValue(parsing: bytes))
    try root.allowOnly([
      "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder",
      "model",
    ])
    if let version = try root.optional("version"), try version.string() != "1.0" {
      throw version.error(.unsupported, "is \(quoted(try version.jsonString().utf8)), but only 1.0 is implemented")
    }
    for name in ["truncation", "padding"] {
      if let setting = try root.optional(name) {
        throw setting.error(.unsupported, "is set, which is not implemented", advice: "Set it to null")
      }
    }
    var normalizer = Normalizer()
    if let field = try root.optional("normalizer") { try normalizer.add(field) }
    var preTokenizer = PreTokenizer()
    if let field = try root.optional("pre_tokenizer") { try preTokenizer.add(field) }
    let model = try BPEModel(try root.required("model"), isByteLevel: preTokenizer.isByteLevel)
    var decoder = Decoder()
    if let field = try root.optional("decoder") {
      var isJoined = false
      try decoder.add(field, &isJoined)
    } else {
      decoder.joint = .text(separator: [UInt8(ascii: " ")])
    }
    let added = try root.optional("added_tokens")?.addedTokens() ?? []
    let vocabulary = try Self.extend(model.vocabulary, by: added)
    var postProcessor = PostProcessor()
    if let field = try root.optional("post_processor") { try postProcessor.add(field, vocabulary) }
    try self.init(added, normalizer, preTokenizer, model, postProcessor, decoder, vocabulary)
  }

  /// Reads the contents of a `vocab.json` and a `merges.txt`. The token `<|endoftext|>`, if there is one, is special.
  ///
  /// - Throws: `InputError`, as for a `tokenizer.json`.
  public init(vocabularyJSON: [UInt8], merges: [UInt8], layout: Layout) throws(InputError) {
    try self.init(vocabularyJSON: vocabularyJSON, merges: merges, layout: layout, added: [], addsPrefixSpace: false)
  }

  init(
    vocabularyJSON: [UInt8], merges: [UInt8], layout: Layout, added: [AddedToken], addsPrefixSpace: Bool
  ) throws(InputError) {
    let model = try BPEModel(vocabularyJSON: vocabularyJSON, merges: merges, isByteLevel: true)
    var added = added
    let endOfText = Array("<|endoftext|>".utf8)
    let endOfTextID = model.vocabulary.id(of: endOfText)
    if endOfTextID >= 0 && !added.contains(where: { $0.content == endOfText }) {
      added.append(AddedToken(content: endOfText, id: Int(endOfTextID), isSpecial: true))
    }
    let words: WordPattern = layout == .gpt2 ? .gpt2 : .cl100k(digitsPerGroup: 1)
    try self.init(
      added, Normalizer(steps: layout == .gpt2 ? [] : [.composed]),
      PreTokenizer(steps: (addsPrefixSpace ? [.prefixSpace] : []) + [.words(words)], isByteLevel: true), model,
      PostProcessor(), Decoder(joint: .byteLevel), try Self.extend(model.vocabulary, by: added))
  }

  private init(
    _ added: [AddedToken], _ normalizer: Normalizer, _ preTokenizer: PreTokenizer, _ model: BPEModel,
    _ postProcessor: PostProcessor, _ decoder: Decoder, _ vocabulary: Vocabulary
  ) throws(InputError) {
    var (plain, normalized) = (AddedTokenMatcher(), AddedTokenMatcher())
    for token in added {
      if token.isNormalized {
        try normalized.add(token, as: normalizer.normalize(token.content))
      } else {
        try plain.add(token, as: token.content)
      }
    }
    (addedTokens, normalizedAddedTokens) = (plain, normalized)
    (self.normalizer, self.preTokenizer, self.model) = (normalizer, preTokenizer, model)
    (self.postProcessor, self.decoder, self.vocabulary) = (postProcessor, decoder, vocabulary)
    specialIDs = Set(added.filter(\.isSpecial).map(\.id))
  }

  /// Added tokens may be in the model's vocabulary already, with the same id.
  private static func extend(_ vocabulary: Vocabulary, by added: [AddedToken]) throws(InputError) -> Vocabulary {
    var (vocabulary, seen) = (vocabulary, Set<[UInt8]>())
    for token in added {
      guard seen.insert(token.content).inserted else {
        throw InputError(.duplicate, "The token \(quoted(token.content)) is there twice", at: "added_tokens")
      }
      let known = vocabulary.id(of: token.content)
      if known < 0 {
        do throws(InputError) {
          try vocabulary.add(token.content, id: token.id)
        } catch {
          throw error.inside("added_tokens")
        }
      } else if Int(known) != token.id {
        throw InputError(
          .inconsistent, "The token \(quoted(token.content)) has the id \(token.id), but \(known) in the vocabulary",
          at: "added_tokens")
      }
    }
    return vocabulary
  }

  /// One more than the greatest token id.
  public var vocabularySize: Int { vocabulary.idBound }

  /// The ids of a text.
  ///
  /// Takes time in proportion to n log n for a text of n bytes.
  /// - Throws: `InputError` of kind `badValue` where the text has a character without a token, and there is no token for
  ///   unknown characters.
  public func encode(_ text: String, addingSpecialTokens: Bool) throws(InputError) -> [Int] {
    let text = Array(text.utf8)
    var (ids, buffer) = ([Int](), MergeBuffer())
    for segment in addedTokens.segments(of: text) {
      if let id = segment.id {
        ids.append(id)
        continue
      }
      let normalized = normalizer.normalize(Array(text[segment.start..<segment.end]))
      for part in normalizedAddedTokens.segments(of: normalized) {
        if let id = part.id {
          ids.append(id)
          continue
        }
        let pieces = preTokenizer.pieces(
          of: Array(normalized[part.start..<part.end]), isStart: segment.start == 0 && part.start == 0)
        var start = 0
        for end in pieces.ends {
          try model.appendIDs(of: pieces.text, start, end, &buffer, to: &ids)
          start = end
        }
      }
    }
    return addingSpecialTokens ? postProcessor.process(ids) : ids
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
    Detokenizer(vocabulary, specialIDs: specialIDs, decoder: decoder, skipsSpecialTokens: skippingSpecialTokens)
  }
}

extension JSONField {
  /// Reads `added_tokens` of a `tokenizer.json`.
  fileprivate func addedTokens() throws(InputError) -> [AddedToken] {
    var tokens: [AddedToken] = []
    for field in try array(atMost: AddedTokenMatcher.sizeLimit) {
      tokens.append(try field.addedToken(id: try field.required("id").int(), allowing: ["id"]))
    }
    return tokens
  }

  /// Reads an added token, whose id stands elsewhere or among the members `allowing`.
  func addedToken(id: Int, allowing others: Set<String> = []) throws(InputError) -> AddedToken {
    try allowOnly(others.union(["content", "single_word", "lstrip", "rstrip", "normalized", "special", "__type"]))
    let content = try required("content").jsonString().utf8
    guard !content.isEmpty else { throw error(.badValue, "has an empty content") }
    return AddedToken(
      content: content, id: id, isSingleWord: try required("single_word").bool(),
      stripsLeft: try required("lstrip").bool(), stripsRight: try required("rstrip").bool(),
      isNormalized: try required("normalized").bool(), isSpecial: try required("special").bool())
  }
}
