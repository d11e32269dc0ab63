import Attention
import Formats
import Layers
import Tensor

extension Llama {
  /// The families of decoders that have Llama's blocks. They differ in biases, in norms of the heads, in which keys a
  /// query sees, and in names.
  public enum Family: String, Sendable, CaseIterable {
    /// Touvron et al. 2023
    case llama
    /// Jiang et al. 2023: a query may see only the keys of a sliding window.
    case mistral
    /// Yang et al. 2024: queries, keys and values have biases.
    case qwen2
    /// Yang et al. 2025: each head's queries and keys are normalised.
    case qwen3
  }

  /// The sizes of a Llama, a Mistral, a Qwen2 or a Qwen3.
  public struct Configuration: Sendable, Equatable {
    /// Whose names and habits the model has.
    public var family: Family
    /// How many tokens there are.
    public var vocabularySize: Int
    /// The positions that the model is made for. It can use more, as in Hugging Face: rotary positions go on, but what the
    /// model makes of places that it has not seen in training gets worse, unless a scaling is made for that.
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
    public var activation: Activation = .silu
    /// Added to the mean square in norms.
    public var normEpsilon: Float = 1e-6
    /// The base of the rotary frequencies.
    public var ropeTheta: Double = 10000
    /// How the frequencies are changed for long contexts.
    public var ropeScaling: RotaryScaling = .none
    /// How many keys a query sees at most; nil where all before it.
    public var slidingWindow: Int?
    /// The blocks whose queries see all keys before them all the same.
    public var fullLayers: Set<Int> = []
    /// Whether all of the attention's projections have biases. Qwen2's always have, except for the output's.
    public var hasAttentionBiases = false
    /// Whether the feed-forward's maps have biases.
    public var hasFeedForwardBiases = false
    /// Whether the output uses the embedding's matrix. Of a file that holds both, these decide.
    public var tiesHead = false
    /// The names of the classes of a classification head, in the order of its scores.
    public var labels = unnamedLabels(2)
    /// The tokens after which a text ends.
    public var endTokens: [Int] = []
    /// The token that a text begins with. Nothing here needs it; what a file says is kept for those who do.
    public var startToken: Int?
    /// The token that fills up shorter rows: a classification head reads the last one that is another.
    public var paddingToken: Int?

    /// A configuration.
    public init(
      _ family: Family = .llama, vocabularySize: Int, contextLength: Int, width: Int, layerCount: Int, headCount: Int,
      keyValueHeadCount: Int? = nil, headWidth: Int? = nil, feedForwardWidth: Int
    ) {
      let shared = keyValueHeadCount ?? headCount
      precondition(
        headCount > 0 && shared > 0 && headCount % shared == 0 && (headWidth != nil || width % headCount == 0),
        "Llama.Configuration: width \(width), \(headCount) heads, \(shared) key-value heads")
      self.family = family
      self.vocabularySize = vocabularySize
      self.contextLength = contextLength
      self.width = width
      self.layerCount = layerCount
      self.headCount = headCount
      self.keyValueHeadCount = shared
      self.headWidth = headWidth ?? width / headCount
      self.feedForwardWidth = feedForwardWidth
    }

    /// The attention of one block.
    func attention(layer: Int, _ positions: RotaryPositions) -> SelfAttention.Configuration {
      var attention = SelfAttention.Configuration(
        width: width, headCount: headCount, keyValueHeadCount: keyValueHeadCount, headWidth: headWidth)
      attention.biases = family == .qwen2 ? .queryKeyValue : hasAttentionBiases ? .all : .none
      attention.headNormEpsilon = family == .qwen3 ? normEpsilon : nil
      attention.positions = positions
      if let slidingWindow, !fullLayers.contains(layer) { attention.mask = .causal(window: slidingWindow) }
      return attention
    }

    /// Reads Hugging Face's `config.json`.
    ///
    /// - Throws: a typed error that names the field: missing, of the wrong type or range, or a setting that is not
    ///   implemented.
    public init(_ json: JSONField) throws(InputError) {
      let family = try Family(json)
      let usual = family.assumed
      let width = try json.size("hidden_size", SizeLimit.width, assumed: usual.width)
      let headCount = try json.size("num_attention_heads", SizeLimit.count, assumed: usual.headCount)
      // What the reference assumes of a file that does not say.
      let isSaid = try json.has("num_key_value_heads"), assumed = family == .mistral && !isSaid ? 8 : headCount
      let shared = try json.optional("num_key_value_heads")?.int(in: SizeLimit.count) ?? assumed
      guard headCount % shared == 0 else {
        throw json.error(
          .inconsistent, "num_attention_heads \(headCount) is not a multiple of num_key_value_heads \(shared)")
      }
      let headWidth = try json.optional("head_dim")?.int(in: SizeLimit.width) ?? (family == .qwen3 ? 128 : nil)
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
        family, vocabularySize: try json.size("vocab_size", SizeLimit.vocabulary, assumed: usual.vocabularySize),
        contextLength: try json.size("max_position_embeddings", SizeLimit.context, assumed: usual.contextLength),
        width: width,
        layerCount: try json.size("num_hidden_layers", SizeLimit.count, assumed: usual.layerCount),
        headCount: headCount, keyValueHeadCount: shared, headWidth: headWidth,
        feedForwardWidth: try json.size("intermediate_size", SizeLimit.width, assumed: usual.feedForwardWidth))
      if let field = try json.optional("hidden_act") { activation = try field.activation() }
      if let field = try json.optional("rms_norm_eps") { normEpsilon = Float(try field.double(in: 1e-20...1)) }
      if family == .llama || family == .qwen3, let field = try json.optional("attention_bias") {
        hasAttentionBiases = try field.bool()
      }
      if family == .llama, let field = try json.optional("mlp_bias") { hasFeedForwardBiases = try field.bool() }
      if let field = try json.optional("tie_word_embeddings") { tiesHead = try field.bool() }
      (ropeTheta, ropeScaling) = try json.rotaryPositions(headWidth: self.headWidth, contextLength: contextLength)
      try json.checkDropout("attention_dropout")
      try readWindow(json)
      labels = try json.labels()
      endTokens = try json.optional("eos_token_id")?.tokenIDs() ?? []
      startToken = try json.optional("bos_token_id")?.int()
      paddingToken = try json.optional("pad_token_id")?.int()
    }

    private mutating func readWindow(_ json: JSONField) throws(InputError) {
      let assumed = try json.has("sliding_window") ? nil : 4096
      func window() throws(InputError) -> Int? {
        try json.optional("sliding_window")?.int(in: SizeLimit.context) ?? assumed
      }
      switch family {
      case .llama: return
      case .mistral: slidingWindow = try window()
      case .qwen2, .qwen3:
        if try json.optional("use_sliding_window")?.bool() ?? false { slidingWindow = try window() }
        let first = try json.optional("max_window_layers")?.int(in: 0...SizeLimit.count.upperBound) ?? 28
        guard let types = try json.optional("layer_types") else {
          if slidingWindow != nil { fullLayers = Set(0..<min(first, layerCount)) }
          return
        }
        let fields = try types.array(atMost: SizeLimit.count.upperBound)
        guard fields.count >= layerCount else {
          throw types.error(.inconsistent, "has \(fields.count) entries for \(layerCount) blocks")
        }
        for (layer, field) in fields.prefix(layerCount).enumerated() {
          switch try field.string() {
          case "full_attention": if slidingWindow != nil { fullLayers.insert(layer) }
          case "sliding_attention":
            guard slidingWindow != nil else {
              throw field.error(.inconsistent, "asks for a sliding window, but the configuration has none")
            }
          case let name:
            throw field.error(
              .unsupported, "the attention \"\(name)\" is not implemented",
              advice: "Known are full_attention and sliding_attention.")
          }
        }
      }
    }

    /// `config.json` as Hugging Face reads it.
    ///
    /// - Parameters:
    ///   - architecture: The name of the class; that of the model with a head for the next token unless given.
    ///   - tiesHead: Whether the output uses the embedding's matrix; `self.tiesHead` unless given.
    ///   - format: How the matrices are kept.
    public func json(
      architecture: String? = nil, tiesHead: Bool? = nil, format: StorageFormat = .float32
    ) -> JSONValue {
      let name = architecture ?? family.classPrefix + "ForCausalLM"
      return .object(
        [
          JSONMember("architectures", .array([.string(JSONString(name))])),
          JSONMember("model_type", .string(JSONString(family.rawValue))),
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
          JSONMember("rope_scaling", ropeScaling.json),
        ] + familyMembers + [
          JSONMember("tie_word_embeddings", .bool(tiesHead ?? self.tiesHead)),
          JSONMember("torch_dtype", .dtype(format)),
        ] + namedLabels(labels) + specialTokens(start: startToken, ends: endTokens, padding: paddingToken))
    }

    /// What only some families have.
    private var familyMembers: [JSONMember] {
      let biases = JSONMember("attention_bias", .bool(hasAttentionBiases))
      let window = JSONMember("sliding_window", slidingWindow.map { .integer($0) } ?? .null)
      let layers = [
        JSONMember("use_sliding_window", .bool(slidingWindow != nil)), window,
        JSONMember(
          "layer_types",
          .array(
            (0..<layerCount).map {
              slidingWindow == nil || fullLayers.contains($0) ? "full_attention" : "sliding_attention"
            })),
      ]
      switch family {
      case .llama: return [biases, JSONMember("mlp_bias", .bool(hasFeedForwardBiases))]
      case .mistral: return [window]
      case .qwen2: return layers
      case .qwen3: return [biases] + layers
      }
    }
  }
}

extension Llama.Family {
  /// The family that `model_type` names.
  init(_ json: JSONField) throws(InputError) {
    let type = try json.required("model_type")
    guard let family = Llama.Family(rawValue: try type.string()) else {
      throw type.error(
        .unsupported, "is none of the decoders with Llama's blocks",
        advice: "Known are \(Llama.Family.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    self = family
  }

  /// What the reference assumes of a file that does not say.
  fileprivate struct Assumed {
    let vocabularySize: Int
    let contextLength: Int
    let feedForwardWidth: Int
    let width = 4096
    let layerCount = 32
    let headCount = 32
  }

  fileprivate var assumed: Assumed {
    switch self {
    case .llama: Assumed(vocabularySize: 32000, contextLength: 2048, feedForwardWidth: 11008)
    case .mistral: Assumed(vocabularySize: 32000, contextLength: 131072, feedForwardWidth: 14336)
    case .qwen2, .qwen3: Assumed(vocabularySize: 151936, contextLength: 32768, feedForwardWidth: 22016)
    }
  }

  /// What the names of Hugging Face's classes begin with.
  var classPrefix: String {
    switch self {
    case .llama: "Llama"
    case .mistral: "Mistral"
    case .qwen2: "Qwen2"
    case .qwen3: "Qwen3"
    }
  }
}
