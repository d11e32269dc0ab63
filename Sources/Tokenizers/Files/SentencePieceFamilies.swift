import Formats

/// The families whose SentencePiece models Hugging Face's libraries convert, each in its own way.
enum SentencePieceFamily: Equatable {
  case t5, llama, xlmRoberta
}

extension PipelineTokenizer {
  private static let mark: [UInt8] = [0xE2, 0x96, 0x81]

  /// The tokenizer that `transformers` (5.23) makes of a model without a `tokenizer.json`.
  ///
  /// - Throws: `InputError` as `init(_:)`; `inconsistent` for a model of another kind than the family's.
  init(
    converting model: SentencePieceModel, _ family: SentencePieceFamily, _ configuration: TokenizerConfiguration
  ) throws(InputError) {
    _ = try model.check()
    guard model.algorithm == (family == .llama ? .bytePairs : .unigram) else {
      throw InputError(.inconsistent, "is a model of another kind than the tokenizer_class has")
    }
    var controls: [[UInt8]] = []
    for piece in model.pieces where piece.kind == .control { controls.append(piece.content) }
    switch family {
    case .t5: try self.init(t5: model, controls, configuration)
    case .xlmRoberta: try self.init(xlmRoberta: model, controls, configuration)
    case .llama: try self.init(llama: model, controls, configuration)
    }
  }

  private init(
    t5 model: SentencePieceModel, _ controls: [[UInt8]], _ configuration: TokenizerConfiguration
  ) throws(InputError) {
    let extra = (0..<configuration.extraIDs).reversed().map { Array("<extra_id_\($0)>".utf8) }
    let (unknown, end) = (configuration.token("unk_token", default: "<unk>"), Array("</s>".utf8))
    let entries = model.pieces.map { ($0.content, Double($0.score)) } + extra.map { ($0, 0) }
    let customary = controls + [Array("<pad>".utf8), end, unknown] + extra
    var stages = try Self.unigram(entries, unknown: 2, model)
    let added = try configuration.allAddedTokens(stages.vocabulary, customary: customary)
    try stages.add(added)
    let special = try stages.vocabulary.special(end)
    let single: [PostProcessor.Part] = [.text(0, typeID: 0), .special([special], typeID: 0)]
    let pair: [PostProcessor.Part] = single + [.text(1, typeID: 0), .special([special], typeID: 0)]
    stages.postProcessor.steps = [.wrap(single: single, pair: pair, typesOverflow: false)]
    try self.init(stages, addedTokens: added)
  }

  private init(
    xlmRoberta model: SentencePieceModel, _ controls: [[UInt8]], _ configuration: TokenizerConfiguration
  ) throws(InputError) {
    // The order of fairseq: the model's own first three pieces give way to four, and a mask comes last.
    let roles = [
      ("bos_token", "<s>"), ("pad_token", "<pad>"), ("eos_token", "</s>"), ("unk_token", "<unk>"),
      ("mask_token", "<mask>"),
    ].map { configuration.token($0.0, default: $0.1) }
    let entries =
      roles.dropLast().map { ($0, 0.0) } + model.pieces.dropFirst(3).map { ($0.content, Double($0.score)) }
      + roles.suffix(1).map { ($0, 0.0) }
    var stages = try Self.unigram(entries, unknown: 3, model)
    let added = try configuration.allAddedTokens(stages.vocabulary, customary: controls + roles)
    try stages.add(added)
    let (first, last) = (try stages.vocabulary.special(roles[0]), try stages.vocabulary.special(roles[2]))
    let single: [PostProcessor.Part] = [.special([first], typeID: 0), .text(0, typeID: 0), .special([last], typeID: 0)]
    let pair: [PostProcessor.Part] =
      single + [.special([last], typeID: 0), .text(1, typeID: 0), .special([last], typeID: 0)]
    stages.postProcessor.steps = [.wrap(single: single, pair: pair, typesOverflow: false)]
    try self.init(stages, addedTokens: added)
  }

  /// What T5 and XLM-RoBERTa share: the map of characters, words that begin with a mark.
  private static func unigram(
    _ entries: [([UInt8], Double)], unknown: Int, _ model: SentencePieceModel
  ) throws(InputError) -> PipelineStages {
    guard unknown < entries.count else {
      throw InputError(.inconsistent, "has \(model.pieces.count) pieces, too few for the tokenizer_class")
    }
    var vocabulary = Vocabulary(expectedCount: entries.count)
    for (id, entry) in entries.enumerated() { try vocabulary.add(entry.0, id: id) }
    let unigram = try UnigramModel(
      vocabulary, scores: entries.map(\.1), unknownID: Int32(truncatingIfNeeded: unknown), fallsBackToBytes: false)
    var stages = try PipelineStages(.unigram(unigram), adding: [])
    if !model.normalization.charactersMap.isEmpty {
      stages.normalizer.steps = [.charsMap(try CharsMap(model.normalization.charactersMap))]
    }
    stages.preTokenizer.steps = [
      .cut(.whitespace, .removed, isInverted: false), .metaspace(replacement: mark, .always, splits: true),
    ]
    stages.decoder.tokenSteps = [.metaspace(replacement: mark, dropsInFirst: true)]
    return stages
  }

  private init(
    llama model: SentencePieceModel, _ controls: [[UInt8]], _ configuration: TokenizerConfiguration
  ) throws(InputError) {
    var vocabulary = Vocabulary(expectedCount: model.pieces.count)
    for (id, piece) in model.pieces.enumerated() { try vocabulary.add(piece.content, id: id) }
    let pairs = try BPEModel(
      joining: vocabulary, scores: model.pieces.map(\.score), isByteLevel: false, fallsBackToBytes: true)
    let custom = ["<unk>", "<s>", "</s>"].map { Array($0.utf8) }
    var userDefined: [AddedToken] = []
    for (id, piece) in model.pieces.enumerated() where piece.kind == .userDefined {
      userDefined.append(AddedToken(content: piece.content, id: id))
    }
    let named = try configuration.allAddedTokens(vocabulary, customary: controls + custom)
    let added = named + userDefined.filter { token in !named.contains { $0.content == token.content } }
    var stages = try PipelineStages(.bpe(pairs), adding: added)
    let addsPrefixSpace = try configuration.addsPrefixSpace?.bool() ?? true
    if configuration.isLegacy {
      let spaces = TextPattern.literal([UInt8(ascii: " ")])
      stages.normalizer.steps = (addsPrefixSpace ? [.prepend(Self.mark)] : [])
      stages.normalizer.steps.append(.replace(spaces, with: Self.mark))
    } else {
      let scheme: PreTokenizer.PrependScheme = addsPrefixSpace ? .first : .never
      stages.preTokenizer.steps = [.metaspace(replacement: Self.mark, scheme, splits: false)]
    }
    stages.decoder.tokenSteps = [.replace(.literal(Self.mark), with: [UInt8(ascii: " ")]), .byteFallback]
    if addsPrefixSpace {
      stages.decoder.textSteps = [Decoder.Strip(content: [UInt8(ascii: " ")], start: 1, stop: 0)]
    }
    stages.postProcessor.steps = try configuration.wrapping(stages.vocabulary, begins: true)
    try self.init(stages, addedTokens: added)
  }

  /// Marian's two files: a SentencePiece model that cuts text, and a vocabulary that gives its pieces their ids. Language
  /// codes (`>>fra<<`) that are in the vocabulary are tokens wherever they are written.
  init(
    marian model: SentencePieceModel, vocabularyJSON: [UInt8], _ configuration: TokenizerConfiguration
  ) throws(InputError) {
    let vocabulary = try Vocabulary(JSONField(parsing: vocabularyJSON, at: "vocab.json"))
    let unknown = try vocabulary.special(configuration.token("unk_token", default: "<unk>"))
    let end = try vocabulary.special(configuration.token("eos_token", default: "</s>"))
    let segmenter = try SentencePieceSegmenter(
      model, translation: (vocabulary, Int32(truncatingIfNeeded: unknown.id)))
    var added = try configuration.allAddedTokens(
      vocabulary, customary: [end.token, unknown.token, configuration.token("pad_token", default: "<pad>")])
    var codes: [AddedToken] = []
    vocabulary.forEachToken { id, bytes, start, end in
      let token = Array(bytes[start..<end])
      guard token.count > 4, token.starts(with: ">>".utf8), token.suffix(2) == [0x3C, 0x3C] else { return }
      codes.append(AddedToken(content: token, id: id))
    }
    added += codes.filter { code in !added.contains { $0.content == code.content } }
    var stages = try PipelineStages(.sentencePiece(segmenter), adding: added)
    stages.normalizer.steps = [.sentencePiece(try SentencePieceNormalizer(model))]
    stages.decoder.tokenSteps = [.metaspace(replacement: Self.mark, dropsInFirst: true)]
    stages.decoder.textSteps = [Decoder.Strip(content: [UInt8(ascii: " ")], start: Int.max, stop: Int.max)]
    let single: [PostProcessor.Part] = [.text(0, typeID: 0), .special([end], typeID: 0)]
    let pair: [PostProcessor.Part] = [.text(0, typeID: 0), .text(1, typeID: 0), .special([end], typeID: 0)]
    stages.postProcessor.steps = [.wrap(single: single, pair: pair, typesOverflow: false)]
    try self.init(stages, addedTokens: added)
  }
}

extension Vocabulary {
  /// A token that is put around texts.
  fileprivate func special(_ token: [UInt8]) throws(InputError) -> PostProcessor.SpecialToken {
    guard case let id = id(of: token), id >= 0 else {
      throw InputError(.inconsistent, "The vocabulary has no token \(quoted(token))")
    }
    return PostProcessor.SpecialToken(id: Int(id), token: token)
  }
}
