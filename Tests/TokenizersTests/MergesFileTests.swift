import Formats
import Foundation
import Testing
import Tokenizers

@Suite struct MergesFileTests {
  private let vocabulary: [UInt8]

  init() throws {
    let tokens = byteAlphabet + ["Ġt", "he", "Ġthe", "<|endoftext|>", "#version:0.2"]
    vocabulary = try JSONValue.object(tokens.enumerated().map { JSONMember(JSONString($1), .integer($0)) }).encoded()
  }

  private func tokenizer(
    _ merges: String, _ layout: PipelineTokenizer.Layout = .gpt2
  ) throws(InputError) -> PipelineTokenizer {
    try PipelineTokenizer(vocabularyJSON: vocabulary, merges: Array(merges.utf8), layout: layout)
  }

  @Test(arguments: [
    "#version: 0.2\nĠ t\nh e\nĠt he\n", "#version: 0.2\r\nĠ t\r\nh e\r\nĠt he\r\n", "Ġ t\nh e\nĠt he",
    "\n\nĠ t\n\nh e\nĠt he\n\n",
  ])
  func layoutsOfLines(_ merges: String) throws {
    let tokenizer = try tokenizer(merges)
    #expect(try tokenizer.encode(" the<|endoftext|>") == [258, 259])
    #expect(try tokenizer.decode([258, 259], skippingSpecialTokens: true) == " the")
  }

  /// GPT-2's text begins and ends with the same token where no file names others.
  @Test func customaryTokensAroundATextAreGPT2s() throws {
    for (setting, expected) in [("add_bos_token", [259, 258]), ("add_eos_token", [258, 259])] {
      let configuration = #"{"tokenizer_class": "GPT2Tokenizer", "\#(setting)": true}"#
      try withFolder([
        "vocab.json": vocabulary, "merges.txt": Array("Ġ t\nh e\nĠt he\n".utf8),
        "tokenizer_config.json": Array(configuration.utf8),
      ]) { (folder) throws in
        let ids = try PipelineTokenizer(directory: folder).encode(" the")
        #expect(ids == expected)
      }
    }
  }

  @Test func theTwoLayoutsCutDifferently() throws {
    let merges = "Ġ t\nh e\nĠt he\n"
    #expect(try tokenizer(merges, .gpt2).encode("e\u{301}") == [101, 0xCC, 0x81])
    #expect(try tokenizer(merges, .qwen2).encode("e\u{301}") == [0xC3, 0xA9])
  }

  @Test(arguments: [
    ("a", InputError.Kind.badValue), ("a b c", .badValue), ("a\u{0}b", .badValue), ("a  b", .badValue),
    ("x y", .inconsistent),
    ("h e\nh e", .duplicate), ("h e\n#version: 0.2", .inconsistent),
  ])
  func brokenLines(_ merges: String, _ expected: InputError.Kind) {
    #expect(kind { () throws(InputError) in _ = try tokenizer(merges) } == expected)
  }

  @Test func brokenVocabularies() {
    for (text, expected) in [
      ("", InputError.Kind.badJSON), ("[]", .wrongType), ("{}", .badValue), (#"{"a": 0.5}"#, .badValue),
    ] {
      #expect(
        kind { () throws(InputError) in
          _ = try PipelineTokenizer(vocabularyJSON: Array(text.utf8), merges: [], layout: .gpt2)
        } == expected)
    }
  }

  /// Calls `body` with a new folder that holds the files, and removes it afterwards.
  private func withFolder(_ files: [String: [UInt8]], _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tokenizers-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, bytes) in files { try Data(bytes).write(to: folder.appendingPathComponent(name)) }
    try body(folder.path)
  }

  private func loading(_ path: String) -> InputError.Kind? {
    kind { () throws(InputError) in _ = try PipelineTokenizer(directory: path) }
  }

  @Test func folders() throws {
    let merges = Array("Ġ t\nh e\nĠt he\n".utf8)
    let pair = ["vocab.json": vocabulary, "merges.txt": merges]
    func with(_ name: String, _ text: String) -> [String: [UInt8]] { pair.merging([name: Array(text.utf8)]) { $1 } }
    try withFolder([:]) { #expect(loading($0) == .notFound) }
    try withFolder(["vocab.json": vocabulary]) { #expect(loading($0) == .notFound) }
    try withFolder(pair) { #expect(loading($0) == .missing) }
    try withFolder(with("config.json", #"{"model_type": "gpt2"}"#)) { #expect(loading($0) == nil) }
    try withFolder(with("config.json", #"{"model_type": "bert"}"#)) { #expect(loading($0) == .inconsistent) }
    try withFolder(with("config.json", #"{"model_type": "xlnet"}"#)) { #expect(loading($0) == .unsupported) }
    try withFolder(with("tokenizer_config.json", #"{"tokenizer_class": "Evil"}"#)) {
      #expect(loading($0) == .unsupported)
    }
    try withFolder(with("tokenizer_config.json", #"{"split_special_tokens": true}"#)) {
      #expect(loading($0) == .unsupported)
    }
    try withFolder(with("tokenizer_config.json", #"{"added_tokens_decoder": {"x": {}}}"#)) {
      #expect(loading($0) == .badValue)
    }
    let configuration = #"""
      {"tokenizer_class": "Qwen2Tokenizer", "add_prefix_space": false, "errors": "replace", "added_tokens_decoder": {"300": {
        "content": "<|im_start|>", "lstrip": false, "normalized": false, "rstrip": false, "single_word": false, "special": true}}}
      """#
    try withFolder(with("tokenizer_config.json", configuration)) {
      let ids = try PipelineTokenizer(directory: $0).encode("e\u{301}<|im_start|>")
      // The next id after the vocabulary's, as the reference library numbers it.
      #expect(ids == [0xC3, 0xA9, 261])
    }
    try withFolder(["tokenizer.json": try smallGPT2.encoded()]) {
      let ids = try PipelineTokenizer(directory: $0).encode(" the")
      #expect(ids == [258])
    }
    // The contents of a tokenizer.json count, and not what lies beside it.
    try withFolder(pair.merging(["tokenizer.json": [0x7B]]) { $1 }) { #expect(loading($0) == .badJSON) }
  }

  @Test func vocabularyTexts() throws {
    let text = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n\nhello\n##s\nworld\n[MASK]\n"
    for lines in [text, text.replacing("\n", with: "\r\n")] {
      let tokenizer = try PipelineTokenizer(vocabularyText: Array(lines.utf8))
      let encoding = try tokenizer.encoding(of: "HéLLOs [MASK] nope", pair: "World")
      #expect(encoding.ids == [2, 5, 6, 8, 1, 3, 7, 3])
      #expect(encoding.typeIDs == [0, 0, 0, 0, 0, 0, 1, 1])
      #expect(encoding.offsets == [0..<0, 0..<5, 5..<6, 7..<13, 14..<18, 0..<0, 0..<5, 0..<0])
      #expect(try tokenizer.decode(encoding.ids, skippingSpecialTokens: true) == "hellos world")
    }
    let cased = #"{"tokenizer_class": "BertTokenizer", "do_lower_case": false, "sep_token": "hello"}"#
    try withFolder(["vocab.txt": Array(text.utf8), "tokenizer_config.json": Array(cased.utf8)]) {
      let ids = try loadTokenizer(in: $0).encode("HELLO world")
      #expect(ids == [2, 1, 7, 5])
    }
    let roles = #"{"additional_special_tokens": ["<x>"], "mask_token": {"content": "<m>", "lstrip": true}}"#
    try withFolder(["vocab.txt": Array(text.utf8), "special_tokens_map.json": Array(roles.utf8)]) {
      let ids = try PipelineTokenizer(directory: $0).encode("hello <m><x>", addingSpecialTokens: false)
      #expect(ids == [5, 9, 10])
    }
    for (broken, expected) in [
      ("", InputError.Kind.badValue), ("a\nb", .inconsistent), ("[UNK]\n[CLS]\n[SEP]\n[SEP]", .duplicate),
    ] {
      #expect(
        kind { () throws(InputError) in _ = try PipelineTokenizer(vocabularyText: Array(broken.utf8)) } == expected)
    }
    #expect(kind { () throws(InputError) in _ = try PipelineTokenizer(vocabularyText: [0xFF]) } == .badUTF8)
  }

  @Test func hugeFilesAreRefusedUnread() throws {
    try withFolder(["tokenizer.json": []]) { path in
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path + "/tokenizer.json"))
      try file.truncate(atOffset: 1 << 40)
      try file.close()
      #expect(loading(path) == .tooLarge)
    }
  }
}
