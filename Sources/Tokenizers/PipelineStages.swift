public import Formats

/// The stages of a tokenizer, from text to ids and back.
struct PipelineStages {
  var normalizer = Normalizer()
  var preTokenizer = PreTokenizer()
  var model: Model
  var postProcessor = PostProcessor()
  var decoder = Decoder()
  /// The model's tokens and the added ones.
  var vocabulary: Vocabulary
  /// Tokens that are decoded as something else than the vocabulary has.
  var rewrittenTokens: [Int: [UInt8]] = [:]

  init(_ model: Model, adding added: [AddedToken]) throws(InputError) {
    self.model = model
    vocabulary = try Self.extend(model.vocabulary, by: added)
  }

  /// Adds tokens that the vocabulary gave their ids.
  mutating func add(_ added: [AddedToken]) throws(InputError) { vocabulary = try Self.extend(vocabulary, by: added) }

  /// Added tokens may be in the model's vocabulary already, with the same id.
  ///
  /// - Parameter shared: Ids that added tokens may have although the model gives them to other tokens; they then stand for
  ///   the added ones.
  fileprivate static func extend(
    _ vocabulary: Vocabulary, by added: [AddedToken], sharing shared: Set<Int> = []
  ) throws(InputError) -> Vocabulary {
    var (extended, seen) = (vocabulary, Set<[UInt8]>())
    for token in added {
      guard seen.insert(token.content).inserted else {
        throw InputError(.duplicate, "The token \(quoted(token.content)) is there twice", at: "added_tokens")
      }
      let known = vocabulary.id(of: token.content)
      guard known < 0 || Int(known) == token.id else {
        throw InputError(
          .inconsistent, "The token \(quoted(token.content)) has the id \(token.id), but \(known) in the vocabulary",
          at: "added_tokens")
      }
      do throws(InputError) {
        if known >= 0 {
          extended.prefer(token.content)
        } else {
          try extended.add(token.content, id: token.id, isShared: shared.contains(token.id))
        }
      } catch {
        throw error.inside("added_tokens")
      }
    }
    return extended
  }
}

extension PipelineTokenizer {
  /// Reads the contents of a `tokenizer.json`.
  ///
  /// - Throws: `InputError`: `badJSON` and its kin for what is not JSON, `missing`, `wrongType`, `badValue`, `duplicate` and
  ///   `inconsistent` for what contradicts the format or itself, `unsupported` for what is not implemented.
  public init(tokenizerJSON bytes: [UInt8]) throws(InputError) {
    try self.init(tokenizerJSON: bytes, TokenizerConfiguration())
  }

  /// Reads the contents of a `tokenizer.json` with what the files beside it say.
  init(tokenizerJSON bytes: [UInt8], _ configuration: TokenizerConfiguration) throws(InputError) {
    let root = try JSONField(parsing: bytes)
    try root.allowOnly([
      "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder",
      "model",
    ])
    if let version = try root.optional("version"), try version.string() != "1.0" {
      throw version.error(.unsupported, "is \(quoted(try version.jsonString().utf8)), but only 1.0 is implemented")
    }
    var (preTokenizer, normalizer, decoder) = (PreTokenizer(), Normalizer(), Decoder())
    if let field = try root.optional("pre_tokenizer") { try preTokenizer.add(field) }
    if let field = try root.optional("normalizer") { try normalizer.add(field) }
    if let field = try root.optional("decoder") {
      var isJoined = false
      try decoder.add(field, &isJoined)
    } else {
      decoder.joint = .text(separator: [UInt8(ascii: " ")])
    }
    let tokenizerClass = configuration.tokenizerClass(ofByteLevel: preTokenizer.byteLevelStart != nil)
    let prefixSpace = PrefixSpace(configuration.addsPrefixSpace, tokenizerClass)
    try prefixSpace?.apply(to: &preTokenizer, &normalizer, &decoder)
    let modelField = try root.required("model")
    // Byte-pair encoding looks bytes up in the byte alphabet by itself, where nothing else comes between.
    var isByteLevel = false
    if case .byteLevel? = preTokenizer.steps.last, try modelField.typeName() == "BPE" {
      preTokenizer.steps.removeLast()
      isByteLevel = true
    }
    let written = try root.optional("added_tokens")?.addedTokens() ?? []
    let model = try Model(modelField, isByteLevel: isByteLevel)
    var (stages, added) = try PipelineStages.numbering(
      written, and: configuration.addedTokens(beside: written, of: tokenizerClass), model)
    (stages.preTokenizer, stages.normalizer, stages.decoder) = (preTokenizer, normalizer, decoder)
    if let field = try root.optional("post_processor") { try stages.postProcessor.add(field, stages.vocabulary) }
    let truncation = try root.optional("truncation").map { (field) throws(InputError) in try Truncation(field) }
    let padding = try root.optional("padding").map { (field) throws(InputError) in try Padding(field) }
    try self.init(stages, addedTokens: added, truncation: truncation, padding: padding)
    apply(configuration, tokenizerClass)
  }

  /// Takes over what is said of decoded text, of conversations and of the model.
  mutating func apply(_ configuration: TokenizerConfiguration, _ tokenizerClass: TokenizerClass?) {
    let isBytePairs = if case .bpe = model { true } else { false }
    cleansUpSpaces = configuration.cleanUp == .always || configuration.cleanUp == .unlessBytePairs && !isBytePairs
    modelMaxLength = configuration.modelMaxLength
    modelMaxLengthError = configuration.modelMaxLengthError
    chatSettings.specialTokens = configuration.namedTokens(of: tokenizerClass).map {
      JSONMember(JSONString($0.name), .string(JSONString(utf8: $0.token.content)))
    }
  }
}

extension PipelineStages {
  /// The stages of a model with added tokens, and those tokens with the ids that they have.
  ///
  /// Those that the model lacks follow on the number of its tokens in their order, whatever ids the files give them: so the
  /// reference library numbers them. Files that it has written agree. Where the model's ids have holes, such an id may be
  /// that of a token of the model, or of an added token that is one: it then stands for the added one, or the later one,
  /// and of added tokens only that is found.
  ///
  /// - Parameters:
  ///   - written: The tokens of a `tokenizer.json`, with their ids.
  ///   - all: Those, first and in their order, and the ones that other files add.
  /// - Throws: `InputError` for ids of `written` that contradict the vocabulary or one another.
  static func numbering(
    _ written: [AddedToken] = [], and all: [AddedToken], _ model: Model
  ) throws(InputError) -> (PipelineStages, [AddedToken]) {
    var (nextID, added, shared) = (model.vocabulary.count, all, Set<Int>())
    for index in all.indices {
      if case let known = model.vocabulary.id(of: all[index].content), known >= 0 {
        added[index].id = Int(known)
        continue
      }
      added[index].id = nextID
      if written.indices.contains(index) && written[index].id == nextID { shared.insert(nextID) }
      nextID += 1
    }
    _ = try extend(model.vocabulary, by: written, sharing: shared)
    var stages = try PipelineStages(model, adding: [])
    stages.vocabulary = try extend(model.vocabulary, by: added, sharing: Set(added.map(\.id)))
    let vocabulary = stages.vocabulary
    return (stages, added.filter { vocabulary.token(of: $0.id) == $0.content })
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
