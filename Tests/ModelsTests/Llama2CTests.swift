import Foundation
import Layers
import Models
import Tensor
import TestSupport
import Testing

private let sizes = {
  var c = Llama.Configuration(
    vocabularySize: 37, contextLength: 24, width: 32, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
    feedForwardWidth: 64)
  c.normEpsilon = 1e-5
  return c
}()

/// Rows of heads, put from halves into pairs.
private func paired(_ numbers: [Float], rows: Int, heads: Int) -> [Float] {
  let (columns, width) = (numbers.count / rows, rows / heads)
  return (0..<rows).flatMap { row in
    let (head, inner) = (row / width, row % width)
    let source = head * width + inner % 2 * (width / 2) + inner / 2
    return numbers[source * columns..<(source + 1) * columns]
  }
}

private func four(_ value: Int) -> [UInt8] { GGUFBuilder.bytes(Int32(value)) }

/// A model as llama2.c's exporter writes it, in one of its versions; and the model that the file then means.
private func exported(_ version: Int, hasHead: Bool) -> (file: [UInt8], model: Llama) {
  var initializer = Initializer.random(seed: 3)
  var model = Llama(sizes, hasHead: hasHead, &initializer)
  let groups = 16
  /// Groups of eight bits: the largest magnitude becomes 127.
  func grouped(_ numbers: [Float]) -> (whole: [Int8], scales: [Float]) {
    let scales = stride(from: 0, to: numbers.count, by: groups).map { start in
      (numbers[start..<start + groups].map(\.magnitude).max() ?? 0) / 127
    }
    return (numbers.indices.map { Int8(max(-127, min(127, (numbers[$0] / scales[$0 / groups]).rounded()))) }, scales)
  }
  func bytes(_ name: String) -> [UInt8] {
    guard let (_, value) = model.parameters.first(where: { $0.name == name }) else { return [] }
    var numbers = value.scalars
    if name.contains("q_proj") { numbers = paired(numbers, rows: value.shape[0], heads: 4) }
    if name.contains("k_proj") { numbers = paired(numbers, rows: value.shape[0], heads: 2) }
    guard version == 2, value.rank == 2 else { return numbers.flatMap { GGUFBuilder.bytes($0.bitPattern) } }
    let (whole, scales) = grouped(numbers)
    return whole.map { UInt8(bitPattern: $0) } + scales.flatMap { GGUFBuilder.bytes($0.bitPattern) }
  }
  func layers(_ part: String) -> [UInt8] { (0..<2).flatMap { bytes("model.layers.\($0).\(part).weight") } }
  let shapes = [32, 64, 2, 4, 2].flatMap { four($0) }
  let attention = ["q_proj", "k_proj", "v_proj", "o_proj"].flatMap { layers("self_attn.\($0)") }
  let feedForward = ["gate_proj", "down_proj", "up_proj"].flatMap { layers("mlp.\($0)") }
  let norms = (layers("input_layernorm"), layers("post_attention_layernorm"), bytes("model.norm.weight"))
  let table = bytes("model.embed_tokens.weight"), head = hasHead ? bytes("lm_head.weight") : []
  var file: [UInt8]
  if version == 0 {
    file = shapes + four(hasHead ? -37 : 37) + four(24) + table + norms.0 + attention + norms.1 + feedForward + norms.2
    file += [UInt8](repeating: 0, count: 2 * 24 * 4 * 4) + head
  } else {
    file = GGUFBuilder.bytes(UInt32(0x616B_3432)) + four(version) + shapes + four(37) + four(24) + [hasHead ? 0 : 1]
    if version == 2 { file += four(groups) }
    file +=
      [UInt8](repeating: 0, count: 256 - file.count) + norms.0 + norms.1 + norms.2 + table + attention + feedForward
      + head
  }
  if version == 2 {
    model.updateParameters { _, value in
      guard value.rank == 2 else { return }
      // Rows move whole, and groups lie within rows: the order of rows does not change what groups mean.
      let (whole, scales) = grouped(value.scalars)
      value = Tensor(whole.indices.map { Float(whole[$0]) * scales[$0 / groups] }, shape: value.shape)
    }
  }
  return (file, model)
}

@Suite struct Llama2CTests {
  @Test(arguments: [0, 1, 2], [true, false]) func everyVersion(_ version: Int, _ hasHead: Bool) throws {
    let (file, model) = exported(version, hasHead: hasHead)
    try withFolder { (folder) throws in
      let path = folder + "/model.bin"
      try Data(file).write(to: URL(fileURLWithPath: path))
      let (found, reports) = try LoadReport.receipts { () throws(InputError) in try PretrainedModel.load(from: path) }
      let tokens = TokenBatch([1, 5, 3, 36, 0, 17, 2])
      RuntimeSettings.unchanged { #expect(found.scores(tokens).scalars == model.scores(tokens).scalars) }
      let fates = reports.flatMap(\.receipt)
      #expect(
        fates.contains {
          $0.tensor == "layers.1.attention.wq.weight"
            && $0.fate == .split("model.layers.1.self_attn.q_proj.weight", from: "wq")
        })
      #expect(
        fates.filter { $0.fate == .constant }.map(\.tensor) == (version == 0 ? ["freqs_real", "freqs_imag"] : []))
      for damaged in [Array(file.dropLast()), file + [0], Array(file.dropLast(4)), file + [0, 0, 0, 0]] {
        try Data(damaged).write(to: URL(fileURLWithPath: path))
        #expect(errorKind { () throws(InputError) in try PretrainedModel.load(from: path) } == .sizeMismatch)
      }
    }
  }

  @Test func tiedHeadsAreToldFromTables() throws {
    var initializer = Initializer.random(seed: 3)
    let model = Llama(sizes, hasHead: false, &initializer)
    try withFolder { (folder) throws in
      let table = model.parameters[0].value
      try saveTensors(model.parameters + [("lm_head.weight", table)], to: folder + "/model.safetensors")
      try model.configuration.json().encoded().withUnsafeBytes {
        try Data($0).write(to: URL(fileURLWithPath: folder + "/config.json"))
      }
      let (_, reports) = try LoadReport.receipts { () throws(InputError) in try PretrainedModel.load(from: folder) }
      let fates = reports.flatMap(\.receipt)
      #expect(fates.filter { $0.fate != .loaded }.map(\.tensor) == ["lm_head.weight"])
      #expect(fates.contains { $0.tensor == "lm_head.weight" && $0.fate == .tied })
      // Without being asked for, nothing is collected.
      _ = try PretrainedModel.load(from: folder)
    }
  }
}
