import Formats
import Generation
import Layers
import Models
import Tensor
import TestSupport
import Testing

@Suite struct TokenStreamTests {
  /// The scores after each token of a text, by a forward of the whole text each time.
  private func wholeForward(_ model: some LanguageModel, _ ids: [Int]) -> [Float] {
    var pass = Pass()
    return model.nextLogits(TokenBatch(ids), &pass).scalars
  }

  @Test func cachedScoresAreThoseOfTheWholeForwardBitForBit() {
    RuntimeSettings.unchanged {
      for model in tinyModels { checkCachedScores(model) }
    }
  }

  private func checkCachedScores(_ model: some LanguageModel) {
    var ids = [3, 1, 4, 1, 5]
    var pass = Pass(cache: KeyValueCache(layerCount: model.layerCount, capacity: 7))
    var scores = model.nextLogits(TokenBatch(ids), &pass).scalars
    for _ in ids.count..<30 where ids.count < model.contextLength {
      #expect(
        scores.map(\.bitPattern) == wholeForward(model, ids).map(\.bitPattern), "\(type(of: model)) \(ids.count)")
      let next = scores.indices.max { scores[$0] < scores[$1] } ?? 0
      ids.append(next)
      scores = model.nextLogits(TokenBatch([next]), &pass).scalars
    }
  }

  @Test func tokensAreThoseOfTheWholeForward() throws {
    for model in tinyModels {
      for prompt in [[0], [7, 7, 7], Array(0..<20)] {
        let ids = try model.generate(after: prompt, maxTokens: 30 - prompt.count).ids
        var expected = prompt
        while expected.count < min(model.contextLength, 30) {
          let scores = wholeForward(model, expected)
          expected.append(scores.firstIndex(of: scores.max() ?? 0) ?? 0)
        }
        #expect(prompt + ids == expected)
      }
    }
  }

  @Test func stopTokensEndTheTextAndAreNotPartOfIt() throws {
    var model = ScriptedModel { position in (0..<8).map { $0 == position % 8 ? 1 : 0 } }
    var stream = try TokenStream(model, after: [0], maxTokens: 50, stopTokens: [5, 6])
    var ids: [Int] = []
    while let id = try stream.next() { ids.append(id) }
    #expect(ids == [0, 1, 2, 3, 4])
    #expect(stream.end == .stopToken(5))
    #expect(try stream.next() == nil && stream.next() == nil)

    model.endTokens = [2]
    #expect(try model.generate(after: [0], maxTokens: 50).ids == [0, 1])
    #expect(try model.generate(after: [0], maxTokens: 50, stopTokens: []).ids.count == 50)
    model.endTokens = [0]
    let empty = try model.generate(after: [0], maxTokens: 50)
    #expect(empty.ids.isEmpty && empty.end == .stopToken(0))
  }

  @Test func maxTokensAndTheContextEndTheText() throws {
    for (length, wanted, given) in [
      (1, 1, 1), (1, 22, 22), (1, 23, 23), (1, 24, 23), (20, Int.max, 4), (23, 5, 1), (24, 3, 0),
    ] {
      let result = try tinyGPT2().generate(after: Array(repeating: 2, count: length), maxTokens: wanted)
      #expect(result.ids.count == given)
      #expect(result.end == (given == wanted ? .maxTokens : .contextLength))
    }
  }

  /// Rotary positions go on where the model has seen none: only learned ones end.
  @Test func rotaryPositionsEndNoText() throws {
    let model = tinyLlama()
    #expect(model.trainedContextLength == 24 && model.contextLength > 1 << 20)
    for length in [1, 23, 24, 40] {
      let prompt = Array(repeating: 2, count: length)
      let result = try model.generate(after: prompt, maxTokens: 50, stopTokens: [])
      #expect(result.ids.count == 50 && result.end == .maxTokens)
      let found = try model.beamSearch(after: prompt, BeamSearch(width: 2), maxTokens: 30, stopTokens: []).hypotheses
      #expect(found.map(\.ids.count) == [30] && found[0].end == .maxTokens)
    }
    // No more memory is asked for than the text may need.
    #expect(try TokenStream(model, after: [1], maxTokens: .max).end == nil)
  }

  @Test func wrongInputIsAnError() {
    let model = tinyGPT2()
    func error(_ prompt: [Int], _ maxTokens: Int = 1) -> InputError.Kind? {
      kind { _ = try TokenStream(model, after: prompt, maxTokens: maxTokens) }
    }
    #expect(error([]) == .badValue)
    #expect(error([-1]) == .badValue)
    #expect(error([1, 61]) == .badValue)
    #expect(error([Int.max]) == .badValue)
    #expect(error([Int.min]) == .badValue)
    #expect(error(Array(repeating: 1, count: 25)) == .tooLarge)
    #expect(error([1], 0) == .badValue)
    #expect(error([1], Int.min) == .badValue)
    #expect(error([60], Int.max) == nil)
  }

  // In a process of its own: the limit is the whole process's.
  @Test func aCacheBeyondTheMemoryIsAnError() async {
    await #expect(processExitsWith: .success) {
      let model = tinyLlama(context: 1 << 16)
      // 3 layers, 2 heads of 8 numbers: 384 bytes of keys and values for each token.
      #expect(model.keyValueWidth == 16 && tinyGPT2().keyValueWidth == 24)
      Memory.trim()
      Memory.limit = Memory.reservedBytes + (1 << 20)
      func error(_ prompt: Int, _ count: Int) -> InputError.Kind? {
        kind { _ = try TokenStream(model, after: Array(repeating: 1, count: prompt), maxTokens: count) }
      }
      #expect(error(1, 2000) == nil && error(1, 4000) == .budget && error(1, .max) == .budget)
      #expect(error(60_000, 1) == .budget)
      // Twice the tokens that are reserved at first: the cache grows on the way.
      var long = constantModel([0, 1], context: 20_000)
      long.keyValueWidth = 1000
      Memory.limit = Memory.reservedBytes + 40_000_000
      var stream = try TokenStream(long, after: [0], maxTokens: .max)
      var count = 0
      let end = #expect(throws: InputError.self) { while try stream.next() != nil { count += 1 } }
      #expect(end?.kind == .budget && count == 4097)
      #expect(#expect(throws: InputError.self) { try stream.next() } == end)
      // No Int counts the bytes.
      (long.layerCount, long.keyValueWidth, long.contextLength) = (1 << 40, 1 << 40, 1 << 26)
      #expect(kind { _ = try TokenStream(long, after: [0], maxTokens: .max) } == .budget)
    }
  }

  @Test func aCopyIsAnotherContinuation() throws {
    for model in tinyModels {
      var first = try TokenStream(model, after: [1, 2, 3], sampling: Sampling(seed: 2), maxTokens: 18)
      var ids: [Int] = []
      for _ in 0..<6 { ids.append(try #require(try first.next())) }
      let second = first
      let rest = try allTokens(first)
      #expect(try allTokens(second) == rest)
      #expect(
        try allTokens(TokenStream(model, after: [1, 2, 3], sampling: Sampling(seed: 2), maxTokens: 18)) == ids + rest)
    }
  }

  @Test func manyGenerationsAtOnceAreTheSameAsAlone() async throws {
    for model in tinyModels {
      func text(_ seed: Int) throws -> [Int] {
        try allTokens(
          TokenStream(model, after: [1 + seed % 5], sampling: Sampling(seed: UInt64(seed)), maxTokens: 20))
      }
      let alone = try (0..<12).map(text)
      let together = try await withThrowingTaskGroup(of: (Int, [Int]).self) { group in
        for seed in 0..<12 { group.addTask { (seed, try text(seed)) } }
        return try await group.reduce(into: [Int: [Int]]()) { $0[$1.0] = $1.1 }
      }
      for seed in 0..<12 { #expect(together[seed] == alone[seed]) }
    }
  }

  @Test func threadsChangeNoToken() throws {
    for model in tinyModels {
      let texts = try [1, 2, 5].map { threads in
        try RuntimeSettings.with(threads: threads) {
          try model.generate(after: [1, 2, 3], sampling: Sampling(topP: 0.9, seed: 6), maxTokens: 20).ids
        }
      }
      #expect(texts[0] == texts[1] && texts[0] == texts[2])
    }
  }

  @Test func timingCountsTokens() throws {
    let result = try tinyGPT2().generate(after: [1, 2, 3], maxTokens: 10)
    #expect(result.timing.promptTokens == 3 && result.timing.decodedTokens == 9)
    #expect(result.timing.prefill > .zero && result.timing.decoding > .zero)
    #expect((result.timing.prefillTokensPerSecond ?? 0) > 0 && (result.timing.decodeTokensPerSecond ?? 0) > 0)
    #expect(try tinyGPT2().generate(after: [1], maxTokens: 1).timing.decodeTokensPerSecond == nil)
    #expect(result.peakBytes > 0)
  }
}
