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

  private func tokenizer(_ merges: String, _ layout: BPETokenizer.Layout = .gpt2) throws(InputError) -> BPETokenizer {
    try BPETokenizer(vocabularyJSON: vocabulary, merges: Array(merges.utf8), layout: layout)
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
          _ = try BPETokenizer(vocabularyJSON: Array(text.utf8), merges: [], layout: .gpt2)
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
    kind { () throws(InputError) in _ = try BPETokenizer(directory: path) }
  }

  @Test func folders() throws {
    let merges = Array("Ġ t\nh e\nĠt he\n".utf8)
    let pair = ["vocab.json": vocabulary, "merges.txt": merges]
    func with(_ name: String, _ text: String) -> [String: [UInt8]] { pair.merging([name: Array(text.utf8)]) { $1 } }
    try withFolder([:]) { #expect(loading($0) == .notFound) }
    try withFolder(["vocab.json": vocabulary]) { #expect(loading($0) == .notFound) }
    try withFolder(pair) { #expect(loading($0) == .missing) }
    try withFolder(with("config.json", #"{"model_type": "gpt2"}"#)) { #expect(loading($0) == nil) }
    try withFolder(with("config.json", #"{"model_type": "bert"}"#)) { #expect(loading($0) == .unsupported) }
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
      let ids = try BPETokenizer(directory: $0).encode("e\u{301}<|im_start|>")
      #expect(ids == [0xC3, 0xA9, 300])
    }
    try withFolder(["tokenizer.json": try smallGPT2.encoded()]) {
      let ids = try BPETokenizer(directory: $0).encode(" the")
      #expect(ids == [258])
    }
    // The contents of a tokenizer.json count, and not what lies beside it.
    try withFolder(pair.merging(["tokenizer.json": [0x7B]]) { $1 }) { #expect(loading($0) == .badJSON) }
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
