import Formats
import Testing
import Tokenizers

/// Files that are broken, contradictory, or ask for what is not implemented: each is refused with the right kind of error.
@Suite struct HostileTokenizerTests {
  struct Change: Sendable, CustomTestStringConvertible {
    var path: [JSONString]
    var value: JSONValue?
    var kind: InputError.Kind
    var testDescription: String { path.map(\.text).joined(separator: ".") + " = \(value.map { "\($0)" } ?? "absent")" }

    init(_ path: String, _ value: JSONValue?, _ kind: InputError.Kind) {
      self.path = path.split(separator: "/").map { JSONString(String($0)) }
      (self.value, self.kind) = (value, kind)
    }
  }

  private func loading(_ value: JSONValue) -> InputError.Kind? {
    kind { () throws(InputError) in _ = try value.tokenizer() }
  }

  private func loading(_ text: some StringProtocol) -> InputError.Kind? {
    kind { () throws(InputError) in _ = try PipelineTokenizer(tokenizerJSON: Array(text.utf8)) }
  }

  @Test func theBasesAreFine() {
    #expect(loading(smallGPT2) == nil)
    #expect(loading(smallLlama) == nil)
  }

  @Test func notEvenADocument() throws {
    #expect(loading("") == .badJSON)
    #expect(loading("<!DOCTYPE html>") == .badJSON)
    #expect(loading("{}") == .missing)
    #expect(loading("[]") == .wrongType)
    #expect(loading(#"{"model": "\ud800"}"#) == .badJSON)
    #expect(loading(String(repeating: "[", count: 100_000)) == .badJSON)
    #expect(kind { () throws(InputError) in _ = try PipelineTokenizer(tokenizerJSON: [0x22, 0xFF, 0x22]) } == .badUTF8)
    let whole = try smallGPT2.encoded()
    for cut in 1...10 {
      let part = Array(whole.prefix(whole.count * cut / 11))
      #expect(kind { () throws(InputError) in _ = try PipelineTokenizer(tokenizerJSON: part) } == .badJSON)
    }
  }

  @Test(arguments: [
    Change("version", "9.9", .unsupported), Change("version", 1, .wrongType),
    Change("model", nil, .missing), Change("model", .null, .wrongType), Change("model/type", nil, .unsupported),
    Change("model/type", "Evil", .unsupported), Change("model/type", "Unigram", .unsupported),
    Change("model/type", 7, .wrongType), Change("truncation", ["max_length": 0], .badValue),
    Change("padding", ["length": 1_099_511_627_776], .unsupported), Change("surprise", 1, .unsupported),
    Change("model/dropout", 0.1, .unsupported), Change("model/continuing_subword_prefix", "##", .inconsistent),
    Change("model/end_of_word_suffix", 7, .wrongType), Change("model/surprise", 1, .unsupported),
    Change("model/fuse_unk", "yes", .wrongType), Change("model/unk_token", "absent", .inconsistent),
    Change("model/unk_token", 3, .wrongType),
  ])
  func settings(_ change: Change) {
    #expect(loading(smallGPT2.setting(change.path, to: change.value)) == change.kind)
  }

  @Test(arguments: [
    Change("x", -1, .badValue), Change("x", 1.5, .badValue), Change("x", "1", .wrongType),
    Change("x", 2_147_483_648, .badValue), Change("x", .number(0x1p63), .badValue),
    Change("x", 1_000_000_000_000, .badValue), Change("x", .null, .wrongType), Change("x", 5, .duplicate),
  ])
  func vocabularyIDs(_ change: Change) {
    let vocabulary = smallGPT2.setting(["model", "vocab", "x!"], to: change.value)
    #expect(loading(vocabulary) == change.kind)
  }

  @Test func vocabularies() throws {
    #expect(loading(smallGPT2.setting(["model", "vocab"], to: [:])) == .badValue)
    #expect(loading(smallGPT2.setting(["model", "vocab"], to: [])) == .wrongType)
    #expect(loading(smallGPT2.setting(["model", "vocab", ""], to: 300)) == .badValue)
    #expect(loading(#"{"model": {"type": "BPE", "vocab": {"a": 0, "a": 1}, "merges": []}}"#) == .duplicate)
    // Holes, both spellings of a letter, and tokens that are one character to Swift are fine.
    let odd = try PipelineTokenizer(
      tokenizerJSON: Array(
        #"""
        {"model": {"type": "BPE", "merges": [],
          "vocab": {"\u00e0": 900, "a": 2, "\u0300": 4, "a\u0300": 5, "\r": 6, "\n": 7, "\r\n": 8}}}
        """#.utf8))
    #expect(odd.vocabularySize == 901)
    #expect(odd.id(of: "\u{E0}") == 900)
    #expect(odd.id(of: "a\u{300}") == 5)
    #expect(try odd.encode("a\u{300}\u{E0}\r\n") == [2, 4, 900, 6, 7])
    #expect(kind { () throws(InputError) in _ = try odd.decode([3]) } == .badValue)
  }

  @Test(arguments: [
    Change("", ["a"], .badValue), Change("", ["a b c"], .badValue), Change("", [["a"]], .badValue),
    Change("", [["a", "b", "c"]], .badValue), Change("", [["a", 1]], .badValue), Change("", [7], .wrongType),
    Change("", [" a"], .badValue), Change("", ["zz q"], .inconsistent), Change("", ["a zz"], .inconsistent),
    Change("", ["z z"], .inconsistent), Change("", [["a", ""]], .inconsistent),
    Change("", ["a b", "a b"], .duplicate), Change("", "a b", .wrongType), Change("", nil, .missing),
  ])
  func merges(_ change: Change) {
    #expect(loading(smallGPT2.setting(["model", "merges"], to: change.value)) == change.kind)
  }

  @Test func mergesNameTheirPlace() {
    do {
      _ = try smallGPT2.setting(["model", "merges"], to: ["a b", "a zz"]).tokenizer()
      Issue.record("no error")
    } catch {
      #expect(error.description.contains("model.merges[1]"))
      #expect(error.description.contains("zz"))
    }
  }

  @Test(arguments: [
    "(a+)+", "(a|a)*b", "(?=x)*", "(", "\\1", "a{1000000}", String(repeating: "x", count: 1 << 20),
  ])
  func regularExpressions(_ pattern: String) {
    let split: JSONValue = [
      "type": "Split", "pattern": ["Regex": .string(JSONString(pattern))], "behavior": "Isolated", "invert": false,
    ]
    #expect(loading(smallGPT2.setting(["pre_tokenizer"], to: split)) == .unsupported)
    let replace: JSONValue = ["type": "Replace", "pattern": ["Regex": .string(JSONString(pattern))], "content": ""]
    #expect(loading(smallGPT2.setting(["normalizer"], to: replace)) == .unsupported)
  }

  @Test(arguments: [
    Change("normalizer", ["type": "Uppercase"], .unsupported), Change("normalizer", ["type": 1], .wrongType),
    Change("normalizer", ["type": "Prepend", "prepend": ""], .badValue),
    Change("normalizer", ["type": "Strip", "strip_left": true], .missing),
    Change("normalizer", ["type": "BertNormalizer", "clean_text": 1], .wrongType),
    Change("normalizer", ["type": "Replace", "pattern": ["String": ""], "content": "x"], .badValue),
    Change("normalizer", ["type": "Prepend"], .missing), Change("normalizer", ["type": "NFC", "x": 1], .unsupported),
    Change("pre_tokenizer", ["type": "Whitespaces"], .unsupported),
    Change("pre_tokenizer", ["type": "FixedLength", "length": 0], .badValue),
    Change("pre_tokenizer", ["type": "Punctuation", "behavior": "Evil"], .unsupported),
    Change("pre_tokenizer", ["type": "CharDelimiterSplit", "delimiter": "ab"], .badValue),
    Change("pre_tokenizer/add_prefix_space", nil, .missing), Change("pre_tokenizer/trim", true, .unsupported),
    Change("pre_tokenizer", ["type": "Metaspace", "replacement": "ab"], .badValue),
    Change("pre_tokenizer", ["type": "Metaspace", "replacement": "a", "prepend_scheme": "often"], .badValue),
    Change(
      "pre_tokenizer",
      ["type": "Metaspace", "replacement": "a", "prepend_scheme": "first", "add_prefix_space": false], .inconsistent),
    Change(
      "pre_tokenizer", ["type": "Split", "pattern": ["String": "a"], "behavior": "Evil", "invert": false],
      .unsupported),
    Change(
      "pre_tokenizer", ["type": "Split", "pattern": ["String": ""], "behavior": "Isolated", "invert": true],
      .badValue),
    Change("decoder", ["type": "WordPiece"], .missing), Change("decoder", ["type": "CTC"], .missing),
    Change("decoder", ["type": "Evil"], .unsupported),
    Change("decoder", ["type": "BPEDecoder", "suffix": ""], .badValue),
    Change("decoder", ["type": "Strip", "content": " ", "start": 1_000_000_000, "stop": 0], .badValue),
    Change("decoder", ["type": "Strip", "content": " ", "start": 0, "stop": -1], .badValue),
    Change("decoder", ["type": "Strip", "content": "", "start": 0, "stop": 0], .badValue),
    Change(
      "decoder", ["type": "Sequence", "decoders": [["type": "Fuse"], ["type": "ByteFallback"]]], .unsupported),
    Change(
      "decoder", ["type": "Sequence", "decoders": [["type": "ByteLevel"], ["type": "WordPiece"]]], .unsupported),
    Change("post_processor", ["type": "Evil"], .unsupported),
    Change("post_processor", ["type": "RobertaProcessing", "sep": ["a", 98], "cls": ["a", 97]], .inconsistent),
    Change("post_processor", ["type": "RobertaProcessing", "sep": ["a"], "cls": ["a", 97]], .badValue),
  ])
  func pipeline(_ change: Change) {
    #expect(loading(smallGPT2.setting(change.path, to: change.value)) == change.kind)
  }

  @Test(arguments: [
    Change(
      "single", [["SpecialToken": ["id": "<x>", "type_id": 0]], ["Sequence": ["id": "A", "type_id": 0]]], .inconsistent),
    Change("single", [["Sequence": ["id": "A", "type_id": -1]]], .badValue),
    Change("single", [["Sequence": ["id": "B", "type_id": 0]]], .badValue),
    Change("single", [["SpecialToken": ["id": "<s>", "type_id": 0]]], .badValue),
    Change("single", [["Evil": 1]], .unsupported), Change("single", [], .badValue),
    Change("pair", [["Evil": 1]], .unsupported),
    Change("special_tokens", [:], .inconsistent),
    Change("special_tokens", ["<s>": ["id": "<s>", "ids": [1, 2], "tokens": ["<s>"]]], .inconsistent),
    Change("special_tokens", ["<s>": ["id": "<s>", "ids": [2], "tokens": ["<s>"]]], .inconsistent),
    Change("special_tokens", ["<s>": ["id": "<s>", "ids": [-1], "tokens": ["<s>"]]], .badValue),
  ])
  func templates(_ change: Change) {
    #expect(loading(smallLlama.setting(["post_processor"] + change.path, to: change.value)) == change.kind)
  }

  @Test func replacementsDoNotExplode() {
    let doubling: JSONValue = ["type": "Replace", "pattern": ["String": "a"], "content": "aa"]
    let sevenTimes: JSONValue = ["type": "Sequence", "normalizers": .array(Array(repeating: doubling, count: 7))]
    #expect(loading(smallLlama.setting(["normalizer"], to: sevenTimes)) == .badValue)
    let decoders: JSONValue = ["type": "Sequence", "decoders": .array(Array(repeating: doubling, count: 7))]
    #expect(loading(smallLlama.setting(["decoder"], to: decoders)) == .badValue)
    let long: JSONValue = ["type": "Prepend", "prepend": .string(JSONString(String(repeating: "a", count: 513)))]
    #expect(loading(smallLlama.setting(["normalizer"], to: long)) == .badValue)
  }

  @Test(arguments: [
    Change("normalizer/normalizers", ["type": "NFC"], .tooLarge),
    Change("pre_tokenizer/pretokenizers", ["type": "Digits", "individual_digits": true], .tooLarge),
    Change("decoder/decoders", ["type": "Strip", "content": " ", "start": 1, "stop": 0], .tooLarge),
  ])
  func pipelinesAreOfBoundedLength(_ change: Change) throws {
    let step = try #require(change.value)
    // Without a bound, steps that call each other overflow the stack.
    for (count, expected) in [(64, nil), (65, change.kind)] {
      let steps = JSONMember(change.path[1], .array(Array(repeating: step, count: count)))
      let sequence = JSONValue.object([JSONMember("type", "Sequence"), steps])
      #expect(loading(smallLlama.setting([change.path[0]], to: sequence)) == expected)
    }
  }

  @Test func addedTokens() {
    func adding(_ tokens: JSONValue...) -> InputError.Kind? {
      loading(smallGPT2.setting(["added_tokens"], to: .array(tokens)))
    }
    #expect(adding(addedToken(300, "")) == .badValue)
    #expect(adding(addedToken(97, "<x>")) == .duplicate)
    #expect(adding(addedToken(98, "a")) == .inconsistent)
    #expect(adding(addedToken(300, "<x>"), addedToken(300, "<y>")) == .duplicate)
    #expect(adding(addedToken(300, "<x>"), addedToken(300, "<x>")) == .duplicate)
    #expect(adding(addedToken(2_147_483_648, "<x>")) == .badValue)
    #expect(adding(addedToken(-1, "<x>")) == .badValue)
    #expect(adding(addedToken(300, "<x>", special: "yes")) == .wrongType)
    #expect(adding(addedToken(262, .string(JSONString(String(repeating: "x", count: 513))))) == .tooLarge)
    #expect(adding(addedToken(300, "<x>").setting(["lstrip"], to: nil)) == .missing)
    #expect(adding(addedToken(300, "<x>").setting(["evil"], to: 1)) == .unsupported)
    #expect(adding(addedToken(262, "<x"), addedToken(263, "<x>")) == nil)
  }

  /// A trap would end the test run.
  @Test func damagedFilesNeverTrap() throws {
    var random = FixedRandom()
    let small = [try smallGPT2.encoded(), try smallLlama.encoded()]
    #expect(try loadedAfterDamage(small, times: 600, &random) > 20)
    let families = try ["bert", "roberta", "llama", "t5", "words", "clip", "o200k"].map {
      try ReferenceTests.fixture($0).encoded()
    }
    let loaded = try loadedAfterDamage(families, times: 400, &random)
    #expect(loaded > 10)
  }

  /// How many of so many damaged files could be loaded. Those are used, too.
  private func loadedAfterDamage(_ files: [[UInt8]], times: Int, _ random: inout FixedRandom) throws -> Int {
    var loaded = 0
    for _ in 0..<times {
      guard let file = files.randomElement(using: &random),
        let tokenizer = try? PipelineTokenizer(tokenizerJSON: damaged(file, &random))
      else { continue }
      loaded += 1
      let text = " the <s></s> abc é\u{301}\r\n12 Quick  [MASK]"
      guard let ids = try? tokenizer.encode(text) else { continue }
      _ = try tokenizer.decode(ids)
      _ = try? tokenizer.decode(Array(0..<tokenizer.vocabularySize), skippingSpecialTokens: true)
      _ = try? tokenizer.encoding(of: text, pair: "b" + text)
    }
    return loaded
  }

  private func damaged(_ file: [UInt8], _ random: inout FixedRandom) -> [UInt8] {
    let pieces = [
      "null", "-1", "1e999", "99999999999", "[]", "{}", "\"\"", ",", "\"type\":", "2147483647", "\\u0000", "▁", "0",
    ]
    var bytes = file
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      // Most of a file is vocabulary; damage at the ends, where the settings are, tells more.
      let reach = Bool.random(using: &random) ? bytes.count : 900
      let offset = Int.random(in: 0..<min(reach, bytes.count), using: &random)
      let index = Bool.random(using: &random) ? offset : bytes.count - 1 - offset
      switch Int.random(in: 0..<4, using: &random) {
      case 0: bytes[index] = .random(in: 0x20...0x7E, using: &random)
      case 1: bytes.remove(at: index)
      case 2: bytes.insert(contentsOf: Array((pieces.randomElement(using: &random) ?? "").utf8), at: index)
      default: bytes.removeSubrange(index..<min(bytes.count, index + Int.random(in: 1...40, using: &random)))
      }
    }
    return bytes
  }
}
