import Checkpoints
import Formats
import Layers
import Models
import Tensor

/// What a folder of sentence-transformers says should be done with the tokens' vectors, and with texts before.
struct SentenceModules {
  /// The folder of the model and its tokenizer: the whole's, or one in it.
  var modelFolder: String
  /// The poolings whose results stand one after the other.
  var poolings: [Pooling] = [.mean]
  /// What follows the pooling, in order.
  var steps: [Step] = []
  /// The most tokens of a text, special ones included; nil where the folder does not say.
  var maxTokens: Int?
  /// Whether texts are written in small letters first.
  var lowercases = false
  /// What is put before every text.
  var prompt = ""
  /// How two vectors are compared.
  var similarity = Similarity.cosine

  enum Step: Sendable {
    /// To length 1.
    case normalize
    /// A map and an activation.
    case dense(Linear, Activation?)
  }

  /// Reads a folder: its `modules.json`, or else its `1_Pooling/config.json`, or else nothing.
  init(_ folder: String) throws(InputError) {
    modelFolder = folder
    let list = try PretrainedModel.documentIfPresent(folder + "/modules.json")
    if let list {
      try read(list, folder)
    } else if let pooling = try PretrainedModel.documentIfPresent(folder + "/1_Pooling/config.json") {
      poolings = try Pooling.all(pooling)
    }
    for kind in ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"] where maxTokens == nil
    {
      guard let json = try PretrainedModel.documentIfPresent("\(modelFolder)/sentence_\(kind)_config.json") else {
        continue
      }
      maxTokens = try json.optional("max_seq_length")?.int(in: 1...1 << 26)
      lowercases = try json.optional("do_lower_case")?.bool() ?? false
    }
    if let json = try PretrainedModel.documentIfPresent(folder + "/config_sentence_transformers.json") {
      if let name = try json.optional("default_prompt_name") {
        prompt = try json.required("prompts").required(try name.string()).string()
      }
      if let name = try json.optional("similarity_fn_name") {
        guard let known = Similarity(rawValue: try name.string()) else {
          throw name.error(
            .unsupported, "this similarity is not implemented",
            advice: "Known are \(Similarity.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        similarity = known
      }
    }
  }

  private mutating func read(_ list: JSONField, _ folder: String) throws(InputError) {
    var isPooled = false
    for (index, module) in try list.array(atMost: 64).enumerated() {
      let type = try module.required("type"), path = try module.required("path")
      let place = try path.string()
      let parts = place.split(separator: "/", omittingEmptySubsequences: false)
      guard !place.hasPrefix("/"), !parts.contains("..") else {
        throw path.error(.badValue, "leaves the model's folder")
      }
      let name = try type.string().split(separator: ".").last.map(String.init) ?? ""
      func configuration() throws(InputError) -> JSONField {
        try PretrainedModel.document("\(folder)/\(place)/config.json")
      }
      switch name {
      case "Transformer" where index == 0:
        if !place.isEmpty { modelFolder = "\(folder)/\(place)" }
      case "Pooling" where !isPooled:
        let json = try configuration()
        poolings = try Pooling.all(json)
        if let field = try json.optional("include_prompt"), try !field.bool() {
          throw field.error(.unsupported, "leaving out the prompt is not implemented")
        }
        isPooled = true
      case "Normalize" where isPooled: steps.append(.normalize)
      case "Dense" where isPooled: steps.append(try Self.dense(try configuration(), "\(folder)/\(place)"))
      default:
        throw type.error(
          .unsupported, "the module \"\(name)\" is not implemented here, as module \(index)",
          advice: "Known are a Transformer, then Pooling, then any of Normalize and Dense.")
      }
    }
    guard isPooled else { throw list.error(.missing, "names no Pooling") }
  }

  private static func dense(_ json: JSONField, _ folder: String) throws(InputError) -> Step {
    let sizes = 1...1 << 20
    for key in ["module_input_name", "module_output_name"] {
      if let field = try json.optional(key), try field.string() != "sentence_embedding" {
        throw field.error(.unsupported, "maps other than of a text's vector are not implemented")
      }
    }
    if let field = try json.optional("use_residual"), try field.bool() {
      throw field.error(.unsupported, "is not implemented")
    }
    var activation: Activation? = .tanh
    if let field = try json.optional("activation_function") {
      switch try field.string().split(separator: ".").last ?? "" {
      case "Tanh": activation = .tanh
      case "Identity": activation = nil
      case "ReLU": activation = .relu
      case "GELU": activation = .gelu
      case "SiLU": activation = .silu
      case "Sigmoid": activation = .sigmoid
      default: throw field.error(.unsupported, "this activation is not implemented")
      }
    }
    var initializer = Initializer.placeholders
    var map = NamedLinear(
      linear: Linear(
        try json.required("in_features").int(in: sizes), try json.required("out_features").int(in: sizes),
        bias: try json.optional("bias")?.bool() ?? true, &initializer))
    try SafetensorsCheckpoint(at: folder).load(into: &map, as: .float32)
    return .dense(map.linear, activation)
  }

  private struct NamedLinear: Module {
    var linear: Linear
    mutating func visit(_ visitor: inout some ParameterVisitor) { visitor("linear", &linear) }
  }

  /// The width of a text's vector, made of tokens' vectors of `width` numbers.
  ///
  /// - Throws: `inconsistent` where a map takes vectors of another width.
  func outputWidth(_ width: Int) throws(InputError) -> Int {
    var width = width * poolings.count
    for case .dense(let map, _) in steps {
      guard map.weight.shape[1] == width else {
        throw InputError(
          .inconsistent, "a Dense module takes \(map.weight.shape[1]) numbers, but there are \(width)",
          at: "modules.json")
      }
      width = map.weight.shape[0]
    }
    return width
  }

  /// The vector of a text, `[1, width]`, of its tokens' vectors one after the other.
  func embedding(_ tokens: ArraySlice<Float>, width: Int) -> Tensor {
    let pooled = poolings.flatMap { $0(tokens, width: width) }
    var x = Tensor(pooled, shape: Shape(1, pooled.count))
    for step in steps {
      switch step {
      case .normalize: x = normalized(x)
      case .dense(let map, let activation): x = map(x, activation: activation)
      }
    }
    return x
  }
}

/// Vectors `[..., width]`, each divided by its length; those of length 0 stay.
func normalized(_ x: Tensor) -> Tensor {
  let width = x.shape[-1]
  var scalars = x.scalars
  for start in stride(from: 0, to: scalars.count, by: Swift.max(width, 1)) {
    let row = start..<start + width
    let length = Swift.max(row.reduce(0.0) { $0 + Double(scalars[$1]) * Double(scalars[$1]) }.squareRoot(), 1e-12)
    for i in row { scalars[i] = Float(Double(scalars[i]) / length) }
  }
  return Tensor(scalars, shape: x.shape)
}
