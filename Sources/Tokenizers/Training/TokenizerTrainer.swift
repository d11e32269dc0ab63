public import Formats
import Foundation

/// Learns a tokenizer from text, as a `tokenizer.json` that the `tokenizers` library reads too.
///
///     var trainer = try TokenizerTrainer(.bytePairs, vocabularySize: 8000, specialTokens: ["<|endoftext|>"])
///     try trainer.add(fileAt: "corpus.txt")
///     try trainer.save(to: "tokenizer.json")
///
/// Byte pairs and WordPiece learn what the reference library's trainers learn, wherever those give the same result each
/// time: merges of pairs that occur equally often go by their ids, which for WordPiece's characters within words the
/// reference gives in no fixed order. Unigrams are learned by the reference's steps and from the same first pieces; which of
/// the pieces that count least are dropped may differ. The result depends on the text alone, not on how it is divided into files (each line
/// counts for itself), nor on their order.
public struct TokenizerTrainer: Sendable {
  /// What is learned.
  public enum Algorithm: String, Sendable, CaseIterable {
    /// GPT-2's: merges of bytes within words.
    case bytePairs = "bpe"
    /// BERT's: lower case, pieces that go on within a word begin with `##`.
    case wordPiece = "wordpiece"
    /// SentencePiece's kind, as T5 has it: pieces with probabilities; words begin with U+2581.
    case unigram
  }

  /// What is learned.
  public let algorithm: Algorithm
  /// How many tokens there may be, special ones included.
  public let vocabularySize: Int
  /// How often two neighbours must occur to be joined.
  public let minimumCount: Int
  private let specialTokens: [String]
  private let stages: JSONValue
  private let normalizer: Normalizer
  private let preTokenizer: PreTokenizer
  private var words = WordCounts()

  /// A trainer that has seen no text.
  ///
  /// - Parameters:
  ///   - specialTokens: Tokens with the first ids, which are never part of a text's words. One for unknown text is put first
  ///     where it is needed and not among them: `[UNK]` for WordPiece, `<unk>` for unigrams.
  /// - Throws: `badValue` for sizes without sense, or special tokens that are empty or there twice; `tooLarge` for one of more
  ///   than 512 bytes.
  public init(
    _ algorithm: Algorithm, vocabularySize: Int, specialTokens: [String] = [], minimumCount: Int = 2
  ) throws(InputError) {
    guard (1...Model.sizeLimit).contains(vocabularySize), minimumCount >= 0 else {
      throw InputError(.badValue, "A vocabulary of \(vocabularySize) tokens cannot be learned", at: "vocabularySize")
    }
    let unknown = [Algorithm.wordPiece: "[UNK]", .unigram: "<unk>"][algorithm].map { [$0] } ?? []
    let special = unknown.filter { !specialTokens.contains($0) } + specialTokens
    guard !special.contains(""), Set(special.map { Array($0.utf8) }).count == special.count else {
      throw InputError(.badValue, "A special token is empty or there twice", at: "specialTokens")
    }
    guard special.allSatisfy({ $0.utf8.count <= AddedTokenMatcher.longestToken }) else {
      throw InputError(
        .tooLarge, "A special token is longer than \(AddedTokenMatcher.longestToken) bytes", at: "specialTokens")
    }
    (self.algorithm, self.vocabularySize, self.minimumCount) = (algorithm, vocabularySize, minimumCount)
    self.specialTokens = special
    stages = Self.stages(algorithm, special)
    // The words are counted by the very stages that are saved.
    let root = JSONField(stages)
    var (normalizer, preTokenizer) = (Normalizer(), PreTokenizer())
    if let field = try root.optional("normalizer") { try normalizer.add(field) }
    if let field = try root.optional("pre_tokenizer") { try preTokenizer.add(field) }
    (self.normalizer, self.preTokenizer) = (normalizer, preTokenizer)
  }

  private static func stages(_ algorithm: Algorithm, _ special: [String]) -> JSONValue {
    let byteLevel: JSONValue = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
    ]
    let metaspace: JSONValue = [
      "type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true,
    ]
    switch algorithm {
    case .bytePairs:
      return ["normalizer": .null, "pre_tokenizer": byteLevel, "post_processor": .null, "decoder": byteLevel]
    case .wordPiece:
      return [
        "normalizer": [
          "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": .null,
          "lowercase": true,
        ],
        "pre_tokenizer": ["type": "BertPreTokenizer"], "post_processor": wrapping(special),
        "decoder": ["type": "WordPiece", "prefix": "##", "cleanup": true],
      ]
    case .unigram:
      return [
        "normalizer": [
          "type": "Sequence",
          "normalizers": [
            ["type": "NFKC"], ["type": "Replace", "pattern": ["Regex": " {2,}"], "content": " "],
          ],
        ],
        "pre_tokenizer": metaspace, "post_processor": .null, "decoder": metaspace,
      ]
    }
  }

  /// `[CLS]` and `[SEP]` around texts, if they are there.
  private static func wrapping(_ special: [String]) -> JSONValue {
    guard let first = special.firstIndex(of: "[CLS]"), let last = special.firstIndex(of: "[SEP]") else { return .null }
    func token(_ name: String, _ type: Int) -> JSONValue {
      ["SpecialToken": ["id": .string(JSONString(name)), "type_id": .integer(type)]]
    }
    func text(_ name: String, _ type: Int) -> JSONValue {
      ["Sequence": ["id": .string(JSONString(name)), "type_id": .integer(type)]]
    }
    func entry(_ name: String, _ id: Int) -> JSONMember {
      JSONMember(
        JSONString(name),
        ["id": .string(JSONString(name)), "ids": [.integer(id)], "tokens": [.string(JSONString(name))]])
    }
    let single = [token("[CLS]", 0), text("A", 0), token("[SEP]", 0)]
    return [
      "type": "TemplateProcessing", "single": .array(single),
      "pair": .array(single + [text("B", 1), token("[SEP]", 1)]),
      "special_tokens": .object([entry("[CLS]", first), entry("[SEP]", last)]),
    ]
  }

  // MARK: Text

  /// Learns from a text; each of its lines, with its line end, counts for itself.
  ///
  /// - Throws: `budget` for too many different words.
  public mutating func add(_ text: String) throws(InputError) { try add(lines: Array(text.utf8)[...]) }

  /// Learns from a file of text, which is read piece by piece.
  ///
  /// - Throws: `notFound`, `io`, `truncated` for the file; `badUTF8` for one that is no text; `tooLarge` for a line of more
  ///   than 64 MiB; `budget` for too many different words.
  public mutating func add(fileAt path: String) throws(InputError) {
    let file = try InputFile(opening: path)
    var (offset, open) = (0, [UInt8]())
    while offset < file.byteCount {
      let count = min(1 << 20, file.byteCount - offset)
      open += try file.read(at: offset, count: count)
      offset += count
      let end = offset == file.byteCount ? open.count : (open.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0)
      if let bad = firstInvalidUTF8(Array(open[..<end])) {
        throw InputError(.badUTF8, "is not UTF-8", at: "\(path): byte \(offset - open.count + bad)")
      }
      try add(lines: open[..<end])
      open.removeFirst(end)
      guard open.count <= 64 << 20 else { throw InputError(.tooLarge, "has a line of more than 64 MiB", at: path) }
    }
  }

  private mutating func add(lines: ArraySlice<UInt8>) throws(InputError) {
    var start = lines.startIndex
    while start < lines.endIndex {
      let end = lines[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? lines.endIndex
      let line = Array(lines[start..<end])
      var text = AlignedText(line, 0, line.count, isTracked: false)
      normalizer.normalize(&text)
      let pieces = preTokenizer.pieces(of: text)
      for piece in pieces.pieces { try words.add(pieces.text.bytes[piece.start..<piece.end]) }
      start = end
    }
  }

  // MARK: Results

  /// The contents of the `tokenizer.json` that was learned.
  ///
  /// - Throws: `badValue` where no text was given, or the vocabulary is too small for the special tokens and the text's
  ///   characters.
  public func tokenizerJSON() throws(InputError) -> [UInt8] {
    let words = words.sorted
    guard !words.isEmpty else { throw InputError(.badValue, "There is no text to learn from") }
    let model =
      switch algorithm {
      case .bytePairs: try pairs(words, prefix: [])
      case .wordPiece: try pairs(words, prefix: Array("##".utf8))
      case .unigram: try unigram(words)
      }
    var added: [JSONValue] = []
    for (id, token) in specialTokens.enumerated() {
      added.append([
        "id": .integer(id), "content": .string(JSONString(token)), "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true,
      ])
    }
    var members: [JSONMember] = [
      JSONMember("version", "1.0"), JSONMember("truncation", .null), JSONMember("padding", .null),
      JSONMember("added_tokens", .array(added)),
    ]
    if case .object(let stages) = stages { members += stages }
    return try JSONValue.object(members + [JSONMember("model", model)]).encoded(pretty: true)
  }

  /// Writes the `tokenizer.json`, whole or not at all.
  ///
  /// - Throws: As `tokenizerJSON`; `io` where it cannot be written.
  public func save(to path: String) throws(InputError) { try AtomicFile.write(try tokenizerJSON(), to: path) }

  private func check(_ count: Int) throws(InputError) {
    guard count <= vocabularySize else {
      throw InputError(
        .badValue,
        "The special tokens and the text's characters are \(count), more than a vocabulary of \(vocabularySize)",
        advice: "Learn a larger vocabulary.")
    }
  }

  private func pairs(_ words: [(word: [UInt8], count: Int)], prefix: [UInt8]) throws(InputError) -> JSONValue {
    // Characters follow special tokens in the order of Unicode; those of bytes are all there.
    var characters = Set(words.flatMap { Tokenizers.scalars(of: $0.word) })
    if algorithm == .bytePairs { characters.formUnion(ByteLevel.scalars.map(\.value)) }
    var tokens = specialTokens.map { Array($0.utf8) }
    var idOfToken: [[UInt8]: Int32] = [:]
    for (id, token) in tokens.enumerated() { idOfToken[token] = Int32(truncatingIfNeeded: id) }
    func id(of token: [UInt8]) -> Int32 {
      if let id = idOfToken[token] { return id }
      let id = Int32(truncatingIfNeeded: tokens.count)
      idOfToken[token] = id
      tokens.append(token)
      return id
    }
    for scalar in characters.sorted() { _ = id(of: utf8(scalar)) }
    var symbols: [(symbols: [Int32], count: Int)] = []
    for (word, count) in words {
      let parts = Tokenizers.scalars(of: word).enumerated().map { id(of: ($0 > 0 ? prefix : []) + utf8($1)) }
      symbols.append((parts, count))
    }
    try check(tokens.count)
    var trainer = PairTrainer(tokens: tokens, words: symbols, prefix: prefix)
    trainer.train(to: vocabularySize, minimum: minimumCount)
    let vocabulary = JSONValue.object(
      trainer.tokens.enumerated().map { JSONMember(JSONString(utf8: $1), .integer($0)) })
    guard algorithm == .bytePairs else {
      return [
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
        "vocab": vocabulary,
      ]
    }
    let merges = trainer.merges.map { JSONValue.array([.string(JSONString(utf8: $0)), .string(JSONString(utf8: $1))]) }
    return [
      "type": "BPE", "dropout": .null, "unk_token": .null, "continuing_subword_prefix": .null,
      "end_of_word_suffix": .null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
      "vocab": vocabulary, "merges": .array(merges),
    ]
  }

  private func unigram(_ words: [(word: [UInt8], count: Int)]) throws(InputError) -> JSONValue {
    try check(specialTokens.count + Set(words.flatMap { Tokenizers.scalars(of: $0.word) }).count)
    var trainer = UnigramTrainer(words: words)
    trainer.train(to: vocabularySize, reserving: specialTokens.count)
    let special = Set(specialTokens.map { Array($0.utf8) })
    let pieces =
      specialTokens.map { (text: Array($0.utf8), score: 0.0) } + trainer.pieces.filter { !special.contains($0.text) }
    return [
      "type": "Unigram", "unk_id": .integer(specialTokens.firstIndex(of: "<unk>") ?? 0),
      "vocab": .array(pieces.map { .array([.string(JSONString(utf8: $0.text)), .number($0.score)]) }),
      "byte_fallback": false,
    ]
  }
}
