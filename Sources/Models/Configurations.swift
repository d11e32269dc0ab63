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
    case "gelu", "gelu_python": return .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate": return .geluTanh
    case "relu": return .relu
    case "silu", "swish": return .silu
    case "tanh": return .tanh
    case "sigmoid": return .sigmoid
    default:
      throw error(
        .unsupported, "the activation \"\(name)\" is not implemented",
        advice: "Known are gelu, gelu_python, gelu_new, gelu_pytorch_tanh, gelu_python_tanh, gelu_fast, gelu_accurate, "
          + "relu, silu, swish, tanh and sigmoid.")
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
  /// Checks the chances of dropout, which files carry for training elsewhere; here a run says what it wants.
  func checkDropout(_ keys: String...) throws(InputError) {
    for key in keys { _ = try optional(key)?.double(in: 0...1) }
  }

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
    /// The token that a text begins with. Nothing here needs it; what a file says is kept for those who do.
    public var startToken: Int?
    /// The token that fills up shorter rows, kept likewise.
    public var paddingToken: Int?

    /// A configuration; the inner width is four times the width unless given.
    public init(
      vocabularySize: Int, contextLength: Int, width: Int, layerCount: Int, headCount: Int,
      feedForwardWidth: Int? = nil
    ) {
      precondition(
        headCount > 0 && width % headCount == 0,
        "GPT2.Configuration: a width of \(width) is not a multiple of \(headCount) heads")
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
      try json.checkDropout("attn_pdrop", "embd_pdrop", "resid_pdrop")
      try json.refuse("scale_attn_by_inverse_layer_idx", unless: false)
      try json.refuse("scale_attn_weights", unless: true)
      try json.refuse("add_cross_attention", unless: false)
      endTokens = try json.optional("eos_token_id")?.tokenIDs(below: vocabularySize) ?? []
      startToken = try json.optional("bos_token_id")?.int()
      paddingToken = try json.optional("pad_token_id")?.int()
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
    /// The token that a text begins with. Nothing here needs it; what a file says is kept for those who do.
    public var startToken: Int?
    /// The token that fills up shorter rows, kept likewise.
    public var paddingToken: Int?

    /// A configuration.
    public init(
      vocabularySize: Int, contextLength: Int, width: Int, layerCount: Int, headCount: Int,
      keyValueHeadCount: Int? = nil, headWidth: Int? = nil, feedForwardWidth: Int
    ) {
      let shared = keyValueHeadCount ?? headCount
      precondition(
        headCount > 0 && shared > 0 && headCount % shared == 0 && (headWidth != nil || width % headCount == 0),
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
      try json.checkDropout("attention_dropout")
      try readRope(json)
      endTokens = try json.optional("eos_token_id")?.tokenIDs(below: vocabularySize) ?? []
      startToken = try json.optional("bos_token_id")?.int()
      paddingToken = try json.optional("pad_token_id")?.int()
    }

    /// Old files have `rope_theta` and `rope_scaling`, new ones `rope_parameters` with both. Where a file has both, the
    /// newer place has the base, and the scalings must be the same: readers differ about which one counts.
    private mutating func readRope(_ json: JSONField) throws(InputError) {
      let (parameters, old) = (try json.optional("rope_parameters"), try json.optional("rope_scaling"))
      let places = [parameters, json].compactMap { $0 }
      for place in places.reversed() {
        if let theta = try place.optional("rope_theta") { ropeTheta = try theta.double(in: 1...1e12) }
      }
      for field in places {
        if let part = try field.optional("partial_rotary_factor"), try part.double() != 1 {
          throw part.error(.unsupported, "rotating a part of a head is not implemented")
        }
      }
      let scalings = (
        try parameters?.rotaryScaling(headWidth: headWidth), try old?.rotaryScaling(headWidth: headWidth)
      )
      if let old, let new = scalings.0, let other = scalings.1, new != other {
        throw old.error(
          .inconsistent, "says another scaling than rope_parameters", advice: "Remove the one that is wrong.")
      }
      ropeScaling = scalings.0 ?? scalings.1 ?? .none
    }
  }
}

extension JSONField {
  /// The scaling of rotary positions that an object of `config.json` says.
  fileprivate func rotaryScaling(headWidth: Int) throws(InputError) -> RotaryScaling {
    let (newKind, oldKind) = (try optional("rope_type"), try optional("type"))
    guard let kind = newKind ?? oldKind else {
      let others: Set<JSONString> = ["rope_type", "type", "rope_theta", "partial_rotary_factor"]
      if let (key, field) = try object().first(where: { !others.contains($0.key) && !$0.field.isNull }) {
        throw field.error(.missing, "\(key.quoted) is set, but no rope_type says what it is for")
      }
      return .none
    }
    if let newKind, let oldKind, try newKind.string() != oldKind.string() {
      throw oldKind.error(.inconsistent, "is not the rope_type")
    }
    let factors = 1e-3...1e6
    switch try kind.string() {
    case "default": return .none
    case "linear": return .linear(factor: try required("factor").double(in: factors))
    case "llama3":
      let (low, high) = (
        try required("low_freq_factor").double(in: factors), try required("high_freq_factor").double(in: factors)
      )
      let scaling = RotaryScaling.llama3(
        factor: try required("factor").double(in: factors), lowFrequencyFactor: low, highFrequencyFactor: high,
        originalContext: try required("original_max_position_embeddings").int(in: SizeLimit.context))
      guard low < high else {
        throw error(.inconsistent, "low_freq_factor \(low) is not below high_freq_factor \(high)")
      }
      return scaling
    case "longrope":
      // Only as it is saved here: the same factors for all contexts, and scores that are left as they are.
      let (short, long) = (try required("short_factor"), try required("long_factor"))
      guard short.value == long.value, try required("attention_factor").double() == 1 else {
        throw kind.error(.unsupported, "longrope with different factors for short and long contexts is not implemented")
      }
      var divisors: [Double] = []
      for factor in try short.array(atMost: SizeLimit.width.upperBound) {
        divisors.append(try factor.double(in: factors))
      }
      guard divisors.count * 2 == headWidth else {
        throw short.error(.inconsistent, "has \(divisors.count) factors for heads of \(headWidth)")
      }
      return .divided(by: divisors)
    case let name:
      throw kind.error(
        .unsupported, "the rotary scaling \"\(name)\" is not implemented",
        advice: "Known are default, linear and llama3.")
    }
  }
}
