import Attention
import Formats
import Layers
import Tensor

extension BERT {
  /// The families of encoders that have BERT's blocks. They differ in names, in positions and in what surrounds the blocks.
  public enum Family: String, Sendable, CaseIterable {
    /// Devlin et al. 2018
    case bert
    /// Liu et al. 2019
    case roberta
    /// Conneau et al. 2019
    case xlmRoberta = "xlm-roberta"
    /// Sanh et al. 2019
    case distilBERT = "distilbert"
  }

  /// The sizes of a BERT, a RoBERTa or a DistilBERT.
  public struct Configuration: Sendable, Equatable {
    /// Whose names and habits the model has.
    public var family: Family
    /// How many tokens there are.
    public var vocabularySize: Int
    /// The rows of the table of positions.
    public var positionCount: Int
    /// How many types a token may have (segments A and B); 0 where tokens have none.
    public var tokenTypeCount: Int
    /// The width of the hidden states.
    public var width: Int
    /// The number of blocks.
    public var layerCount: Int
    /// The number of attention heads.
    public var headCount: Int
    /// The inner width of the feed-forward.
    public var feedForwardWidth: Int
    /// The feed-forward's activation.
    public var activation: Activation = .gelu
    /// Added to the variance in layer norms.
    public var normEpsilon: Float = 1e-12
    /// The chance of an element of the hidden states to be dropped in training.
    public var dropout: Float = 0
    /// The names of the classes of a classification head, in the order of its scores.
    public var labels = unnamedLabels(2)
    /// Whether a token sees only those before it, as in a decoder.
    public var isDecoder = false
    /// Whether the masked-language head uses the embedding's matrix. Of a file that holds both, these decide.
    public var tiesDecoder = true
    /// The token that fills up shorter rows. RoBERTa does not count it as a position.
    public var paddingToken: Int?
    /// The token that a text begins with, kept for those who need it.
    public var startToken: Int?
    /// The tokens that a text ends with, kept likewise.
    public var endTokens: [Int] = []

    /// A configuration; the inner width is four times the width unless given.
    public init(
      _ family: Family = .bert, vocabularySize: Int, positionCount: Int, tokenTypeCount: Int? = nil, width: Int,
      layerCount: Int, headCount: Int, feedForwardWidth: Int? = nil
    ) {
      precondition(
        headCount > 0 && width % headCount == 0,
        "BERT.Configuration: a width of \(width) is not a multiple of \(headCount) heads")
      self.family = family
      self.vocabularySize = vocabularySize
      self.positionCount = positionCount
      self.tokenTypeCount = tokenTypeCount ?? (family == .distilBERT ? 0 : 2)
      self.width = width
      self.layerCount = layerCount
      self.headCount = headCount
      self.feedForwardWidth = feedForwardWidth ?? 4 * width
      paddingToken = family.countsPositionsAfterPadding ? 1 : 0
    }

    /// The row of the first token's position: RoBERTa keeps the rows up to the padding token's id free.
    var firstPosition: Int { family.countsPositionsAfterPadding ? (paddingToken ?? 1) + 1 : 0 }

    /// The most tokens that a row may have.
    public var contextLength: Int { positionCount - firstPosition }

    /// Reads Hugging Face's `config.json`.
    ///
    /// - Throws: a typed error that names the field: missing, of the wrong type or range, or a setting that is not
    ///   implemented.
    public init(_ json: JSONField) throws(InputError) {
      let type = try json.required("model_type")
      guard let family = Family(rawValue: try type.string()) else {
        throw type.error(
          .unsupported, "is none of the encoders with BERT's blocks",
          advice: "Known are \(Family.allCases.map(\.rawValue).joined(separator: ", ")).")
      }
      let keys = family.keys
      // What the reference assumes of a file that does not say are the sizes of the small model that came first.
      func size(
        _ pair: (own: String, general: String), _ range: ClosedRange<Int>, _ assumed: Int
      ) throws(InputError) -> Int {
        try json.size(pair.own, or: pair.general, range, assumed: assumed)
      }
      let width = try size(keys.width, SizeLimit.width, 768)
      let headCount = try size(keys.headCount, SizeLimit.count, 12)
      guard width % headCount == 0 else {
        throw json.error(.inconsistent, "the width \(width) is not a multiple of \(headCount) heads")
      }
      self.init(
        family,
        vocabularySize: try json.size("vocab_size", SizeLimit.vocabulary, assumed: family == .roberta ? 50265 : 30522),
        positionCount: try json.size("max_position_embeddings", SizeLimit.context, assumed: 512),
        tokenTypeCount: family == .distilBERT
          ? 0 : try json.optional("type_vocab_size")?.int(in: SizeLimit.vocabulary) ?? 2,
        width: width, layerCount: try size(keys.layerCount, SizeLimit.count, family == .distilBERT ? 6 : 12),
        headCount: headCount, feedForwardWidth: try size(keys.feedForwardWidth, SizeLimit.width, 3072))
      if let field = try json.optional(keys.activation) { activation = try field.activation() }
      // DistilBERT's is fixed, whatever a file says.
      if family != .distilBERT, let field = try json.optional("layer_norm_eps") {
        normEpsilon = Float(try field.double(in: 1e-20...1))
      }
      if family != .distilBERT, let field = try json.optional("is_decoder") { isDecoder = try field.bool() }
      try json.refuse("add_cross_attention", unless: false)
      if let field = try json.optional("position_embedding_type"), try field.string() != "absolute" {
        throw field.error(.unsupported, "positions other than \"absolute\" are not implemented")
      }
      if let field = try json.optional("tie_word_embeddings") { tiesDecoder = try field.bool() }
      labels = try json.labels()
      if try !json.has("pad_token_id") {
        // What the reference assumes of a file that does not say.
        paddingToken = family.countsPositionsAfterPadding ? 1 : 0
      } else {
        paddingToken = try json.optional("pad_token_id")?.int(in: -1...vocabularySize - 1)
      }
      // Nothing here ends a text, so an id that the vocabulary lacks does no harm.
      endTokens = try json.optional("eos_token_id")?.tokenIDs() ?? []
      startToken = try json.optional("bos_token_id")?.int()
      guard !family.countsPositionsAfterPadding || paddingToken.map({ $0 >= 0 && $0 + 1 < positionCount }) == true
      else {
        throw json.error(
          .inconsistent, "max_position_embeddings \(positionCount) leaves no position after the padding token",
          advice: "Check pad_token_id: positions are counted from the one after it.")
      }
    }

    /// `config.json` as Hugging Face reads it.
    ///
    /// - Parameters:
    ///   - architecture: The name of the class, as `BertForMaskedLM`.
    ///   - format: How the matrices are kept.
    public func json(architecture: String, format: StorageFormat = .float32) -> JSONValue {
      let keys = family.keys
      func name(_ pair: (own: String, general: String)) -> JSONString { JSONString(pair.own) }
      var members = [
        JSONMember("architectures", .array([.string(JSONString(architecture))])),
        JSONMember("model_type", .string(JSONString(family.rawValue))),
        JSONMember("vocab_size", .integer(vocabularySize)),
        JSONMember("max_position_embeddings", .integer(positionCount)),
        JSONMember(name(keys.width), .integer(width)),
        JSONMember(name(keys.layerCount), .integer(layerCount)),
        JSONMember(name(keys.headCount), .integer(headCount)),
        JSONMember(name(keys.feedForwardWidth), .integer(feedForwardWidth)),
        JSONMember(JSONString(keys.activation), .activation(activation)),
      ]
      if family != .distilBERT {
        members += [
          JSONMember("type_vocab_size", .integer(tokenTypeCount)),
          JSONMember("layer_norm_eps", .decimal(normEpsilon)), JSONMember("is_decoder", .bool(isDecoder)),
        ]
      }
      // The model drops nothing of the attention's weights.
      members.append(JSONMember(JSONString(keys.attentionDropout), .decimal(0)))
      members.append(JSONMember(JSONString(keys.dropout), .decimal(dropout)))
      members += labelMembers(labels)
      members += [
        JSONMember("tie_word_embeddings", .bool(tiesDecoder)),
        JSONMember("torch_dtype", .dtype(format)),
      ]
      return .object(members + specialTokens(start: startToken, ends: endTokens, padding: paddingToken))
    }
  }
}

extension BERT.Family {
  /// Whether a token's position is one more than the padding token's id, plus the number of tokens before that are no
  /// padding; padding itself has its id as position.
  var countsPositionsAfterPadding: Bool { self == .roberta || self == .xlmRoberta }

  struct Keys {
    var width = (own: "hidden_size", general: "hidden_size")
    var layerCount = (own: "num_hidden_layers", general: "num_hidden_layers")
    var headCount = (own: "num_attention_heads", general: "num_attention_heads")
    var feedForwardWidth = (own: "intermediate_size", general: "intermediate_size")
    var activation = "hidden_act"
    var dropout = "hidden_dropout_prob"
    var attentionDropout = "attention_probs_dropout_prob"
  }

  /// The keys of `config.json`: the family's own and those that other families have for the same.
  var keys: Keys {
    guard self == .distilBERT else { return Keys() }
    return Keys(
      width: ("dim", "hidden_size"), layerCount: ("n_layers", "num_hidden_layers"),
      headCount: ("n_heads", "num_attention_heads"), feedForwardWidth: ("hidden_dim", "hidden_dim"),
      activation: "activation", dropout: "dropout", attentionDropout: "attention_dropout")
  }
}
