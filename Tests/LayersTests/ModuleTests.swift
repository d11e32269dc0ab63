import Attention
import Layers
import Models
import Tensor
import TestSupport
import Testing

/// Modules whose listings are wrong, each in a way of its own.
private struct Forgetful: Module {
  var listed = Tensor([1])
  var forgotten = Tensor([2])
  var perhaps: Tensor? = Tensor([3])
  var absent: Tensor?
  var inner: [Inner] = [Inner(), Inner()]

  struct Inner: Module {
    var scale = Tensor([4])
    var table = ["a": Tensor([5])]
    mutating func visit(_ visitor: inout some ParameterVisitor) { visitor("scale", &scale) }
  }

  mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("listed", &listed)
    visitor("absent", &absent)
    visitor("inner", &inner)
  }
}

private struct SameName: Module {
  var a = Tensor([1])
  var b = Tensor([2])
  mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("a", &a)
    visitor("a", &b)
  }
}

private struct Pair<First: Module, Second: Module>: Module {
  var first: First
  var second: Second
  mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("first", &first)
    visitor("second", &second)
  }
}

@Suite struct ModuleTests {
  var initializer = Initializer.random(seed: 1)

  static let gpt2 = GPT2.Configuration(vocabularySize: 11, contextLength: 6, width: 8, layerCount: 2, headCount: 2)
  static let llama = Llama.Configuration(
    vocabularySize: 11, contextLength: 6, width: 8, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
    feedForwardWidth: 12)

  @Test mutating func listingsAreComplete() {
    for bias in [false, true] {
      #expect(checkModule(Linear(3, 2, bias: bias, &initializer)) == [])
      #expect(checkModule(Conv1D(3, 2, bias: bias, &initializer)) == [])
      #expect(checkModule(LayerNorm(width: 3, epsilon: 1e-5, bias: bias, &initializer)) == [])
      var attention = SelfAttention.Configuration(width: 8, headCount: 2)
      attention.biases = bias ? .all : .none
      attention.headNormEpsilon = bias ? 1e-6 : nil
      attention.positions = RotaryPositions(headWidth: 4)
      #expect(checkModule(SelfAttention(attention, &initializer), constants: ["positions"]) == [])
    }
    #expect(checkModule(Embedding(count: 3, width: 2, &initializer)) == [])
    #expect(checkModule(RMSNorm(width: 3, epsilon: 1e-5, &initializer)) == [])
    for hasHead in [false, true] {
      var configuration = Self.gpt2
      configuration.hasBiases = hasHead
      let model = GPT2(configuration, hasHead: hasHead, &initializer)
      #expect(checkModule(model) == [])
      #expect(checkModule(model.decoder) == [] && checkModule(model.decoder.blocks[0]) == [])

      var other = Self.llama
      (other.hasAttentionBiases, other.hasFeedForwardBiases) = (hasHead, hasHead)
      let llama = Llama(other, hasHead: hasHead, &initializer)
      #expect(checkModule(llama, constants: ["positions"]) == [])
      #expect(checkModule(llama.decoder.blocks[0], constants: ["positions"]) == [])
    }
  }

  @Test func wrongListingsAreFound() {
    #expect(
      checkModule(Forgetful()) == [
        "visit misses Forgetful.forgotten", "visit misses Forgetful.perhaps",
        "visit misses Forgetful.inner.0.table.0.value", "visit misses Forgetful.inner.1.table.0.value",
      ])
    #expect(checkModule(SameName()) == ["2 parameters are called a"])
    #expect(checkModule(Pair(first: SameName.OneName(), second: SameName.OneName())) == [])
  }

  /// The names of Hugging Face's files; whatever is saved depends on them.
  @Test mutating func namesOfModels() {
    let gpt2 = GPT2(Self.gpt2, hasHead: true, &initializer)
    let block = [
      "ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight", "attn.c_proj.bias",
      "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias",
    ]
    #expect(
      gpt2.parameters.map(\.name) == ["transformer.wte.weight", "transformer.wpe.weight"]
        + block.map { "transformer.h.0." + $0 } + block.map { "transformer.h.1." + $0 }
        + ["transformer.ln_f.weight", "transformer.ln_f.bias", "lm_head.weight"])

    let llama = Llama(Self.llama, hasHead: true, &initializer)
    let layer = [
      "input_layernorm.weight", "self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight",
      "self_attn.o_proj.weight", "post_attention_layernorm.weight", "mlp.gate_proj.weight", "mlp.up_proj.weight",
      "mlp.down_proj.weight",
    ]
    #expect(
      llama.parameters.map(\.name) == ["model.embed_tokens.weight"] + layer.map { "model.layers.0." + $0 }
        + layer.map { "model.layers.1." + $0 } + ["model.norm.weight", "lm_head.weight"])
  }

  @Test mutating func countsAndBytes() {
    let model = GPT2(Self.gpt2, &initializer)
    let block = 2 * 16 + 8 * 24 + 24 + 8 * 8 + 8 + 8 * 32 + 32 + 32 * 8 + 8
    #expect(model.parameterCount == 11 * 8 + 6 * 8 + 2 * block + 16)
    #expect(model.parameterBytes == 4 * model.parameterCount)
    let kept = model.kept(as: .bfloat16)
    #expect(kept.parameterCount == model.parameterCount)
    for (name, value) in kept.parameters { #expect(value.format == (value.rank < 2 ? .float32 : .bfloat16), "\(name)") }
    #expect(GPT2(Self.gpt2, seed: 1).parameters.map(\.name) == model.parameters.map(\.name))
  }

  /// Initial values depend on the seed alone, and no two parameters share theirs.
  @Test func initialValues() {
    let (a, b, other) = (GPT2(Self.gpt2, seed: 1), GPT2(Self.gpt2, seed: 1), GPT2(Self.gpt2, seed: 2))
    #expect(zip(a.parameters, b.parameters).allSatisfy { $0.value.scalars == $1.value.scalars })
    let random = a.parameters.filter { Set($0.value.scalars).count > 1 }
    #expect(random.count == 10)  // two embeddings and four maps of each block
    #expect(Set(random.map { $0.value.scalars[0] }).count == random.count)
    for (name, value) in other.parameters where random.contains(where: { $0.name == name }) {
      #expect(a.parameters.first { $0.name == name }?.value.scalars != value.scalars, "\(name)")
    }
    let deviation = sqrtOfMeanSquare(Linear(100, 100, bias: false, seed: 4).weight)
    #expect(abs(deviation - 0.02) < 0.001)
  }

  @Test func placeholders() {
    var initializer = Initializer.placeholders
    let model = Llama(Self.llama, hasHead: true, &initializer)
    #expect(model.parameters.allSatisfy { $0.value.isPlaceholder })
    #expect(
      model.parameters.map(\.value.shape) == Llama(Self.llama, seed: 1).parameters.map(\.value.shape))
  }

  /// Updating changes the memory that is there, wherever in the model a parameter is.
  @Test func updatesAreInPlace() {
    var model = Llama(Self.llama, seed: 1)
    func addresses(_ model: inout Llama) -> [UnsafeMutableRawPointer?] {
      var addresses: [UnsafeMutableRawPointer?] = []
      model.updateParameters { _, parameter in
        addresses.append(parameter.withMutableBytes { $0.baseAddress })
      }
      return addresses
    }
    let before = addresses(&model)
    model.updateParameters { _, parameter in
      parameter.withMutableScalars { for i in $0.indices { $0[i] += 1 } }
    }
    model.updateParameters { _, parameter in parameter.accumulate(Tensor.ones(parameter.shape)) }
    #expect(addresses(&model) == before && Set(before).count == model.parameters.count)
    // A copy of the model is another model: the first change gives it memory of its own.
    var copy = model
    copy.updateParameters { _, parameter in parameter.withMutableScalars { $0[0] = 99 } }
    #expect(Set(addresses(&copy)).isDisjoint(with: before) && addresses(&model) == before)
    #expect(model.parameters.allSatisfy { $0.value.scalars[0] != 99 })
  }

  @Test func updatesStopAtTheFirstError() {
    struct Stop: Error {}
    var model = GPT2(Self.gpt2, seed: 1)
    var seen: [String] = []
    #expect(throws: Stop.self) {
      try model.updateParameters { name, _ throws(Stop) in
        seen.append(name)
        if seen.count == 3 { throw Stop() }
      }
    }
    #expect(seen == Array(model.parameters.map(\.name).prefix(3)))
  }

  @Test func replacingParameters() {
    let model = GPT2(Self.gpt2, seed: 1)
    let replaced = model.replacingParameters(model.parameters.map { $0.value * 2 })
    for (a, b) in zip(model.parameters, replaced.parameters) {
      #expect(b.name == a.name && b.value.scalars == (a.value * 2).scalars)
    }
  }

  @Test func selections() {
    let model = GPT2(Self.gpt2, seed: 1)
    func names(_ selection: ParameterSelection) -> [String] {
      model.parameters.filter { selection($0.name, $0.value) }.map(\.name)
    }
    #expect(names(.none).isEmpty && names(.all).count == model.parameters.count)
    #expect(names(.matrices).count == 10 && names(.matrices).allSatisfy { $0.hasSuffix("weight") })
    #expect(names(.named("transformer.h.1.ln_1")) == ["transformer.h.1.ln_1.weight", "transformer.h.1.ln_1.bias"])
    #expect(
      names(.named("transformer.wte.weight", "transformer.ln_f.bias"))
        == ["transformer.wte.weight", "transformer.ln_f.bias"])
    // A part of a name is not the name.
    #expect(names(.named("transformer.h.1.ln", "transformer.w", "wte", "")).isEmpty)
    #expect(names(ParameterSelection { name, value in value.rank == 1 && name.contains("attn") }).count == 4)
  }
}

extension SameName {
  struct OneName: Module {
    var a = Tensor([1])
    mutating func visit(_ visitor: inout some ParameterVisitor) { visitor("a", &a) }
  }
}

extension Linear {
  fileprivate init(_ inputWidth: Int, _ outputWidth: Int, bias: Bool, seed: UInt64) {
    var initializer = Initializer.random(seed: seed)
    self.init(inputWidth, outputWidth, bias: bias, &initializer)
  }
}

private func sqrtOfMeanSquare(_ x: Tensor) -> Double {
  (x.scalars.reduce(0) { $0 + Double($1) * Double($1) } / Double(x.elementCount)).squareRoot()
}
