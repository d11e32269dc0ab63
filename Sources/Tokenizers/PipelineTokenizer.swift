public import Formats

/// A tokenizer as Hugging Face's `tokenizer.json` describes it: GPT-2's, BERT's, T5's, Llama's, and their kin.
///
/// Everything is driven by the file, and gives the ids, the offsets and the text that the `tokenizers` library (0.23)
/// gives. What the file asks for and is not implemented here is refused by name when it is loaded. The differences are
/// deliberate:
///
/// - An id without a token is an error when it is decoded; `tokenizers` drops it.
/// - Special tokens are decoded as the file writes them, and skipped on demand. `tokenizers` 0.21 does so too, as does
///   `transformers`, but `tokenizers` 0.23 gives tokens that are matched in normalized text in their normalized form, and
///   never skips them.
/// - Files that contradict themselves are refused; `tokenizers` reads some of them.
///
/// A tokenizer that is read from a folder also heeds what the files beside the `tokenizer.json` say, as `transformers` (5.23)
/// does: special tokens that are new or have other flags, `add_prefix_space` for the classes that apply it, the clean-up of
/// decoded text, and chat templates. The stages remain those of the `tokenizer.json`, while some classes of `transformers` 5
/// build theirs anew.
public struct PipelineTokenizer: Tokenizer {
  /// How long texts are cut, if the file says so; `nil` for not at all. `encode` does not cut, only `encoding` does.
  public var truncation: Truncation?
  /// How short texts are filled up, if the file says so; `nil` for not at all. `encode` does not fill up.
  public var padding: Padding?
  /// Whether decoded text loses spaces before `.`, `?`, `!` and `,`, around a lone `'`, and within English contractions, as
  /// the folder's `clean_up_tokenization_spaces` says; tokenizers of byte pairs ignore that one. What a `decoder` does of
  /// itself is not part of it.
  public var cleansUpSpaces = false
  /// The most tokens of a text, special ones included, that the model takes, as the folder's `model_max_length` says; nil
  /// where it does not say, says that there is no limit, or says what is no number of tokens. Nothing is cut for it.
  public internal(set) var modelMaxLength: Int?
  /// Why there is no `modelMaxLength` although the folder says something.
  package internal(set) var modelMaxLengthError: InputError?
  /// The chat templates of the tokenizer's folder.
  var chatSettings = ChatSettings()

  private let addedTokens: AddedTokenMatcher
  let normalizer: Normalizer
  private let normalizedAddedTokens: AddedTokenMatcher
  let preTokenizer: PreTokenizer
  let model: Model
  private let postProcessor: PostProcessor
  private let decoder: Decoder
  private let vocabulary: Vocabulary
  private let specialIDs: Set<Int>
  // As in the reference library, added tokens that are matched in normalized text are decoded in their normalized form.
  private var rewrittenTokens: [Int: [UInt8]]

  init(
    _ stages: PipelineStages, addedTokens: [AddedToken], truncation: Truncation? = nil, padding: Padding? = nil
  ) throws(InputError) {
    rewrittenTokens = stages.rewrittenTokens
    var plain: [AddedToken] = []
    var (normalized, patterns) = ([AddedToken](), [[UInt8]]())
    for token in addedTokens {
      if token.isNormalized {
        let pattern = stages.normalizer.normalize(token.content)
        // The reference library then finds it everywhere, even within a character.
        guard !pattern.isEmpty else {
          throw InputError(
            .unsupported,
            "The added token \(quoted(token.content)) is nothing once it is normalized, which is not implemented",
            at: "added_tokens", advice: "Set its \"normalized\" to false")
        }
        normalized.append(token)
        patterns.append(pattern)
        if !token.isSpecial && pattern != token.content { rewrittenTokens[token.id] = pattern }
      } else {
        plain.append(token)
      }
    }
    self.addedTokens = try AddedTokenMatcher(plain, as: plain.map(\.content))
    normalizedAddedTokens = try AddedTokenMatcher(normalized, as: patterns)
    (normalizer, preTokenizer, model) = (stages.normalizer, stages.preTokenizer, stages.model)
    (postProcessor, decoder, vocabulary) = (stages.postProcessor, stages.decoder, stages.vocabulary)
    (self.truncation, self.padding) = (truncation, padding)
    specialIDs = Set(addedTokens.filter(\.isSpecial).map(\.id))
  }

  /// One more than the greatest token id.
  public var vocabularySize: Int { vocabulary.idBound }

  /// The token that has a role, such as `mask_token`, by the files of the tokenizer's folder or, where they are silent, by the
  /// class that they name; nil where there is none.
  public func specialToken(_ role: String) -> String? {
    guard case .string(let token)? = chatSettings.specialTokens.first(where: { $0.key == JSONString(role) })?.value
    else { return nil }
    return token.text
  }

  /// The ids of a text, neither cut nor filled up.
  ///
  /// Takes time in proportion to n log n for a text of n bytes.
  /// - Throws: `InputError` of kind `badValue` where the text needs a token for unknown text and there is none,
  ///   `tooLarge` for a text beyond 1 GiB.
  public func encode(_ text: String, addingSpecialTokens: Bool) throws(InputError) -> [Int] {
    var ids: [Int] = []
    try forEachSegment(of: Array(text.utf8), isTracked: false) { segment in
      switch segment {
      case .added(let token, _, _): ids.append(token)
      case .pieces(_, let tokens): for token in tokens { ids.append(Int(token.id)) }
      }
    }
    return addingSpecialTokens ? postProcessor.wrap(ids) : ids
  }

  /// The encoding of a text or of a pair of texts, cut and filled up as `truncation` and `padding` say.
  ///
  /// - Throws: `InputError` as `encode`; `inconsistent` where the truncation leaves no room, `budget` where the parts that
  ///   were cut off are too many.
  public func encoding(
    of text: String, pair: String? = nil, addingSpecialTokens: Bool = true
  ) throws(InputError) -> Encoding {
    try encodings(of: [(text, pair)], addingSpecialTokens: addingSpecialTokens)[0]
  }

  /// The encodings of texts or pairs of texts, cut and filled up as `truncation` and `padding` say: to the same length if
  /// that is the length of the longest.
  ///
  /// - Throws: `InputError` as `encoding`.
  public func encodings(
    of texts: [(text: String, pair: String?)], addingSpecialTokens: Bool = true
  ) throws(InputError) -> [Encoding] {
    var encodings: [Encoding] = []
    encodings.reserveCapacity(texts.count)
    for (text, pair) in texts {
      var parts = [try textEncoding(text, typeID: 0)]
      if let pair { parts.append(try textEncoding(pair, typeID: 1)) }
      let addedTokens = addingSpecialTokens ? postProcessor.addedTokens(isPair: pair != nil) : 0
      try truncation?.apply(to: &parts, addedTokens: addedTokens)
      encodings.append(try postProcessor.process(parts, addingSpecialTokens: addingSpecialTokens))
    }
    padding?.apply(to: &encodings)
    return encodings
  }

  /// The encoding of one text, without anything around it.
  private func textEncoding(_ text: String, typeID: Int) throws(InputError) -> Encoding {
    let text = Array(text.utf8)
    let offsets = ScalarOffsets(text)
    var encoding = Encoding()
    try forEachSegment(of: text, isTracked: true) { segment in
      switch segment {
      case .added(let id, let text, let span):
        encoding.append(id, String(decoding: text, as: UTF8.self), offsets[span], typeID: typeID)
      case .pieces(let text, let tokens):
        for token in tokens {
          let (start, end) = (Int(token.start), min(Int(token.end), text.bytes.count))
          let isSurface = token.id == model.surfaceID
          let content = isSurface ? Array(text.bytes[start..<end]) : vocabulary.token(of: Int(token.id)) ?? []
          encoding.append(
            Int(token.id), String(decoding: content, as: UTF8.self), offsets[text.span(start, end)], typeID: typeID)
        }
      }
    }
    return encoding
  }

  /// What a text consists of.
  private enum Segment {
    case added(id: Int, text: ArraySlice<UInt8>, Origin)
    case pieces(AlignedText, [PieceToken])
  }

  private func forEachSegment(
    of text: [UInt8], isTracked: Bool, _ body: (Segment) -> Void
  ) throws(InputError) {
    guard text.count <= 1 << 30 else { throw InputError(.tooLarge, "The text is longer than 1 GiB") }
    let isTracked = isTracked || preTokenizer.asksForOrigins
    var (buffer, tokens) = (MergeBuffer(), [PieceToken]())
    for segment in addedTokens.segments(of: text) {
      var normalized = AlignedText(text, segment.start, segment.end, isTracked: isTracked)
      if let id = segment.id {
        body(.added(id: id, text: text[segment.start..<segment.end], normalized.span(0, normalized.bytes.count)))
        continue
      }
      normalizer.normalize(&normalized)
      for part in normalizedAddedTokens.segments(of: normalized.bytes) {
        if let id = part.id {
          let text = normalized.bytes[part.start..<part.end]
          body(.added(id: id, text: text, isTracked ? normalized.span(part.start, part.end) : Origin(start: 0, end: 0)))
          continue
        }
        let pieces = preTokenizer.pieces(of: normalized.part(part.start, part.end))
        guard pieces.text.bytes.count <= Int(Int32.max) else {
          throw InputError(.tooLarge, "The normalized text is longer than 2 GiB")
        }
        tokens.removeAll(keepingCapacity: true)
        for piece in pieces.pieces {
          try model.appendTokens(of: pieces.text.bytes, piece.start, piece.end, &buffer, to: &tokens)
        }
        body(.pieces(pieces.text, tokens))
      }
    }
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
    Detokenizer(
      vocabulary, rewrittenTokens: rewrittenTokens, specialIDs: specialIDs, decoder: decoder,
      skipsSpecialTokens: skippingSpecialTokens, cleansUpSpaces: cleansUpSpaces)
  }
}

/// Offsets of a text in scalars.
private struct ScalarOffsets {
  private let byteCount: Int
  /// The number of scalars that start before or at each byte, less one; none for text that is all ASCII.
  private var scalarOfByte: [Int32]?

  init(_ text: [UInt8]) {
    byteCount = text.count
    guard text.contains(where: { $0 >= 0x80 }) else { return }
    var (scalarOfByte, scalar) = ([Int32](), Int32(-1))
    scalarOfByte.reserveCapacity(text.count)
    for byte in text {
      if byte & 0xC0 != 0x80 { scalar += 1 }
      scalarOfByte.append(scalar)
    }
    self.scalarOfByte = scalarOfByte
  }

  /// The scalars of a span; an end within a scalar counts as its start.
  subscript(_ span: Origin) -> Range<Int> {
    let (start, end) = (Int(span.start), Int(span.end))
    guard start < byteCount else { return start..<max(start, end) }
    let first = scalar(at: start)
    let last = end < byteCount ? scalar(at: end) : scalar(at: byteCount - 1) + 1
    return first..<max(first, last)
  }

  private func scalar(at byte: Int) -> Int { scalarOfByte.map { Int($0[byte]) } ?? byte }
}
