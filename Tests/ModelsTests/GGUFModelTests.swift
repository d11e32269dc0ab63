import Foundation
import Layers
import Models
import Tensor
import TestSupport
import Testing

/// How a test keeps matrices in a GGUF file: the type's number, the bytes of a row of 16 or 32 numbers, and what they mean.
private enum Kept: CaseIterable {
  case float32, float16, q8_0

  var code: UInt32 {
    switch self {
    case .float32: 0
    case .float16: 1
    case .q8_0: 8
    }
  }

  func bytes(_ numbers: [Float]) -> [UInt8] {
    switch self {
    case .float32: numbers.flatMap { GGUFBuilder.bytes($0.bitPattern) }
    case .float16: Tensor(numbers).kept(as: .float16).withBytes { Array($0) }
    case .q8_0:
      stride(from: 0, to: numbers.count, by: 32).flatMap { start in
        let (scale, whole) = Self.block(Array(numbers[start..<start + 32]))
        return GGUFBuilder.bytes(scale.half) + whole.map { UInt8(bitPattern: $0) }
      }
    }
  }

  func meaning(_ numbers: [Float]) -> [Float] {
    switch self {
    case .float32: numbers
    case .float16: Tensor(numbers).kept(as: .float16).scalars
    case .q8_0:
      stride(from: 0, to: numbers.count, by: 32).flatMap { start in
        let (scale, whole) = Self.block(Array(numbers[start..<start + 32]))
        return whole.map { Float($0) * scale.value }
      }
    }
  }

  /// The block's scale and whole numbers: the largest magnitude becomes 127.
  private static func block(_ numbers: [Float]) -> (scale: (half: UInt16, value: Float), whole: [Int8]) {
    let largest = numbers.map(\.magnitude).max() ?? 0
    let kept = Tensor([largest / 127]).kept(as: .float16)
    let half = kept.withBytes { UInt16($0[0]) | UInt16($0[1]) << 8 }
    let value = kept.scalar
    return ((half, value), numbers.map { value == 0 ? 0 : Int8(max(-127, min(127, ($0 / value).rounded()))) })
  }
}

/// The rows of a matrix of heads, put from halves into pairs: what a converter to GGUF does to a Llama's queries and keys.
private func paired(_ numbers: [Float], rows: Int, heads: Int) -> [Float] {
  let (columns, width) = (numbers.count / rows, rows / heads)
  return (0..<heads).flatMap { head in
    (0..<width / 2).flatMap { pair in
      [0, 1].flatMap { part in
        let row = head * width + part * width / 2 + pair
        return numbers[row * columns..<(row + 1) * columns]
      }
    }
  }
}

private func transposed(_ numbers: [Float], rows: Int) -> [Float] {
  let columns = numbers.count / rows
  return (0..<columns).flatMap { column in (0..<rows).map { numbers[$0 * columns + column] } }
}

/// The names of GGUF files, spelled out.
private let llamaNames: [(String, String)] = [
  ("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"),
  ("model.layers.", "blk."), ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm"),
  ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
  ("self_attn.o_proj", "attn_output"), ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"),
  ("mlp.down_proj", "ffn_down"),
]
private let gpt2Names: [(String, String)] = [
  ("transformer.wte", "token_embd"), ("transformer.wpe", "position_embd"), ("transformer.ln_f", "output_norm"),
  ("transformer.h.", "blk."), ("lm_head", "output"), ("ln_1", "attn_norm"), ("ln_2", "ffn_norm"),
  ("attn.c_attn", "attn_qkv"), ("attn.c_proj", "attn_output"), ("mlp.c_fc", "ffn_up"), ("mlp.c_proj", "ffn_down"),
]

private func renamed(_ name: String, _ names: [(String, String)]) -> String {
  names.reduce(name) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
}

private let llama = {
  var c = Llama.Configuration(
    vocabularySize: 37, contextLength: 24, width: 32, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
    feedForwardWidth: 64)
  c.normEpsilon = 1e-5
  c.ropeTheta = 500
  c.endTokens = [3]
  return c
}()

/// A file's metadata for `llama`, as one of the architectures with its blocks.
private func llamaFile(_ name: String = "llama") -> GGUFBuilder {
  var builder = GGUFBuilder()
  builder.add("general.architecture", name)
  builder.add("\(name).block_count", UInt32(2))
  builder.add("\(name).context_length", UInt32(24))
  builder.add("\(name).embedding_length", UInt32(32))
  builder.add("\(name).feed_forward_length", UInt32(64))
  builder.add("\(name).attention.head_count", UInt32(4))
  builder.add("\(name).attention.head_count_kv", UInt32(2))
  builder.add("\(name).attention.layer_norm_rms_epsilon", Float(1e-5))
  builder.add("\(name).rope.freq_base", Float(500))
  builder.add("tokenizer.ggml.eos_token_id", UInt32(3))
  return builder
}

private func logits(_ model: any LanguageModel) -> [Float] {
  var pass = Pass()
  return model(TokenBatch([1, 5, 3, 36, 0, 17, 2]), &pass).scalars
}

@Suite struct GGUFModelTests {
  private func load(_ builder: GGUFBuilder, as format: StorageFormat? = nil) throws -> any LanguageModel {
    try withFolder { folder in
      try Data(builder.contents).write(to: URL(fileURLWithPath: folder + "/m.gguf"))
      return try PretrainedModel.load(from: folder + "/m.gguf", as: format)
    }
  }

  @Test(arguments: Kept.allCases, [true, false]) private func llamas(_ kept: Kept, _ hasHead: Bool) throws {
    var initializer = Initializer.random(seed: 7)
    var model = Llama(llama, hasHead: hasHead, &initializer)
    var builder = llamaFile()
    for (name, value) in model.parameters {
      let rows = value.shape[0]
      var numbers = value.scalars
      if name.contains("q_proj") { numbers = paired(numbers, rows: rows, heads: 4) }
      if name.contains("k_proj") { numbers = paired(numbers, rows: rows, heads: 2) }
      let kept = value.rank == 1 ? .float32 : kept
      builder.add(renamed(name, llamaNames), shape: value.shape.array, type: kept.code, kept.bytes(numbers))
    }
    model.updateParameters { _, value in
      if value.rank == 2 { value = Tensor(kept.meaning(value.scalars), shape: value.shape) }
    }
    let found = try load(builder)
    #expect(found.endTokens == [3] && found.trainedContextLength == 24 && found.vocabularySize == 37)
    RuntimeSettings.unchanged { #expect(logits(found) == logits(model)) }
    #expect(try #require(found as? Llama).head == nil || hasHead)
    if kept == .q8_0 { #expect(try load(builder, as: .bfloat16).parameters.contains { $0.value.format == .bfloat16 }) }
  }

  @Test(arguments: Kept.allCases) private func gpt2s(_ kept: Kept) throws {
    let configuration = GPT2.Configuration(
      vocabularySize: 37, contextLength: 24, width: 32, layerCount: 2, headCount: 4)
    var model = GPT2(configuration, seed: 5)
    var random = Random(seed: 9)
    model.updateParameters { _, value in
      random = random.derived(1)
      value = Tensor.normal(value.shape, standardDeviation: 0.2, random: random)
    }
    var builder = GGUFBuilder()
    builder.add("general.architecture", "gpt2")
    builder.add("gpt2.block_count", UInt32(2))
    builder.add("gpt2.context_length", UInt32(24))
    builder.add("gpt2.embedding_length", UInt32(32))
    builder.add("gpt2.feed_forward_length", UInt32(128))
    builder.add("gpt2.attention.head_count", UInt32(4))
    builder.add("gpt2.attention.layer_norm_epsilon", Float(1e-5))
    var meant: [String: [Float]] = [:]
    for (name, value) in model.parameters {
      let turns = name.contains(".c_") && value.rank == 2
      let numbers = turns ? transposed(value.scalars, rows: value.shape[0]) : value.scalars
      let shape = turns ? value.shape.array.reversed() : value.shape.array
      let kept = value.rank == 1 ? .float32 : kept
      builder.add(renamed(name, gpt2Names), shape: shape, type: kept.code, kept.bytes(numbers))
      meant[name] = turns ? transposed(kept.meaning(numbers), rows: shape[0]) : kept.meaning(numbers)
    }
    model.updateParameters { name, value in value = Tensor(meant[name] ?? [], shape: value.shape) }
    let found = try load(builder)
    RuntimeSettings.unchanged { #expect(logits(found) == logits(model)) }
  }

  @Test(arguments: [Llama.Family.qwen2, .qwen3]) func qwens(_ family: Llama.Family) throws {
    var configuration = llama
    configuration.family = family
    var initializer = Initializer.random(seed: 7)
    var model = Llama(configuration, hasHead: true, &initializer)
    var random = Random(seed: 9)
    model.updateParameters { _, value in
      random = random.derived(1)
      value = Tensor.normal(value.shape, standardDeviation: 0.2, random: random)
    }
    var builder = llamaFile(family.rawValue)
    let own = [("self_attn.q_norm", "attn_q_norm"), ("self_attn.k_norm", "attn_k_norm")]
    for (name, value) in model.parameters {
      builder.add(renamed(name, own + llamaNames), shape: value.shape.array, value.scalars)
    }
    let found = try load(builder)
    RuntimeSettings.unchanged { #expect(logits(found) == logits(model)) }
  }

  @Test func frequenciesOfTheirOwn() throws {
    var configuration = llama
    let factors = [1, 1.5, 3, 8] as [Float]
    let divisors = factors.map { Double($0) }
    configuration.ropeScaling = .longRoPE(
      RotaryScaling.LongRoPE(shortFactors: divisors, longFactors: divisors, originalContext: 24))
    var initializer = Initializer.random(seed: 7)
    let model = Llama(configuration, hasHead: false, &initializer)
    var builder = llamaFile()
    for (name, value) in model.parameters {
      let heads = name.contains("q_proj") ? 4 : name.contains("k_proj") ? 2 : 0
      let numbers = heads > 0 ? paired(value.scalars, rows: value.shape[0], heads: heads) : value.scalars
      builder.add(renamed(name, llamaNames), shape: value.shape.array, numbers)
    }
    builder.add("rope_freqs.weight", shape: [4], factors)
    let found = try #require(try load(builder) as? Llama)
    #expect(found.configuration.ropeScaling == configuration.ropeScaling)
    RuntimeSettings.unchanged { #expect(logits(found) == logits(model)) }
    // Saved and read again, it is the same.
    try withFolder { folder in
      let directory = try AtomicDirectory(replacing: folder + "/saved")
      try found.save(to: directory)
      try directory.commit()
      let again = try #require(try PretrainedModel.load(from: folder + "/saved") as? Llama)
      #expect(again.configuration.ropeScaling == configuration.ropeScaling)
      RuntimeSettings.unchanged { #expect(logits(again) == logits(model)) }
    }
  }

  @Test func yarnIsReadFromTheMetadata() throws {
    var configuration = llama
    var yarn = RotaryScaling.YaRN(factor: 4, originalContext: 6)
    yarn.fastTurns = 8
    configuration.ropeScaling = .yarn(yarn)
    var initializer = Initializer.random(seed: 7)
    let model = Llama(configuration, hasHead: false, &initializer)
    var builder = llamaFile()
    for (name, value) in model.parameters {
      let heads = name.contains("q_proj") ? 4 : name.contains("k_proj") ? 2 : 0
      let numbers = heads > 0 ? paired(value.scalars, rows: value.shape[0], heads: heads) : value.scalars
      builder.add(renamed(name, llamaNames), shape: value.shape.array, numbers)
    }
    builder.add("llama.rope.scaling.type", "yarn")
    builder.add("llama.rope.scaling.factor", Float(4))
    builder.add("llama.rope.scaling.original_context_length", UInt32(6))
    builder.add("llama.rope.scaling.yarn_beta_fast", Float(8))
    builder.add("llama.rope.scaling.attn_factor", Float(1))
    let found = try load(builder)
    RuntimeSettings.unchanged { #expect(logits(found) == logits(model)) }
    builder.add("llama.rope.scaling.yarn_log_multiplier", Float(0.1))
    #expect(throws: InputError.self) { try load(builder) }
  }

  @Test func whatIsNotImplementedIsNamed() throws {
    func error(_ change: (inout GGUFBuilder) -> Void) throws -> InputError? {
      var builder = llamaFile()
      change(&builder)
      do { _ = try load(builder) } catch let error as InputError { return error }
      return nil
    }
    let iq = try error { $0.add("w", shape: [256], type: 16, [UInt8](repeating: 0, count: 66)) }
    #expect(iq?.kind == .unsupported && iq?.what.contains("IQ2_XXS") == true)
    let other = try error {
      $0.values[0] =
        GGUFBuilder.string("general.architecture") + GGUFBuilder.bytes(UInt32(8)) + GGUFBuilder.string("rwkv6")
    }
    #expect(other?.kind == .unsupported && other?.what.contains("rwkv6") == true)
    #expect(try error { $0.values.removeFirst() }?.kind == .missing)
    #expect(
      try error {
        $0.add("llama.expert_count", UInt32(8));
        $0.add("token_embd.weight", shape: [37, 32], [Float](repeating: 0, count: 37 * 32))
      }?.kind == .unsupported)
    let missing = try error { $0.add("token_embd.weight", shape: [37, 32], [Float](repeating: 0, count: 37 * 32)) }
    #expect(missing?.kind == .missing && missing?.what.contains("model.layers.0.self_attn.q_proj.weight") == true)
  }

  @Test(.enabled(if: TestData.isPresent)) func theRealFileIsTheRealModel() throws {
    let found = try #require(
      try PretrainedModel.load(from: TestData.path("models/tinystories-656k.f16.gguf")) as? Llama)
    let expected = try #require(
      try PretrainedModel.load(from: TestData.path("models/tinystories-656k"), as: .float16) as? Llama)
    #expect(found.configuration.layerCount == 2 && found.endTokens == [2])
    for (a, b) in zip(found.parameters, expected.parameters) {
      #expect(a.name == b.name && a.value.format == b.value.format && a.value.scalars == b.value.scalars, "\(a.name)")
    }
  }
}
