import Foundation
import Models
import Tensor
import TestSupport
import Testing

/// The models of the fixtures that write one text over another.
private func sequenceModels() throws -> [(name: String, model: any SequenceToSequenceModel)] {
  try ModelFixture.names.compactMap { name in
    (try PretrainedModel.loadAny(from: ModelFixture.path(name)) as? any SequenceToSequenceModel).map { (name, $0) }
  }
}

/// Three rows of a source and of a target, and where the source is padding.
private let source = TokenBatch((0..<27).map { Int32(5 + $0 * $0 * 7 % 29) }, batch: 3, time: 9)
private let kept = [
  [Bool](repeating: true, count: 9), (0..<9).map { $0 < 5 }, (0..<9).map { $0 >= 3 },
]
private let target = TokenBatch((0..<21).map { Int32(5 + $0 * 11 % 28) }, batch: 3, time: 7)

private func worst(_ a: Tensor, _ b: Tensor) -> Float {
  guard a.shape == b.shape else { return .infinity }
  let largest = b.scalars.reduce(Float(0)) { max($0, abs($1)) }
  return zip(a.scalars, b.scalars).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) } / largest
}

extension TokenBatch {
  /// Some tokens of some rows.
  fileprivate func part(rows: [Int], _ range: Range<Int>) -> TokenBatch {
    TokenBatch(
      rows.flatMap { row in range.map { ids[row * time + $0] } }, batch: rows.count, time: range.count)
  }
}

@Suite struct SequenceToSequenceTests {
  @Test func allFixturesAreThere() throws {
    #expect(try sequenceModels().count == 9)
  }

  @Test func cachedDecodingIsTheWhole() throws {
    try RuntimeSettings.unchanged {
      for (name, model) in try sequenceModels() {
        var pass = Pass()
        let whole = model(source, sourceMask: .keeping(kept), target: target, &pass)
        var reading = Pass(mask: .keeping(kept))
        let decoder = model.decoder(over: model.encode(source, &reading))
        for pieces in [[7], [1, 6], [3, 1, 1, 2], [Int](repeating: 1, count: 7)] {
          var pass = Pass(cache: KeyValueCache(layerCount: decoder.layerCount, capacity: 2))
          var start = 0
          for piece in pieces {
            let found = decoder(target.part(rows: [0, 1, 2], start..<start + piece), &pass)
            let error = worst(found, whole.slice(start..<start + piece, axis: 1))
            #expect(error < 1e-5, "\(name), \(piece) from \(start)")
            start += piece
          }
          #expect(pass.position == 7)
        }
      }
    }
  }

  /// A row with its padding is the row alone, without; and several rows over one source are as many sources.
  @Test func aBatchRowIsTheRowAlone() throws {
    try RuntimeSettings.unchanged {
      for (name, model) in try sequenceModels() {
        var pass = Pass()
        let whole = model(source, sourceMask: .keeping(kept), target: target, &pass)
        for (row, real) in [0..<9, 0..<5, 3..<9].enumerated() where row < 2 || name.hasPrefix("t5") {
          // Where padding stands before a text, its absolute positions are others.
          var pass = Pass()
          let alone = model(
            source.part(rows: [row], real), target: target.part(rows: [row], 0..<7), &pass)
          #expect(worst(alone, whole.slice(row..<row + 1, axis: 0)) < 1e-5, "\(name), row \(row)")
        }
        var (reading, decoding) = (Pass(mask: .keeping(Array(kept[1...]))), Pass())
        let shared = model.encode(source.part(rows: [1, 2], 0..<9), &reading)
        let rows = [1, 0, 2, 2, 1, 0]
        let found = model.logits(model.hidden(target.part(rows: rows, 0..<7), over: shared, &decoding))
        var pass2 = Pass()
        let expected = model(
          source.part(rows: [1, 1, 1, 2, 2, 2], 0..<9), sourceMask: .keeping([1, 1, 1, 2, 2, 2].map { kept[$0] }),
          target: target.part(rows: rows, 0..<7), &pass2)
        #expect(worst(found, expected) < 1e-5, "\(name), shared")
      }
    }
  }

  @Test func packedForInferenceTheBitsAreTheSame() {
    RuntimeSettings.unchanged {
      let t5 = T5.Configuration(vocabularySize: 210, width: 64, layerCount: 1, headCount: 4)
      var pair = Transformer.Configuration(
        .marian, vocabularySize: 210, contextLength: 20, width: 64, layerCount: 1, headCount: 4)
      let shared = pair
      pair.sharesEmbeddings = false
      let models: [any SequenceToSequenceModel] = [
        T5.LanguageModel(t5, seed: 1), T5.LanguageModel(t5, hasHead: true, seed: 1),
        Transformer.With<Transformer.LanguageHead>(shared, seed: 1),
        Transformer.With<Transformer.LanguageHead>(pair, seed: 1),
      ]
      for model in models {
        var (pass, other) = (Pass(), Pass())
        let expected = model(source, sourceMask: .keeping(kept), target: target, &pass)
        let packed = model.packedForInference()
        #expect(sameBits(packed(source, sourceMask: .keeping(kept), target: target, &other), expected))
      }
    }
  }

  @Test func smoothedLabels() {
    let logits = Tensor((0..<20).map { sin(Float($0 * $0)) * 3 }, shape: [4, 5])
    let targets: [Int32] = [2, -1, 0, 4]
    for smoothing in [Float(0), 0.1, 1] {
      var sum = 0.0
      for (row, target) in targets.enumerated() where target >= 0 {
        let x = logits.scalars[row * 5..<row * 5 + 5].map(Double.init)
        let total = log(x.reduce(0) { $0 + exp($1) })
        for (label, score) in x.enumerated() {
          let weight = Double(smoothing) / 5 + (label == Int(target) ? 1 - Double(smoothing) : 0)
          sum += weight * (total - score)
        }
      }
      let found = logits.crossEntropy(targets: targets, labelSmoothing: smoothing).scalar
      #expect(abs(Double(found) - sum / 3) < 1e-5, "\(smoothing)")
    }
    #expect(logits.crossEntropy(targets: [-1, -1, -1, -1], labelSmoothing: 0.1).scalar == 0)
  }

  /// The loss without all scores is the one of all scores.
  @Test(arguments: [Float(0), 0.1, 0.7, 1]) func lossesWithoutAllScores(_ smoothing: Float) throws {
    var targets = target.ids.map { ($0 * 3) % 30 }
    for i in [0, 8, 20] { targets[i] = -100 }
    for (name, model) in try sequenceModels() {
      var (pass, other, none) = (Pass(), Pass(), Pass())
      func loss(_ targets: [Int32], _ pass: inout Pass) -> Float {
        model.loss(
          source, sourceMask: .keeping(kept), target: target, targets: TokenBatch(targets, batch: 3, time: 7),
          labelSmoothing: smoothing, &pass
        ).scalar
      }
      let expected = model(source, sourceMask: .keeping(kept), target: target, &other)
        .crossEntropy(targets: targets, labelSmoothing: smoothing).scalar
      #expect(abs(loss(targets, &pass) - expected) < 1e-5 * abs(expected), "\(name)")
      #expect(loss(targets.map { _ in -1 }, &none) == 0)
    }
  }

  /// Every distance of the paper's setting, from the reference's code.
  @Test func distancesInBuckets() {
    func found(_ count: Int, _ farthest: Int, _ isBidirectional: Bool, _ distances: [Int]) -> [Int] {
      let buckets = T5.DistanceBuckets(count: count, farthest: farthest, isBidirectional: isBidirectional)
      return distances.map(buckets.index)
    }
    #expect(
      found(32, 128, true, [0, -1, -7, -8, -11, -12, -15, -16, -22, -23, -32, -64, -90, -91, -127, -128, -5000])
        == [0, 1, 7, 8, 8, 9, 9, 10, 10, 11, 12, 14, 14, 15, 15, 15, 15])
    #expect(found(32, 128, true, [1, 8, 90, 91, 5000]) == [17, 24, 30, 31, 31])
    #expect(
      found(32, 128, false, [5, 0, -15, -16, -18, -19, -64, -112, -113, -5000])
        == [0, 0, 15, 16, 16, 17, 26, 30, 31, 31])
  }

  @Test func everyParameterIsListed() {
    func check(_ model: some Module) { #expect(checkModule(model) == []) }
    var initializer = Initializer.random(seed: 1)
    for family in Transformer.Family.allCases {
      var configuration = Transformer.Configuration(
        family, vocabularySize: 11, contextLength: 9, width: 4, layerCount: 2, headCount: 2)
      check(Transformer.With<Transformer.SequenceClassificationHead>(configuration, seed: 1))
      check(Transformer.With<Transformer.QuestionAnsweringHead>(configuration, seed: 1))
      configuration.sharesEmbeddings = false
      var tables = Transformer.Tables(configuration)
      (tables.outputHasOwn, tables.hasScoreOffsets, tables.encoderHasPositions) = (true, true, true)
      check(Transformer.With<Transformer.LanguageHead>(configuration, tables: tables, &initializer))
    }
    for isGated in [false, true] {
      let configuration = T5.Configuration(
        vocabularySize: 11, width: 4, layerCount: 2, headCount: 3, headWidth: 5, isGated: isGated)
      check(T5.LanguageModel(configuration, hasHead: isGated, seed: 1))
      check(T5.Encoder(configuration, &initializer))
    }
  }

  @Test func weightsOfAttentionAreCaptured() throws {
    for (name, model) in try sequenceModels() {
      var pass = Pass(capture: Capture())
      _ = model(source, sourceMask: .keeping(kept), target: target, &pass)
      let (own, read, cross) = (
        try #require(pass.capture?["1.attention"]), try #require(pass.capture?["encoder.1.attention"]),
        try #require(pass.capture?["1.cross_attention"])
      )
      for (weights, shape) in [(own, [7, 7]), (read, [9, 9]), (cross, [7, 9])] {
        #expect(weights.shape.array.suffix(2) == shape[...], "\(name)")
        #expect(weights.sum(axis: 3).scalars.allSatisfy { abs($0 - 1) < 1e-5 }, "\(name)")
      }
      #expect(cross.slice(1..<2, axis: 0).slice(5..<9, axis: 3).scalars.allSatisfy { $0 == 0 }, "\(name)")
    }
  }
}

/// What files say of tables that several parts share.
@Suite struct TiedTablesTests {
  private func outputs(
    _ name: String, _ change: (inout [(name: String, value: Tensor)]) -> Void
  ) throws -> [(name: String, value: Tensor)] {
    var tensors = try ModelFixture.tensors(ModelFixture.path(name) + "/model.safetensors")
    change(&tensors)
    let text = try String(contentsOfFile: ModelFixture.path(name) + "/config.json", encoding: .utf8)
    return try withFolder { folder in
      try TestFolder(configuration: text, tensors: tensors).write(to: folder)
      return try ModelFixture.outputs(name, of: folder)
    }
  }

  private func same(_ a: [(name: String, value: Tensor)], _ b: [(name: String, value: Tensor)]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0.name == $1.name && sameBits($0.value, $1.value) }
  }

  @Test(arguments: [("bart-lm", "model."), ("marian-lm", "model."), ("pegasus-lm", "model."), ("t5-lm", "")])
  func inEveryForm(_ name: String, _ prefix: String) throws {
    try RuntimeSettings.unchanged { try checkForms(name, shared: prefix + "shared.weight", prefix) }
  }

  private func checkForms(_ name: String, shared: String, _ prefix: String) throws {
    let expected = try ModelFixture.outputs(name)
    let encoder = prefix + "encoder.embed_tokens.weight", decoder = prefix + "decoder.embed_tokens.weight"
    func table(_ tensors: [(name: String, value: Tensor)]) -> Tensor {
      tensors.first { $0.name == shared }?.value ?? Tensor(0)
    }
    /// What becomes of a table of its own for one part.
    func changes(_ user: String) throws -> [Bool] {
      let found = try outputs(name) { $0.append((user, table($0) * -1)) }
      return zip(found, expected).map { !sameBits($0.value, $1.value) }
    }
    let users = [encoder, decoder, "lm_head.weight"]
    // All of them, as old files have it, and only one of them.
    #expect(same(try outputs(name) { tensors in tensors += users.map { ($0, table(tensors)) } }, expected))
    for user in users {
      let alone = try outputs(name) { tensors in
        for i in tensors.indices where tensors[i].name == shared { tensors[i].name = user }
      }
      #expect(same(alone, expected), "\(user)")
    }
    // One that differs is the part's own, whatever the configuration says.
    #expect(try changes("lm_head.weight") == [true, false])
    if prefix.isEmpty {
      #expect(throws: InputError.self) { try changes(encoder) }
    } else {
      #expect(try changes(encoder) == [true, true])
      #expect(try changes(decoder) == [true, false])
    }
  }

  @Test func whatFilesHaveBesides() throws {
    try RuntimeSettings.unchanged {
      for (name, extra) in [
        ("t5", "lm_head.weight"), ("t5", "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"),
        ("t5-encoder", "decoder.block.0.layer.0.layer_norm.weight"), ("bart", "final_logits_bias"),
        ("bart", "encoder.version"), ("bart-lm", "classification_head.dense.bias"),
        ("bart-sequence-classification", "qa_outputs.bias"), ("marian", "lm_head.weight"),
      ] {
        let found = try outputs(name) { $0.append((extra, .ones([1, 3]))) }
        #expect(same(found, try ModelFixture.outputs(name)), "\(name), \(extra)")
      }
      for (name, extra) in [("t5-lm", "decoder.scale"), ("bart", "encoder.layers.2.fc1.bias")] {
        #expect(throws: InputError.self) { try outputs(name) { $0.append((extra, .ones([1, 3]))) } }
      }
      // Without offsets of scores there are none.
      let plain = try outputs("bart-lm") { t in t.removeAll { $0.name == "final_logits_bias" } }
      #expect(try !same(plain, ModelFixture.outputs("bart-lm")))
      // A table of sinusoids in a file counts, as the reference has it.
      let moved = try outputs("marian") { t in
        for i in t.indices where t[i].name.hasSuffix("decoder.embed_positions.weight") { t[i].value = t[i].value * 2 }
      }
      #expect(!same(moved, try ModelFixture.outputs("marian")))
      let computed = try outputs("marian") { t in t.removeAll { $0.name.hasSuffix("embed_positions.weight") } }
      for (a, b) in zip(computed, try ModelFixture.outputs("marian")) { #expect(worst(a.value, b.value) < 1e-6) }
    }
  }
}
