import Formats

/// What `tokenizer_config.json`, `special_tokens_map.json` and `config.json` say about the files of a vocabulary.
struct TokenizerConfiguration {
  /// How text is cut, which files of a vocabulary do not say.
  enum Family: Equatable {
    case bytePairs(PipelineTokenizer.Layout)
    case bert
    case sentencePiece(SentencePieceFamily)
    case marian
  }

  /// The files, in the order in which they count.
  static let fileNames = ["tokenizer_config.json", "special_tokens_map.json", "config.json"]

  private(set) var family: Family?
  private(set) var addsPrefixSpace: Bool?
  var lowercases = true
  private(set) var separatesChinese = true
  private(set) var stripsAccents: Bool?
  /// Whether the tokens for a text's beginning and end are put around it.
  private(set) var addsBeginning: Bool?
  private(set) var addsEnd: Bool?
  /// How many further tokens a T5 vocabulary has.
  private(set) var extraIDs = 100
  /// Whether each of Llama's texts begins with a further space, also one that begins with a space or follows a special
  /// token. The original does so, and the files that were converted from it; `transformers` 5 does not by itself.
  private(set) var isLegacy = true
  private(set) var addedTokens: [AddedToken] = []
  /// Special tokens by their roles (`cls_token`); their ids are those of the vocabulary, or new ones.
  private(set) var roles: [(role: String, token: AddedToken)] = []

  static let roleNames = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  mutating func read(_ root: JSONField) throws(InputError) {
    for name in ["split_special_tokens", "separate_vocabs"] {
      if let setting = try root.optional(name), try setting.bool() {
        throw setting.error(.unsupported, "is true, which is not implemented without a tokenizer.json")
      }
    }
    if let setting = try root.optional("add_bos_token") { addsBeginning = try setting.bool() }
    if let setting = try root.optional("add_eos_token") { addsEnd = try setting.bool() }
    if let setting = try root.optional("extra_ids") { extraIDs = try setting.int(in: 0...AddedTokenMatcher.sizeLimit) }
    if let setting = try root.optional("legacy") { isLegacy = try setting.bool() }
    if let errors = try root.optional("errors"), try errors.string() != "replace" {
      throw errors.error(.unsupported, "is \(quoted(try errors.jsonString().utf8)), which is not implemented")
    }
    try readFamily(root)
    if let setting = try root.optional("add_prefix_space") { addsPrefixSpace = try setting.bool() }
    if let setting = try root.optional("do_lower_case") { lowercases = try setting.bool() }
    if let setting = try root.optional("tokenize_chinese_chars") { separatesChinese = try setting.bool() }
    if let setting = try root.optional("strip_accents") { stripsAccents = try setting.bool() }
    if let tokens = try root.optional("added_tokens_decoder") {
      for (key, token) in try tokens.object(atMost: AddedTokenMatcher.sizeLimit) {
        guard let id = Int(key.text) else { throw token.error(.badValue, "must have an id for a key") }
        addedTokens.append(try token.addedToken(id: id))
      }
    }
    for role in Self.roleNames where !roles.contains(where: { $0.role == role }) {
      if let token = try root.optional(role) { roles.append((role, try token.specialToken())) }
    }
    if let tokens = try root.optional("additional_special_tokens") {
      for token in try tokens.array(atMost: AddedTokenMatcher.sizeLimit) {
        roles.append(("additional", try token.specialToken()))
      }
    }
  }

  /// Reads an `added_tokens.json`: tokens and their ids.
  mutating func readAddedTokens(_ root: JSONField) throws(InputError) {
    let known = Set(addedTokens.map(\.content)), special = Set(roles.map(\.token.content))
    for (key, id) in try root.object(atMost: AddedTokenMatcher.sizeLimit) {
      guard !known.contains(key.utf8) else { continue }
      guard !key.utf8.isEmpty else { throw id.error(.badValue, "is the id of an empty token") }
      let isSpecial = special.contains(key.utf8)
      addedTokens.append(AddedToken(content: key.utf8, id: try id.int(in: 0...Int(Int32.max)), isSpecial: isSpecial))
    }
  }

  private mutating func readFamily(_ root: JSONField) throws(InputError) {
    guard family == nil else { return }
    if let name = try root.optional("tokenizer_class") {
      switch try name.string() {
      case "GPT2Tokenizer", "GPT2TokenizerFast": family = .bytePairs(.gpt2)
      case "Qwen2Tokenizer", "Qwen2TokenizerFast": family = .bytePairs(.qwen2)
      case "BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast", "ElectraTokenizer",
        "ElectraTokenizerFast":
        family = .bert
      case "T5Tokenizer", "T5TokenizerFast", "MT5Tokenizer", "MT5TokenizerFast": family = .sentencePiece(.t5)
      case "LlamaTokenizer", "LlamaTokenizerFast": family = .sentencePiece(.llama)
      case "XLMRobertaTokenizer", "XLMRobertaTokenizerFast": family = .sentencePiece(.xlmRoberta)
      case "MarianTokenizer": family = .marian
      default: throw name.error(.unsupported, "is \(quoted(try name.jsonString().utf8)), which is not implemented")
      }
    } else if let name = try root.optional("model_type") {
      switch try name.string() {
      case "gpt2": family = .bytePairs(.gpt2)
      case "qwen2": family = .bytePairs(.qwen2)
      case "bert", "distilbert", "electra": family = .bert
      case "t5", "mt5": family = .sentencePiece(.t5)
      case "llama", "mistral", "mixtral": family = .sentencePiece(.llama)
      case "xlm-roberta": family = .sentencePiece(.xlmRoberta)
      case "marian": family = .marian
      default: throw name.error(.unsupported, "is \(quoted(try name.jsonString().utf8)), which is not implemented")
      }
    }
  }

  /// The tokens for beginning and end around a text, if they are asked for.
  ///
  /// - Parameters:
  ///   - customary: What these tokens are where no file says so.
  ///   - begins: Whether the one for the beginning is put there where no file says so.
  func wrapping(
    _ vocabulary: Vocabulary, customary: (beginning: String, end: String) = ("<s>", "</s>"), begins: Bool
  ) throws(InputError) -> [PostProcessor.Step] {
    func id(_ role: String, _ custom: String) throws(InputError) -> Int {
      let token = token(role, default: custom)
      guard case let id = vocabulary.id(of: token), id >= 0 else {
        throw InputError(.inconsistent, "is \(quoted(token)), which is not in the vocabulary", at: role)
      }
      return Int(id)
    }
    let beginning = addsBeginning ?? begins ? [try id("bos_token", customary.beginning)] : []
    let ending = addsEnd ?? false ? [try id("eos_token", customary.end)] : []
    return try PipelineTokenizer.wrapping(beginning, ending, vocabulary)
  }

  /// The token of a role, or the one that it has by custom.
  func token(_ role: String, default custom: String) -> [UInt8] {
    roles.first { $0.role == role }?.token.content ?? Array(custom.utf8)
  }

  /// The added tokens, and the special ones that are not among them: those in the vocabulary, and new ones after it.
  ///
  /// - Parameter customary: Special tokens that need not be named, if the vocabulary has them.
  func allAddedTokens(_ vocabulary: Vocabulary, customary: [[UInt8]]) -> [AddedToken] {
    var added = addedTokens
    var nextID = max(vocabulary.idBound, (added.map(\.id).max() ?? -1) + 1)
    let named = roles.map(\.token) + customary.filter { vocabulary.id(of: $0) >= 0 }.map { AddedToken(special: $0) }
    var contents = Set(added.map(\.content))
    for var token in named where contents.insert(token.content).inserted {
      let known = vocabulary.id(of: token.content)
      token.id = known >= 0 ? Int(known) : nextID
      if known < 0 { nextID += 1 }
      added.append(token)
    }
    return added
  }
}

extension AddedToken {
  /// A special token that is found as it stands.
  fileprivate init(special content: [UInt8]) {
    self.init(content: content, id: -1, isSpecial: true)
  }
}

extension JSONField {
  /// A special token, as its text or with its flags.
  fileprivate func specialToken() throws(InputError) -> AddedToken {
    if kind == .string { return AddedToken(special: try text(1...AddedTokenMatcher.longestToken)) }
    var token = AddedToken(special: try required("content").text(1...AddedTokenMatcher.longestToken))
    token.isSingleWord = try optional("single_word")?.bool() ?? false
    token.stripsLeft = try optional("lstrip")?.bool() ?? false
    token.stripsRight = try optional("rstrip")?.bool() ?? false
    token.isNormalized = try optional("normalized")?.bool() ?? false
    return token
  }
}
