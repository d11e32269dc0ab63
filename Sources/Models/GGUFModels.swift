import Attention
import Checkpoints
import Formats
import Layers
import Tensor

extension PretrainedModel {
  /// Loads the decoder of a file that is a whole model: GGUF, or llama2.c's.
  ///
  /// - Throws: `unsupported` for a file that has weights alone; what loading either throws.
  static func loadFile(
    _ path: String, as format: StorageFormat?
  ) throws(InputError) -> any LanguageModel {
    if try GGUFFile.isOne(path) { return try loadGGUF(path, as: format) }
    guard path.utf8.suffix(4).elementsEqual(".bin".utf8) else {
      throw InputError(
        .unsupported, "is a file, but no GGUF model", at: path,
        advice: "Give the model's folder, with its config.json, or a GGUF file.")
    }
    return try loadLlama2C(path, as: format)
  }

  /// Loads the decoder of a GGUF file, or of the first of the files that a model was split into.
  ///
  /// Quantized matrices are widened to Float32 unless another format is given.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  static func loadGGUF(
    _ path: String, as format: StorageFormat?
  ) throws(InputError) -> any LanguageModel {
    let checkpoint = try GGUFCheckpoint(at: path)
    for tensor in checkpoint.tensors where tensor.storageFormat == nil {
      throw InputError(
        .unsupported, "\(tensor.name.quoted) is kept as \(tensor.typeName), which is not implemented", at: path,
        advice:
          "Known are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 and Q2_K to Q6_K: convert the model to one of them.")
    }
    let architecture = try checkpoint.metadata.required("general.architecture")
    switch try architecture.string() {
    case "llama", "qwen2", "qwen3":
      let family = Llama.Family(rawValue: try architecture.string()) ?? .llama
      let configuration = try Llama.Configuration(checkpoint, family)
      let hasHead = try hasOwnHead(checkpoint, head: "output.weight", embedding: ["token_embd.weight"], isTied: true)
      var initializer = Initializer.placeholders
      var model = Llama(configuration, hasHead: hasHead, &initializer)
      try checkpoint.load(into: &model, names: .ggufLlama(configuration, hasHead: hasHead), as: format)
      return model
    case "gpt2":
      let configuration = try GPT2.Configuration(checkpoint)
      let hasHead = try hasOwnHead(checkpoint, head: "output.weight", embedding: ["token_embd.weight"], isTied: true)
      var initializer = Initializer.placeholders
      var model = GPT2(configuration, hasHead: hasHead, &initializer)
      try checkpoint.load(into: &model, names: .ggufGPT2(hasHead: hasHead), as: format)
      return model
    case let name:
      throw architecture.error(
        .unsupported, "no decoder of the architecture \"\(name)\" is implemented for GGUF files",
        advice: "Known are gpt2, llama, qwen2 and qwen3.")
    }
  }
}

// MARK: - Names

extension CheckpointNames {
  fileprivate static func ggufLlama(_ c: Llama.Configuration, hasHead: Bool) -> CheckpointNames {
    var names = gguf(
      top: ["model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"],
      layers: "model.layers",
      parts: [
        "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
      ], hasHead: hasHead)
    // Only the converter of Llama's own weights puts the rows of a pair side by side.
    guard c.family == .llama else { return names }
    let (heads, shared) = (c.headCount, c.keyValueHeadCount)
    names.layout = { name in
      if name.contains(".q_proj.") { return .rotaryPairs(heads: heads) }
      return name.contains(".k_proj.") ? .rotaryPairs(heads: shared) : .same
    }
    return names
  }

  fileprivate static func ggufGPT2(hasHead: Bool) -> CheckpointNames {
    var names = gguf(
      top: [
        "transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
        "lm_head": "output",
      ], layers: "transformer.h",
      parts: [
        "ln_1": "attn_norm", "ln_2": "ffn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
        "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
      ], hasHead: hasHead)
    // Files have all matrices as [out, in]; GPT-2's own are the other way round.
    names.layout = { name in name.contains(".c_") && name.hasSuffix(".weight") ? .transposed : .same }
    return names
  }

  /// The names that GGUF files use, whatever the family.
  private static func gguf(
    top: [String: String], layers: String, parts: [String: String], hasHead: Bool
  ) -> CheckpointNames {
    var names = CheckpointNames { name in
      if name == "rope_freqs.weight" || name.hasSuffix(".attn_rot_embd") { return .constant }
      return !hasHead && name == "output.weight" ? .tied : nil
    }
    names.translation = { name in
      // Without the last part: "weight" or "bias".
      guard let dot = name.lastIndex(of: ".") else { return nil }
      let (module, ending) = (String(name[..<dot]), name[dot...])
      if let known = top[module] { return known + ending }
      guard module.hasPrefix(layers + ".") else { return nil }
      let rest = module.dropFirst(layers.count + 1)
      guard let end = rest.firstIndex(of: "."), let part = parts[String(rest[end...].dropFirst())] else { return nil }
      return "blk.\(rest[..<end]).\(part)\(ending)"
    }
    return names
  }
}

// MARK: - Configurations

/// The values of a GGUF file that describe one architecture's model.
private struct GGUFSizes {
  let checkpoint: GGUFCheckpoint
  let architecture: String

  func key(_ name: String) -> String { "\(architecture).\(name)" }

  func required(_ name: String) throws(InputError) -> JSONField { try checkpoint.metadata.required(key(name)) }

  func optional(_ name: String) throws(InputError) -> JSONField? { try checkpoint.metadata.optional(key(name)) }

  func error(_ kind: InputError.Kind, _ what: String, _ name: String, advice: String = "") -> InputError {
    checkpoint.metadata.error(kind, what, key(name), advice: advice)
  }

  /// A size that some files give for each layer; here all layers must have the same.
  func size(_ name: String, layers: Int, in range: ClosedRange<Int>) throws(InputError) -> Int? {
    guard case .numbers(let numbers)? = checkpoint.metadata[key(name)] else {
      return try optional(name)?.int(in: range)
    }
    guard numbers.count == layers else {
      throw error(.badValue, "has \(numbers.count) entries for \(layers) layers", name)
    }
    guard (0..<numbers.count).allSatisfy({ numbers[$0] == numbers[0] }) else {
      throw error(.unsupported, "differs from layer to layer, which is not implemented", name)
    }
    return try JSONField(numbers[0], at: "\(checkpoint.path): \(key(name))").int(in: range)
  }

  func layerCount() throws(InputError) -> Int {
    let field = try required("block_count")
    let count = try field.int(in: 1...Int.max)
    guard count <= 512 else { throw field.error(.badValue, "is \(count), more than 512") }
    try PretrainedModel.check(layerCount: count, checkpoint)
    return count
  }

  func requiredSize(_ name: String, layers: Int, in range: ClosedRange<Int>) throws(InputError) -> Int {
    guard let size = try size(name, layers: layers, in: range) else { return try required(name).int() }
    return size
  }

  /// The rows of the embedding; what the metadata say must agree.
  func vocabularySize() throws(InputError) -> Int {
    guard let table = checkpoint.tensor(named: "token_embd.weight"), table.shape.count == 2 else {
      throw InputError(.missing, "has no matrix token_embd.weight", at: checkpoint.path)
    }
    let rows = table.shape[0]
    guard SizeLimit.vocabulary.contains(rows) else {
      throw InputError(.badValue, "token_embd.weight has \(rows) rows", at: checkpoint.path)
    }
    if let field = try optional("vocab_size"), case let size = try field.int(in: SizeLimit.vocabulary), size != rows {
      throw field.error(.inconsistent, "is \(size), but token_embd.weight has \(rows) rows")
    }
    return rows
  }

  /// The tokens after which a text ends: of a text, of a turn, of a message.
  func endTokens() throws(InputError) -> [Int] {
    var ids: [Int] = []
    for name in ["eos", "eot", "eom"] {
      for id in try checkpoint.metadata.optional("tokenizer.ggml.\(name)_token_id")?.tokenIDs()
        ?? []
      where !ids.contains(id) { ids.append(id) }
    }
    return ids
  }

  /// The id of a token with a role, kept for those who need it.
  func token(_ role: String) throws(InputError) -> Int? {
    try checkpoint.metadata.optional("tokenizer.ggml.\(role)_token_id")?.tokenIDs().first
  }
}

extension Llama.Configuration {
  /// Reads what a GGUF file of the architecture that is called as the family says.
  init(_ checkpoint: GGUFCheckpoint, _ family: Llama.Family) throws(InputError) {
    let sizes = GGUFSizes(checkpoint: checkpoint, architecture: family.rawValue)
    let layers = try sizes.layerCount()
    let width = try sizes.required("embedding_length").int(in: SizeLimit.width)
    let heads = try sizes.requiredSize("attention.head_count", layers: layers, in: SizeLimit.count)
    let shared = try sizes.size("attention.head_count_kv", layers: layers, in: SizeLimit.count) ?? heads
    guard shared <= heads, heads % shared == 0 else {
      throw sizes.error(.badValue, "is \(shared), which does not divide \(heads) heads", "attention.head_count_kv")
    }
    let headWidth = try sizes.optional("attention.key_length")?.int(in: SizeLimit.width)
    guard headWidth != nil || width % heads == 0 else {
      throw sizes.error(.badValue, "is \(width), which \(heads) heads do not divide", "embedding_length")
    }
    let rotated = headWidth ?? width / heads
    guard rotated % 2 == 0, heads * rotated <= 1 << 24 else {
      throw sizes.error(
        .badValue, "makes heads of \(rotated), but rotary positions need an even width", "embedding_length")
    }
    for name in ["attention.value_length", "rope.dimension_count"] {
      if let field = try sizes.optional(name), try field.int() != rotated {
        throw field.error(.unsupported, "is not the width of a head, \(rotated), which is not implemented")
      }
    }
    if let field = try sizes.optional("attention.sliding_window"), try field.int() != 0 {
      throw field.error(.unsupported, "is set, which is not implemented for GGUF files")
    }
    if let field = try sizes.optional("expert_count"), try field.int() != 0 {
      throw field.error(.unsupported, "is not 0: experts are not implemented")
    }
    self.init(
      family, vocabularySize: try sizes.vocabularySize(),
      contextLength: try sizes.required("context_length").int(in: SizeLimit.context), width: width, layerCount: layers,
      headCount: heads, keyValueHeadCount: shared, headWidth: headWidth,
      feedForwardWidth: try sizes.requiredSize("feed_forward_length", layers: layers, in: SizeLimit.width))
    normEpsilon = Float(try sizes.required("attention.layer_norm_rms_epsilon").double(in: 1e-20...1))
    if let theta = try sizes.optional("rope.freq_base") { ropeTheta = try theta.double(in: 1...1e12) }
    ropeScaling = try Self.scaling(sizes, headWidth: rotated, contextLength)
    hasAttentionBiases = family != .qwen2 && checkpoint.tensor(named: "blk.0.attn_q.bias") != nil
    hasFeedForwardBiases = family == .llama && checkpoint.tensor(named: "blk.0.ffn_up.bias") != nil
    endTokens = try sizes.endTokens()
    startToken = try sizes.token("bos")
    paddingToken = try sizes.token("padding")
  }

  /// Frequencies are scaled by a factor for all, or by the factors in a tensor, which is how Llama 3.1's are kept.
  private static func scaling(
    _ sizes: GGUFSizes, headWidth: Int, _ contextLength: Int
  ) throws(InputError) -> RotaryScaling {
    if let table = sizes.checkpoint.tensor(named: "rope_freqs.weight") {
      guard table.shape == [headWidth / 2], table.elementType == .float32 else {
        throw InputError(
          .inconsistent, "rope_freqs.weight is \(table.typeName) \(table.shape), must be F32 [\(headWidth / 2)]",
          at: sizes.checkpoint.path)
      }
      let factors = try table.read().scalars.map { Double($0) }
      guard factors.allSatisfy({ 1e-6...1e6 ~= $0 }) else {
        throw InputError(.badValue, "rope_freqs.weight holds no factors", at: sizes.checkpoint.path)
      }
      return .longRoPE(
        RotaryScaling.LongRoPE(shortFactors: factors, longFactors: factors, originalContext: contextLength))
    }
    let factors = 1e-3...1e6
    guard let kind = try sizes.optional("rope.scaling.type") else {
      // The key of old files.
      guard let factor = try sizes.optional("rope.scale_linear")?.double(in: factors), factor != 1 else { return .none }
      return .linear(factor: factor)
    }
    switch try kind.string() {
    case "none": return .none
    case "linear": return .linear(factor: try sizes.required("rope.scaling.factor").double(in: factors))
    case "yarn":
      let others = [("attn_factor", 1.0), ("yarn_attn_factor", 1), ("yarn_ext_factor", 1), ("yarn_log_multiplier", 0)]
      for (name, usual) in others {
        guard let field = try sizes.optional("rope.scaling.\(name)"), try field.double() != usual else { continue }
        throw field.error(.unsupported, "is not \(usual), which is not implemented")
      }
      var yarn = RotaryScaling.YaRN(
        factor: try sizes.required("rope.scaling.factor").double(in: factors),
        originalContext: try sizes.required("rope.scaling.original_context_length").int(in: SizeLimit.context))
      if let fast = try sizes.optional("rope.scaling.yarn_beta_fast") { yarn.fastTurns = try fast.double(in: 0...1e6) }
      if let slow = try sizes.optional("rope.scaling.yarn_beta_slow") { yarn.slowTurns = try slow.double(in: 0...1e6) }
      return .yarn(yarn)
    case let name: throw kind.error(.unsupported, "the rotary scaling \"\(name)\" is not implemented")
    }
  }
}

extension GPT2.Configuration {
  /// Reads what a GGUF file of the architecture "gpt2" says.
  init(_ checkpoint: GGUFCheckpoint) throws(InputError) {
    let sizes = GGUFSizes(checkpoint: checkpoint, architecture: "gpt2")
    let layers = try sizes.layerCount()
    let width = try sizes.required("embedding_length").int(in: SizeLimit.width)
    let heads = try sizes.requiredSize("attention.head_count", layers: layers, in: SizeLimit.count)
    guard width % heads == 0 else {
      throw sizes.error(.badValue, "is \(width), which \(heads) heads do not divide", "embedding_length")
    }
    self.init(
      vocabularySize: try sizes.vocabularySize(),
      contextLength: try sizes.required("context_length").int(in: SizeLimit.context), width: width, layerCount: layers,
      headCount: heads,
      feedForwardWidth: try sizes.requiredSize("feed_forward_length", layers: layers, in: SizeLimit.width))
    normEpsilon = Float(try sizes.required("attention.layer_norm_epsilon").double(in: 1e-20...1))
    endTokens = try sizes.endTokens()
    startToken = try sizes.token("bos")
    paddingToken = try sizes.token("padding")
  }
}
