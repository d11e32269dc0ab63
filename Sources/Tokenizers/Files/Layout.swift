public import Formats

extension PipelineTokenizer {
  /// How byte-level tokenizers cut text into words, which their files of tokens and merges do not say.
  public enum Layout: String, Sendable, CaseIterable {
    /// GPT-2's words; no normalization. OpenAI calls it r50k and p50k.
    case gpt2
    /// The words of GPT-4 (cl100k): numbers in groups of three.
    case cl100k
    /// The words of GPT-4o (o200k), which change where lower case turns to upper case.
    case o200k
    /// Llama 3: the words of cl100k.
    case llama3
    /// Qwen 2: the words of cl100k, but each digit alone; text in normalization form C.
    case qwen2
  }
}

extension PipelineTokenizer.Layout {
  /// What the words are.
  private func words() throws(InputError) -> TextPattern {
    switch self {
    case .gpt2: .words(.gpt2)
    case .cl100k, .llama3: .words(.cl100k(digitsPerGroup: 3))
    case .qwen2: .words(.cl100k(digitsPerGroup: 1))
    case .o200k: try JSONField(["Regex": .string(JSONString(Self.o200kWords))]).pattern()
    }
  }

  private static let o200kWords: String = {
    let (contraction, start) = ("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", #"[^\r\n\p{L}\p{N}]?"#)
    let (upper, lower) = (#"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#, #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#)
    let alternatives = [
      start + upper + "*" + lower + "+" + contraction, start + upper + "+" + lower + "*" + contraction,
      #"\p{N}{1,3}"#, #" ?[^\s\p{L}\p{N}]+[\r\n/]*"#, #"\s*[\r\n]+"#, #"\s+(?!\S)"#, #"\s+"#,
    ]
    return alternatives.joined(separator: "|")
  }()

  /// Sets normalizer, cuts and decoder of a byte-level tokenizer.
  func apply(to stages: inout PipelineStages, addingPrefixSpace: Bool = false) throws(InputError) {
    if self == .qwen2 { stages.normalizer.steps = [.form(.composed)] }
    stages.preTokenizer.steps = [.cut(try words(), .isolated, isInverted: false)]
    // Where the reference library cuts words by itself, it puts the space before a text, and elsewhere before each word.
    if addingPrefixSpace { stages.preTokenizer.steps.insert(.prefixSpace, at: self == .gpt2 ? 0 : 1) }
    stages.decoder.joint = .byteLevel
  }
}

extension PipelineTokenizer {
  /// A byte-level tokenizer of tokens and merges that come from elsewhere, for other formats' readers to build on: a GGUF
  /// file's `tokenizer.ggml.tokens` and `token_type` (whose numbers are those of `SentencePieceModel.Kind`) and `merges`.
  ///
  /// - Parameters:
  ///   - pieces: The tokens in the order of their ids, written in GPT-2's byte alphabet; control and user-defined ones as
  ///     they are found in text. Scores do not count.
  ///   - merges: Two tokens with a space between, in the order of their ranks.
  ///   - layout: How text is cut into words.
  ///   - ignoringMerges: Whether a word that is a token is taken whole, as Llama 3 does.
  ///   - beginning: Ids that are put before a text together with special tokens.
  ///   - ending: Ids that are put after a text.
  /// - Throws: `InputError`: `duplicate`, `badValue`, `tooLarge` for tokens, `inconsistent` and its kin for merges, `badValue`
  ///   for an id around a text that is none.
  public init(
    byteLevelPieces pieces: [SentencePieceModel.Piece], merges: [[UInt8]], layout: Layout, ignoringMerges: Bool = false,
    beginning: [Int] = [], ending: [Int] = []
  ) throws(InputError) {
    guard pieces.count <= Model.sizeLimit else {
      throw InputError(.tooLarge, "There are more than \(Model.sizeLimit) tokens", at: "tokens")
    }
    var (vocabulary, added) = (Vocabulary(expectedCount: pieces.count), [AddedToken]())
    for (id, piece) in pieces.enumerated() {
      if let bad = firstInvalidUTF8(piece.content) {
        throw InputError(.badUTF8, "is not UTF-8 at its byte \(bad)", at: "tokens[\(id)]")
      }
      try vocabulary.add(piece.content, id: id)
      guard piece.kind == .control || piece.kind == .userDefined else { continue }
      added.append(AddedToken(content: piece.content, id: id, isSpecial: piece.kind == .control))
    }
    let model = try BPEModel(vocabulary, merges: merges, isByteLevel: true, ignoresMerges: ignoringMerges)
    var stages = try PipelineStages(.bpe(model), adding: added)
    try layout.apply(to: &stages)
    stages.postProcessor.steps = try Self.wrapping(beginning, ending, stages.vocabulary)
    try self.init(stages, addedTokens: added)
  }
}
