import Attention
import Formats
import Foundation
import Layers
import Tensor

/// The limits of sizes in a configuration: far above any model, far below what overflows.
enum SizeLimit {
  static let width = 1...1 << 20
  static let count = 1...1 << 16
  static let vocabulary = 1...1 << 26
  static let context = 1...1 << 26
}

extension Activation {
  /// Hugging Face's names; the first one is written.
  private static let names: [(activation: Activation, names: [String])] = [
    (.gelu, ["gelu", "gelu_python"]),
    (.geluTanh, ["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate"]),
    (.clippedGELU, ["gelu_10"]), (.quickGELU, ["quick_gelu"]), (.relu, ["relu"]), (.reluSquared, ["relu2"]),
    (.relu6, ["relu6"]), (.leakyReLU, ["leaky_relu"]), (.silu, ["silu", "swish"]), (.hardSwish, ["hardswish"]),
    (.mish, ["mish"]), (.laplace, ["laplace"]), (.tanh, ["tanh"]), (.sigmoid, ["sigmoid"]), (.identity, ["linear"]),
  ]
  /// All names that are known.
  static var allNames: [String] { names.flatMap(\.names) }

  /// The name that Hugging Face has for it.
  var fileName: String { Activation.names.first { $0.activation == self }?.names.first ?? "\(self)" }

  init?(fileName: String) {
    guard let found = Activation.names.first(where: { $0.names.contains(fileName) }) else { return nil }
    self = found.activation
  }
}

extension JSONField {
  /// The activation that Hugging Face calls by this name.
  func activation() throws(InputError) -> Activation {
    let name = try string()
    guard let found = Activation(fileName: name) else {
      throw error(
        .unsupported, "the activation \"\(name)\" is not implemented",
        advice: "Known are \(Activation.allNames.joined(separator: ", ")).")
    }
    return found
  }

  /// One token id or a list of them, none negative. One that the vocabulary lacks, as defaults may be, never comes, and
  /// does no harm.
  func tokenIDs() throws(InputError) -> [Int] {
    if kind == .array {
      let fields = try array(atMost: 1024)
      guard !fields.isEmpty else { throw error(.badValue, "is an empty list") }
      var ids: [Int] = []
      for field in fields { ids.append(try field.int(in: 0 ... .max)) }
      return ids
    }
    return [try int(in: 0 ... .max)]
  }
}

/// What Hugging Face calls classes that have no names.
func unnamedLabels(_ count: Int) -> [String] { (0..<count).map { "LABEL_\($0)" } }

extension JSONField {
  /// A size: what the file says, or what the reference assumes of a file that does not. The tensors must fit either.
  ///
  /// - Throws: `wrongType` for null; a typed error for a number outside `range`.
  func size(_ key: String, _ range: ClosedRange<Int>, assumed: Int) throws(InputError) -> Int {
    try has(key) ? try required(key).int(in: range) : assumed
  }

  /// A size that has another name in other families, which counts where a file has it.
  func size(
    _ key: String, or other: String, _ range: ClosedRange<Int>, assumed: Int
  ) throws(InputError) -> Int {
    if let field = try optional(other) { return try field.int(in: range) }
    return try size(key, range, assumed: assumed)
  }

  /// The names of the classes: those of `id2label`, or as many numbers as `num_labels` says, or else `usual`.
  func labels(unless usual: Int = 2) throws(InputError) -> [String] {
    guard let field = try optional("id2label") else {
      return unnamedLabels(try optional("num_labels")?.int(in: SizeLimit.count) ?? usual)
    }
    let members = try field.object(atMost: SizeLimit.count.upperBound)
    var labels = [String?](repeating: nil, count: members.count)
    for (key, name) in members {
      // A key that is no number in this order leaves one out, which is then missing.
      guard let id = Int(key.text), labels.indices.contains(id), key == JSONString("\(id)") else { continue }
      labels[id] = try name.string()
    }
    if let id = labels.firstIndex(of: nil) { throw InputError(.missing, "is missing", at: "\(field.path).\(id)") }
    guard !labels.isEmpty else { throw field.error(.badValue, "names no class") }
    return labels.compactMap { $0 }
  }
}

/// The names of classes as `config.json` has them.
func labelMembers(_ labels: [String]) -> [JSONMember] {
  let numbered = labels.enumerated()
  return [
    JSONMember("id2label", .object(numbered.map { JSONMember(JSONString("\($0)"), .string(JSONString($1))) })),
    // Two classes of one name have no way back.
    JSONMember(
      "label2id",
      .object(
        numbered.filter { labels.firstIndex(of: $1) == $0 }.map { JSONMember(JSONString($1), .integer($0)) })),
  ]
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
    public var activation: Activation = .geluTanh
    /// Added to the variance in layer norms.
    public var normEpsilon: Float = 1e-5
    /// Whether scores are divided by the square root of the head width.
    public var scalesScores = true
    /// Whether scores are divided by the number of the block too, counted from 1.
    public var scalesScoresByBlock = false
    /// Whether maps and norms have biases. Hugging Face's GPT-2 always has; without them, zeros are saved.
    public var hasBiases = true
    /// Whether the output uses the embedding's matrix. Of a file that holds both, these decide.
    public var tiesHead = true
    /// The chance of an element to be dropped in training.
    public var dropout: Float = 0
    /// The names of the classes of a classification head, in the order of its scores.
    public var labels = unnamedLabels(2)
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

    /// What the scores of block `layer` are multiplied by.
    func scoreScale(layer: Int) -> Float {
      (scalesScores ? 1 / Float(width / headCount).squareRoot() : 1) / Float(scalesScoresByBlock ? layer + 1 : 1)
    }

    /// The deviation of the maps that write to the residual stream: less for deeper models, as in GPT-2.
    var residualDeviation: Float { 0.02 / Float(2 * layerCount).squareRoot() }

    /// Reads Hugging Face's `config.json`.
    ///
    /// - Throws: a typed error that names the field: missing, of the wrong type or range, or a setting that is not
    ///   implemented.
    public init(_ json: JSONField) throws(InputError) {
      let usual = Configuration.small
      let width = try json.size("n_embd", or: "hidden_size", SizeLimit.width, assumed: usual.width)
      let headCount = try json.size(
        "n_head", or: "num_attention_heads", SizeLimit.count, assumed: usual.headCount)
      guard width % headCount == 0 else {
        throw json.error(.inconsistent, "n_embd \(width) is not a multiple of n_head \(headCount)")
      }
      self.init(
        vocabularySize: try json.size("vocab_size", SizeLimit.vocabulary, assumed: usual.vocabularySize),
        contextLength: try json.size(
          "n_positions", or: "max_position_embeddings", SizeLimit.context, assumed: usual.contextLength),
        width: width,
        layerCount: try json.size("n_layer", or: "num_hidden_layers", SizeLimit.count, assumed: usual.layerCount),
        headCount: headCount,
        feedForwardWidth: try json.optional("n_inner")?.int(in: SizeLimit.width))
      if let field = try json.optional("activation_function") { activation = try field.activation() }
      if let field = try json.optional("layer_norm_epsilon") {
        normEpsilon = Float(try field.double(in: 1e-20...1))
      }
      if let field = try json.optional("tie_word_embeddings") { tiesHead = try field.bool() }
      try json.checkDropout("attn_pdrop", "embd_pdrop", "resid_pdrop")
      if let field = try json.optional("scale_attn_weights") { scalesScores = try field.bool() }
      if let field = try json.optional("scale_attn_by_inverse_layer_idx") { scalesScoresByBlock = try field.bool() }
      // Says in which order and how precisely scores are computed in half precision: here it is all Float32.
      _ = try json.optional("reorder_and_upcast_attn")?.bool()
      try json.refuse("add_cross_attention", unless: false)
      labels = try json.labels()
      endTokens = try json.optional("eos_token_id")?.tokenIDs() ?? []
      startToken = try json.optional("bos_token_id")?.int()
      paddingToken = try json.optional("pad_token_id")?.int()
    }
  }
}
