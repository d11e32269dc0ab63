import Formats
import Foundation
import TestSupport
import Testing
import Tokenizers

/// What is made of a GGUF file of these values.
private func made<Value>(of builder: GGUFBuilder, _ make: (String) throws -> Value) throws -> Value {
  let path = FileManager.default.temporaryDirectory.appending(path: "tokenizers-\(UUID().uuidString).gguf")
  defer { try? FileManager.default.removeItem(at: path) }
  try Data(builder.contents).write(to: path)
  return try make(path.path)
}

private func tokenizer(_ builder: GGUFBuilder) throws -> PipelineTokenizer {
  try made(of: builder) { try PipelineTokenizer(gguf: try GGUFFile(opening: $0).metadata) }
}

/// The tokenizer that is written for a folder.
private func written(_ path: String) throws -> PipelineTokenizer {
  let files = try TokenizerFiles(of: path).contents
  #expect(files.map(\.name).starts(with: ["tokenizer.json", "tokenizer_config.json"]))
  return try PipelineTokenizer(tokenizerJSON: files[0].bytes)
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
    let carried = try made(of: builder, written)
    let vocabulary = Array(try Data(contentsOf: URL(fileURLWithPath: path + "/vocab.json")))
    let mergesFile = Array(try Data(contentsOf: URL(fileURLWithPath: path + "/merges.txt")))
    let expected = try PipelineTokenizer(
      vocabularyJSON: vocabulary, merges: mergesFile, layout: folder == "gpt2" ? .gpt2 : .qwen2)
    for text in Self.texts {
      let ids = try expected.encode(text)
      #expect(try found.encode(text) == ids, "\(text)")
      #expect(try carried.encode(text) == ids, "\(text)")
      #expect(try found.decode(ids) == expected.decode(ids))
      #expect(try carried.decode(ids) == expected.decode(ids))
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
      let written = try written(TestData.path("models/tinystories-656k.f16.gguf"))
      #expect(try written.encode(text) == expected.encode(text), "\(text)")
    }
  }

  /// Four letters, their pairs, and a byte for each.
  private func pieces(_ change: (inout GGUFBuilder) -> Void = { _ in }) throws -> PipelineTokenizer {
    var builder = piecesFile()
    change(&builder)
    return try tokenizer(builder)
  }

  private func piecesFile(_ last: String = "<kept>", isDefined: Bool = false) -> GGUFBuilder {
    let bytes = (0..<256).map { "<0x" + (String($0 + 256, radix: 16, uppercase: true).dropFirst()) + ">" }
    let words = ["\u{2581}", "a", "b", "ab", "\u{2581}a", "ba", last]
    var builder = file(
      "llama", ["<unk>", "<s>", "</s>"] + bytes + words,
      types: [2, 3, 3] + bytes.map { _ in 6 } + words.map { $0 == "<kept>" || $0 == last && isDefined ? 4 : 1 })
    builder.add("tokenizer.ggml.scores", [0, 0, 0] + bytes.map { _ in 0 } + [-5, -6, -7, -2, -3, -1, 0] as [Float])
    builder.add("tokenizer.ggml.bos_token_id", UInt32(1))
    builder.add("tokenizer.ggml.eos_token_id", UInt32(2))
    return builder
  }

  @Test func writtenPiecesAreTheSame() throws {
    var builder = piecesFile("aba")
    builder.add("tokenizer.chat_template", "{{ bos_token }}{{ messages[0].content }}")
    for spaces in [true, false] {
      builder.add("tokenizer.ggml.add_\(spaces ? "eos_token" : "space_prefix")", spaces)
      let (found, expected) = (try made(of: builder, written), try tokenizer(builder))
      for text in Self.texts + ["ab", "abab", "<s>a</s> ba", "a<unk>b", "aaababbab  ab\u{2581}a", "\u{E9}\n"] {
        let ids = try expected.encode(text)
        #expect(try found.encode(text) == ids, "\(text)")
        #expect(try found.decode(ids, skippingSpecialTokens: true) == expected.decode(ids, skippingSpecialTokens: true))
      }
      let files = try made(of: builder) { try TokenizerFiles(of: $0).contents }
      #expect(files.map(\.name) == ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"])
      let configuration = JSONField(try JSONValue(parsing: files[1].bytes))
      #expect(try configuration.required("eos_token").string() == "</s>")
      let messages: JSONValue = [["role": "user", "content": "a"]]
      #expect(try expected.applyChatTemplate(messages: messages) == "<s>a")
    }
    // What a tokenizer.json cannot say is not written otherwise.
    var spaces = piecesFile("b  b", isDefined: true)
    spaces.add("tokenizer.ggml.add_space_prefix", false)
    for (builder, name) in [(piecesFile(), "<kept>"), (spaces, "b  b")] {
      let error = try #require(throws: InputError.self) { try made(of: builder, written) }
      #expect(error.kind == .unsupported && error.what.contains(name))
    }
    var unigrams = file("t5", ["<unk>", "a"], types: [2, 1])
    unigrams.add("tokenizer.ggml.scores", [0, -1] as [Float])
    #expect(try tokenizer(unigrams).encode("b") == [0])
    let error = try #require(throws: InputError.self) { try made(of: unigrams, written) }
    #expect(error.kind == .unsupported && !error.advice.isEmpty)
  }

  /// Pieces that users have defined may hold the mark of spaces: they are looked for where spaces are written so.
  @Test(arguments: ["<kept>", "\u{2581}\u{2581}", "b\u{2581}"]) func writtenDefinedPiecesAreTheSame(_ kept: String)
    throws
  {
    var builder = piecesFile(kept, isDefined: true)
    builder.add("tokenizer.ggml.add_space_prefix", false)
    let (found, expected) = (try made(of: builder, written), try tokenizer(builder))
    for text in Self.texts + ["a<kept>ab", "<kept><kept> b", "  a   b    ", "ab ab", "<s>  </s>b  "] {
      let ids = try expected.encode(text)
      #expect(try found.encode(text) == ids, "\(text)")
      #expect(try found.decode(ids, skippingSpecialTokens: true) == expected.decode(ids, skippingSpecialTokens: true))
    }
  }

  @Test(arguments: ["gpt-2", "llama-bpe", "qwen2", "smollm"]) func writtenBytePairsAreTheSame(_ pattern: String) throws
  {
    let alphabet = (0..<256).map { byte -> String in
      let isPrinted = 33...126 ~= byte || 161...172 ~= byte || 174...255 ~= byte
      let shift = (0..<byte).filter { !(33...126 ~= $0 || 161...172 ~= $0 || 174...255 ~= $0) }.count
      return String(Unicode.Scalar(UInt32(isPrinted ? byte : 256 + shift)) ?? " ")
    }
    let words = ["th", "the", "12", "123", "\u{120}t", "\u{120}the", "<|endoftext|>", "<kept>"]
    var builder = file(
      "gpt2", alphabet + words, types: (alphabet + words).map { $0 == words[6] ? 3 : $0 == words[7] ? 4 : 1 })
    builder.add("tokenizer.ggml.pre", pattern)
    builder.add("tokenizer.ggml.merges", ["t h", "th e", "1 2", "12 3", "\u{120} t", "\u{120} the"])
    builder.add("tokenizer.ggml.bos_token_id", UInt32(262))
    let (found, expected) = (try made(of: builder, written), try tokenizer(builder))
    for text in Self.texts + ["the the 123 4567", "<kept>the", "e\u{301}\u{212B}"] {
      let ids = try expected.encode(text)
      #expect(try found.encode(text) == ids, "\(text)")
      #expect(try found.decode(ids) == expected.decode(ids))
    }
  }

  @Test func filesOfFoldersAreCarriedAsTheyAre() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "tokenizers-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for name in ["config.json", "chat_template.jinja", "vocab.txt", "generation_config.json", "model.safetensors"] {
      try Data(name.utf8).write(to: folder.appending(path: name))
    }
    let files = try TokenizerFiles(of: folder.path).contents
    #expect(files.map(\.name) == ["vocab.txt", "chat_template.jinja", "generation_config.json"])
    #expect(files.allSatisfy { $0.bytes == Array($0.name.utf8) })
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
