import Foundation
import Models
import Tensor
import TestSupport
import Testing
import Training

/// Gradients and steps of PyTorch, of models among the fixtures; Tests/Fixtures/make_training_fixtures.py writes them.
@Suite struct ReferenceGradientsTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures").path

  private struct Named: Module {
    var values: [(name: String, value: Tensor)]
    mutating func visit(_ visitor: inout some ParameterVisitor) {
      for index in values.indices { visitor(values[index].name, &values[index].value) }
    }
  }

  /// The tensors of a safetensors file, by name.
  private func tensors(_ path: String) throws -> [String: Tensor] {
    let checkpoint = try SafetensorsCheckpoint(at: path)
    var named = Named(values: checkpoint.tensors.map { ($0.entry.name.text, .placeholder(Shape($0.entry.shape))) })
    try checkpoint.load(into: &named)
    return Dictionary(uniqueKeysWithValues: named.values.map { ($0.name, $0.value) })
  }

  private func integers(_ path: String, _ name: String) throws -> TokenBatch {
    let file = try SafetensorsFile(opening: path)
    let entry = try #require(file.entry(named: name)), bytes = try file.bytes(of: entry, budget: 1 << 20)
    let values = bytes.withUnsafeBytes { raw in
      (0..<raw.count / 8).map { Int32(raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self)) }
    }
    return TokenBatch(values, batch: entry.shape[0], time: entry.shape[1])
  }

  /// The largest difference, in units of the largest number; elements of key biases do not count. Softmax does not see
  /// those, so that their gradients are rounding noise, which Adam turns into steps.
  private func worst(_ name: String, _ found: Tensor, _ expected: Tensor) -> Float {
    if name.hasSuffix("key.bias") { return 0 }
    let third = found.elementCount / 3, isPacked = name.hasSuffix("c_attn.bias")
    let (a, b) = (found.scalars, expected.scalars)
    let counted = a.indices.filter { !isPacked || !(third..<2 * third).contains($0) }
    let largest = counted.reduce(Float(0)) { max($0, abs(b[$1])) }
    return counted.reduce(Float(0)) { max($0, abs(a[$1] - b[$1])) } / max(largest, 1e-30)
  }

  private func check<Model: Module>(
    _ name: String, _ model: Model, _ loss: (Model, TokenBatch, TokenBatch, AttentionMask) -> Tensor
  ) throws {
    let inputs = Self.fixtures + "/Models/\(name)/inputs.safetensors", folder = Self.fixtures + "/Training/" + name
    let tokens = try integers(inputs, "input_ids"), marks = try integers(inputs, "attention_mask")
    let targets = try integers(folder + "/targets.safetensors", "targets")
    let mask = AttentionMask.keeping(
      (0..<tokens.batch).map { row in marks.ids[row * tokens.time..<(row + 1) * tokens.time].map { $0 == 1 } })
    let gradients = try tensors(folder + "/gradients.safetensors")
    var trained = try tensors(folder + "/trained.safetensors")
    let losses = trained.removeValue(forKey: "losses")?.scalars ?? []
    #expect(losses.count == 5)
    #expect(Set(model.parameters.map(\.name)) == Set(gradients.keys) && gradients.keys == trained.keys)

    var model = model
    var optimizer = AdamW(weightDecay: 0.1, clippingNorm: 1)
    for step in 0..<5 {
      let (value, gradient) = valueAndGradient(at: model) { loss($0, tokens, targets, mask) }
      #expect(abs(value - losses[step]) < 1e-4 * abs(losses[step]), "step \(step)")
      if step == 0 {
        for (key, found) in gradient.parameters {
          let difference = worst(key, found, try #require(gradients[key]))
          #expect(difference < 1e-4, "the gradient of \(key): \(difference)")
        }
      }
      try optimizer.update(&model, along: gradient, loss: value, learningRate: 1e-3)
    }
    for (key, found) in model.parameters {
      let difference = worst(key, found, try #require(trained[key]))
      #expect(difference < 1e-4, "\(key) after five steps: \(difference)")
    }
  }

  @Test func decodersAsPyTorch() throws {
    try RuntimeSettings.unchanged {
      func loss(_ model: some LanguageModel, _ tokens: TokenBatch, _ targets: TokenBatch, _ mask: AttentionMask)
        -> Tensor
      {
        var pass = Pass(mask: mask)
        return model.loss(tokens, targets: targets, &pass)
      }
      try check("gpt2-lm", try GPT2.load(from: Self.fixtures + "/Models/gpt2-lm")) { loss($0, $1, $2, $3) }
      try check("qwen3-lm", try Llama.load(from: Self.fixtures + "/Models/qwen3-lm")) { loss($0, $1, $2, $3) }
    }
  }

  @Test func encodersAsPyTorch() throws {
    try RuntimeSettings.unchanged {
      let name = "bert-masked-lm"
      let types = try integers(Self.fixtures + "/Models/\(name)/inputs.safetensors", "token_type_ids")
      let model = try BERT.With<BERT.MaskedLanguageHead>.load(from: Self.fixtures + "/Models/" + name)
      try check(name, model) { model, tokens, targets, mask in
        var pass = Pass(mask: mask)
        return model.loss(tokens, tokenTypes: types, targets: targets, &pass)
      }
    }
  }
}
