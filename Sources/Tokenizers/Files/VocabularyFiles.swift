public import Formats

extension PipelineTokenizer {
  /// Reads the contents of a `vocab.json` and a `merges.txt`. The token `<|endoftext|>`, if there is one, is special.
  ///
  /// - Throws: `InputError`, as for a `tokenizer.json`.
  public init(vocabularyJSON: [UInt8], merges: [UInt8], layout: Layout) throws(InputError) {
    let model = try BPEModel(vocabularyJSON: vocabularyJSON, merges: merges, isByteLevel: true)
    let end = Array(Self.endOfText.utf8)
    let special = model.vocabulary.id(of: end) >= 0 ? [AddedToken(special: end)] : []
    try self.init(model, layout, special, TokenizerConfiguration())
  }

  init(
    vocabularyJSON: [UInt8], merges: [UInt8], layout: Layout, configuration: TokenizerConfiguration
  ) throws(InputError) {
    let model = try BPEModel(vocabularyJSON: vocabularyJSON, merges: merges, isByteLevel: true)
    let added = configuration.addedTokens(beside: [], of: try configuration.vocabularyClass())
    try self.init(model, layout, added, configuration)
  }

  private static let endOfText = "<|endoftext|>"

  private init(
    _ model: BPEModel, _ layout: Layout, _ added: [AddedToken], _ configuration: TokenizerConfiguration
  ) throws(InputError) {
    var (stages, added) = try PipelineStages.numbering(and: added, .bpe(model))
    try layout.apply(to: &stages, addingPrefixSpace: try configuration.addsPrefixSpace?.bool() ?? false)
    stages.postProcessor.steps = try configuration.wrapping(
      stages.vocabulary, customary: (Self.endOfText, Self.endOfText), begins: false)
    try self.init(stages, addedTokens: added)
  }

  /// Reads the contents of BERT's `vocab.txt`: a token on each line, whose number, from 0, is its id.
  ///
  /// Lines may end in LF or CRLF; white space at their ends does not count, and what is empty then is no token.
  /// - Parameter lowercases: Whether text is put in lower case and accents are dropped, as for the uncased models.
  /// - Throws: `InputError`: `badUTF8`, `duplicate`, `tooLarge`; `inconsistent` where `[UNK]`, `[CLS]` or `[SEP]` is not
  ///   there.
  public init(vocabularyText: [UInt8], lowercases: Bool = true) throws(InputError) {
    var configuration = TokenizerConfiguration()
    configuration.lowercases = lowercases
    try self.init(vocabularyText: vocabularyText, configuration: configuration)
  }

  init(vocabularyText: [UInt8], configuration: TokenizerConfiguration) throws(InputError) {
    let vocabulary = try Vocabulary(lines: vocabularyText)
    func special(_ role: String, _ custom: String) throws(InputError) -> PostProcessor.SpecialToken {
      let token = configuration.token(role, default: custom)
      guard case let id = vocabulary.id(of: token), id >= 0 else {
        throw InputError(.inconsistent, "has no token \(quoted(token)), the \(role)", at: "vocab.txt")
      }
      return PostProcessor.SpecialToken(id: Int(id), token: token)
    }
    let (unknown, first, last) = (
      try special("unk_token", "[UNK]"), try special("cls_token", "[CLS]"), try special("sep_token", "[SEP]")
    )
    // Where a class is known, it says which.
    let isNamed = try configuration.vocabularyClass() != nil
    let customary =
      isNamed ? [] : [unknown.token, last.token, Array("[PAD]".utf8), first.token, Array("[MASK]".utf8)]
    let added = try configuration.allAddedTokens(vocabulary, customary: customary)
    let prefix = Array("##".utf8)
    let model = try WordPieceModel(vocabulary, unknown: unknown.token, prefix: prefix, longestWord: 100)
    var stages = try PipelineStages(.wordPiece(model), adding: added)
    stages.normalizer.steps = [
      .bert(
        BertNormalizer(
          cleansText: true, separatesChinese: configuration.separatesChinese,
          stripsAccents: configuration.stripsAccents ?? configuration.lowercases, lowercases: configuration.lowercases))
    ]
    stages.preTokenizer.steps = [
      .cut(.whitespace, .removed, isInverted: false), .cut(.punctuation, .isolated, isInverted: false),
    ]
    let single: [PostProcessor.Part] = [.special([first], typeID: 0), .text(0, typeID: 0), .special([last], typeID: 0)]
    stages.postProcessor.steps = [
      .wrap(
        single: single, pair: single + [.text(1, typeID: 1), .special([last], typeID: 1)], typesOverflow: false)
    ]
    stages.decoder.tokenSteps = [.wordPiece(prefix: prefix, cleansUp: true)]
    try self.init(stages, addedTokens: added)
  }
}

extension Vocabulary {
  /// Reads a token from each line.
  init(lines text: [UInt8]) throws(InputError) {
    if let bad = firstInvalidUTF8(text) { throw InputError(.badUTF8, "is not UTF-8", at: "vocab.txt: byte \(bad)") }
    let lines = TextLines(text), count = lines.count
    guard count <= Model.sizeLimit else {
      throw InputError(.tooLarge, "has more than \(Model.sizeLimit) lines", at: "vocab.txt")
    }
    self.init(expectedCount: count)
    var token: [UInt8] = []
    for (id, line) in lines.enumerated() {
      var end = line.endIndex
      while end > line.startIndex, case let last = scalarStart(in: text, endingAt: end, notBefore: line.startIndex),
        ScalarClass(scalar(in: text, at: last, before: end).value).isSpace
      {
        end = last
      }
      guard end > line.startIndex else { continue }
      token.removeAll(keepingCapacity: true)
      token.append(contentsOf: text[line.startIndex..<end])
      do throws(InputError) {
        try add(token, id: id)
      } catch {
        throw error.inside("vocab.txt: line \(id + 1)")
      }
    }
    guard self.count > 0 else { throw InputError(.badValue, "has no tokens", at: "vocab.txt") }
  }
}
