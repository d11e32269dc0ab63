import Formats

/// A tokenizer that a model's own file holds, on its way into a `tokenizer.json`.
struct WrittenTokenizer {
  /// Its text and what it is for; the id is its place.
  private let tokens: [(text: [UInt8], kind: SentencePieceModel.Kind)]
  private let roles: [(role: String, id: Int)]
  private let beginning: [Int]
  private let ending: [Int]
  private let model: JSONValue
  private let stages: [JSONMember]
  /// Whether pieces that users have defined are looked for where spaces are written as the pieces have them.
  private let findsDefinedInNormalizedText: Bool
  private(set) var chatTemplate: String?

  /// The tokenizer of a GGUF file.
  ///
  /// - Throws: As `PipelineTokenizer.init(gguf:)`; `unsupported` for unigrams, and for settings that have no form in a
  ///   `tokenizer.json`.
  init(gguf metadata: GGUFMetadata) throws(InputError) {
    let file = try GGUFVocabulary(metadata)
    let roles = try file.roles()
    switch try file.kind() {
    case .bytes: try self.init(bytePairs: file, roles)
    case .pieces(.bytePairs):
      let (first, last) = try file.idsAround(beginsByDefault: true, endsByDefault: false)
      do throws(InputError) {
        try self.init(try file.model(.bytePairs), roles: roles, beginning: first, ending: last)
      } catch { throw error.inside(metadata.path) }
    case .pieces:  // GGUF has no others than unigrams
      // The `tokenizers` library applies a map of characters to whole clusters that are short, and to single scalars of
      // others, where SentencePiece and llama.cpp take the longest text that has a replacement: decomposed Hangul, or a
      // ligature with an accent, become other tokens.
      throw metadata.error(
        .unsupported,
        "is t5, which is not written: what reads a tokenizer.json replaces other characters than SentencePiece does",
        "tokenizer.ggml.model",
        advice: "Use the GGUF file as it is, or the tokenizer.json of the model that it was made of.")
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
    (self.tokens, self.roles, findsDefinedInNormalizedText) = (tokens, roles, false)
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

  /// A SentencePiece model of byte pairs, with its joints as merges.
  ///
  /// - Throws: What is wrong with the pieces; `unsupported` for pieces that are not in use, pieces that users have defined
  ///   with a space in them or where a text gets a space before it (the `tokenizers` library would put one after each of them
  ///   too), and other treatment of spaces than Llama's.
  init(
    _ pieces: SentencePieceModel, roles: [(role: String, id: Int)], beginning: [Int], ending: [Int]
  ) throws(InputError) {
    let unknown = try pieces.check()
    let settings = pieces.normalization
    guard settings.escapesSpaces, !settings.writesSpacesAsSuffixes, settings.charactersMap.isEmpty,
      !settings.removesExtraSpaces
    else { throw InputError(.unsupported, "treats spaces as a tokenizer.json cannot say") }
    for piece in pieces.pieces
    where piece.kind == .unused
      || piece.kind == .userDefined && (settings.addsDummySpace || piece.content.contains(UInt8(ascii: " ")))
    {
      throw InputError(
        .unsupported, "has the piece \(quoted(piece.content)), which a tokenizer.json would treat otherwise")
    }
    let tokens = pieces.pieces.map { (text: $0.content, kind: $0.kind) }
    (self.tokens, self.roles, self.beginning, self.ending) = (tokens, roles, beginning, ending)
    findsDefinedInNormalizedText = true
    model = Self.bytePairs(
      tokens, try Self.merges(of: pieces), unknown: tokens[unknown].text, fallsBackToBytes: pieces.fallsBackToBytes)
    let (mark, space): (JSONValue, JSONValue) = ("\u{2581}", " ")
    let escape: JSONValue = ["type": "Replace", "pattern": ["String": space], "content": mark]
    let prepend: [JSONValue] = settings.addsDummySpace ? [["type": "Prepend", "prepend": mark]] : []
    let strip: [JSONValue] =
      settings.addsDummySpace ? [["type": "Strip", "content": space, "start": 1, "stop": 0]] : []
    let decoders: [JSONValue] =
      [
        ["type": "Replace", "pattern": ["String": mark], "content": space], ["type": "ByteFallback"],
        ["type": "Fuse"],
      ] + strip
    stages = [
      JSONMember("normalizer", ["type": "Sequence", "normalizers": .array(prepend + [escape])]),
      JSONMember("pre_tokenizer", .null),
      JSONMember("decoder", ["type": "Sequence", "decoders": .array(decoders)]),
    ]
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
      added.append([
        "id": .integer(id), "content": .string(name(id)), "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": .bool(isDefined && findsDefinedInNormalizedText), "special": .bool(!isDefined),
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
