import Attention
import Formats
import Layers
import Tensor

/// The size of an image, of a patch, or of a grid of patches.
public struct ImageSize: Sendable, Equatable, CustomStringConvertible {
  /// The number of rows.
  public var height: Int
  /// The number of columns.
  public var width: Int
  /// As many rows and columns.
  public init(height: Int, width: Int) { (self.height, self.width) = (height, width) }
  /// A square.
  public init(_ side: Int) { self.init(height: side, width: side) }
  /// `height x width`
  public var description: String { "\(height) x \(width)" }
}

extension ViT {
  /// The families of encoders of images that have ViT's blocks.
  public enum Family: String, Sendable, CaseIterable {
    /// Dosovitskiy et al. 2020
    case vit
    /// Touvron et al. 2020: a second token beside the class token, for what a teacher says.
    case deit
  }

  /// The sizes of a ViT or a DeiT.
  public struct Configuration: Sendable, Equatable {
    /// Whose names and habits the model has.
    public var family: Family
    /// The images that the table of positions is made for.
    public var imageSize: ImageSize
    /// The size of a patch.
    public var patchSize: ImageSize
    /// The number of colours.
    public var channelCount = 3
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
    /// Whether queries, keys and values have biases.
    public var hasQueryKeyValueBiases = true
    /// The width of the pooler's output.
    public var poolerWidth: Int
    /// The pooler's activation.
    public var poolerActivation: Activation = .tanh
    /// How many pixels a patch becomes in each direction where hidden ones are made up.
    public var restoredSize = 16
    /// The chance of an element of the hidden states to be dropped in training.
    public var dropout: Float = 0
    /// The names of the classes of a classification head, in the order of its scores.
    public var labels = unnamedLabels(2)

    /// A configuration; the inner width is four times the width unless given.
    public init(
      _ family: Family = .vit, imageSize: ImageSize, patchSize: ImageSize, width: Int, layerCount: Int, headCount: Int,
      feedForwardWidth: Int? = nil
    ) {
      precondition(
        headCount > 0 && width % headCount == 0,
        "ViT.Configuration: a width of \(width) is not a multiple of \(headCount) heads")
      precondition(
        patchSize.height > 0 && patchSize.width > 0 && imageSize.height >= patchSize.height
          && imageSize.width >= patchSize.width,
        "ViT.Configuration: patches of \(patchSize) in images of \(imageSize)")
      self.family = family
      self.imageSize = imageSize
      self.patchSize = patchSize
      self.width = width
      self.layerCount = layerCount
      self.headCount = headCount
      self.feedForwardWidth = feedForwardWidth ?? 4 * width
      poolerWidth = width
    }

    /// How many patches an image of `imageSize` has in each direction.
    var patchCounts: ImageSize {
      ImageSize(height: imageSize.height / patchSize.height, width: imageSize.width / patchSize.width)
    }
    /// How many tokens stand before the patches.
    var tokenCount: Int { family == .deit ? 2 : 1 }

    var attention: SelfAttention.Configuration {
      var attention = SelfAttention.Configuration(width: width, headCount: headCount)
      attention.biases = hasQueryKeyValueBiases ? .all : .output
      attention.mask = .none
      attention.names = .vit
      return attention
    }

    /// Reads Hugging Face's `config.json`.
    ///
    /// - Throws: a typed error that names the field: missing, of the wrong type or range, or a setting that is not
    ///   implemented.
    public init(_ json: JSONField) throws(InputError) {
      let type = try json.required("model_type")
      guard let family = Family(rawValue: try type.string()) else {
        throw type.error(
          .unsupported, "is none of the encoders with ViT's blocks",
          advice: "Known are \(Family.allCases.map(\.rawValue).joined(separator: ", ")).")
      }
      // What the reference assumes of a file that does not say.
      func size(_ key: String, _ assumed: Int) throws(InputError) -> Int {
        try json.optional(key)?.int(in: SizeLimit.width) ?? assumed
      }
      let width = try size("hidden_size", 768), headCount = try size("num_attention_heads", 12)
      guard width % headCount == 0 else {
        throw json.error(.inconsistent, "the width \(width) is not a multiple of \(headCount) heads")
      }
      let image = try json.imageSize("image_size", 224), patch = try json.imageSize("patch_size", 16)
      guard image.height >= patch.height && image.width >= patch.width else {
        throw json.error(.inconsistent, "patches of \(patch) do not fit into images of \(image)")
      }
      self.init(
        family, imageSize: image, patchSize: patch, width: width,
        layerCount: try json.optional("num_hidden_layers")?.int(in: SizeLimit.count) ?? 12, headCount: headCount,
        feedForwardWidth: try size("intermediate_size", 3072))
      channelCount = try json.optional("num_channels")?.int(in: 1...1 << 10) ?? 3
      let elements = patchCounts.height * patchCounts.width * width
      guard elements <= 1 << 32, patch.height * patch.width * channelCount <= 1 << 24 else {
        throw json.error(.tooLarge, "\(patchCounts) patches of \(patch) pixels are more than any model has")
      }
      if let field = try json.optional("hidden_act") { activation = try field.activation() }
      if let field = try json.optional("layer_norm_eps") { normEpsilon = Float(try field.double(in: 1e-20...1)) }
      if let field = try json.optional("qkv_bias") { hasQueryKeyValueBiases = try field.bool() }
      poolerWidth = try size("pooler_output_size", width)
      if let field = try json.optional("pooler_act") { poolerActivation = try field.activation() }
      restoredSize = try json.optional("encoder_stride")?.int(in: 1...1 << 12) ?? 16
      labels = try json.labels()
    }

    /// `config.json` as Hugging Face reads it.
    ///
    /// - Parameters:
    ///   - architecture: The name of the class, as `ViTForImageClassification`.
    ///   - format: How the matrices are kept.
    public func json(architecture: String, format: StorageFormat = .float32) -> JSONValue {
      func size(_ size: ImageSize) -> JSONValue {
        size.height == size.width ? .integer(size.height) : .array([.integer(size.height), .integer(size.width)])
      }
      return .object(
        [
          JSONMember("architectures", .array([.string(JSONString(architecture))])),
          JSONMember("model_type", .string(JSONString(family.rawValue))),
          JSONMember("image_size", size(imageSize)),
          JSONMember("patch_size", size(patchSize)),
          JSONMember("num_channels", .integer(channelCount)),
          JSONMember("hidden_size", .integer(width)),
          JSONMember("num_hidden_layers", .integer(layerCount)),
          JSONMember("num_attention_heads", .integer(headCount)),
          JSONMember("intermediate_size", .integer(feedForwardWidth)),
          JSONMember("hidden_act", .activation(activation)),
          JSONMember("layer_norm_eps", .decimal(normEpsilon)),
          JSONMember("qkv_bias", .bool(hasQueryKeyValueBiases)),
          JSONMember("pooler_output_size", .integer(poolerWidth)),
          JSONMember("pooler_act", .activation(poolerActivation)),
          JSONMember("encoder_stride", .integer(restoredSize)),
          // The model drops nothing of the attention's weights.
          JSONMember("attention_probs_dropout_prob", .decimal(0)),
          JSONMember("hidden_dropout_prob", .decimal(dropout)),
        ] + labelMembers(labels) + [JSONMember("torch_dtype", .dtype(format))])
    }
  }
}

extension JSONField {
  /// One side of a square, or a height and a width.
  fileprivate func imageSize(_ key: String, _ assumed: Int) throws(InputError) -> ImageSize {
    let sides = 1...1 << 15
    guard let field = try optional(key) else { return ImageSize(assumed) }
    guard field.kind == .array else { return ImageSize(try field.int(in: sides)) }
    let both = try field.array(atMost: 2)
    guard both.count == 2 else { throw field.error(.badValue, "has \(both.count) entries, not a height and a width") }
    return ImageSize(height: try both[0].int(in: sides), width: try both[1].int(in: sides))
  }
}
