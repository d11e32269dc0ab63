import Formats
import Foundation
import Generation
import Layers
import Models
import Tensor
import TestSupport
import Testing

/// What Hugging Face's `generate` writes for several prompts at once.
private struct ExpectedBatch {
  let model: String
  let prompts: [[Int]]
  let settings: JSONValue
  let sequences: [[[Int]]]
  let scores: [[Double]]?

  static let all: [ExpectedBatch] = {
    guard let bytes = try? Data(contentsOf: Fixture.folder.appending(path: "generation-batches.json")),
      let cases = try? JSONField(JSONValue(parsing: Array(bytes))).array()
    else { return [] }
    return cases.compactMap { try? ExpectedBatch($0) }
  }()
  static let models = Set(all.map(\.model)).sorted()

  init(_ json: JSONField) throws {
    func ids(_ field: JSONField) throws -> [Int] { try field.array().map { try $0.int() } }
    model = try json.required("model").string()
    prompts = try json.required("prompts").array().map(ids)
    settings = try json.required("settings").value()
    sequences = try json.required("sequences").array().map { try $0.array().map(ids) }
    scores = try json.optional("scores")?.array().map { try $0.array().map { try $0.double() } }
  }
}

/// Decoders with every kind of positions and of windows.
private func decoders() throws -> [(name: String, model: any LanguageModel)] {
  func llama(_ family: Llama.Family = .llama, _ change: (inout Llama.Configuration) -> Void) -> Llama {
    var c = Llama.Configuration(
      family, vocabularySize: 61, contextLength: 24, width: 32, layerCount: 3, headCount: 4, keyValueHeadCount: 2,
      feedForwardWidth: 40)
    change(&c)
    return Llama(c, seed: 3).enlarged
  }
  let fixtures = try ["qwen3-lm", "mistral-lm", "gpt2-lm"].map { name in
    (name, try PretrainedModel.load(from: Fixture.folder.appending(path: "Models/" + name).path))
  }
  return [("gpt2", tinyGPT2()), ("llama", tinyLlama())] + fixtures + [
    ("dynamic", llama { $0.ropeScaling = .dynamic(factor: 3, trainedContext: 6) }),
    (
      "longrope",
      llama {
        $0.ropeScaling = .longRoPE(
          .init(
            shortFactors: [1, 1.5, 2, 3], longFactors: [2, 4, 5, 7], originalContext: 8))
      }
    ),
  ]
}

private func worst(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  let largest = b.reduce(Float(0)) { max($0, abs($1)) }
  return zip(a, b).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) } / largest
}

@Suite struct BatchTests {
  @Test func allCasesAreThere() { #expect(ExpectedBatch.all.count == 77) }

  @Test(arguments: ExpectedBatch.models) func textsAreTransformers(_ model: String) throws {
    for expected in ExpectedBatch.all where expected.model == model {
      let found = try Fixture.withModel(model, settings: expected.settings) { folder in
        try Writer(from: folder).write(each: expected.prompts).texts
      }
      let what = String(decoding: try expected.settings.encoded(), as: UTF8.self)
      #expect(found.map { $0.map(\.ids) } == expected.sequences, "\(what)")
      let scores = found.flatMap { $0.compactMap(\.score) }
      #expect(scores.count == expected.scores?.joined().count ?? 0, "\(what)")
      for (score, other) in zip(scores, (expected.scores ?? []).joined()) {
        #expect(abs(score - other) <= 1e-4 * max(1, abs(other)), "\(what)")
      }
    }
  }

  /// Left-padded prompts over one cache give the scores of each text's whole forward alone.
  @Test func paddedRowsHaveTheScoresOfTheTextAlone() throws {
    for (name, model) in try decoders() {
      let limit = min(37, model.vocabularySize)
      let texts = [4, 9, 1, 6].map { length in (0..<length + 9).map { ($0 * $0 * 7 + length * 5) % limit } }
      let padding = [5, 0, 8, 3]
      var pass = Pass(cache: KeyValueCache(layerCount: model.layerCount, capacity: 4), mask: .starting(at: padding))
      for columns in [0..<9, 9..<10, 10..<13] + (13..<18).map({ $0..<$0 + 1 }) {
        let ids = zip(texts, padding).flatMap { text, padding in
          columns.map { Int32($0 < padding ? 0 : text[$0 - padding]) }
        }
        pass.positions = TextPositions(behind: padding, tokens: columns)
        let found = model.nextLogits(TokenBatch(ids, batch: 4, time: columns.count), &pass)
        for (row, text) in texts.enumerated() {
          // Where frequencies depend on the length, those of keys that are cached stay as they were.
          if name == "dynamic" || name == "longrope" { continue }
          var alone = Pass()
          let expected = model.nextLogits(TokenBatch(Array(text.prefix(columns.upperBound - padding[row]))), &alone)
          let own = found.slice(row..<row + 1, axis: 0).scalars
          #expect(worst(own, expected.scalars) < 1e-5, "\(name), row \(row) at \(columns)")
        }
      }
      #expect(pass.position == 18)
    }
  }

  /// Prompts of all lengths, with rules or without, taken greedily, drawn or searched for: the same ids as alone.
  @Test func eachTextIsTheOneOfItsPromptAlone() throws {
    let sampling = try Sampling(temperature: 1.3, topK: 30, topP: 0.95, seed: 9)
    var rules = TokenRules()
    (rules.repetitionPenalty, rules.minNewTokens) = (1.2, 2)
    for (name, model) in try decoders() {
      let limit = model.vocabularySize, context = min(model.contextLength, 24)
      let prompts = [5, 1, 11, 5, context - 3, context, 2].map { length in
        (0..<length).map { ($0 * 13 + length) % limit }
      }
      for (sampling, rules) in [(Sampling.greedy, TokenRules()), (sampling, TokenRules()), (sampling, rules)] {
        let stops: Set = [3, 17, 30]
        let found = try model.generate(
          afterEach: prompts, sampling: sampling, rules: rules, maxTokens: 12, stopTokens: stops)
        for (prompt, text) in zip(prompts, found.texts) {
          let alone = try model.generate(
            after: prompt, sampling: sampling, rules: rules, maxTokens: 12, stopTokens: stops)
          #expect(text.ids == alone.ids && text.end == alone.end, "\(name), \(prompt.count) tokens")
        }
        #expect(found.timing.promptTokens == prompts.reduce(0) { $0 + $1.count })
      }
      let search = BeamSearch(width: 3, lengthPenalty: 0.5, best: 2)
      let found = try model.beamSearch(
        afterEach: prompts, search, rules: rules, maxTokens: 8, stopTokens: [3, 17]
      ).hypotheses
      for (prompt, texts) in zip(prompts, found) {
        let alone = try model.beamSearch(after: prompt, search, rules: rules, maxTokens: 8, stopTokens: [3, 17])
          .hypotheses
        #expect(texts.map(\.ids) == alone.map(\.ids) && texts.map(\.end) == alone.map(\.end), "\(name)")
        for (a, b) in zip(texts, alone) { #expect(abs(a.score - b.score) < 1e-4) }
      }
    }
  }

  @Test func seedsMakeOtherTextsOfOnePrompt() throws {
    let model = tinyLlama(), sampling = try Sampling(temperature: 1.5, seed: 4)
    let texts = try model.generate(
      afterEach: [[1, 2], [1, 2], [1, 2]], sampling: sampling, seeds: [4, 5, 4], maxTokens: 15, stopTokens: []
    ).texts
    #expect(texts[0] == texts[2] && texts[0] != texts[1])
    #expect(try model.generate(after: [1, 2], sampling: sampling, maxTokens: 15, stopTokens: []).ids == texts[0].ids)
    let same = try model.generate(afterEach: [[1, 2], [1, 2]], sampling: sampling, maxTokens: 15, stopTokens: []).texts
    #expect(same[0] == same[1] && same[0] == texts[0])
  }

  @Test func sequenceToSequenceTextsAreThoseOfTheirPromptsAlone() throws {
    for name in ["t5-lm", "bart-lm", "marian-lm", "mbart-lm"] {
      for beams in [1, 3] {
        let settings: JSONValue = [
          "eos_token_id": [4, 9], "max_length": 9, "num_beams": .integer(beams), "decoder_start_token_id": 3,
        ]
        try Fixture.withModel(name, settings: settings) { folder in
          let writer = try Writer(from: folder)
          let prompts = [[5, 9, 20, 31, 8, 7], [6], [12, 30, 30], [5, 9, 20, 31, 8, 8]]
          let found = try writer.write(each: prompts).texts
          for (prompt, texts) in zip(prompts, found) {
            #expect(try writer.write(prompt).map(\.ids) == texts.map(\.ids), "\(name), \(beams) beams, \(prompt)")
          }
        }
      }
    }
  }

  @Test func threadsChangeNoToken() throws {
    let model = tinyLlama(), sampling = try Sampling(topP: 0.9, seed: 6)
    let texts = try [1, 2, 5].map { threads in
      try RuntimeSettings.with(threads: threads) {
        try model.generate(afterEach: [[1, 2, 3], [4], [5, 6]], sampling: sampling, maxTokens: 15).texts
      }
    }
    #expect(texts[0] == texts[1] && texts[0] == texts[2])
  }

  @Test func whatCannotBeReadIsRefused() throws {
    let model = tinyGPT2(), search = BeamSearch(width: 2)
    func refusal(_ prompts: [[Int]], _ count: Int = 3) -> InputError? {
      let greedy = #expect(throws: InputError.self) { try model.generate(afterEach: prompts, maxTokens: count) }
      let found = #expect(throws: InputError.self) {
        try model.beamSearch(afterEach: prompts, search, maxTokens: count)
      }
      #expect(greedy == found)
      return found
    }
    #expect(refusal([[1], []])?.place == "text 1: prompt")
    #expect(refusal([[1], [2, 61]])?.place == "text 1: token 1")
    #expect(refusal([[], [2]])?.kind == .badValue)
    #expect(refusal([[1], Array(repeating: 1, count: 25)])?.kind == .tooLarge)
    #expect(refusal([[1], [2]], 0)?.kind == .badValue)
    #expect(try model.generate(afterEach: [], maxTokens: 3).texts.isEmpty)
    #expect(try model.beamSearch(afterEach: [], search, maxTokens: 3).hypotheses.isEmpty)
    #expect(try Writer(.decoder(model)).write(each: []).texts.isEmpty)
    let broken = constantModel([0, .nan, 1])
    #expect(kind { _ = try broken.generate(afterEach: [[1], [2]], maxTokens: 2) } == .nonFinite)
    var rules = TokenRules()
    rules.forcedLastTokens = [3]
    #expect(try model.generate(after: [1], rules: rules, maxTokens: .max).ids.count == 23)
  }

  // In a process of its own: the limit is the whole process's.
  @Test func aCacheBeyondTheMemoryIsAnError() async {
    await #expect(processExitsWith: .success) {
      let model = tinyLlama(context: 1 << 16)
      Memory.trim()
      Memory.limit = Memory.reservedBytes + (1 << 20)
      func error(_ rows: Int, _ count: Int) -> InputError.Kind? {
        kind { _ = try model.generate(afterEach: Array(repeating: [1], count: rows), maxTokens: count) }
      }
      #expect(error(2, 100) == nil && error(1, 4000) == .budget && error(20, 200) == .budget)
    }
  }
}
