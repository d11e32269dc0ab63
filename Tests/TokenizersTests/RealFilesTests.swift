import Formats
import Foundation
import Testing
import Tokenizers

/// The folder with real tokenizers and texts with their reference ids.
private let dataFolder = ProcessInfo.processInfo.environment["ATTENTION_TEST_DATA"]

// Without the environment variable ATTENTION_TEST_DATA everything here is skipped: the ids of real tokenizers (GPT-2,
// Llama, Qwen 2, TinyStories) for awkward texts, their published conformance cases, and their folders' loading.
@Suite(.enabled(if: dataFolder != nil, "ATTENTION_TEST_DATA is not set: the real tokenizers are not tried"))
struct RealFilesTests {
  static let gpt2 = Result { try BPETokenizer(directory: path("tokenizers/gpt2")) }
  static let llama = Result { try BPETokenizer(directory: path("tokenizers/llama")) }
  static let qwen2 = Result { try BPETokenizer(directory: path("tokenizers/qwen2")) }
  static let tinyStories = Result { try BPETokenizer(directory: path("models/tinystories-656k")) }

  private static func path(_ name: String) -> String { "\(dataFolder ?? "")/\(name)" }

  private func json(_ name: String) throws -> JSONField {
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: Self.path(name))))
    return JSONField(try JSONValue(parsing: bytes), at: name)
  }

  private func check(_ golden: Golden, _ tokenizer: BPETokenizer) throws {
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

  /// The names under which the published cases know the tokenizers; and how many cases there are at least.
  @Test(arguments: [
    ("gpt2", "Xenova/gpt2", 26), ("gpt2", "openai-community/gpt2", 26), ("llama", "Xenova/llama-tokenizer", 37),
    ("qwen2", "Xenova/Qwen1.5-0.5B-Chat", 25),
  ])
  func publishedCases(_ family: String, _ name: String, _ atLeast: Int) throws {
    let tokenizers = ["gpt2": Self.gpt2, "llama": Self.llama, "qwen2": Self.qwen2]
    let tokenizer = try #require(try tokenizers[family]?.get())
    let cases = try json("conformance/transformers.js/\(family).json").required(name).object()
    #expect(cases.count >= atLeast)
    for (_, golden) in cases {
      let text = try golden.required("text").string()
      var ids: [Int] = []
      for id in try golden.required("ids").array() { ids.append(try id.int()) }
      #expect(try tokenizer.encode(text) == ids)
      let decoded = cleaned(try tokenizer.decode(ids))
      let expected = cleaned(try golden.required("decoded").string())
      #expect(decoded.utf8.elementsEqual(expected.utf8), "\(decoded.debugDescription) for \(expected.debugDescription)")
    }
  }

  /// The published texts were made with a clean-up of spaces that the tokenizers themselves do not ask for.
  private func cleaned(_ text: String) -> String {
    [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"].reduce(text) { text, found in
      text.replacing(found, with: found == " ' " ? "'" : String(found.dropFirst()))
    }
  }

  @Test(arguments: [("gpt2_encoded_tokens", "gpt2"), ("llama_encoded", "llama")])
  func publishedTokens(_ file: String, _ family: String) throws {
    let tokenizer = try (family == "gpt2" ? Self.gpt2 : Self.llama).get()
    let golden = try json("conformance/swift-transformers/\(file).json")
    let ids = try tokenizer.encode(try golden.required("text").string(), addingSpecialTokens: false)
    var tokens: [String] = []
    for token in try golden.required("bpe_tokens").array() { tokens.append(try token.string()) }
    #expect(ids.map { tokenizer.token(of: $0) } == tokens)
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
    let lf = try BPETokenizer(vocabularyJSON: vocabulary, merges: try file("merges.txt"), layout: .qwen2)
    let crlf = try BPETokenizer(vocabularyJSON: vocabulary, merges: try file("merges.crlf.txt"), layout: .qwen2)
    let ids = try lf.encode("Hello, world! 你好")
    #expect(try crlf.encode("Hello, world! 你好") == ids)
    #expect(ids == [9707, 11, 1879, 0, 220, 108386])
  }

  @Test func aFileWithPaddingIsRefused() {
    #expect(
      kind { () throws(InputError) in
        _ = try BPETokenizer(directory: Self.path("tokenizers/bert-base-uncased"))
      } == .unsupported)
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
