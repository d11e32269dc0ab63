import Attention
import Formats
import Foundation
import Tensor

/// The limits of sizes in a configuration: far above any model, far below what overflows.
enum SizeLimit {
  static let width = 1...1 << 20
  static let count = 1...1 << 16
  static let vocabulary = 1...1 << 26
  static let context = 1...1 << 26
}

extension JSONField {
  /// The activation that Hugging Face calls by this name.
  func activation() throws(InputError) -> UnaryFunction {
    let name = try string()
    switch name {
    case "gelu": return .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": return .geluTanh
    case "relu": return .relu
    case "silu", "swish": return .silu
    case "tanh": return .tanh
    case "sigmoid": return .sigmoid
    default:
      throw error(
        .unsupported, "the activation \"\(name)\" is not implemented",
        advice: "Known are gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, relu, silu, swish, tanh and sigmoid.")
    }
  }

  /// One token id or a list of them, each within the vocabulary.
  func tokenIDs(below vocabularySize: Int) throws(InputError) -> [Int] {
    if case .array = value {
      let fields = try array(atMost: 1024)
      guard !fields.isEmpty else { throw error(.badValue, "is an empty list") }
      var ids: [Int] = []
      for field in fields { ids.append(try field.tokenID(below: vocabularySize)) }
      return ids
    }
    return [try tokenID(below: vocabularySize)]
  }

  private func tokenID(below vocabularySize: Int) throws(InputError) -> Int {
    let id = try int()
    guard id >= 0 && id < vocabularySize else {
      throw error(.badValue, "the token id \(id) is outside the vocabulary of \(vocabularySize)")
    }
    return id
  }
}

extension JSONField {
  /// Refuses a setting that is not implemented, unless it has the value that changes nothing.
  func refuse(_ key: String, unless harmless: Bool) throws(InputError) {
    guard let field = try optional(key) else { return }
    guard try field.bool() == harmless else { throw field.error(.unsupported, "is not implemented") }
  }
}

extension GPT2 {
  /// The sizes of a GPT-2.
  public struct Configuration: Sendable, Equatable {
    /// How many tokens there are.
    public var vocabularySize: Int
    /// The most positions.
    public var contextLength: Int
    /// The width of the hidden states.
    public var width: Int
    /// The number of blocks.
    public var layerCount: Int
    /// The number of attention heads.
    public var headCount: Int
    /// The inner width of the feed-forward.
    public var feedForwardWidth: Int
    /// The feed-forward's activation.
    public var activation: UnaryFunction = .geluTanh
    /// Added to the variance in layer norms.
    public var normEpsilon: Float = 1e-5
    /// Whether maps and norms have biases. Hugging Face's GPT-2 always has; without them, zeros are saved.
    public var hasBiases = true
    /// The chance of an element to be dropped in training.
    public var dropout: Float = 0
    /// The tokens after which a text ends.
    public var endTokens: [Int] = []

    /// A configuration; the inner width is four times the width unless given.
    public init(
      vocabularySize: Int, contextLength: Int, width: Int, layerCount: Int, headCount: Int,
      feedForwardWidth: Int? = nil
    ) {
      precondition(
        width % headCount == 0, "GPT2.Configuration: a width of \(width) is not a multiple of \(headCount) heads")
      self.vocabularySize = vocabularySize
      self.contextLength = contextLength
      self.width = width
      self.layerCount = layerCount
      self.headCount = headCount
      self.feedForwardWidth = feedForwardWidth ?? 4 * width
    }

    /// GPT-2 with 124 million parameters.
    public static let small = Configuration(
      vocabularySize: 50257, contextLength: 1024, width: 768, layerCount: 12, headCount: 12)

    /// The deviation of the maps that write to the residual stream: less for deeper models, as in GPT-2.
    var residualDeviation: Float { 0.02 / Float(2 * layerCount).squareRoot() }

    /// Reads Hugging Face's `config.json`.
    ///
    /// - Throws: a typed error that names the field: missing, of the wrong type or range, or a setting that is not
    ///   implemented.
    public init(_ json: JSONField) throws(InputError) {
      func size(_ key: String, _ alias: String, _ range: ClosedRange<Int>) throws(InputError) -> Int {
        if let field = try json.optional(alias) { return try field.int(in: range) }
        return try json.required(key).int(in: range)
      }
      let width = try size("n_embd", "hidden_size", SizeLimit.width)
      let headCount = try size("n_head", "num_attention_heads", SizeLimit.count)
      guard width % headCount == 0 else {
        throw json.error(.inconsistent, "n_embd \(width) is not a multiple of n_head \(headCount)")
      }
      self.init(
        vocabularySize: try json.required("vocab_size").int(in: SizeLimit.vocabulary),
        contextLength: try size("n_positions", "max_position_embeddings", SizeLimit.context), width: width,
        layerCount: try size("n_layer", "num_hidden_layers", SizeLimit.count), headCount: headCount,
        feedForwardWidth: try json.optional("n_inner")?.int(in: SizeLimit.width))
      if let field = try json.optional("activation_function") { activation = try field.activation() }
      if let field = try json.optional("layer_norm_epsilon") {
        normEpsilon = Float(try field.double(in: 1e-20...1))
      }
      // Files carry dropout for training elsewhere; here a run says what it wants.
      try json.refuse("scale_attn_by_inverse_layer_idx", unless: false)
      try json.refuse("scale_attn_weights", unless: true)
      try json.refuse("add_cross_attention", unless: false)
      endTokens = try json.optional("eos_token_id")?.tokenIDs(below: vocabularySize) ?? []
    }

    /// `config.json` as Hugging Face reads it.
    public var json: JSONValue {
      let name =
        switch activation {
        case .geluTanh: "gelu_new"
        // Hugging Face's names are Swift's here; a function that it lacks is then refused by name, not replaced.
        default: "\(activation)"
        }
      var members: [JSONMember] = [
        JSONMember("architectures", .array([.string("GPT2LMHeadModel")])),
        JSONMember("model_type", .string("gpt2")),
        JSONMember("vocab_size", .integer(vocabularySize)),
        JSONMember("n_positions", .integer(contextLength)),
        JSONMember("n_embd", .integer(width)),
        JSONMember("n_layer", .integer(layerCount)),
        JSONMember("n_head", .integer(headCount)),
        JSONMember("n_inner", .integer(feedForwardWidth)),
        JSONMember("activation_function", .string(JSONString(name))),
        JSONMember("layer_norm_epsilon", .number(Double("\(normEpsilon)") ?? Double(normEpsilon))),
        JSONMember("attn_pdrop", .number(Double(dropout))),
        JSONMember("embd_pdrop", .number(Double(dropout))),
        JSONMember("resid_pdrop", .number(Double(dropout))),
        JSONMember("tie_word_embeddings", .bool(true)),
        JSONMember("torch_dtype", .string("float32")),
      ]
      // Without this the reader would assume the ids of GPT-2's own vocabulary.
      let first: JSONValue = endTokens.first.map { .integer($0) } ?? .null
      let ends = endTokens.count > 1 ? JSONValue.array(endTokens.map { .integer($0) }) : first
      members += [JSONMember("bos_token_id", first), JSONMember("eos_token_id", ends)]
      return .object(members)
    }
  }
}

extension Llama {
  /// The sizes of a Llama.
  public struct Configuration: Sendable, Equatable {
    /// How many tokens there are.
    public var vocabularySize: Int
    /// The most positions.
    public var contextLength: Int
    /// The width of the hidden states.
    public var width: Int
    /// The number of blocks.
    public var layerCount: Int
    /// The number of query heads.
    public var headCount: Int
    /// The number of key-value heads, a divisor of `headCount`.
    public var keyValueHeadCount: Int
    /// The width of a head.
    public var headWidth: Int
    /// The inner width of the feed-forward.
    public var feedForwardWidth: Int
    /// The gate's activation.
    public var activation: UnaryFunction = .silu
    /// Added to the mean square in norms.
    public var normEpsilon: Float = 1e-6
    /// The base of the rotary frequencies.
    public var ropeTheta: Double = 10000
    /// How the frequencies are changed for long contexts.
    public var ropeScaling: RotaryScaling = .none
    /// Whether the attention's projections have biases.
    public var hasAttentionBiases = false
    /// Whether the feed-forward's maps have biases.
    public var hasFeedForwardBiases = false
    /// Whether the output uses the embedding's matrix. Of a file, the tensors that are there decide.
    public var tiesHead = false
    /// The tokens after which a text ends.
    public var endTokens: [Int] = []

    /// A configuration.
    public init(
      vocabularySize: Int, contextLength: Int, width: Int, layerCount: Int, headCount: Int,
      keyValueHeadCount: Int? = nil, headWidth: Int? = nil, feedForwardWidth: Int
    ) {
      let shared = keyValueHeadCount ?? headCount
      precondition(
        headCount % shared == 0 && (headWidth != nil || width % headCount == 0),
        "Llama.Configuration: width \(width), \(headCount) heads, \(shared) key-value heads")
      self.vocabularySize = vocabularySize
      self.contextLength = contextLength
      self.width = width
      self.layerCount = layerCount
      self.headCount = headCount
      self.keyValueHeadCount = shared
      self.headWidth = headWidth ?? width / headCount
      self.feedForwardWidth = feedForwardWidth
    }

    /// Reads Hugging Face's `config.json`.
    ///
    /// - Throws: a typed error that names the field: missing, of the wrong type or range, or a setting that is not
    ///   implemented.
    public init(_ json: JSONField) throws(InputError) {
      let width = try json.required("hidden_size").int(in: SizeLimit.width)
      let headCount = try json.required("num_attention_heads").int(in: SizeLimit.count)
      let shared = try json.optional("num_key_value_heads")?.int(in: SizeLimit.count) ?? headCount
      guard headCount % shared == 0 else {
        throw json.error(
          .inconsistent, "num_attention_heads \(headCount) is not a multiple of num_key_value_heads \(shared)")
      }
      let headWidth = try json.optional("head_dim")?.int(in: SizeLimit.width)
      guard headWidth != nil || width % headCount == 0 else {
        throw json.error(
          .inconsistent, "hidden_size \(width) is not a multiple of num_attention_heads \(headCount)")
      }
      let rotated = headWidth ?? width / headCount
      guard headCount * rotated <= 1 << 24 else {
        throw json.error(.tooLarge, "num_attention_heads \(headCount) times head_dim \(rotated) is above \(1 << 24)")
      }
      guard rotated % 2 == 0 else {
        throw json.error(.inconsistent, "rotary positions need an even head width, not \(rotated)")
      }
      self.init(
        vocabularySize: try json.required("vocab_size").int(in: SizeLimit.vocabulary),
        contextLength: try json.required("max_position_embeddings").int(in: SizeLimit.context), width: width,
        layerCount: try json.required("num_hidden_layers").int(in: SizeLimit.count), headCount: headCount,
        keyValueHeadCount: shared, headWidth: headWidth,
        feedForwardWidth: try json.required("intermediate_size").int(in: SizeLimit.width))
      if let field = try json.optional("hidden_act") { activation = try field.activation() }
      if let field = try json.optional("rms_norm_eps") { normEpsilon = Float(try field.double(in: 1e-20...1)) }
      if let field = try json.optional("attention_bias") { hasAttentionBiases = try field.bool() }
      if let field = try json.optional("mlp_bias") { hasFeedForwardBiases = try field.bool() }
      if let field = try json.optional("tie_word_embeddings") { tiesHead = try field.bool() }
      try readRope(json)
      endTokens = try json.optional("eos_token_id")?.tokenIDs(below: vocabularySize) ?? []
    }

    /// Old files have `rope_theta` and `rope_scaling`, new ones `rope_parameters` with both.
    private mutating func readRope(_ json: JSONField) throws(InputError) {
      let parameters = try json.optional("rope_parameters")
      let places = [parameters, json].compactMap { $0 }
      for place in places.reversed() {  // the newer place last: it wins
        if let theta = try place.optional("rope_theta") { ropeTheta = try theta.double(in: 1...1e12) }
      }
      for field in places {
        if let part = try field.optional("partial_rotary_factor"), try part.double() != 1 {
          throw part.error(.unsupported, "rotating a part of a head is not implemented")
        }
      }
      let oldScaling = try json.optional("rope_scaling")
      guard let scaling = parameters ?? oldScaling else { return }
      let (newKind, oldKind) = (try scaling.optional("rope_type"), try scaling.optional("type"))
      guard let kind = newKind ?? oldKind else { return }
      let factors = 1e-3...1e6
      switch try kind.string() {
      case "default": break
      case "linear": ropeScaling = .linear(factor: try scaling.required("factor").double(in: factors))
      case "llama3":
        ropeScaling = .llama3(
          factor: try scaling.required("factor").double(in: factors),
          lowFrequencyFactor: try scaling.required("low_freq_factor").double(in: factors),
          highFrequencyFactor: try scaling.required("high_freq_factor").double(in: factors),
          originalContext: try scaling.required("original_max_position_embeddings").int(in: SizeLimit.context))
        if case .llama3(_, let low, let high, _) = ropeScaling, low >= high {
          throw scaling.error(.inconsistent, "low_freq_factor \(low) is not below high_freq_factor \(high)")
        }
      case let name:
        throw kind.error(
          .unsupported, "the rotary scaling \"\(name)\" is not implemented",
          advice: "Known are default, linear and llama3.")
      }
    }
  }
}
