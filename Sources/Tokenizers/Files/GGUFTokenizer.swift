public import Formats

extension PipelineTokenizer {
  /// The tokenizer that a GGUF file carries: byte pairs as GPT-2 has them (`gpt2`), with the word pattern that
  /// `tokenizer.ggml.pre` names, or SentencePiece's byte pairs (`llama`) or unigrams (`t5`).
  ///
  /// - Throws: `missing` where the file has none, `unsupported` for kinds and patterns that are not implemented,
  ///   `inconsistent` for lists that do not fit each other, `badValue` for ids outside of the vocabulary, and what the parts
  ///   of a `tokenizer.json` throw.
  public init(gguf metadata: GGUFMetadata) throws(InputError) {
    let file = try GGUFVocabulary(metadata)
    switch try file.kind() {
    case .bytes: try self.init(bytePairs: file)
    case .pieces(let algorithm): try self.init(pieces: file, algorithm)
    }
    if let template = try metadata.optional("tokenizer.chat_template") {
      chatSettings.sources["default"] = try template.string()
    }
    for (role, id) in try file.roles() {
      chatSettings.specialTokens.append(JSONMember(JSONString(role), .string(JSONString(utf8: file.tokens[id]))))
    }
  }

  private init(bytePairs file: GGUFVocabulary) throws(InputError) {
    let metadata = file.metadata
    let pattern = try GGUFPattern(metadata)
    guard let merges = try metadata.strings("tokenizer.ggml.merges", atMost: Model.sizeLimit) else {
      throw metadata.error(.missing, "is missing", "tokenizer.ggml.merges")
    }
    var vocabulary = Vocabulary(expectedCount: file.tokens.count)
    let added = try file.addTokens(to: &vocabulary)
    let model = try BPEModel(
      vocabulary, merges: merges, isByteLevel: true, ignoresMerges: pattern.ignoresMerges,
      place: "\(metadata.path): tokenizer.ggml.merges")
    var stages = try PipelineStages(.bpe(model), adding: added)
    if pattern.composes { stages.normalizer.steps = [.form(.composed)] }
    if try metadata.optional("tokenizer.ggml.add_space_prefix")?.bool() ?? false {
      stages.preTokenizer.steps = [.prefixSpace]
    }
    if pattern.separatesDigits { stages.preTokenizer.steps.append(.cut(.numeric, .isolated, isInverted: false)) }
    stages.preTokenizer.steps.append(.cut(.words(pattern.words), .isolated, isInverted: false))
    stages.decoder.joint = .byteLevel
    let (first, last) = try file.idsAround(beginsByDefault: pattern.begins, endsByDefault: false)
    stages.postProcessor.steps = try Self.wrapping(first, last, stages.vocabulary)
    try self.init(stages, addedTokens: added)
  }

  /// Pieces with scores: those of SentencePiece.
  private init(pieces file: GGUFVocabulary, _ algorithm: SentencePieceModel.Algorithm) throws(InputError) {
    let model = try file.model(algorithm)
    let isBytePairs = algorithm == .bytePairs
    let (first, last) = try file.idsAround(beginsByDefault: isBytePairs, endsByDefault: !isBytePairs)
    do throws(InputError) {
      try self.init(model, beginning: first, ending: last, findingControlPieces: true)
    } catch { throw error.inside(file.metadata.path) }
  }
}

/// How text is cut before byte pairs are merged, by the names that GGUF's writers give to tokenizers.
struct GGUFPattern {
  var words = WordPattern.gpt2
  var composes = false
  var separatesDigits = false
  var ignoresMerges = false
  var begins = false

  init(_ metadata: GGUFMetadata) throws(InputError) {
    let name = try metadata.required("tokenizer.ggml.pre")
    switch try name.string() {
    case "gpt-2", "phi-2", "olmo", "mpt": break
    case "llama-bpe", "llama3", "llama-v3":
      (words, ignoresMerges, begins) = (.cl100k(digitsPerGroup: 3), true, true)
    case "qwen2": (words, composes) = (.cl100k(digitsPerGroup: 1), true)
    case "starcoder", "refact", "command-r", "smollm", "codeshell": separatesDigits = true
    case let other:
      throw name.error(
        .unsupported, "the word pattern \"\(other)\" is not implemented",
        advice: "Known are gpt-2, llama-bpe, qwen2, smollm, starcoder and their kin. Give token ids instead of text.")
    }
  }
}

/// The tokens of a GGUF file, and what they are for.
struct GGUFVocabulary {
  let metadata: GGUFMetadata
  let tokens: GGUFStrings
  /// Empty where the file does not say.
  private let types: GGUFNumbers?

  init(_ metadata: GGUFMetadata) throws(InputError) {
    self.metadata = metadata
    let key = "tokenizer.ggml.tokens"
    guard let tokens = try metadata.strings(key, atMost: Model.sizeLimit) else {
      throw metadata.error(
        .missing, "is missing: the file has no tokenizer", key, advice: "Give token ids instead of text.")
    }
    guard tokens.count > 0 else { throw metadata.error(.badValue, "is empty", key) }
    for index in 0..<tokens.count {
      if let bad = firstInvalidUTF8(tokens[index]) {
        throw metadata.error(.badUTF8, "is not UTF-8, at byte \(bad) of token \(index)", key)
      }
    }
    (self.tokens, types) = (tokens, try metadata.numbers("tokenizer.ggml.token_type"))
    guard types == nil || types?.count == tokens.count else {
      throw metadata.error(
        .inconsistent, "has \(types?.count ?? 0) entries for \(tokens.count) tokens", "tokenizer.ggml.token_type")
    }
  }

  /// What kind of tokenizer the file has.
  enum TokenizerKind {
    case bytes
    case pieces(SentencePieceModel.Algorithm)
  }

  func kind() throws(InputError) -> TokenizerKind {
    let kind = try metadata.required("tokenizer.ggml.model")
    switch try kind.string() {
    case "gpt2": return .bytes
    case "llama": return .pieces(.bytePairs)
    case "t5": return .pieces(.unigram)
    case let name:
      throw kind.error(
        .unsupported, "the tokenizer \"\(name)\" is not implemented for GGUF files",
        advice: "Give token ids instead of text.")
    }
  }

  /// The tokens with a role, by the names that Hugging Face's files have for them. An id that is none is left to those who
  /// put it around a text.
  func roles() throws(InputError) -> [(role: String, id: Int)] {
    var roles: [(role: String, id: Int)] = []
    let names = ["bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"]
    for role in TokenizerConfiguration.roleNames {
      guard let name = names[role], let field = try metadata.optional("tokenizer.ggml.\(name)_token_id"),
        case let id = try field.int(in: 0...Int.max), id < tokens.count
      else { continue }
      roles.append((role, id))
    }
    return roles
  }

  /// What a token is for.
  func kind(_ id: Int) throws(InputError) -> SentencePieceModel.Kind {
    guard let types else { return .normal }
    guard case .integer(let number) = types[id], let kind = SentencePieceModel.Kind(rawValue: number) else {
      throw metadata.error(.badValue, "\(types[id]) of token \(id) is no type of tokens", "tokenizer.ggml.token_type")
    }
    return kind
  }

  /// Adds all tokens to an empty vocabulary, and returns those that are found in the text itself.
  func addTokens(to vocabulary: inout Vocabulary) throws(InputError) -> [AddedToken] {
    var added: [AddedToken] = []
    for id in 0..<tokens.count {
      do throws(InputError) { try vocabulary.add(tokens[id], id: id) } catch {
        throw error.inside("\(metadata.path): tokenizer.ggml.tokens")
      }
      switch try kind(id) {
      case .control: added.append(AddedToken(content: tokens[id], id: id, isSpecial: true))
      case .userDefined: added.append(AddedToken(content: tokens[id], id: id))
      default: break
      }
    }
    return added
  }

  /// The id of a role (`bos`, `eos`, `unknown`), if the file names it.
  func id(_ role: String) throws(InputError) -> Int? {
    guard let field = try metadata.optional("tokenizer.ggml.\(role)_token_id") else { return nil }
    let id = try field.int(in: 0...Int.max)
    guard id < tokens.count else { throw field.error(.badValue, "is \(id), but there are \(tokens.count) tokens") }
    return id
  }

  /// The ids that are put before a text and after it.
  func idsAround(beginsByDefault: Bool, endsByDefault: Bool) throws(InputError) -> (first: [Int], last: [Int]) {
    func ids(_ role: String, _ setting: String, _ byDefault: Bool) throws(InputError) -> [Int] {
      let id = try id(role)
      guard try metadata.optional("tokenizer.ggml.\(setting)")?.bool() ?? byDefault else { return [] }
      guard let id else {
        throw metadata.error(.inconsistent, "is true, but no id says which token", "tokenizer.ggml.\(setting)")
      }
      return [id]
    }
    return (
      try ids("bos", "add_bos_token", beginsByDefault && has("bos")),
      try ids("eos", "add_eos_token", endsByDefault && has("eos"))
    )
  }

  private func has(_ role: String) -> Bool { metadata.has("tokenizer.ggml.\(role)_token_id") }

  /// The SentencePiece model that the file holds.
  func model(_ algorithm: SentencePieceModel.Algorithm) throws(InputError) -> SentencePieceModel {
    var model = SentencePieceModel(pieces: try pieces(), algorithm: algorithm)
    model.fallsBackToBytes = model.pieces.contains { $0.kind == .byte }
    func setting(_ name: String) throws(InputError) -> Bool? {
      try metadata.optional("tokenizer.ggml.\(name)")?.bool()
    }
    model.normalization.addsDummySpace = try setting("add_space_prefix") ?? true
    model.normalization.removesExtraSpaces = try setting("remove_extra_whitespaces") ?? (algorithm == .unigram)
    model.normalization.escapesSpaces = try setting("escape_whitespaces") ?? true
    if let map = try metadata.numbers("tokenizer.ggml.precompiled_charsmap") {
      model.normalization.charactersMap = (0..<map.count).map {
        if case .integer(let byte) = map[$0] { UInt8(truncatingIfNeeded: byte) } else { 0 }
      }
    }
    return model
  }

  private func pieces() throws(InputError) -> [SentencePieceModel.Piece] {
    let key = "tokenizer.ggml.scores"
    let scores = try metadata.numbers(key)
    guard let scores, scores.count == tokens.count else {
      throw metadata.error(.inconsistent, "has \(scores?.count ?? 0) entries for \(tokens.count) tokens", key)
    }
    var pieces: [SentencePieceModel.Piece] = []
    pieces.reserveCapacity(tokens.count)
    for id in 0..<tokens.count {
      guard case .number(let score) = scores[id] else {
        throw metadata.error(.wrongType, "must hold floating-point numbers", key)
      }
      pieces.append(SentencePieceModel.Piece(tokens[id], score: Float(score), kind: try kind(id)))
    }
    // Some writers call the unknown piece a control piece, and say elsewhere which it is.
    if !pieces.contains(where: { $0.kind == .unknown }), let unknown = try self.id("unknown") {
      pieces[unknown].kind = .unknown
    }
    // A tokenizer whose merges were learned elsewhere has no scores, and files have the same for all. Those who learn
    // merges number the tokens in the order in which they learn them.
    let normal = pieces.indices.filter { pieces[$0].kind == .normal }
    if let first = normal.first, normal.allSatisfy({ pieces[$0].score == pieces[first].score }) {
      for id in normal { pieces[id].score = -Float(id) }
    }
    return pieces
  }
}
