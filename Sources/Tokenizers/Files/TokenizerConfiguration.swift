import Formats

/// What `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json` and `config.json` say about the other files
/// of a tokenizer.
struct TokenizerConfiguration {
  /// How text is cut, which files of a vocabulary do not say.
  enum Family: Equatable {
    case bytePairs(PipelineTokenizer.Layout)
    case bert
    case sentencePiece(SentencePieceFamily)
    case marian
  }

  /// The class that reads the tokenizer, by its name; nil where no file names one.
  private var className: JSONField?
  /// The kind of the model that the tokenizer is for.
  private var modelType: JSONField?
  private(set) var addsPrefixSpace: JSONField?
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
  private(set) var cleanUp = CleanUp.never
  /// The most tokens that the model takes; nil where there is no limit.
  private(set) var modelMaxLength: Int?
  /// What is wrong with `model_max_length`, for those who need it.
  private(set) var modelMaxLengthError: InputError?
  /// Whether `added_tokens_decoder` lists the added tokens; if not, a `tokenizer.json` does.
  private(set) var listsAddedTokens = false
  private(set) var addedTokens: [AddedToken] = []
  /// Special tokens by their names (`cls_token`, `image_token`), but for those that a class has by itself.
  private var namedTokens: [(name: String, token: AddedToken)] = []
  /// Further special tokens.
  private(set) var extraTokens: [AddedToken] = []
  /// Settings that only matter where there is no `tokenizer.json`, and are refused then.
  private var refused: [InputError] = []
  /// The roles that the files name a token for, or say that there is none.
  private var knownRoles: Set<String> = []

  /// Whether spaces before punctuation are taken out of decoded text.
  enum CleanUp {
    case never
    /// Not for byte pairs, whose spaces are the text's own.
    case unlessBytePairs
    case always
  }

  static let roleNames = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  init() {}

  /// What a folder's files say; a file that is not there is nil.
  ///
  /// As in `transformers`, the older `special_tokens_map.json` and `added_tokens.json` count only where
  /// `tokenizer_config.json` has no `added_tokens_decoder`, but the first then counts before it.
  init(
    _ configuration: JSONField?, specialTokens: JSONField?, addedTokens: JSONField?, model: JSONField?
  ) throws(InputError) {
    listsAddedTokens = try configuration?.optional("added_tokens_decoder") != nil
    if let configuration { try readSettings(configuration) }
    className = try configuration?.optional("tokenizer_class")
    if className == nil { className = try model?.optional("tokenizer_class") }
    modelType = try model?.optional("model_type")
    for name in [className, modelType].compactMap({ $0 }) { _ = try name.string() }
    let sources = [listsAddedTokens ? nil : specialTokens, configuration].compactMap { $0 }
    try readNamedTokens(sources)
    for source in sources { try readExtraTokens(source) }
    if let addedTokens, !listsAddedTokens { try readAddedTokens(addedTokens) }
  }

  private mutating func readSettings(_ root: JSONField) throws(InputError) {
    if let setting = try root.optional("split_special_tokens"), try setting.bool() {
      throw setting.error(
        .unsupported, "is true, which is not implemented",
        advice: "Set it to false; special tokens are then found in text.")
    }
    if let setting = try root.optional("separate_vocabs"), try setting.bool() {
      refused.append(setting.error(.unsupported, "is true, which is not implemented without a tokenizer.json"))
    }
    if let errors = try root.optional("errors"), try errors.string() != "replace" {
      refused.append(
        errors.error(.unsupported, "is \(quoted(try errors.jsonString().utf8)), which is not implemented"))
    }
    if let setting = try root.optional("add_bos_token") { addsBeginning = try setting.bool() }
    if let setting = try root.optional("add_eos_token") { addsEnd = try setting.bool() }
    if let setting = try root.optional("extra_ids") { extraIDs = try setting.int(in: 0...AddedTokenMatcher.sizeLimit) }
    if let length = try root.optional("model_max_length") { readModelMaxLength(length) }
    if let setting = try root.optional("legacy") { isLegacy = try setting.bool() }
    if let setting = try root.optional("add_prefix_space") {
      _ = try setting.bool()
      addsPrefixSpace = setting
    }
    if let setting = try root.optional("do_lower_case") { lowercases = try setting.bool() }
    if let setting = try root.optional("tokenize_chinese_chars") { separatesChinese = try setting.bool() }
    if let setting = try root.optional("strip_accents") { stripsAccents = try setting.bool() }
    if let setting = try root.optional("clean_up_tokenization_spaces"), try setting.bool() {
      let insists = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output"
      cleanUp = try root.optional(insists)?.bool() ?? false ? .always : .unlessBytePairs
    }
    if let tokens = try root.optional("added_tokens_decoder") {
      for (key, token) in try tokens.object(atMost: AddedTokenMatcher.sizeLimit) {
        guard let id = Int(key.text), 0...Int(Int32.max) ~= id else {
          throw token.error(.badValue, "must have an id for a key")
        }
        addedTokens.append(try token.listedToken(id: id))
      }
      addedTokens.sort { $0.id < $1.id }
    }
  }

  /// Reads a limit that few need: texts are encoded without it.
  private mutating func readModelMaxLength(_ field: JSONField) {
    do throws(InputError) {
      let length = try field.double()
      // "No limit" is written as a number beyond any integer.
      guard length < 0x1p26 else { return }
      guard length >= 1, let count = Int(exactly: length) else {
        throw field.error(.badValue, "is \(length), but must be a whole number from 1 on")
      }
      modelMaxLength = count
    } catch { modelMaxLengthError = error }
  }

  /// Reads tokens that have names. The first file that names one for a role counts.
  private mutating func readNamedTokens(_ files: [JSONField]) throws(InputError) {
    for file in files {
      for role in Self.roleNames where try file.has(role) && knownRoles.insert(role).inserted {
        if let token = try file.optional(role) { namedTokens.append((role, try token.specialToken())) }
      }
    }
    for file in files {
      for (key, field) in try file.object(atMost: AddedTokenMatcher.sizeLimit) {
        guard case let name = key.text, name.hasSuffix("_token"), !Self.roleNames.contains(name) else { continue }
        var isToken = field.kind == .string
        if field.kind == .object { isToken = try field.has("__type") }
        guard isToken else { continue }
        namedTokens.append((name, try field.specialToken()))
      }
      if let others = try file.optional("extra_special_tokens"), others.kind == .object {
        for (key, field) in try others.object(atMost: AddedTokenMatcher.sizeLimit) {
          namedTokens.append((key.text, try field.specialToken()))
        }
      }
    }
  }

  private mutating func readExtraTokens(_ file: JSONField) throws(InputError) {
    var present = try file.optional("extra_special_tokens")
    if present == nil { present = try file.optional("additional_special_tokens") }
    guard let tokens = present, tokens.kind != .object else { return }
    for token in try tokens.array(atMost: AddedTokenMatcher.sizeLimit) {
      extraTokens.append(try token.specialToken())
    }
  }

  /// Reads an `added_tokens.json`: tokens and their ids.
  private mutating func readAddedTokens(_ root: JSONField) throws(InputError) {
    let special = Set((namedTokens.map(\.token) + extraTokens).map(\.content))
    for (key, id) in try root.object(atMost: AddedTokenMatcher.sizeLimit) {
      guard !key.utf8.isEmpty else { throw id.error(.badValue, "is the id of an empty token") }
      let isSpecial = special.contains(key.utf8)
      addedTokens.append(
        AddedToken(
          content: key.utf8, id: try id.int(in: 0...Int(Int32.max)), isNormalized: !isSpecial, isSpecial: isSpecial))
    }
    addedTokens.sort { $0.id < $1.id }
  }

  /// The special tokens by their names: those of the files, and those that a class has where the files do not say.
  func namedTokens(of tokenizerClass: TokenizerClass?) -> [(name: String, token: AddedToken)] {
    let assumed = (tokenizerClass?.tokens ?? []).filter { !knownRoles.contains($0.role) }.map {
      (name: $0.role, token: AddedToken(special: Array($0.content.utf8)))
    }
    let named = namedTokens + assumed
    // In this order they are numbered.
    return Self.roleNames.flatMap { role in named.filter { $0.name == role } }
      + named.filter { !Self.roleNames.contains($0.name) }
  }

  /// The class that reads a `tokenizer.json`, as `transformers` chooses it; nil for one that takes everything from there.
  func tokenizerClass(ofByteLevel isByteLevel: Bool) -> TokenizerClass? {
    let type = (try? modelType?.string()) ?? ""
    // Folders of this type are known to name other classes by mistake.
    if type == "qwen2" { return TokenizerClass("Qwen2Tokenizer") }
    guard let name = try? className?.string() else {
      return TokenizerClass.name(ofModelType: type).flatMap { TokenizerClass($0) }
    }
    guard !TokenizerClass.ignoresClass(ofModelType: type), !(isByteLevel && name.hasPrefix("LlamaTokenizer")) else {
      return nil
    }
    return TokenizerClass(name)
  }

  /// How a vocabulary without a `tokenizer.json` is read; nil where no file says so.
  ///
  /// - Throws: `unsupported` for a class, and a type of models, that is not implemented, and for settings that are not.
  func family() throws(InputError) -> Family? {
    if let error = refused.first { throw error }
    guard let name = className ?? modelType else { return nil }
    guard let family = try vocabularyClass()?.family else {
      throw name.error(.unsupported, "is \(quoted(try name.jsonString().utf8)), which is not implemented")
    }
    return family
  }

  /// The class that reads a vocabulary without a `tokenizer.json`.
  func vocabularyClass() throws(InputError) -> TokenizerClass? {
    if let className { return TokenizerClass(try className.string()) }
    let type = try modelType?.string() ?? ""
    let isLlama = ["llama", "mistral", "mixtral"].contains(type)
    return (isLlama ? "LlamaTokenizer" : TokenizerClass.name(ofModelType: type)).flatMap { TokenizerClass($0) }
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
    namedTokens.first { $0.name == role }?.token.content ?? Array(custom.utf8)
  }

  /// The added tokens, each once: those of a `tokenizer.json`, with the flags that `added_tokens_decoder` has for them, then
  /// those that are only there, then the special ones that are in neither. Only the first have ids.
  func addedTokens(beside written: [AddedToken], of tokenizerClass: TokenizerClass?) -> [AddedToken] {
    var (tokens, places) = (written, [[UInt8]: Int]())
    for (place, token) in written.enumerated() { places[token.content] = place }
    func add(_ token: AddedToken) {
      places[token.content] = tokens.count
      tokens.append(token)
    }
    for token in addedTokens {
      guard let place = places[token.content] else {
        add(token)
        continue
      }
      let isSpecial = token.isSpecial || tokens[place].isSpecial
      (tokens[place], tokens[place].id, tokens[place].isSpecial) = (token, tokens[place].id, isSpecial)
    }
    let listed = Set((listsAddedTokens ? addedTokens : tokens).map(\.content))
    for (_, token) in namedTokens(of: tokenizerClass) {
      guard let place = places[token.content] else {
        add(token)
        continue
      }
      if listed.contains(token.content) { tokens[place].isSpecial = true }
    }
    for token in extraTokens where places[token.content] == nil { add(token) }
    return tokens
  }

  /// The added tokens of a vocabulary without a `tokenizer.json`: those that it has, and new ones after it.
  ///
  /// - Parameter customary: Special tokens that need not be named, if the vocabulary has them.
  func allAddedTokens(_ vocabulary: Vocabulary, customary: [[UInt8]]) throws(InputError) -> [AddedToken] {
    var added = addedTokens(beside: [], of: try vocabularyClass())
    let contents = Set(added.map(\.content))
    added += customary.filter { !contents.contains($0) && vocabulary.id(of: $0) >= 0 }.map { AddedToken(special: $0) }
    var (nextID, seen) = (vocabulary.idBound, Set<[UInt8]>())
    added = added.filter { seen.insert($0.content).inserted }
    for index in added.indices {
      let known = vocabulary.id(of: added[index].content)
      added[index].id = known >= 0 ? Int(known) : nextID
      if known < 0 { nextID += 1 }
    }
    return added
  }
}

extension AddedToken {
  /// A special token that is found as it stands.
  init(special content: [UInt8]) {
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

  /// An entry of `added_tokens_decoder`.
  fileprivate func listedToken(id: Int) throws(InputError) -> AddedToken {
    var token = try specialToken()
    token.id = id
    token.isSpecial = try optional("special")?.bool() ?? false
    if try optional("normalized") == nil { token.isNormalized = !token.isSpecial }
    return token
  }
}
