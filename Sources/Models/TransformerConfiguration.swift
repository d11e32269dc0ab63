import Formats
import Layers
import Tensor

extension Transformer {
  /// The families that have the Transformer's blocks.
  public enum Family: String, Sendable, CaseIterable {
    /// Vaswani et al. 2017. Hugging Face has no class for it; its files are ours, with BART's names.
    case transformer
    /// Lewis et al. 2019
    case bart
    /// Liu et al. 2020
    case mbart
    /// Junczys-Dowmunt et al. 2018, and the translation models of Opus-MT
    case marian
    /// Zhang et al. 2019
    case pegasus
  }

  /// Where the norm of each part of a block stands.
  public enum NormPlacement: Sendable, Equatable {
    /// After the sum, as in the paper: `norm(x + part(x))`.
    case after
    /// Before the part, with one more norm after the last block: `x + part(norm(x))`.
    case before
  }

  /// The sizes of a Transformer.
  public struct Configuration: Sendable, Equatable {
    /// Whose names and habits the model has.
    public var family: Family
    /// How many tokens the encoder knows.
    public var vocabularySize: Int
    /// How many tokens the decoder knows.
    public var targetVocabularySize: Int
    /// The most positions of either text.
    public var contextLength: Int
    /// The width of the hidden states.
    public var width: Int
    /// The number of the encoder's blocks.
    public var encoderLayerCount: Int
    /// The number of the decoder's blocks.
    public var decoderLayerCount: Int
    /// The number of the encoder's attention heads.
    public var encoderHeadCount: Int
    /// The number of the decoder's attention heads.
    public var decoderHeadCount: Int
    /// The inner width of the encoder's feed-forward.
    public var encoderFeedForwardWidth: Int
    /// The inner width of the decoder's feed-forward.
    public var decoderFeedForwardWidth: Int
    /// Where norms stand. All families but the first have theirs fixed.
    public var norm: NormPlacement
    /// The feed-forward's activation.
    public var activation: Activation
    /// Whether embeddings are multiplied by the root of the width.
    public var scalesEmbeddings: Bool
    /// Whether encoder and decoder share one table of embeddings, which the output uses too. Otherwise the output uses the
    /// decoder's. Of a file, the tensors that are there decide.
    public var sharesEmbeddings = true
    /// The chance of an element of the hidden states to be dropped in training.
    public var dropout: Float = 0
    /// The names of the classes of a classification head, in the order of its scores.
    public var labels = unnamedLabels(3)
    /// The token that the decoder begins with.
    public var decoderStartToken: Int?
    /// The tokens after which a text ends.
    public var endTokens: [Int] = []
    /// The token that a text begins with, kept for those who need it.
    public var startToken: Int?
    /// The token that fills up shorter rows, kept likewise.
    public var paddingToken: Int?

    /// Added to the variance in layer norms, whatever a file says.
    static let normEpsilon: Float = 1e-5

    /// A configuration whose encoder and decoder have the same sizes; the inner width is four times the width unless
    /// given.
    public init(
      _ family: Family = .transformer, vocabularySize: Int, contextLength: Int, width: Int, layerCount: Int,
      headCount: Int, feedForwardWidth: Int? = nil, norm: NormPlacement? = nil
    ) {
      precondition(
        headCount > 0 && width % headCount == 0,
        "Transformer.Configuration: a width of \(width) is not a multiple of \(headCount) heads")
      precondition(
        norm == nil || family.norm == nil || norm == family.norm,
        "Transformer.Configuration: \(family) has its own norms"
      )
      self.family = family
      self.vocabularySize = vocabularySize
      self.contextLength = contextLength
      self.width = width
      targetVocabularySize = vocabularySize
      (encoderLayerCount, decoderLayerCount) = (layerCount, layerCount)
      (encoderHeadCount, decoderHeadCount) = (headCount, headCount)
      encoderFeedForwardWidth = feedForwardWidth ?? 4 * width
      decoderFeedForwardWidth = encoderFeedForwardWidth
      self.norm = norm ?? family.norm ?? .after
      activation = family == .transformer ? .relu : .gelu
      scalesEmbeddings = family == .transformer
    }

    /// Reads Hugging Face's `config.json`.
    ///
    /// - Throws: a typed error that names the field: missing, of the wrong type or range, or a setting that is not
    ///   implemented.
    public init(_ json: JSONField) throws(InputError) {
      let type = try json.required("model_type")
      guard let family = Family(rawValue: try type.string()) else {
        throw type.error(
          .unsupported, "is none of the families with the Transformer's blocks",
          advice: "Known are \(Family.allCases.map(\.rawValue).joined(separator: ", ")).")
      }
      /// A size: Hugging Face assumes it of a file that does not say; the original one's files must.
      func size(_ key: String, _ range: ClosedRange<Int>, _ assumed: Int) throws(InputError) -> Int {
        if family == .transformer { return try json.required(key).int(in: range) }
        return try json.size(key, range, assumed: assumed)
      }
      let width = try size("d_model", SizeLimit.width, 1024)
      func heads(_ key: String) throws(InputError) -> Int {
        let count = try size(key, SizeLimit.count, 16)
        guard width % count == 0 else {
          throw json.error(.inconsistent, "d_model \(width) is not a multiple of the \(count) of \(key)")
        }
        return count
      }
      let headCount = try heads("encoder_attention_heads")
      self.init(
        family,
        vocabularySize: try size("vocab_size", SizeLimit.vocabulary, family == .marian ? 58101 : 50265),
        contextLength: try size("max_position_embeddings", SizeLimit.context, 1024), width: width,
        layerCount: try size("encoder_layers", SizeLimit.count, 12), headCount: headCount,
        feedForwardWidth: try size("encoder_ffn_dim", SizeLimit.width, 4096))
      decoderLayerCount = try size("decoder_layers", SizeLimit.count, 12)
      decoderHeadCount = try heads("decoder_attention_heads")
      decoderFeedForwardWidth = try size("decoder_ffn_dim", SizeLimit.width, 4096)
      if family == .marian {
        targetVocabularySize =
          try json.optional("decoder_vocab_size")?.int(in: SizeLimit.vocabulary) ?? vocabularySize
        sharesEmbeddings = try json.optional("share_encoder_decoder_embeddings")?.bool() ?? true
        guard !sharesEmbeddings || targetVocabularySize == vocabularySize else {
          throw json.error(
            .inconsistent, "decoder_vocab_size \(targetVocabularySize) is not vocab_size, and embeddings are shared")
        }
      }
      if let field = try json.optional("activation_function") { activation = try field.activation() }
      if let field = try json.optional("scale_embedding") { scalesEmbeddings = try field.bool() }
      if family == .transformer, let field = try json.optional("norm_first") {
        norm = try field.bool() ? .before : .after
      }
      labels = try json.labels(unless: 3)
      let tokens = family.tokens
      func token(_ key: String, _ usual: Int?) throws(InputError) -> Int? {
        try json.has(key) ? try json.optional(key)?.int() : usual
      }
      decoderStartToken =
        try json.has("decoder_start_token_id")
        ? try json.optional("decoder_start_token_id")?.tokenIDs().first
        : tokens.decoderStart
      if try json.has("eos_token_id") {
        endTokens = try json.optional("eos_token_id")?.tokenIDs() ?? []
      } else {
        endTokens = tokens.end.map { [$0] } ?? []
      }
      startToken = try token("bos_token_id", tokens.start)
      paddingToken = try token("pad_token_id", tokens.padding)
    }

    /// `config.json` as Hugging Face reads it.
    ///
    /// - Parameters:
    ///   - architecture: The name of the class, as `BartModel`.
    ///   - tiesOutput: Whether parts share a table that the file holds once.
    ///   - isDecoder: Whether there is only a decoder.
    ///   - format: How the matrices are kept.
    public func json(
      architecture: String, tiesOutput: Bool = true, isDecoder: Bool = false, format: StorageFormat = .float32
    ) -> JSONValue {
      var members = [
        JSONMember("architectures", .array([.string(JSONString(architecture))])),
        JSONMember("model_type", .string(JSONString(family.rawValue))),
        JSONMember("is_encoder_decoder", .bool(!isDecoder)),
        JSONMember("is_decoder", .bool(isDecoder)),
        JSONMember("vocab_size", .integer(vocabularySize)),
        JSONMember("max_position_embeddings", .integer(contextLength)),
        JSONMember("d_model", .integer(width)),
        JSONMember("encoder_layers", .integer(encoderLayerCount)),
        JSONMember("encoder_attention_heads", .integer(encoderHeadCount)),
        JSONMember("encoder_ffn_dim", .integer(encoderFeedForwardWidth)),
        JSONMember("decoder_layers", .integer(decoderLayerCount)),
        JSONMember("decoder_attention_heads", .integer(decoderHeadCount)),
        JSONMember("decoder_ffn_dim", .integer(decoderFeedForwardWidth)),
        JSONMember("activation_function", .activation(activation)),
        JSONMember("scale_embedding", .bool(scalesEmbeddings)),
        // The model drops nothing inside attention and feed-forward, and no layers.
        JSONMember("dropout", .decimal(dropout)),
        JSONMember("attention_dropout", .decimal(0)),
        JSONMember("activation_dropout", .decimal(0)),
      ]
      if family == .transformer { members.append(JSONMember("norm_first", .bool(norm == .before))) }
      if family == .marian {
        members += [
          JSONMember("decoder_vocab_size", .integer(targetVocabularySize)),
          JSONMember("share_encoder_decoder_embeddings", .bool(sharesEmbeddings)),
        ]
      }
      members += labelMembers(labels)
      members += [
        JSONMember("tie_word_embeddings", .bool(tiesOutput)),
        JSONMember("torch_dtype", .dtype(format)),
        JSONMember("decoder_start_token_id", decoderStartToken.map { .integer($0) } ?? .null),
      ]
      return .object(members + specialTokens(start: startToken, ends: endTokens, padding: paddingToken))
    }
  }
}

extension Transformer.Family {
  /// Where the family's norms stand; nil where a configuration says it.
  var norm: Transformer.NormPlacement? {
    switch self {
    case .transformer: nil
    case .bart, .marian: .after
    case .mbart, .pegasus: .before
    }
  }

  /// Whether positions are a learned table; otherwise they are sinusoids.
  var learnsPositions: Bool { self == .bart || self == .mbart }
  /// The row of the first position in a table.
  var positionOffset: Int { learnsPositions ? 2 : 0 }
  /// Whether embeddings go through a norm.
  var normalizesEmbeddings: Bool { learnsPositions }
  /// Whether the family has heads that classify and that find answers.
  var hasTextHeads: Bool { learnsPositions }

  /// What the names of the classes begin with.
  var classPrefix: String {
    switch self {
    case .transformer: "Transformer"
    case .bart: "Bart"
    case .mbart: "MBart"
    case .marian: "Marian"
    case .pegasus: "Pegasus"
    }
  }

  /// What the reference assumes of a file that does not say.
  fileprivate var tokens: (decoderStart: Int?, end: Int?, start: Int?, padding: Int?) {
    switch self {
    case .transformer: (nil, nil, nil, nil)
    case .bart: (2, 2, 0, 1)
    case .mbart: (nil, 2, 0, 1)
    case .marian: (58100, 0, nil, 58100)
    case .pegasus: (0, 1, nil, 0)
    }
  }
}
