import Formats
import Foundation
import TestSupport
import Testing
import Tokenizers

/// Each stage of the tokenizers against what the reference library's stages make of texts that break tokenizers, and
/// damage to each stage, which must be found there.
@Suite struct VerificationTests {
  private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures")

  private static func reference(_ name: String) throws -> TokenizerReference {
    try TokenizerReference(path: fixtures.appending(path: "TokenizerReferences/\(name).json").path)
  }

  private static func file(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: Array(try Data(contentsOf: fixtures.appending(path: "Tokenizers/\(name).json"))))
  }

  private static func check(_ tokenizer: PipelineTokenizer, by name: String) throws {
    let reference = try reference(name)
    #expect(reference.textCount >= 80)
    #expect(reference.fits(tokenizer))
    for difference in reference.differences(of: tokenizer) {
      Issue.record("\(name): \(difference.text.debugDescription) in the \(difference.stage): \(difference)")
    }
  }

  @Test(arguments: ["bert", "roberta", "llama", "t5", "words", "clip", "o200k"])
  func everyStageIsThatOfTheReference(_ name: String) throws { try Self.check(Self.file(name).tokenizer(), by: name) }

  @Test(
    .enabled(if: TestData.isPresent, "ATTENTION_TEST_DATA names no folder"),
    arguments: [
      ("gpt2", "gpt2"), ("bert-base-uncased", "bert-base-uncased"), ("llama", "llama-2"), ("t5-small", "t5-small"),
      ("qwen2", "qwen2"),
    ])
  func everyStageOfRealTokenizers(_ folder: String, _ name: String) throws {
    try Self.check(PipelineTokenizer(directory: TestData.path("tokenizers/\(folder)")), by: name)
  }

  @Test func referencesAreOfOneVocabulary() throws {
    let bert = try Self.file("bert").tokenizer()
    for name in ["roberta", "llama", "t5", "words", "clip", "o200k", "gpt2", "bert-base-uncased"] {
      #expect(try !Self.reference(name).fits(bert), "\(name)")
    }
  }

  /// What is wrong with a tokenizer's file, and where that must be found first.
  private struct Damage: Sendable, CustomTestStringConvertible {
    let tokenizer: String
    let stage: EncodingStage
    let what: String
    let apply: @Sendable (JSONValue) throws -> JSONValue
    var testDescription: String { "\(tokenizer): \(what)" }
  }

  private static func setting(
    _ tokenizer: String, _ stage: EncodingStage, _ path: [JSONString], _ value: JSONValue
  ) -> Damage {
    Damage(tokenizer: tokenizer, stage: stage, what: path.map(\.text).joined(separator: ".")) {
      $0.setting(path, to: value)
    }
  }

  /// Two members of the vocabulary change places.
  private static func swapping(_ tokenizer: String, _ first: JSONString, _ second: JSONString) -> Damage {
    Damage(tokenizer: tokenizer, stage: .model, what: "\(first.text) and \(second.text) change places") { file in
      let vocabulary = try #require(file["model"]?["vocab"])
      let (a, b) = (try #require(vocabulary[first.text]), try #require(vocabulary[second.text]))
      return file.setting(["model", "vocab", first], to: b).setting(["model", "vocab", second], to: a)
    }
  }

  private static let damages: [Damage] = [
    setting("bert", .normalizer, ["normalizer", "lowercase"], false),
    setting("bert", .normalizer, ["normalizer", "handle_chinese_chars"], false),
    setting("words", .normalizer, ["normalizer"], ["type": "NFC"]),
    setting("llama", .normalizer, ["normalizer"], .null),
    setting("t5", .normalizer, ["normalizer"], ["type": "NFC"]),
    setting("bert", .preTokenizer, ["pre_tokenizer"], ["type": "Whitespace"]),
    setting("roberta", .preTokenizer, ["pre_tokenizer", "add_prefix_space"], false),
    setting("t5", .preTokenizer, ["pre_tokenizer", "prepend_scheme"], "never"),
    setting(
      "clip", .preTokenizer, ["pre_tokenizer"], ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true]),
    setting("bert", .model, ["model", "max_input_chars_per_word"], 5),
    setting("llama", .model, ["model", "byte_fallback"], false),
    setting("clip", .model, ["model", "end_of_word_suffix"], .null),
    setting("roberta", .model, ["model", "merges"], []),
    swapping("words", "the", "a"), swapping("o200k", "a", "b"),
    setting("llama", .addedTokens, ["added_tokens"], [addedToken(0, "<unk>"), addedToken(2, "</s>")]),
    setting("words", .addedTokens, ["added_tokens"], []),
    setting("llama", .postProcessor, ["post_processor"], .null),
    setting("roberta", .postProcessor, ["post_processor", "cls"], ["</s>", 1]),
    setting("words", .postProcessor, ["post_processor"], .null),
    setting("llama", .decoder, ["decoder"], ["type": "ByteFallback"]),
    setting("bert", .decoder, ["decoder", "prefix"], "#"), setting("o200k", .decoder, ["decoder"], .null),
    setting("t5", .decoder, ["decoder", "prepend_scheme"], "never"),
  ]

  @Test(arguments: damages) private func damageIsFoundInItsStage(_ damage: Damage) throws {
    let (right, reference) = (try Self.file(damage.tokenizer), try Self.reference(damage.tokenizer))
    let wrong = try damage.apply(right)
    #expect(wrong != right, "nothing is damaged")
    let differences = try reference.differences(of: wrong.tokenizer())
    let first = EncodingStage.allCases.first { stage in differences.contains { $0.stage == stage } }
    #expect(first == damage.stage, "\(differences.first.map { "\($0)" } ?? "no difference")")
  }

  @Test func aStageThatThrowsIsNamed() throws {
    let tokenizer = try Self.file("t5").setting(["model", "unk_id"], to: .null).tokenizer()
    let difference = try #require(try Self.reference("t5").differences(of: tokenizer).first)
    #expect(difference.stage == .model)
    #expect(throws: InputError.self) { try difference.found.get() }
  }

  @Test(arguments: [
    ("{}", InputError.Kind.missing), (#"{"tokenizer":"x","library":"y","size":0,"marks":{},"cases":[]}"#, .badValue),
    (#"{"tokenizer":"x","library":"y","size":1,"marks":{},"cases":[]}"#, .badValue),
    (#"{"tokenizer":"x","library":"y","size":1,"marks":{},"cases":[{"text":"a","pieces":["a"]}]}"#, .missing),
    (
      #"{"tokenizer":"x","library":"y","size":1,"marks":{},"cases":[{"text":"a","pieces":[1],"model":[]}]}"#, .wrongType
    ),
    (
      #"{"tokenizer":"x","library":"y","size":1,"marks":{},"cases":[{"text":"a","pieces":[],"model":["1"]}]}"#,
      .wrongType
    ),
    (#"{"tokenizer":"x","library":"y","size":1,"marks":{},"cases":7}"#, .wrongType), ("", .badJSON),
  ])
  func wrongReferencesAreRefused(_ text: String, _ expected: InputError.Kind) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "reference-\(UUID().uuidString).json")
    defer { try? FileManager.default.removeItem(at: path) }
    try Data(text.utf8).write(to: path)
    #expect(kind { () throws(InputError) in _ = try TokenizerReference(path: path.path) } == expected)
  }
}
