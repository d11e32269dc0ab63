import Formats
import Foundation
import Testing
import Tokenizers

/// The folder with real tokenizers and texts with their reference ids.
private let dataFolder = ProcessInfo.processInfo.environment["ATTENTION_TEST_DATA"]

// Without the environment variable ATTENTION_TEST_DATA everything here is skipped: the ids of real tokenizers (GPT-2,
// BERT, T5, Llama, Qwen 2, TinyStories) for awkward texts, their published conformance cases, and their folders' loading.
@Suite(.enabled(if: dataFolder != nil, "ATTENTION_TEST_DATA is not set: the real tokenizers are not tried"))
struct RealFilesTests {
  static let gpt2 = Result { try PipelineTokenizer(directory: path("tokenizers/gpt2")) }
  static let llama = Result { try PipelineTokenizer(directory: path("tokenizers/llama")) }
  static let t5 = Result { try PipelineTokenizer(directory: path("tokenizers/t5-small")) }
  static let bert = Result {
    var tokenizer = try PipelineTokenizer(directory: path("tokenizers/bert-base-uncased"))
    (tokenizer.truncation, tokenizer.padding) = (nil, nil)
    return tokenizer
  }
  static let qwen2 = Result { try PipelineTokenizer(directory: path("tokenizers/qwen2")) }
  static let tinyStories = Result { try PipelineTokenizer(directory: path("models/tinystories-656k")) }

  private static func path(_ name: String) -> String { "\(dataFolder ?? "")/\(name)" }

  private func json(_ name: String) throws -> JSONField {
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: Self.path(name))))
    return JSONField(try JSONValue(parsing: bytes), at: name)
  }

  private func check(_ golden: Golden, _ tokenizer: PipelineTokenizer) throws {
    #expect(try tokenizer.encode(golden.text) == golden.ids)
    let decoded = try tokenizer.decode(golden.ids, skippingSpecialTokens: true)
    #expect(decoded.utf8.elementsEqual(golden.decoded.utf8), "\(decoded.debugDescription)")
  }

  @Test(arguments: gpt2Golden) func gpt2(_ golden: Golden) throws { try check(golden, try Self.gpt2.get()) }
  @Test(arguments: llamaGolden) func llama(_ golden: Golden) throws { try check(golden, try Self.llama.get()) }
  @Test(arguments: qwen2Golden) func qwen2(_ golden: Golden) throws { try check(golden, try Self.qwen2.get()) }
  @Test(arguments: tinyStoriesGolden) func tinyStories(_ golden: Golden) throws {
    try check(golden, try Self.tinyStories.get())
  }

  private static func tokenizer(_ name: String) throws -> PipelineTokenizer {
    let tokenizers = [
      "gpt2": gpt2, "llama": llama, "qwen2": qwen2, "bert-base-uncased": bert, "t5-small": t5,
    ]
    return try #require(try tokenizers[name]?.get())
  }

  /// The published cases, the name under which they know a tokenizer; and how many there are at least.
  @Test(arguments: [
    ("bert", "Xenova/bert-base-uncased", "bert-base-uncased", 31),
    ("distilbert", "Xenova/distilbert-base-uncased-finetuned-sst-2-english", "bert-base-uncased", 12),
    ("falcon", "tiiuae/falcon-rw-1b", "gpt2", 15), ("gpt2", "Xenova/gpt2", "gpt2", 26),
    ("gpt2", "openai-community/gpt2", "gpt2", 26), ("llama", "Xenova/llama-tokenizer", "llama", 37),
    ("qwen2", "Xenova/Qwen1.5-0.5B-Chat", "qwen2", 25), ("t5", "Xenova/t5-small", "t5-small", 29),
    ("t5", "google-t5/t5-small", "t5-small", 29),
  ])
  func publishedCases(_ file: String, _ name: String, _ tokenizerName: String, _ atLeast: Int) throws {
    let tokenizer = try Self.tokenizer(tokenizerName)
    let cases = try json("conformance/transformers.js/\(file).json").required(name).object()
    #expect(cases.count >= atLeast)
    for (_, golden) in cases {
      let pair = try golden.optional("text_pair")?.string()
      let ids = try integers(golden.required("ids"))
      #expect(try tokenizer.encoding(of: try golden.required("text").string(), pair: pair).ids == ids)
      try check(try tokenizer.decode(ids), try golden.required("decoded"))
    }
  }

  @Test(arguments: [
    ("bert-base-uncased", "bert-base-uncased"), ("google-bert/bert-base-uncased", "bert-base-uncased"),
    ("distilgpt2", "gpt2"), ("coreml-projects/Llama-2-7b-chat-coreml", "llama"), ("t5-base", "t5-small"),
  ])
  func publishedEncodings(_ name: String, _ tokenizerName: String) throws {
    let tokenizer = try Self.tokenizer(tokenizerName)
    let cases = try json("conformance/swift-transformers/tokenizer_tests.json").required(name).array()
    #expect(cases.count >= 18)
    for golden in cases {
      let encoding = try tokenizer.encoding(of: try golden.required("input").string())
      let expected = try golden.required("encoded")
      #expect(encoding.ids == (try integers(expected.required("input_ids"))))
      #expect(encoding.attentionMask == (try integers(expected.required("attention_mask"))))
      if let types = try expected.optional("token_type_ids") { #expect(encoding.typeIDs == (try integers(types))) }
      try check(try tokenizer.decode(encoding.ids), try golden.required("decoded_with_special"))
      let text = try tokenizer.decode(encoding.ids, skippingSpecialTokens: true)
      try check(text, try golden.required("decoded_without_special"))
    }
  }

  @Test(arguments: [
    ("gpt2_encoded_tokens", "gpt2"), ("llama_encoded", "llama"), ("bert_uncased_encoded", "bert-base-uncased"),
    ("t5_base_encoded", "t5-small"),
  ])
  func publishedTokens(_ file: String, _ tokenizerName: String) throws {
    let tokenizer = try Self.tokenizer(tokenizerName)
    let golden = try json("conformance/swift-transformers/\(file).json")
    let text = try golden.required("text").string()
    let tokens = try tokenizer.encoding(of: text, addingSpecialTokens: false).tokens
    #expect(tokens == (try golden.required("bpe_tokens").array().map { try $0.string() }))
    #expect(try tokenizer.encode(text) == (try integers(golden.required("token_ids"))))
  }

  private func integers(_ field: JSONField) throws -> [Int] { try field.array().map { try $0.int() } }

  private func check(_ decoded: String, _ expected: JSONField) throws {
    let (decoded, expected) = (cleaned(decoded), cleaned(try expected.string()))
    #expect(decoded.utf8.elementsEqual(expected.utf8), "\(decoded.debugDescription) for \(expected.debugDescription)")
  }

  /// The published texts were made with a clean-up of spaces that the tokenizers themselves do not ask for.
  private func cleaned(_ text: String) -> String {
    [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"].reduce(text) { text, found in
      text.replacing(found, with: found == " ' " ? "'" : String(found.dropFirst()))
    }
  }

  /// Long texts are cut at 128 tokens and short ones filled up, if one asks for it.
  @Test func bertsFileCutsAndFillsUp() throws {
    let tokenizer = try Self.bert.get()
    #expect(try tokenizer.encode("hello") == [101, 7592, 102])
    let whole = try PipelineTokenizer(directory: Self.path("tokenizers/bert-base-uncased"))
    let short = try whole.encoding(of: "hello")
    #expect(short.ids == [101, 7592, 102] + [Int](repeating: 0, count: 125))
    #expect(short.attentionMask.reduce(0, +) == 3)
    let long = try whole.encoding(of: String(repeating: "hello ", count: 200))
    #expect(long.count == 128 && long.ids.last == 102 && long.overflow.map(\.count) == [128])
  }

  @Test func theVocabularyTextGivesTheSameTokens() throws {
    let text = "The naïve CAFÉ's 你好 unaffable [MASK] \u{1F600}"
    let file = Array(try Data(contentsOf: URL(fileURLWithPath: Self.path("tokenizers/bert-base-uncased/vocab.txt"))))
    let tokenizer = try PipelineTokenizer(vocabularyText: file)
    #expect(try tokenizer.encoding(of: text, pair: text) == (try Self.bert.get().encoding(of: text, pair: text)))
  }

  @Test func promptsOfTheModel() throws {
    let tokenizer = try Self.tinyStories.get()
    let cases = try json("models/tinystories-656k/expected.json").required("cases").array()
    #expect(!cases.isEmpty)
    for golden in cases {
      var (prompt, ids) = ([Int](), [Int]())
      for id in try golden.required("prompt_ids").array() { prompt.append(try id.int()) }
      for id in try golden.required("greedy_ids").array() { ids.append(try id.int()) }
      #expect(try tokenizer.encode(try golden.required("prompt").string()) == prompt)
      #expect(try tokenizer.decode(prompt + ids) == (try golden.required("text").string()))
    }
  }

  @Test func lineEndsOfTheMergesDoNotMatter() throws {
    func file(_ name: String) throws -> [UInt8] {
      Array(try Data(contentsOf: URL(fileURLWithPath: Self.path("tokenizers/qwen2/\(name)"))))
    }
    let vocabulary = try file("vocab.json")
    let lf = try PipelineTokenizer(vocabularyJSON: vocabulary, merges: try file("merges.txt"), layout: .qwen2)
    let crlf = try PipelineTokenizer(vocabularyJSON: vocabulary, merges: try file("merges.crlf.txt"), layout: .qwen2)
    let ids = try lf.encode("Hello, world! 你好")
    #expect(try crlf.encode("Hello, world! 你好") == ids)
    #expect(ids == [9707, 11, 1879, 0, 220, 108386])
  }

  @Test(.timeLimit(.minutes(1))) func aLongTextComesBack() throws {
    let book = String(
      decoding: try Data(contentsOf: URL(fileURLWithPath: Self.path("data/tinyshakespeare.txt"))), as: UTF8.self)
    let text = String(book.prefix(1 << 17))
    for tokenizer in [try Self.gpt2.get(), try Self.llama.get(), try Self.qwen2.get()] {
      let ids = try tokenizer.encode(text)
      #expect(try tokenizer.decode(ids, skippingSpecialTokens: true) == text)
    }
  }
}
