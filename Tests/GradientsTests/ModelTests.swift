import Gradients
import Models
import Tensor
import TestSupport
import Testing

extension GradientTests {
  /// Whole models, small but with every part.
  @Suite struct WholeModels {
    static let tokens = TokenBatch([1, 7, 3, 3, 12, 0, 5, 9, 2, 1, 1, 4], batch: 2, time: 6)
    static let targets = TokenBatch([7, 3, 3, 12, 0, -1, 9, 2, 1, 1, 4, 6], batch: 2, time: 6)

    /// With parameters large enough that no part of the gradient drowns.
    static func spread<Model: Module>(_ model: Model) -> Model {
      var model = model
      var index = 0
      model.updateParameters { _, parameter in
        index += 1
        let random = Random(seed: 77).derived(index)
        parameter = parameter + .normal(parameter.shape, standardDeviation: 0.3, random: random)
      }
      return model
    }

    static func gpt2(hasHead: Bool = false, dropout: Float = 0) -> GPT2 {
      var configuration = GPT2.Configuration(
        vocabularySize: 13, contextLength: 8, width: 12, layerCount: 2, headCount: 3, feedForwardWidth: 17)
      configuration.dropout = dropout
      var initializer = Initializer.random(seed: 1)
      return spread(GPT2(configuration, hasHead: hasHead, &initializer))
    }

    static func llama(tiesHead: Bool = false, hasBiases: Bool = false) -> Llama {
      var configuration = Llama.Configuration(
        vocabularySize: 13, contextLength: 8, width: 12, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
        headWidth: 6, feedForwardWidth: 17)
      configuration.tiesHead = tiesHead
      configuration.hasAttentionBiases = hasBiases
      configuration.hasFeedForwardBiases = hasBiases
      return spread(Llama(configuration, seed: 2))
    }

    func check(_ name: String, _ model: some LanguageModel, _ pass: Pass) throws {
      for set in Runtime.availableKernels {
        func loss(_ model: some LanguageModel, recomputes: Bool = false) -> Tensor {
          var pass = pass
          pass.recomputesBlocks = recomputes
          return model.loss(Self.tokens, targets: Self.targets, &pass)
        }
        let report = try RuntimeSettings.with(set, threads: 2) {
          GradientCheck.run(at: model, sampleSize: 4) { loss($0) }
        }
        #expect(report.passed, "\(name), \(set): \(report)")
        note(name, valueError: report.lossError, report)
        let bits = try [(1, false), (2, false), (3, false), (2, true)].map { threads, recomputes in
          try RuntimeSettings.with(set, threads: threads) {
            try differentiate(at: model) { loss($0, recomputes: recomputes) }.gradient.bits
          }
        }
        for other in bits.dropFirst() { #expect(other == bits[0], "\(name), \(set): threads or recomputation") }
      }
    }

    @Test func gpt2s() throws {
      try check("GPT-2", Self.gpt2(), Pass())
      try check("GPT-2, own head", Self.gpt2(hasHead: true), Pass(mask: .lengths([6, 4], of: 6)))
      try check("GPT-2, dropout", Self.gpt2(dropout: 0.2), Pass(trainingWith: Random(seed: 5)))
    }

    @Test func llamas() throws {
      try check("Llama", Self.llama(), Pass())
      try check(
        "Llama, tied, biases", Self.llama(tiesHead: true, hasBiases: true), Pass(mask: .lengths([3, 6], of: 6)))
    }

    /// A sliding window, norms of the heads, frequencies that are blended.
    @Test func decodersWithWindows() throws {
      var configuration = Llama.Configuration(
        .qwen3, vocabularySize: 13, contextLength: 8, width: 12, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
        headWidth: 6, feedForwardWidth: 17)
      (configuration.slidingWindow, configuration.fullLayers, configuration.tiesHead) = (3, [0], true)
      configuration.ropeScaling = .yarn(.init(factor: 2, originalContext: 4))
      try check("Qwen3, window", Self.spread(Llama(configuration, seed: 3)), Pass(mask: .lengths([6, 4], of: 6)))
    }

    /// Images of the size that the positions are made for, and of another one.
    @Test(arguments: [4, 6]) func images(_ size: Int) throws {
      let configuration = ViT.Configuration(
        .deit, imageSize: ImageSize(4), patchSize: ImageSize(2), width: 8, layerCount: 1, headCount: 2)
      let model = Self.spread(ViT.With<DistilledClassificationHead>(configuration, seed: 6))
      let pixels = testTensor([2, 3, size, size + 1], seed: 3)
      for set in Runtime.availableKernels {
        let report = try RuntimeSettings.with(set, threads: 2) {
          GradientCheck.run(at: model, sampleSize: 4) { model in
            var pass = Pass()
            return model(pixels, &pass).mean.crossEntropy(targets: [1, 0])
          }
        }
        #expect(report.passed, "DeiT, \(set): \(report)")
        note("DeiT", valueError: report.lossError, report)
      }
    }

    /// Checks a loss of two rows, the second of which is padded.
    func check<Model: Module>(
      _ name: String, _ model: Model, training random: Random? = nil,
      _ loss: @escaping @Sendable (Model, inout Pass) -> Tensor
    ) throws {
      for set in Runtime.availableKernels {
        func value(_ model: Model, recomputes: Bool = false) -> Tensor {
          var pass = Pass(trainingWith: random, mask: .lengths([6, 4], of: 6), recomputesBlocks: recomputes)
          return loss(model, &pass)
        }
        let report = try RuntimeSettings.with(set, threads: 2) {
          GradientCheck.run(at: model, sampleSize: 4) { value($0) }
        }
        #expect(report.passed, "\(name), \(set): \(report)")
        note(name, valueError: report.lossError, report)
        let bits = try [(1, false), (3, false), (2, true)].map { threads, recomputes in
          try RuntimeSettings.with(set, threads: threads) {
            try differentiate(at: model) { value($0, recomputes: recomputes) }.gradient.bits
          }
        }
        #expect(bits[1] == bits[0] && bits[2] == bits[0], "\(name), \(set): threads or recomputation")
      }
    }

    /// Masked-language modelling: the targets are those tokens that were masked.
    @Test func encoders() throws {
      let types = TokenBatch([0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0], batch: 2, time: 6)
      let masked = TokenBatch([-1, 3, -1, -1, 0, -1, 9, -1, 1, -1, -1, -1], batch: 2, time: 6)
      for family in BERT.Family.allCases {
        var configuration = BERT.Configuration(
          family, vocabularySize: 13, positionCount: 9, width: 12, layerCount: 2, headCount: 3, feedForwardWidth: 17)
        configuration.tiesDecoder = family != .roberta
        let model = Self.spread(BERT.With<BERT.MaskedLanguageHead>(configuration, seed: 4))
        try check("\(family)", model) { model, pass in
          model.loss(Self.tokens, tokenTypes: family == .distilBERT ? nil : types, targets: masked, &pass)
        }
      }
      var configuration = BERT.Configuration(
        vocabularySize: 13, positionCount: 9, width: 12, layerCount: 1, headCount: 3)
      configuration.dropout = 0.2
      let both = Self.spread(BERT.With<BERT.PreTrainingHead>(configuration, seed: 5))
      try check("BERT, both heads, dropout", both, training: Random(seed: 5)) { model, pass in
        let scores = model(Self.tokens, tokenTypes: types, &pass)
        return scores.tokens.crossEntropy(targets: masked.ids) + scores.nextSentence.crossEntropy(targets: [1, 0])
      }
    }

    /// Two texts, of which the source and the target are padded, with labels as they are and smoothed.
    @Test func encoderDecoders() throws {
      let source = TokenBatch([3, 3, 11, 0, 7, 6, 2, 12, 1, 10], batch: 2, time: 5)
      let sourceMask = AttentionMask.keeping([[true, true, true, true, false], [false, true, true, true, true]])
      func check<Model: SequenceToSequenceModel>(
        _ name: String, _ model: Model, smoothing: Float, training random: Random? = nil
      ) throws {
        try self.check(name, Self.spread(model), training: random) { model, pass in
          model.loss(
            source, sourceMask: sourceMask, target: Self.tokens, targets: Self.targets, labelSmoothing: smoothing,
            &pass)
        }
      }
      for norm in [Transformer.NormPlacement.after, .before] {
        var configuration = Transformer.Configuration(
          vocabularySize: 13, contextLength: 8, width: 12, layerCount: 2, headCount: 3, feedForwardWidth: 17,
          norm: norm)
        let name = "Transformer, norms \(norm)"
        // Zero has a derivative on neither side.
        configuration.activation = .gelu
        try check(
          name, Transformer.With<Transformer.LanguageHead>(configuration, seed: 3), smoothing: norm == .after ? 0.1 : 0)
        configuration.dropout = 0.2
        try check(
          name + ", dropout", Transformer.With<Transformer.LanguageHead>(configuration, seed: 4), smoothing: 0,
          training: Random(seed: 5))
      }
      let bart = Transformer.Configuration(
        .bart, vocabularySize: 13, contextLength: 8, width: 12, layerCount: 1, headCount: 2, feedForwardWidth: 9)
      try check("BART", Transformer.With<Transformer.LanguageHead>(bart, seed: 6), smoothing: 0)
      var t5 = T5.Configuration(
        vocabularySize: 13, width: 12, layerCount: 2, decoderLayerCount: 1, headCount: 3, headWidth: 5,
        feedForwardWidth: 17, isGated: true)
      (t5.bucketCount, t5.farthestDistance) = (4, 5)
      try check("T5", T5.LanguageModel(t5, hasHead: true, seed: 7), smoothing: 0)
      (t5.isGated, t5.scalesOutput, t5.activation, t5.dropout) = (false, true, .gelu, 0.2)
      try check("T5, tied, dropout", T5.LanguageModel(t5, seed: 8), smoothing: 0.1, training: Random(seed: 5))
    }

    /// Positions, heads and blocks of the size that threads share: the same bits for any number of them.
    @Test func threadsDoNotChangeBits() throws {
      let time = 130
      let tokens = TokenBatch((0..<2 * time).map { Int32($0 * 7 % 61) }, batch: 2, time: time)
      var configuration = GPT2.Configuration(
        vocabularySize: 61, contextLength: time, width: 48, layerCount: 1, headCount: 4)
      configuration.dropout = 0.1
      let model = GPT2(configuration, seed: 3)
      for set in Runtime.availableKernels {
        let bits = try (1...3).map { threads in
          try RuntimeSettings.with(set, threads: threads) {
            try differentiate(at: model) { model in
              var pass = Pass(trainingWith: Random(seed: 1))
              return model.loss(tokens, targets: tokens, &pass)
            }.gradient.bits
          }
        }
        #expect(bits[1] == bits[0] && bits[2] == bits[0], "\(set)")
      }
    }

    /// A cache would cut the gradient off where nobody sees it.
    @Test func cachesAreRefused() async {
      await #expect(processExitsWith: .failure) {
        let model = WholeModels.gpt2()
        _ = valueAndGradient(at: model) { model in
          var pass = Pass(cache: KeyValueCache(layerCount: 2))
          return model.loss(WholeModels.tokens, targets: WholeModels.targets, &pass)
        }
      }
    }
  }

  /// Single operations on so many elements that eight threads share the work, in tasks that do not come out even.
  @Suite struct Threads {
    @Test func largeOperations() throws {
      try checkThreads("unary", [values([3, 17_000])]) { $0[0].gelu() }
      try checkThreads("broadcast", [values([70, 700]), values([700], seed: 2)]) { $0[0] * $0[1] + $0[1] }
      try checkThreads("sums", [values([700, 70])]) { $0[0].sum(axis: 0) + $0[0].sum(axis: 1).sum() }
      try checkThreads("matmul", [values([130, 70]), values([70, 65], seed: 2)]) { matmul($0[0], $0[1]) }
      try checkThreads("matmuls", [values([5, 70, 33]), values([5, 33, 65], seed: 2)]) { matmul($0[0], $0[1]) }
      try checkThreads("linear", [values([300, 65]), values([65, 70], seed: 2), values([70], seed: 3)]) {
        linear($0[0], $0[1], bias: $0[2], activation: .geluTanh)
      }
      try checkThreads("layerNorm", [values([900, 130]), values([130], seed: 2), values([130], seed: 3)]) {
        $0[0].layerNorm(weight: $0[1], bias: $0[2], epsilon: 1e-5)
      }
      try checkThreads("rmsNorm", [values([900, 130]), values([130], seed: 2)]) {
        $0[0].rmsNorm(weight: $0[1], epsilon: 1e-5)
      }
      try checkThreads("softmax", [values([200, 257])]) { $0[0].softmax() + $0[0].logSoftmax() }
      let targets = (0..<900).map { Int32($0 * 7 % 131) - 1 }
      try checkThreads("crossEntropy", [values([900, 130])]) { $0[0].crossEntropy(targets: targets) }
      let weight = values([70, 130], seed: 2)
      try checkThreads("linearCrossEntropy", [values([900, 70]), weight, values([130], seed: 3)]) {
        linearCrossEntropy(
          $0[0], $0[1], bias: $0[2], transposingWeight: false, targets: targets, mostScores: 130 * 200)
      }
      let ids = (0..<3000).map { Int32($0 * 7 % 11) }
      try checkThreads("embedding", [values([11, 150])]) { $0[0].rows(at: ids) }
      try checkThreads("dropout", [values([900, 130])]) { $0[0].dropout(probability: 0.3, random: Random(seed: 2)) }
      let heads = (1...3).map { values([2, 130, 4, 8], seed: $0) }
      try checkThreads("attention", heads) {
        scaledDotProductAttention(query: $0[0], key: $0[1], value: $0[2], mask: .causal)
      }
    }
  }
}
