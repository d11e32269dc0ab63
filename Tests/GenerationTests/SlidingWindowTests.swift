import Formats
import Generation
import Layers
import Models
import Tensor
import TestSupport
import Testing

/// A model with a window in all of its layers or in some.
private func windowed(_ window: Int, fullLayers: Set<Int> = [], seed: UInt64 = 3) -> Llama {
  var c = Llama.Configuration(
    .mistral, vocabularySize: 61, contextLength: 1 << 16, width: 32, layerCount: 3, headCount: 4, keyValueHeadCount: 2,
    feedForwardWidth: 40)
  (c.slidingWindow, c.fullLayers) = (window, fullLayers)
  return Llama(c, seed: seed).enlarged
}

/// The same numbers from a cache that keeps every key: the window is the pass's, not the layers'.
private struct KeepingAll: LanguageModel {
  var model: Llama
  let window: Int

  init(_ model: Llama, window: Int) {
    self.window = window
    var c = model.configuration
    c.slidingWindow = nil
    var other = Llama(c, seed: 1)
    let values = model.parameters.map(\.value)
    var next = 0
    other.updateParameters { _, parameter in
      parameter = values[next]
      next += 1
    }
    self.model = other
  }

  var vocabularySize: Int { model.vocabularySize }
  var contextLength: Int { model.contextLength }
  var layerCount: Int { model.layerCount }
  var keyValueWidth: Int { model.keyValueWidth }
  var endTokens: [Int] { model.endTokens }
  func hidden(_ tokens: TokenBatch, _ pass: inout Pass) -> Tensor {
    let own = pass.mask
    defer { pass.mask = own }
    pass.mask = own.and(.causal(window: window))
    return model.hidden(tokens, &pass)
  }
  func logits(_ hidden: Tensor) -> Tensor { model.logits(hidden) }
  mutating func visit(_ visitor: inout some ParameterVisitor) { model.visit(&visitor) }
}

private func prompt(_ count: Int, _ seed: Int = 7) -> [Int] {
  (0..<count).map { ($0 * $0 * seed + $0 * 5 + seed) % 61 }
}

@Suite struct SlidingWindowTests {
  /// Past the place where keys leave, in one piece and token by token: the bits of the whole forward.
  @Test(arguments: [Set<Int>(), [0], [1, 2]]) func decodingHasTheBitsOfTheWhole(_ fullLayers: Set<Int>) {
    RuntimeSettings.unchanged {
      let model = windowed(6, fullLayers: fullLayers), ids = prompt(1300)
      var whole = Pass()
      let expected = model(TokenBatch(ids), &whole)
      for prefill in [1, 500, 1200] {
        var pass = Pass(cache: KeyValueCache(layerCount: 3, capacity: 1))
        var start = 0
        while start < ids.count {
          let piece = start == 0 ? prefill : start % 101 == 0 ? min(7, ids.count - start) : 1
          let found = model(TokenBatch(Array(ids[start..<start + piece])), &pass)
          #expect(
            found.scalars == expected.slice(start..<start + piece, axis: 1).scalars, "\(piece) tokens from \(start)")
          start += piece
        }
      }
    }
  }

  /// One prompt or several, taken greedily, drawn or searched for: what a cache of all keys gives.
  @Test func textsAreThoseOfACacheOfAllKeys() throws {
    try RuntimeSettings.unchanged {
      let model = windowed(6), all = KeepingAll(model, window: 6)
      #expect(model.slidingWindows == [0: 6, 1: 6, 2: 6] && all.slidingWindows.isEmpty)
      let sampling = try Sampling(temperature: 1.1, seed: 3), prompts = [prompt(420), prompt(17), prompt(900, 3)]
      func stream(_ model: any LanguageModel) throws -> [Int] {
        try allTokens(TokenStream(model, after: prompts[0], sampling: sampling, maxTokens: 500, stopTokens: []))
      }
      #expect(try stream(model) == stream(all))
      func batch(_ model: some LanguageModel) throws -> [GeneratedBatch.Text] {
        try model.generate(afterEach: prompts, sampling: sampling, maxTokens: 300, stopTokens: [5]).texts
      }
      #expect(try batch(model) == batch(all))
      func search(_ model: some LanguageModel) throws -> [[Hypothesis]] {
        try model.beamSearch(
          afterEach: [prompts[0], prompts[1]], BeamSearch(width: 3, best: 2), maxTokens: 250, stopTokens: []
        ).hypotheses
      }
      #expect(try search(model) == search(all))
      // Each of several is the one of its prompt alone.
      for (prompt, text) in zip(prompts, try batch(model)) {
        let alone = try model.generate(after: prompt, sampling: sampling, maxTokens: 300, stopTokens: [5])
        #expect(text.ids == alone.ids && text.end == alone.end)
      }
    }
  }

  /// In a process of its own: the limit is the whole process's.
  @Test func memoryIsThatOfTheWindow() async {
    await #expect(processExitsWith: .success) {
      Runtime.threadCount = 1  // of two it is chance when both first need memory of their own at once
      // 3 layers, 2 heads of 8 numbers: 384 bytes of keys and values for each token, where all are kept.
      let model = windowed(50), full = windowed(50, fullLayers: [0, 1, 2])
      Memory.trim()
      Memory.limit = Memory.reservedBytes + (1 << 20)
      func error(_ model: Llama, _ count: Int) -> InputError.Kind? {
        kind { _ = try TokenStream(model, after: [1], maxTokens: count) }
      }
      #expect(error(full, 4000) == .budget && error(model, 4000) == nil && error(model, .max) == nil)
      // Keys come and go where they are: nothing is taken for a token. (The tables of rotations double, the last time at
      // 1024 tokens.)
      var stream = try TokenStream(model, after: [1, 2, 3], maxTokens: .max, stopTokens: [])
      for _ in 0..<1050 { _ = try stream.next() }
      let before = Memory.systemAllocationCount
      for _ in 0..<900 { _ = try stream.next() }
      #expect(Memory.systemAllocationCount == before)
    }
  }

  /// What stands for padding has no say, whatever its vectors hold.
  @Test(arguments: [Float.nan, .infinity, 3e38]) func paddingHasNoSay(_ poison: Float) throws {
    try RuntimeSettings.unchanged {
      func poisoned<Model: LanguageModel>(_ model: Model) -> Model {
        var model = model
        model.updateParameters { name, parameter in
          guard name.hasSuffix("embed_tokens.weight") || name.hasSuffix("wte.weight") else { return }
          let width = parameter.shape[1]
          parameter.withMutableScalars { for i in 0..<width { $0[i] = poison } }
        }
        return model
      }
      func check(_ model: some LanguageModel) throws {
        let prompts = [prompt(12), prompt(3), prompt(140)].map { $0.map { max($0, 1) } }
        let padding = prompts.map { 140 - $0.count }
        let ids = zip(prompts, padding).flatMap { [Int32](repeating: 0, count: $1) + $0.map(Int32.init) }
        var pass = Pass(
          cache: KeyValueCache(layerCount: model.layerCount), mask: .starting(at: padding),
          positions: TextPositions(behind: padding, tokens: 0..<140))
        // The prompts at once, then a token more.
        for step in 0..<2 {
          let tokens = step == 0 ? ids : [7, 7, 7]
          if step > 0 { pass.positions = TextPositions(behind: padding, tokens: 140..<141) }
          let states = model.hidden(TokenBatch(tokens, batch: 3, time: tokens.count / 3), &pass)
          for (row, prompt) in prompts.enumerated() {
            var alone = Pass()
            let expected = model.hidden(TokenBatch(prompt + (step == 0 ? [] : [7])), &alone).scalars.suffix(
              states.shape[2])
            let time = states.shape[1]
            let found = states.slice(row..<row + 1, axis: 0).slice(time - 1..<time, axis: 1).scalars
            #expect(found.allSatisfy { $0.isFinite })
            #expect(worstError(found, expected.map(Double.init)) < 1e-5, "row \(row), step \(step)")
          }
        }
      }
      var untied = tinyLlama(context: 200)
      untied = poisoned(untied)
      try check(untied)
      try check(poisoned(windowed(100)))
      try check(poisoned(tinyGPT2(context: 200)))
    }
  }
}
