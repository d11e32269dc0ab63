import Formats

/// A tokenizer that a model's own file holds, on its way into a `tokenizer.json`.
struct WrittenTokenizer {
  /// Its text and what it is for; the id is its place.
  let tokens: [(text: [UInt8], kind: SentencePieceModel.Kind)]
  let roles: [(role: String, id: Int)]
  let beginning: [Int]
  let ending: [Int]
  let model: JSONValue
  let stages: [JSONMember]
  /// Where pieces that users have defined are looked for.
  var definedPieces = DefinedPieces.inText
  private(set) var chatTemplate: String?

  enum DefinedPieces {
    case inText
    /// Where spaces are written as the pieces have them.
    case inNormalizedText
    /// The model has them among its own.
    case inModel
  }

  /// The tokenizer of a GGUF file.
  ///
  /// - Throws: As `PipelineTokenizer.init(gguf:)`; `unsupported` for settings and pieces that have no form in a
  ///   `tokenizer.json`.
  init(gguf metadata: GGUFMetadata) throws(InputError) {
    let file = try GGUFVocabulary(metadata)
    let roles = try file.roles()
    switch try file.kind() {
    case .bytes: try self.init(bytePairs: file, roles)
    case .pieces(let algorithm):
      let isBytePairs = algorithm == .bytePairs
      let (first, last) = try file.idsAround(beginsByDefault: isBytePairs, endsByDefault: !isBytePairs)
      do throws(InputError) {
        try self.init(try file.model(algorithm), roles: roles, beginning: first, ending: last)
      } catch { throw error.inside(metadata.path) }
    }
    chatTemplate = try metadata.optional("tokenizer.chat_template")?.string()
  }

  private init(bytePairs file: GGUFVocabulary, _ roles: [(role: String, id: Int)]) throws(InputError) {
    let (metadata, pattern) = (file.metadata, try GGUFPattern(file.metadata))
    guard let merges = try metadata.strings("tokenizer.ggml.merges", atMost: Model.sizeLimit) else {
      throw metadata.error(.missing, "is missing", "tokenizer.ggml.merges")
    }
    let prefixesSpace = try metadata.optional("tokenizer.ggml.add_space_prefix")?.bool() ?? false
    guard !prefixesSpace || pattern.words == .gpt2 && !pattern.separatesDigits else {
      throw metadata.error(
        .unsupported, "is true, which is not written for this word pattern", "tokenizer.ggml.add_space_prefix")
    }
    var tokens: [(text: [UInt8], kind: SentencePieceModel.Kind)] = []
    for id in 0..<file.tokens.count { tokens.append((file.tokens[id], try file.kind(id))) }
    (self.tokens, self.roles) = (tokens, roles)
    (beginning, ending) = try file.idsAround(beginsByDefault: pattern.begins, endsByDefault: false)
    model = Self.bytePairs(
      tokens, (0..<merges.count).map { .string(JSONString(utf8: merges[$0])) }, ignoresMerges: pattern.ignoresMerges)
    func byteLevel(prefixesSpace: Bool = false, cuts: Bool) -> JSONValue {
      [
        "type": "ByteLevel", "add_prefix_space": .bool(prefixesSpace), "trim_offsets": true, "use_regex": .bool(cuts),
      ]
    }
    var cuts: [JSONValue] = []
    if pattern.separatesDigits { cuts.append(["type": "Digits", "individual_digits": true]) }
    if pattern.words == .gpt2 {
      cuts.append(byteLevel(prefixesSpace: prefixesSpace, cuts: true))
    } else {
      let words = JSONValue.string(JSONString(pattern.words.regularExpressions[0]))
      cuts.append(["type": "Split", "pattern": ["Regex": words], "behavior": "Isolated", "invert": false])
      cuts.append(byteLevel(cuts: false))
    }
    stages = [
      JSONMember("normalizer", pattern.composes ? ["type": "NFC"] : .null),
      JSONMember("pre_tokenizer", ["type": "Sequence", "pretokenizers": .array(cuts)]),
      JSONMember("decoder", byteLevel(cuts: true)),
    ]
  }

  /// A SentencePiece model: unigrams with their scores, byte pairs with their joints as merges.
  ///
  /// - Throws: What is wrong with the pieces; `unsupported` for what a `tokenizer.json` cannot say.
  init(
    _ pieces: SentencePieceModel, roles: [(role: String, id: Int)], beginning: [Int], ending: [Int]
  ) throws(InputError) {
    if pieces.algorithm == .unigram {
      try self.init(unigrams: pieces, roles, beginning, ending)
    } else {
      try self.init(bytePairs: pieces, roles, beginning, ending)
    }
  }

  static func unsupported(_ what: String) -> InputError {
    InputError(
      .unsupported, what, advice: "Use the model as it is, or the tokenizer.json of the model that it was made of.")
  }

  /// - Throws: `unsupported` for pieces that are not in use, pieces that users have defined where a text gets a space before
  ///   it (the `tokenizers` library would put one after each of them too), and other treatment of spaces than Llama's.
  private init(
    bytePairs pieces: SentencePieceModel, _ roles: [(role: String, id: Int)], _ beginning: [Int], _ ending: [Int]
  ) throws(InputError) {
    let unknown = try pieces.check()
    let settings = pieces.normalization
    guard settings.escapesSpaces, !settings.writesSpacesAsSuffixes, settings.charactersMap.isEmpty,
      !settings.removesExtraSpaces
    else { throw Self.unsupported("treats spaces as a tokenizer.json cannot say") }
    for piece in pieces.pieces where piece.kind == .unused || piece.kind == .userDefined && settings.addsDummySpace {
      throw Self.unsupported("has the piece \(quoted(piece.content)), which a tokenizer.json would treat otherwise")
    }
    let tokens = pieces.pieces.map { (text: $0.content, kind: $0.kind) }
    (self.tokens, self.roles, self.beginning, self.ending) = (tokens, roles, beginning, ending)
    definedPieces = .inNormalizedText
    model = Self.bytePairs(
      tokens, try Self.merges(of: pieces), unknown: tokens[unknown].text, fallsBackToBytes: pieces.fallsBackToBytes)
    let prepend: [JSONValue] = settings.addsDummySpace ? [["type": "Prepend", "prepend": "\u{2581}"]] : []
    stages = [
      JSONMember("normalizer", ["type": "Sequence", "normalizers": .array(prepend + [Self.escape])]),
      JSONMember("pre_tokenizer", .null),
      JSONMember("decoder", Self.unescape(dropping: settings.addsDummySpace ? 1 : 0)),
    ]
  }

  /// Spaces become marks.
  static let escape: JSONValue = ["type": "Replace", "pattern": ["String": " "], "content": "\u{2581}"]

  /// Marks become spaces, those at the start of a text vanish, and bytes become what they spell.
  static func unescape(dropping count: Int) -> JSONValue {
    let strip: [JSONValue] =
      count > 0 ? [["type": "Strip", "content": " ", "start": .integer(count), "stop": 0]] : []
    let decoders: [JSONValue] = [
      ["type": "Replace", "pattern": ["String": "\u{2581}"], "content": " "], ["type": "ByteFallback"],
      ["type": "Fuse"],
    ]
    return ["type": "Sequence", "decoders": .array(decoders + strip)]
  }

  private static func bytePairs(
    _ tokens: [(text: [UInt8], kind: SentencePieceModel.Kind)], _ merges: [JSONValue], unknown: [UInt8]? = nil,
    fallsBackToBytes: Bool = false, ignoresMerges: Bool = false
  ) -> JSONValue {
    [
      "type": "BPE", "dropout": .null, "unk_token": unknown.map { .string(JSONString(utf8: $0)) } ?? .null,
      "continuing_subword_prefix": .null, "end_of_word_suffix": .null, "fuse_unk": .bool(unknown != nil),
      "byte_fallback": .bool(fallsBackToBytes), "ignore_merges": .bool(ignoresMerges),
      "vocab": .object(tokens.enumerated().map { JSONMember(JSONString(utf8: $1.text), .integer($0)) }),
      "merges": .array(merges),
    ]
  }

  /// Which neighbours are joined, those with the best score first.
  private static func merges(of model: SentencePieceModel) throws(InputError) -> [JSONValue] {
    var ids = Vocabulary(expectedCount: model.pieces.count)
    for (id, piece) in model.pieces.enumerated() { try ids.add(piece.content, id: id) }
    func isJoined(_ id: Int32) -> Bool { id >= 0 && model.pieces[Int(id)].kind == .normal }
    var joints: [(left: Int32, right: Int32, score: Float)] = []
    for piece in model.pieces where piece.kind == .normal {
      let text = piece.content
      var split = 0
      while true {
        split = scalar(in: text, at: split, before: text.count).next
        guard split < text.count else { break }
        let (left, right) = (ids.id(of: text, 0, split), ids.id(of: text, split, text.count))
        if isJoined(left), isJoined(right) { joints.append((left, right, piece.score)) }
      }
    }
    joints.sort { $0.score != $1.score ? $0.score > $1.score : ($0.left, $0.right) < ($1.left, $1.right) }
    return joints.map { joint in
      .array([joint.left, joint.right].map { .string(JSONString(utf8: model.pieces[Int($0)].content)) })
    }
  }

  private func name(_ id: Int) -> JSONString { JSONString(utf8: tokens[id].text) }

  /// The `tokenizer.json`.
  func json() -> JSONValue {
    var added: [JSONValue] = []
    for (id, token) in tokens.enumerated() where [.control, .userDefined, .unknown].contains(token.kind) {
      let isDefined = token.kind == .userDefined
      if isDefined && definedPieces == .inModel { continue }
      added.append([
        "id": .integer(id), "content": .string(name(id)), "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": .bool(isDefined && definedPieces == .inNormalizedText), "special": .bool(!isDefined),
      ])
    }
    let members: [JSONMember] = [
      JSONMember("version", "1.0"), JSONMember("truncation", .null), JSONMember("padding", .null),
      JSONMember("added_tokens", .array(added)), JSONMember("post_processor", wrapping),
    ]
    return .object(members + stages + [JSONMember("model", model)])
  }

  private var wrapping: JSONValue {
    guard !(beginning + ending).isEmpty else { return .null }
    func around(_ text: String, _ type: Int) -> [JSONValue] {
      func token(_ id: Int) -> JSONValue { ["SpecialToken": ["id": .string(name(id)), "type_id": .integer(type)]] }
      return beginning.map(token) + [["Sequence": ["id": .string(JSONString(text)), "type_id": .integer(type)]]]
        + ending.map(token)
    }
    let special = Set(beginning + ending).sorted().map { id in
      JSONMember(name(id), ["id": .string(name(id)), "ids": [.integer(id)], "tokens": [.string(name(id))]])
    }
    return [
      "type": "TemplateProcessing", "single": .array(around("A", 0)), "pair": .array(around("A", 0) + around("B", 1)),
      "special_tokens": .object(special),
    ]
  }

  /// The `tokenizer_config.json`.
  func configuration() -> JSONValue {
    let members: [JSONMember] = [
      JSONMember("tokenizer_class", "PreTrainedTokenizerFast"), JSONMember("clean_up_tokenization_spaces", false),
      JSONMember("model_input_names", ["input_ids", "attention_mask"]),
    ]
    return .object(members + roles.map { JSONMember(JSONString($0.role), .string(name($0.id))) })
  }
}
