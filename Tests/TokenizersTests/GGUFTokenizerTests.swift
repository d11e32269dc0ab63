import Formats
import Foundation
import TestSupport
import Testing
import Tokenizers

/// A tokenizer from a GGUF file of these values.
private func tokenizer(_ builder: GGUFBuilder) throws -> PipelineTokenizer {
  let path = FileManager.default.temporaryDirectory.appending(path: "tokenizers-\(UUID().uuidString).gguf")
  defer { try? FileManager.default.removeItem(at: path) }
  try Data(builder.contents).write(to: path)
  return try PipelineTokenizer(gguf: try GGUFFile(opening: path.path).metadata)
}

private func file(_ model: String, _ tokens: [String], types: [Int32]? = nil) -> GGUFBuilder {
  var builder = GGUFBuilder()
  builder.add("tokenizer.ggml.model", model)
  builder.add("tokenizer.ggml.tokens", tokens)
  if let types { builder.add("tokenizer.ggml.token_type", types) }
  return builder
}

@Suite struct GGUFTokenizerTests {
  static let texts = [
    "", " ", "Once upon a time, there was a little girl.", "  two  spaces ", "I'VE don't 'S 'tis we'll\r\n\r\nx\n",
    "caf\u{E9} cafe\u{301} 1234567 3.14", "<|endoftext|>x", "日本語 テキスト 👩‍👩‍👧‍👦",
  ]

  @Test(.enabled(if: TestData.isPresent), arguments: [("gpt2", "gpt-2"), ("qwen2", "qwen2")])
  func bytePairsAreThoseOfTheFilesThatTheyCameFrom(_ folder: String, _ pattern: String) throws {
    let path = TestData.path("tokenizers/\(folder)")
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path + "/vocab.json")))
    guard case .object(let members) = try JSONValue(parsing: bytes) else { return }
    var tokens = [String](repeating: "", count: members.count)
    for member in members { if case .integer(let id) = member.value { tokens[id] = member.key.text } }
    let types = tokens.map { $0 == "<|endoftext|>" ? Int32(3) : 1 }
    let merges = try String(contentsOfFile: path + "/merges.txt", encoding: .utf8).split(separator: "\n").map {
      String($0.replacing("\r", with: ""))
    }.filter { !$0.isEmpty && !$0.hasPrefix("#version") }
    var builder = file("gpt2", tokens, types: types)
    builder.add("tokenizer.ggml.pre", pattern)
    builder.add("tokenizer.ggml.merges", merges)
    let found = try tokenizer(builder)
    let vocabulary = Array(try Data(contentsOf: URL(fileURLWithPath: path + "/vocab.json")))
    let mergesFile = Array(try Data(contentsOf: URL(fileURLWithPath: path + "/merges.txt")))
    let expected = try PipelineTokenizer(
      vocabularyJSON: vocabulary, merges: mergesFile, layout: folder == "gpt2" ? .gpt2 : .qwen2)
    for text in Self.texts {
      let ids = try expected.encode(text)
      #expect(try found.encode(text) == ids, "\(text)")
      #expect(try found.decode(ids) == expected.decode(ids))
    }
  }

  @Test(.enabled(if: TestData.isPresent)) func theRealFileHasTheRealTokenizer() throws {
    let found = try loadTokenizer(in: TestData.path("models/tinystories-656k.f16.gguf"))
    let expected = try loadTokenizer(in: TestData.path("models/tinystories-656k"))
    let stories = [
      "Once upon a time, there was a little girl named Lily. She loved to play with her toys.",
      "Tom and Sam went to the park. They saw a big dog and were very happy!", "The sun was hot.\nThe cat sat.",
    ]
    for text in stories {
      #expect(try found.encode(text) == expected.encode(text), "\(text)")
      #expect(try found.decode(expected.encode(text)) == expected.decode(expected.encode(text)))
    }
  }

  /// Four letters, their pairs, and a byte for each.
  private func pieces(_ change: (inout GGUFBuilder) -> Void = { _ in }) throws -> PipelineTokenizer {
    let bytes = (0..<256).map { "<0x" + (String($0 + 256, radix: 16, uppercase: true).dropFirst()) + ">" }
    let words = ["\u{2581}", "a", "b", "ab", "\u{2581}a", "ba", "<kept>"]
    var builder = file(
      "llama", ["<unk>", "<s>", "</s>"] + bytes + words,
      types: [2, 3, 3] + bytes.map { _ in 6 } + words.map { $0 == "<kept>" ? 4 : 1 })
    builder.add("tokenizer.ggml.scores", [0, 0, 0] + bytes.map { _ in 0 } + [-5, -6, -7, -2, -3, -1, 0] as [Float])
    builder.add("tokenizer.ggml.bos_token_id", UInt32(1))
    builder.add("tokenizer.ggml.eos_token_id", UInt32(2))
    change(&builder)
    return try tokenizer(builder)
  }

  @Test func piecesAreJoinedByTheirScores() throws {
    let mark = 259, a = 260, ab = 262, ba = 264, kept = 265
    let plain = try pieces()
    // The beginning is put before, a space before the text; "ba" is joined before anything else.
    #expect(try plain.encode("ab") == [1, mark, ab])
    #expect(try plain.encode("abab") == [1, 263, ba, 261])
    #expect(try plain.encode("a<kept>a") == [1, 263, kept, a])
    #expect(try plain.encode("<s>a") == [1, 1, 263])
    #expect(try plain.encode("\u{E9}", addingSpecialTokens: false) == [mark, 3 + 0xC3, 3 + 0xA9])
    #expect(try plain.decode([1, mark, ab, 3 + 0xC3, 3 + 0xA9]).hasSuffix("ab\u{E9}"))
    let other = try pieces {
      $0.add("tokenizer.ggml.add_bos_token", false)
      $0.add("tokenizer.ggml.add_eos_token", true)
      $0.add("tokenizer.ggml.add_space_prefix", false)
    }
    #expect(try other.encode("ab") == [ab, 2])
  }

  @Test func whatContradictsItselfIsRefused() throws {
    func kind(_ change: (inout GGUFBuilder) -> Void) throws -> InputError.Kind? {
      do { _ = try pieces(change) } catch let error as InputError { return error.kind }
      return nil
    }
    #expect(try kind { $0.values.remove(at: 1) } == .missing)  // tokens
    #expect(try kind { $0.values.remove(at: 3) } == .inconsistent)  // scores
    #expect(try kind { $0.add("tokenizer.ggml.unknown_token_id", UInt32(266)) } == nil)
    #expect(
      try kind {
        $0.values[4] =
          GGUFBuilder.string("tokenizer.ggml.bos_token_id") + GGUFBuilder.bytes(UInt32(4))
          + GGUFBuilder.bytes(UInt32(266))
      } == .badValue)
    #expect(
      try kind {
        $0.values.remove(at: 4)
        $0.add("tokenizer.ggml.add_bos_token", true)
      } == .inconsistent)
    #expect(
      try kind {
        $0.values[0] =
          GGUFBuilder.string("tokenizer.ggml.model") + GGUFBuilder.bytes(UInt32(8)) + GGUFBuilder.string("rwkv")
      } == .unsupported)
  }

  @Test func wordPatternsAreKnownByName() throws {
    func kind(_ name: String?) throws -> InputError.Kind? {
      var builder = file("gpt2", ["a", "b", "ab"])
      builder.add("tokenizer.ggml.merges", ["a b"])
      if let name { builder.add("tokenizer.ggml.pre", name) }
      do { _ = try tokenizer(builder) } catch let error as InputError { return error.kind }
      return nil
    }
    for name in ["gpt-2", "llama-bpe", "qwen2", "smollm", "starcoder"] { #expect(try kind(name) == nil) }
    #expect(try kind("default") == .unsupported)
    #expect(try kind(nil) == .missing)
  }
}
