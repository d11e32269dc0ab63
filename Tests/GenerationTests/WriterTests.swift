import Formats
import Foundation
import Generation
import Models
import Tensor
import TestSupport
import Testing

/// The folders and files of fixtures.
enum Fixture {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures")

  /// Runs `body` with a copy of a model's folder that has these settings.
  static func withModel<Result>(
    _ name: String, settings: JSONValue?, configuration change: (String) -> String = { $0 },
    _ body: (String) throws -> Result
  ) throws -> Result {
    let copy = FileManager.default.temporaryDirectory.appending(path: "generation-" + UUID().uuidString)
    try FileManager.default.copyItem(at: folder.appending(path: "Models/" + name), to: copy)
    defer { try? FileManager.default.removeItem(at: copy) }
    let place = copy.appending(path: "config.json")
    try Data(change(String(contentsOf: place, encoding: .utf8)).utf8).write(to: place)
    if let settings {
      try Data(settings.encoded()).write(to: copy.appending(path: "generation_config.json"))
    }
    return try body(copy.path)
  }
}

/// What Hugging Face's `generate` writes.
private struct Expected {
  let model: String
  let prompt: [Int]
  let settings: JSONValue
  let sequences: [[Int]]
  let scores: [Double]?

  static let all: [Expected] = {
    guard let bytes = try? Data(contentsOf: Fixture.folder.appending(path: "generation.json")),
      let cases = try? JSONField(JSONValue(parsing: Array(bytes))).array()
    else { return [] }
    return cases.compactMap { try? Expected($0) }
  }()
  static let models = Set(all.map(\.model)).sorted()

  init(_ json: JSONField) throws {
    func ids(_ field: JSONField) throws -> [Int] { try field.array().map { try $0.int() } }
    model = try json.required("model").string()
    prompt = try ids(json.required("prompt"))
    settings = try json.required("settings").value()
    sequences = try json.required("sequences").array().map(ids)
    scores = try json.optional("scores")?.array().map { try $0.double() }
  }
}

@Suite struct WriterTests {
  @Test func allCasesAreThere() { #expect(Expected.all.count == 373) }

  @Test(arguments: Expected.models) func textsAreTransformers(_ model: String) throws {
    for (index, expected) in Expected.all.filter({ $0.model == model }).enumerated() {
      let found = try Fixture.withModel(model, settings: expected.settings) { folder in
        try Writer(from: folder).write(expected.prompt)
      }
      let what = "case \(index): \(String(decoding: try expected.settings.encoded(), as: UTF8.self))"
      #expect(found.map(\.ids) == expected.sequences, "\(what)")
      let scores = found.compactMap(\.score)
      #expect(scores.count == expected.scores?.count ?? 0, "\(what)")
      for (score, other) in zip(scores, expected.scores ?? []) {
        #expect(abs(score - other) <= 1e-4 * max(1, abs(other)), "\(what)")
      }
    }
  }

  /// Whatever is asked, threads and kernels change no token.
  @Test func searchesDependOnNoThreads() throws {
    for name in ["llama-lm", "bart-lm"] {
      let settings: JSONValue = [
        "num_beams": 5, "num_return_sequences": 5, "max_new_tokens": 10, "eos_token_id": [4, 9],
      ]
      try Fixture.withModel(name, settings: settings) { folder in
        let writer = try Writer(from: folder)
        for set in Runtime.availableKernels {
          let texts = try [1, 2, 3].map { threads in
            try RuntimeSettings.with(set, threads: threads) { try writer.write([5, 9, 20]) }
          }
          #expect(texts[0] == texts[1] && texts[0] == texts[2], "\(name), \(set)")
        }
      }
    }
  }

  @Test func lengthsOfFolders() throws {
    func count(_ settings: JSONValue, after beginning: [Int] = [3]) throws -> Int {
      try Fixture.withModel("t5-lm", settings: settings) { try Writer(from: $0).maxTokens(after: beginning) }
    }
    #expect(try count([:]) == 128)
    #expect(try count(["max_length": 9]) == 8 && count(["max_length": 9], after: [3, 4, 5]) == 6)
    #expect(try count(["max_length": 9, "max_new_tokens": 5]) == 5)
    #expect(#expect(throws: InputError.self) { try count(["max_length": 1]) }?.kind == .tooLarge)
    try Fixture.withModel("t5-lm", settings: ["min_length": 7, "min_new_tokens": 3]) { folder in
      let rules = try Writer(from: folder).decoding.rules
      #expect(rules.minNewTokens == 3 && rules.minLength == 0)
    }
    // Older models say it in config.json.
    try Fixture.withModel(
      "t5-lm", settings: nil,
      configuration: { $0.replacingOccurrences(of: "\"d_ff\"", with: "\"max_length\": 7, \"num_beams\": 3, \"d_ff\"") }
    ) { folder in
      let writer = try Writer(from: folder)
      #expect(try writer.maxTokens(after: [0]) == 6 && writer.decoding.beams.width == 3)
    }
  }

  @Test func whatCannotBeReadIsRefused() throws {
    func refusal(_ name: String, _ prompt: [Int], _ settings: JSONValue = ["decoder_start_token_id": 3]) throws
      -> InputError.Kind?
    {
      try Fixture.withModel(name, settings: settings) { folder in
        let writer = try Writer(from: folder)
        return kind { _ = try writer.write(prompt) }
      }
    }
    for name in ["t5-lm", "bart-lm"] {
      #expect(try refusal(name, [5]) == nil)
      #expect(try refusal(name, []) == .badValue)
      #expect(try refusal(name, [5, 37]) == .badValue && refusal(name, [-1]) == .badValue)
    }
    #expect(try refusal("bart-lm", Array(repeating: 5, count: 21)) == .tooLarge)
    #expect(try refusal("bart-lm", [5], ["decoder_start_token_id": 37]) == .badValue)
    #expect(try refusal("t5-lm", Array(repeating: 5, count: 300)) == nil)
    try Fixture.withModel(
      "mbart-lm", settings: ["eos_token_id": 4],
      configuration: { $0.replacingOccurrences(of: "\"decoder_start_token_id\": 3,", with: "") }
    ) { folder in
      let writer = try Writer(from: folder)
      #expect(kind { _ = try writer.write([5]) } == .missing)
    }
  }

  /// Every setting with every kind of value: a text or an error, never a crash.
  @Test(arguments: ["llama-lm", "t5-lm"]) func damagedSettings(_ name: String) throws {
    let names = [
      "num_beams", "num_return_sequences", "length_penalty", "early_stopping", "repetition_penalty",
      "no_repeat_ngram_size", "bad_words_ids", "min_length", "min_new_tokens", "forced_bos_token_id",
      "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens", "renormalize_logits", "max_length",
      "max_new_tokens", "eos_token_id", "decoder_start_token_id",
    ]
    let values: [JSONValue] = [
      .null, true, -1, 0, 3, 36, 37, .integer(.max), .integer(.min), .number(1e300), .number(-0.5), "never", "relu", [],
      [-7], [[]], [[5, -1]], [[36], [5, 6]], [99], ["a"], [:],
    ]
    var refused = 0
    try Fixture.withModel(name, settings: [:]) { folder in
      for key in names {
        for value in values {
          let settings = JSONValue.object(
            [JSONMember(JSONString(key), value)]
              + (key.hasPrefix("max_") ? [JSONMember("eos_token_id", [1, 2, 3, 4, 5, 6])] : [])
              + (key == "max_new_tokens" ? [] : [JSONMember("max_new_tokens", 3)]))
          try Data(settings.encoded()).write(to: URL(filePath: folder + "/generation_config.json"))
          do {
            var writer = try Writer(from: folder)
            writer.decoding.maxTokens = min(writer.decoding.maxTokens ?? 3, 3)
            _ = try writer.write([5, 6])
          } catch let error as InputError {
            #expect(!error.what.isEmpty)
            refused += 1
          }
        }
      }
    }
    #expect(refused > 5 * names.count)
  }
}
