import Attention
import Checkpoints
import Formats
import Layers
import Tensor

/// A model that can be saved as a Hugging Face folder.
public protocol SavableModel: Module {
  /// Writes `config.json` and `model.safetensors`.
  ///
  /// - Throws: `io` where the folder cannot be written.
  func save(to folder: AtomicDirectory) throws(InputError)
}

extension GPT2: SavableModel {
  /// Saves the model as a Hugging Face folder: `config.json` and `model.safetensors`.
  ///
  /// Biases that the model lacks are saved as zeros: Hugging Face's GPT-2 always has them.
  ///
  /// - Throws: `io` where the folder cannot be written.
  public func save(to folder: AtomicDirectory) throws(InputError) {
    let json = configuration.json(tiesHead: head == nil, format: matrixFormat)
    try folder.write(try json.encoded(pretty: true), to: "config.json")
    let names = Set(parameters.map(\.name))
    var zeros: [(name: String, value: Tensor)] = []
    for (name, value) in parameters where name.hasSuffix(".weight") {
      let bias = name.dropLast(6) + "bias"
      let isTable = name.hasSuffix("wte.weight") || name.hasSuffix("wpe.weight") || name == "lm_head.weight"
      if !isTable && !names.contains(String(bias)) { zeros.append((String(bias), .zeros(Shape(value.shape[-1])))) }
    }
    try saveParameters(of: self, to: try folder.path(of: "model.safetensors"), extra: zeros)
  }
}

extension Llama: SavableModel {
  /// Saves the model as a Hugging Face folder: `config.json` and `model.safetensors`.
  ///
  /// - Throws: `io` where the folder cannot be written.
  public func save(to folder: AtomicDirectory) throws(InputError) {
    let json = configuration.json(tiesHead: head == nil, format: matrixFormat)
    try folder.write(try json.encoded(pretty: true), to: "config.json")
    try saveParameters(of: self, to: try folder.path(of: "model.safetensors"))
  }
}

extension Module {
  /// The format that all matrices are kept in, or else Float32. Vectors stay Float32 in every model.
  var matrixFormat: StorageFormat {
    let formats = Set(parameters.filter { $0.value.rank >= 2 }.map(\.value.format))
    return formats.count == 1 ? formats.first ?? .float32 : .float32
  }
}

extension GPT2.Configuration {
  /// `config.json` as Hugging Face reads it.
  ///
  /// - Parameters:
  ///   - tiesHead: Whether the output uses the embedding's matrix.
  ///   - format: How the matrices are kept.
  public func json(tiesHead: Bool = true, format: StorageFormat = .float32) -> JSONValue {
    .object(
      [
        JSONMember("architectures", .array([.string("GPT2LMHeadModel")])),
        JSONMember("model_type", .string("gpt2")),
        JSONMember("vocab_size", .integer(vocabularySize)),
        JSONMember("n_positions", .integer(contextLength)),
        JSONMember("n_embd", .integer(width)),
        JSONMember("n_layer", .integer(layerCount)),
        JSONMember("n_head", .integer(headCount)),
        JSONMember("n_inner", .integer(feedForwardWidth)),
        JSONMember("activation_function", .activation(activation)),
        JSONMember("layer_norm_epsilon", .decimal(normEpsilon)),
        // The model drops nothing of the attention's weights.
        JSONMember("attn_pdrop", .decimal(0)),
        JSONMember("embd_pdrop", .decimal(dropout)),
        JSONMember("resid_pdrop", .decimal(dropout)),
        JSONMember("tie_word_embeddings", .bool(tiesHead)),
        JSONMember("torch_dtype", .dtype(format)),
      ] + specialTokens(start: startToken, ends: endTokens, padding: paddingToken))
  }
}

extension Llama.Configuration {
  /// `config.json` as Hugging Face reads it.
  ///
  /// - Parameters:
  ///   - tiesHead: Whether the output uses the embedding's matrix; `self.tiesHead` unless given.
  ///   - format: How the matrices are kept.
  public func json(tiesHead: Bool? = nil, format: StorageFormat = .float32) -> JSONValue {
    .object(
      [
        JSONMember("architectures", .array([.string("LlamaForCausalLM")])),
        JSONMember("model_type", .string("llama")),
        JSONMember("vocab_size", .integer(vocabularySize)),
        JSONMember("max_position_embeddings", .integer(contextLength)),
        JSONMember("hidden_size", .integer(width)),
        JSONMember("num_hidden_layers", .integer(layerCount)),
        JSONMember("num_attention_heads", .integer(headCount)),
        JSONMember("num_key_value_heads", .integer(keyValueHeadCount)),
        JSONMember("head_dim", .integer(headWidth)),
        JSONMember("intermediate_size", .integer(feedForwardWidth)),
        JSONMember("hidden_act", .activation(activation)),
        JSONMember("rms_norm_eps", .decimal(normEpsilon)),
        // The older form, which older readers understand too.
        JSONMember("rope_theta", .number(ropeTheta)),
        JSONMember("rope_scaling", ropeScaling.json(contextLength)),
        JSONMember("attention_bias", .bool(hasAttentionBiases)),
        JSONMember("mlp_bias", .bool(hasFeedForwardBiases)),
        JSONMember("tie_word_embeddings", .bool(tiesHead ?? self.tiesHead)),
        JSONMember("torch_dtype", .dtype(format)),
      ] + specialTokens(start: startToken, ends: endTokens, padding: paddingToken))
  }
}

extension RotaryScaling {
  fileprivate func json(_ contextLength: Int) -> JSONValue {
    switch self {
    case .none: .null
    // The one kind that lists factors; short and long contexts have the same ones here.
    case .divided(let factors):
      [
        "rope_type": "longrope", "short_factor": .array(factors.map { .number($0) }),
        "long_factor": .array(factors.map { .number($0) }), "factor": 1.0, "attention_factor": 1.0,
        "original_max_position_embeddings": .integer(contextLength),
      ]
    case .linear(let factor): ["rope_type": "linear", "factor": .number(factor)]
    case .llama3(let factor, let low, let high, let context):
      [
        "rope_type": "llama3", "factor": .number(factor), "low_freq_factor": .number(low),
        "high_freq_factor": .number(high), "original_max_position_embeddings": .integer(context),
      ]
    }
  }
}

/// All three are always written: where one is absent, readers assume an id of the family's own vocabulary.
func specialTokens(start: Int?, ends: [Int], padding: Int?) -> [JSONMember] {
  func id(_ token: Int?) -> JSONValue { token.map { .integer($0) } ?? .null }
  return [
    JSONMember("bos_token_id", id(start)),
    JSONMember("eos_token_id", ends.count > 1 ? .array(ends.map { .integer($0) }) : id(ends.first)),
    JSONMember("pad_token_id", id(padding)),
  ]
}

extension JSONValue {
  /// The number that a reader of the shortest decimal form of `value` gets.
  static func decimal(_ value: Float) -> JSONValue { .number(Double("\(value)") ?? Double(value)) }

  /// Hugging Face's name of a function. Its names are Swift's here; a function that it lacks is then refused by name,
  /// not replaced.
  static func activation(_ function: UnaryFunction) -> JSONValue {
    .string(JSONString(function == .geluTanh ? "gelu_new" : "\(function)"))
  }

  static func dtype(_ format: StorageFormat) -> JSONValue {
    switch format {
    case .float32: "float32"
    case .bfloat16: "bfloat16"
    case .float16: "float16"
    }
  }
}
