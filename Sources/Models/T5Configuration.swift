import Formats
import Layers
import Tensor

extension T5 {
  /// The sizes of a T5.
  public struct Configuration: Sendable, Equatable {
    /// How many tokens there are.
    public var vocabularySize: Int
    /// The width of the hidden states.
    public var width: Int
    /// The number of the encoder's blocks.
    public var layerCount: Int
    /// The number of the decoder's blocks.
    public var decoderLayerCount: Int
    /// The number of attention heads.
    public var headCount: Int
    /// The width of a head; heads together may be narrower or wider than the hidden states.
    public var headWidth: Int
    /// The inner width of the feed-forward.
    public var feedForwardWidth: Int
    /// Whether the feed-forward has a gate (version 1.1).
    public var isGated: Bool
    /// The feed-forward's activation.
    public var activation: Activation
    /// The number of buckets of distances.
    public var bucketCount = 32
    /// The distance from which on all share a bucket.
    public var farthestDistance = 128
    /// Added to the mean square in norms.
    public var normEpsilon: Float = 1e-6
    /// Whether the hidden states are multiplied by `width^-1/2` before they are scored (version 1.0).
    public var scalesOutput: Bool
    /// The chance of an element of the hidden states to be dropped in training.
    public var dropout: Float = 0
    /// The names of the classes of a classification head, in the order of its scores.
    public var labels = unnamedLabels(2)
    /// The token that the decoder begins with.
    public var decoderStartToken: Int? = 0
    /// The tokens after which a text ends.
    public var endTokens: [Int] = [1]
    /// The token that a text begins with, kept for those who need it.
    public var startToken: Int?
    /// The token that fills up shorter rows, kept likewise.
    public var paddingToken: Int? = 0

    /// No number of positions is too many for the model; this many overflow nothing.
    public static let contextLength = SizeLimit.context.upperBound

    /// A configuration.
    ///
    /// - Parameter isGated: whether it is version 1.1, which has gates and does not scale its output, or 1.0.
    public init(
      vocabularySize: Int, width: Int, layerCount: Int, decoderLayerCount: Int? = nil, headCount: Int,
      headWidth: Int? = nil, feedForwardWidth: Int? = nil, isGated: Bool = false
    ) {
      precondition(
        headCount > 0 && (headWidth != nil || width % headCount == 0),
        "T5.Configuration: a width of \(width), \(headCount) heads")
      self.vocabularySize = vocabularySize
      self.width = width
      self.layerCount = layerCount
      self.decoderLayerCount = decoderLayerCount ?? layerCount
      self.headCount = headCount
      self.headWidth = headWidth ?? width / headCount
      self.feedForwardWidth = feedForwardWidth ?? 4 * width
      self.isGated = isGated
      activation = isGated ? .geluTanh : .relu
      scalesOutput = !isGated
    }

    /// Reads Hugging Face's `config.json`.
    ///
    /// - Throws: a typed error that names the field: missing, of the wrong type or range, or a setting that is not
    ///   implemented.
    public init(_ json: JSONField) throws(InputError) {
      let type = try json.required("model_type")
      guard try type.string() == "t5" else { throw type.error(.unsupported, "is no T5") }
      let headCount = try json.size("num_heads", SizeLimit.count, assumed: 8)
      let headWidth = try json.size("d_kv", SizeLimit.width, assumed: 64)
      guard headCount * headWidth <= 1 << 24 else {
        throw json.error(.tooLarge, "num_heads \(headCount) times d_kv \(headWidth) is above \(1 << 24)")
      }
      let width = try json.size("d_model", SizeLimit.width, assumed: 512)
      let layerCount = try json.size("num_layers", SizeLimit.count, assumed: 6)
      self.init(
        vocabularySize: try json.size("vocab_size", SizeLimit.vocabulary, assumed: 32128), width: width,
        layerCount: layerCount,
        decoderLayerCount: try json.optional("num_decoder_layers")?.int(in: SizeLimit.count),
        headCount: headCount, headWidth: headWidth,
        feedForwardWidth: try json.size("d_ff", SizeLimit.width, assumed: 2048))
      if let field = try json.optional("feed_forward_proj") { try readFeedForward(field) }
      // What follows from it newer files say themselves, and then that counts.
      if let field = try json.optional("dense_act_fn") { activation = try field.activation() }
      if let field = try json.optional("is_gated_act") { isGated = try field.bool() }
      if let field = try json.optional("relative_attention_num_buckets") {
        bucketCount = try field.int(in: 4...1 << 16)
      }
      if let field = try json.optional("relative_attention_max_distance") {
        farthestDistance = try field.int(in: SizeLimit.context)
      }
      guard farthestDistance > bucketCount / 2 else {
        throw json.error(
          .unsupported,
          "relative_attention_max_distance \(farthestDistance) is not above half of the \(bucketCount) buckets")
      }
      if let field = try json.optional("layer_norm_epsilon") { normEpsilon = Float(try field.double(in: 1e-20...1)) }
      // Files without a tied head were those of version 1.1, whose output is not scaled; newer ones say it themselves.
      scalesOutput = try json.optional("tie_word_embeddings")?.bool() ?? true
      if let field = try json.optional("scale_decoder_outputs") { scalesOutput = try field.bool() }
      try json.refuse("is_decoder", unless: false)
      labels = try json.labels()
      decoderStartToken = try json.optional("decoder_start_token_id")?.tokenIDs().first
      if try json.has("eos_token_id") {
        endTokens = try json.optional("eos_token_id")?.tokenIDs() ?? []
      }
      startToken = try json.optional("bos_token_id")?.int()
      if try json.has("pad_token_id") { paddingToken = try json.optional("pad_token_id")?.int() }
    }

    /// `relu`, `gated-gelu`, ...: an activation, with a gate or without.
    private mutating func readFeedForward(_ field: JSONField) throws(InputError) {
      let name = try field.string(), gate = "gated-"
      isGated = name.hasPrefix(gate)
      // The gated one's "gelu" has always been the tanh form.
      let plain = name == "gated-gelu" ? "gelu_new" : isGated ? String(name.dropFirst(gate.count)) : name
      activation = try field.replaced(by: .string(JSONString(plain))).activation()
    }

    /// `config.json` as Hugging Face reads it.
    ///
    /// - Parameters:
    ///   - architecture: The name of the class, as `T5Model`.
    ///   - format: How the matrices are kept.
    public func json(architecture: String, format: StorageFormat = .float32) -> JSONValue {
      let function =
        switch (activation, isGated) {  // a gate's "gelu" is the tanh form
        case (.geluTanh, true): "gelu"
        case (.gelu, true): "gelu_python"
        default: activation.fileName
        }
      let isEncoder = architecture.hasSuffix("EncoderModel") || architecture.hasSuffix("TokenClassification")
      return .object(
        [
          JSONMember("architectures", .array([.string(JSONString(architecture))])),
          JSONMember("model_type", "t5"),
          JSONMember("is_encoder_decoder", .bool(!isEncoder)),
          JSONMember("vocab_size", .integer(vocabularySize)),
          JSONMember("d_model", .integer(width)),
          JSONMember("d_kv", .integer(headWidth)),
          JSONMember("d_ff", .integer(feedForwardWidth)),
          JSONMember("num_layers", .integer(layerCount)),
          JSONMember("num_decoder_layers", .integer(decoderLayerCount)),
          JSONMember("num_heads", .integer(headCount)),
          JSONMember("feed_forward_proj", .string(JSONString((isGated ? "gated-" : "") + function))),
          JSONMember("relative_attention_num_buckets", .integer(bucketCount)),
          JSONMember("relative_attention_max_distance", .integer(farthestDistance)),
          JSONMember("layer_norm_epsilon", .decimal(normEpsilon)),
          JSONMember("dropout_rate", .decimal(dropout)),
          // What tells the versions apart, under its older and its newer name.
          JSONMember("tie_word_embeddings", .bool(scalesOutput)),
          JSONMember("scale_decoder_outputs", .bool(scalesOutput)),
          JSONMember("torch_dtype", .dtype(format)),
          JSONMember("decoder_start_token_id", decoderStartToken.map { .integer($0) } ?? .null),
        ] + namedLabels(labels) + specialTokens(start: startToken, ends: endTokens, padding: paddingToken))
    }
  }
}
