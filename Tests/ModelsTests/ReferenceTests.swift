import Foundation
import Models
import Tensor
import TestSupport
import Testing

@Suite struct ReferenceTests {
  @Test(arguments: [
    (SmallModels.gpt2, SmallModels.gpt2Expected), (SmallModels.grouped, SmallModels.groupedExpected),
    (SmallModels.scaled, SmallModels.scaledExpected), (SmallModels.scaledOldForm, SmallModels.scaledExpected),
    (SmallModels.linear, SmallModels.linearExpected),
  ])
  func scoresAreTransformers(_ configuration: String, _ expected: SmallModels.Expected) throws {
    let found = try SmallModels.model(configuration).scores(formulaTokens(time: 20))
    #expect(found.shape == [2, 20, 61])
    let scalars = found.scalars
    for ((row, position), numbers) in zip([(0, 0), (0, 19), (1, 10), (1, 19)], expected.scores) {
      let picked = [0, 1, 30, 60].map { scalars[(row * 20 + position) * 61 + $0] }
      #expect(worstError(picked, numbers) < 1e-5, "row \(row), position \(position): \(picked)")
    }
    let sum = scalars.reduce(0.0) { $0 + Double(abs($1)) }
    #expect(abs(sum - expected.magnitudes) < 1e-5 * expected.magnitudes)
  }

  @Test(arguments: SmallModels.all) func cachedDecodingHasTheBitsOfTheWhole(_ configuration: String) throws {
    try RuntimeSettings.unchanged {
      let model = try SmallModels.model(configuration), tokens = formulaTokens(time: 30)
      let whole = model.scores(tokens)
      for pieces in [[30], [1, 29], [7, 1, 1, 1, 12, 1, 7], [Int](repeating: 1, count: 30)] {
        var pass = Pass(cache: KeyValueCache(layerCount: model.layerCount, capacity: 8))
        var start = 0
        for piece in pieces {
          let ids = (0..<2).flatMap { tokens.ids[$0 * 30 + start..<$0 * 30 + start + piece] }
          let part = TokenBatch(Array(ids), batch: 2, time: piece)
          var copy = pass
          let found = model(part, &pass)
          #expect(sameBits(found, whole.slice(start..<start + piece, axis: 1)), "\(piece) from \(start)")
          let last = whole.slice(start + piece - 1..<start + piece, axis: 1).reshaped(2, 61)
          #expect(sameBits(model.nextLogits(part, &copy), last))
          start += piece
          #expect(pass.position == start)
        }
      }
    }
  }

  @Test(arguments: SmallModels.all) func aBatchRowIsTheRowAlone(_ configuration: String) throws {
    try RuntimeSettings.unchanged {
      let model = try SmallModels.model(configuration), tokens = formulaTokens(time: 17, rows: 5)
      let whole = model.scores(tokens)
      for row in 0..<5 {
        let ids = Array(tokens.ids[row * 17..<(row + 1) * 17])
        #expect(sameBits(model.scores(TokenBatch(ids, batch: 1, time: 17)), whole.slice(row..<row + 1, axis: 0)))
      }
      // A shorter row beside longer ones, padded at its end.
      var ids = tokens.ids
      for i in 9..<17 { ids[17 + i] = 0 }
      var pass = Pass(mask: .lengths([17, 9, 17, 17, 17], of: 17))
      let padded = model(TokenBatch(ids, batch: 5, time: 17), &pass)
      #expect(
        sameBits(
          padded.slice(1..<2, axis: 0).slice(0..<9, axis: 1), whole.slice(1..<2, axis: 0).slice(0..<9, axis: 1)))
    }
  }

  @Test(arguments: SmallModels.all) func threadsAndKernels(_ configuration: String) async throws {
    await #expect(processExitsWith: .success) { [configuration = configuration as String] in
      let model = try SmallModels.model(configuration)
      let tokens = formulaTokens(time: 30)
      let first = model.scores(tokens)
      for set in Runtime.availableKernels {
        try Runtime.use(set)
        Runtime.threadCount = 1
        let expected = model.scores(tokens)
        #expect(worstError(expected.scalars, first.scalars.map(Double.init)) < 1e-5, "\(set)")
        for threads in [2, 3, 8] {
          Runtime.threadCount = threads
          #expect(sameBits(model.scores(tokens), expected), "\(set), \(threads) threads")
        }
      }
    }
  }

  @Test(arguments: SmallModels.all) func keptWeightsAreSmallAndExact(_ configuration: String) throws {
    try RuntimeSettings.unchanged {
      func check(_ model: some LanguageModel) {
        let tokens = formulaTokens(time: 20)
        for format in [StorageFormat.bfloat16, .float16] {
          let kept = model.kept(as: format)
          let matrices = model.parameters.filter { $0.value.rank > 1 }.reduce(0) { $0 + $1.value.elementCount }
          #expect(kept.parameterBytes == model.parameterBytes - 2 * matrices)
          #expect(kept.parameterCount == model.parameterCount)
          let scores = kept.scores(tokens)
          #expect(sameBits(scores, kept.kept(as: .float32).scores(tokens)))
          #expect(!sameBits(scores, model.scores(tokens)))
        }
      }
      check(try SmallModels.model(configuration))
    }
  }

  @Test func lossIsTheMeanOverTargets() throws {
    let model = try SmallModels.model(SmallModels.grouped), tokens = formulaTokens(time: 10)
    var targets = TokenBatch(Array(tokens.ids.dropFirst()) + [-1], batch: 2, time: 10)
    targets.ids[9] = -100
    let found = model.loss(tokens, targets: targets).scalar
    let logs = model.scores(tokens).logSoftmax().scalars
    var sum = 0.0
    for (i, target) in targets.ids.enumerated() where target >= 0 { sum -= Double(logs[i * 61 + Int(target)]) }
    #expect(abs(Double(found) - sum / 18) < 1e-5)
  }

  @Test func dropoutActsInTrainingOnly() throws {
    try RuntimeSettings.unchanged {
      var configuration = try GPT2.Configuration(SmallModels.parsed(SmallModels.gpt2))
      #expect(configuration.dropout == 0, "a file's dropout is for training elsewhere")
      configuration.dropout = 0.2
      let model = GPT2(configuration, seed: 1).withFormula(), tokens = formulaTokens(time: 8)
      func training(_ seed: UInt64) -> Tensor {
        var pass = Pass(trainingWith: Random(seed: seed))
        return model(tokens, &pass)
      }
      #expect(sameBits(training(1), training(1)) && !sameBits(training(1), training(2)))
      #expect(!sameBits(training(1), model.scores(tokens)))
      #expect(sameBits(model.scores(tokens), try SmallModels.model(SmallModels.gpt2).scores(tokens)))
    }
  }

  @Test func aSeedMakesTheSameModel() throws {
    let configuration = try GPT2.Configuration(SmallModels.parsed(SmallModels.gpt2))
    let (a, b, c) = (GPT2(configuration, seed: 3), GPT2(configuration, seed: 3), GPT2(configuration, seed: 4))
    for ((x, y), z) in zip(zip(a.parameters, b.parameters), c.parameters) {
      #expect(x.name == y.name && sameBits(x.value, y.value))
      #expect(x.value.rank == 1 || !sameBits(x.value, z.value))
    }
    // As GPT-2 begins: deviations of 0.02, and less where the residual stream is written.
    for (name, value) in a.parameters where value.rank > 1 {
      let deviation = (value.sumOfSquares / Double(value.elementCount)).squareRoot()
      let expected = name.hasSuffix("c_proj.weight") ? 0.02 / 2 : 0.02
      #expect(abs(deviation - expected) < 0.15 * expected, "\(name)")
    }
  }

  @Test(arguments: SmallModels.all) func tokensFromOutsideAreChecked(_ configuration: String) throws {
    func check(_ model: some LanguageModel) {
      let context = model.contextLength
      #expect(errorKind { () throws(InputError) in try model.check([0, 60]) } == nil)
      #expect(errorKind { () throws(InputError) in try model.check([]) } == nil)
      for id in [-1, 61, Int.max, Int.min, 1 << 32] {
        do throws(InputError) {
          try model.check([3, id])
          Issue.record("\(id) was taken")
        } catch {
          #expect(error.kind == .badValue && error.place == "token 1" && error.what.contains("\(id)"))
        }
      }
      #expect(errorKind { () throws(InputError) in try model.check([1], from: context) } == .tooLarge)
      guard context < 1 << 20 else { return }  // rotary positions go on
      let long = [Int](repeating: 1, count: context)
      #expect(errorKind { () throws(InputError) in try model.check(long) } == nil)
      #expect(errorKind { () throws(InputError) in try model.check(long + [1]) } == .tooLarge)
      #expect(errorKind { () throws(InputError) in try model.check([1], from: context - 1) } == nil)
    }
    check(try SmallModels.model(configuration))
  }

  /// Real trained weights. The smaller folder keeps in bfloat16 what the other has in float32.
  @Test(.enabled(if: TestData.isPresent), arguments: ["tinystories-656k", "tinystories-656k-bf16"])
  func aTrainedModelSaysWhatTransformersSays(_ name: String) throws {
    let text = try Data(contentsOf: URL(fileURLWithPath: TestData.path("models/tinystories-656k/expected.json")))
    let json = JSONField(try JSONValue(parsing: Array(text)))
    let model = try PretrainedModel.load(from: TestData.path("models/" + name))
    #expect(model.parameterCount == 656_000 || model.parameterCount > 600_000)
    #expect(model.endTokens == [2])
    for item in try json.required("cases").array() {
      let prompt = try item.required("prompt_ids").array().map { (field) throws in try field.int() }
      var pass = Pass()
      let scores = model.nextLogits(TokenBatch(prompt), &pass).scalars
      for (rank, pair) in try item.required("first_step_top5").array().enumerated() {
        let parts = try pair.array()
        let (token, expected) = (try parts[0].int(), try parts[1].double())
        #expect(abs(Double(scores[token]) - expected) < 1e-4, "token \(token)")
        let place = scores.indices.sorted { scores[$0] > scores[$1] }.firstIndex(of: token)
        #expect(place == rank)
      }
      // The greedy continuation, as far as a cache goes along.
      pass = Pass(cache: KeyValueCache(layerCount: model.layerCount))
      var next = model.nextLogits(TokenBatch(prompt), &pass).argmax()[0]
      for (index, field) in try item.required("greedy_ids").array().prefix(40).enumerated() {
        #expect(next == (try field.int()), "token \(index)")
        next = model.nextLogits(TokenBatch([next]), &pass).argmax()[0]
      }
    }
  }
}
