import Checkpoints
import Formats
import Layers
import Tensor

/// The sizes of a decoder, as its heads and its files need them.
public protocol DecoderConfiguration: Sendable {
  /// How many tokens there are.
  var vocabularySize: Int { get }
  /// The width of the hidden states.
  var width: Int { get }
  /// The number of blocks.
  var layerCount: Int { get }
  /// The positions that the model is made for.
  var contextLength: Int { get }
  /// The most positions that it can use.
  var positionLimit: Int { get }
  /// The chance of an element to be dropped in training.
  var dropout: Float { get }
  /// How many types a token may have; 0 where it has none.
  var tokenTypeCount: Int { get }
  /// Whether the head for the next token uses the embedding's matrix, where a file does not hold both.
  var tiesHead: Bool { get }
  /// The names of the classes of a classification head, in the order of its scores.
  var labels: [String] { get }
  /// The token that fills up shorter rows.
  var paddingToken: Int? { get }
  /// The tokens after which a text ends.
  var endTokens: [Int] { get set }
  /// What the family's files call its parts.
  var fileNames: DecoderNames { get }

  /// Reads Hugging Face's `config.json`.
  init(_ json: JSONField) throws(InputError)
  /// `config.json` of a class, as Hugging Face reads it.
  func json(of architecture: String, tiesHead: Bool, format: StorageFormat) -> JSONValue
  /// Tensors that readers expect besides a model's own.
  func extraTensors(beside parameters: [(name: String, value: Tensor)]) -> [(name: String, value: Tensor)]
}

extension DecoderConfiguration {
  /// None.
  public func extraTensors(beside parameters: [(name: String, value: Tensor)]) -> [(name: String, value: Tensor)] { [] }
  /// None.
  public var tokenTypeCount: Int { 0 }
}

/// What a family's files call the parts of a decoder.
public struct DecoderNames: Sendable {
  /// What the names of Hugging Face's classes begin with.
  let classPrefix: String
  /// The name of the class with a head for the next token, after the prefix.
  let nextToken: String
  /// The decoder within a model with a head, which files of the bare decoder leave out.
  let base: String
  /// The decoder within a model that answers questions.
  let baseOfAnswers: String
  /// The embedding within the decoder.
  let embedding: String
  /// The head for classes of tokens.
  let tokenScores: String
  /// The ends of the names of tensors that hold nothing to load, such as masks that old versions saved.
  let buffers: [String]
}

extension GPT2.Configuration: DecoderConfiguration {
  /// The most positions.
  public var positionLimit: Int { contextLength }
  /// A type is a token too: its vector is another row of the same table.
  public var tokenTypeCount: Int { vocabularySize }
  /// What GPT-2's files call its parts.
  public var fileNames: DecoderNames {
    DecoderNames(
      classPrefix: "GPT2", nextToken: "LMHeadModel", base: "transformer", baseOfAnswers: "transformer",
      embedding: "wte.weight", tokenScores: "classifier", buffers: [".attn.bias", ".attn.masked_bias"])
  }
  /// `config.json` of a class, as Hugging Face reads it.
  public func json(of architecture: String, tiesHead: Bool, format: StorageFormat) -> JSONValue {
    json(architecture: architecture, tiesHead: tiesHead, format: format)
  }
  /// Biases that the model lacks, as zeros: Hugging Face's GPT-2 always has them.
  public func extraTensors(beside parameters: [(name: String, value: Tensor)]) -> [(name: String, value: Tensor)] {
    if hasBiases { return [] }
    let tables = [
      "wte.weight", "wpe.weight", "lm_head.weight", "score.weight", "classifier.weight", "qa_outputs.weight",
    ]
    return parameters.filter { name, _ in name.hasSuffix(".weight") && !tables.contains { name.hasSuffix($0) } }
      .map { (name: String($0.name.dropLast(6)) + "bias", value: Tensor.zeros(Shape($0.value.shape[-1]))) }
  }
}

extension Llama.Configuration: DecoderConfiguration {
  /// No number of positions is too many; this many overflow nothing.
  public var positionLimit: Int { SizeLimit.context.upperBound }
  /// Llama drops nothing.
  public var dropout: Float { 0 }
  /// What the family's files call its parts.
  public var fileNames: DecoderNames {
    DecoderNames(
      classPrefix: family.classPrefix, nextToken: "ForCausalLM", base: "model",
      baseOfAnswers: family == .mistral ? "model" : "transformer", embedding: "embed_tokens.weight",
      tokenScores: "score", buffers: ["rotary_emb.inv_freq"])
  }
  /// `config.json` of a class, as Hugging Face reads it.
  public func json(of architecture: String, tiesHead: Bool, format: StorageFormat) -> JSONValue {
    json(architecture: architecture, tiesHead: tiesHead, format: format)
  }
}

/// A folder's configuration and tensors.
struct DecoderFile<Configuration: DecoderConfiguration> {
  var configuration: Configuration
  let checkpoint: SafetensorsCheckpoint

  init(_ folder: ModelFolder) throws(InputError) {
    configuration = try Configuration(folder.configuration)
    if let ends = try PretrainedModel.endTokens(in: folder.path) {
      configuration.endTokens = ends
    }
    checkpoint = try folder.tensors(layerCount: configuration.layerCount)
  }

  /// Whether the head for the next token is a matrix of its own.
  func hasOwnHead() throws(InputError) -> Bool {
    let names = configuration.fileNames
    return try PretrainedModel.hasOwnHead(
      checkpoint, embedding: [names.base + "." + names.embedding, names.embedding], isTied: configuration.tiesHead)
  }

  /// A model of the file.
  ///
  /// - Parameters:
  ///   - base: The name of the decoder within the model.
  ///   - otherHeads: What may be left aside: the beginnings of the names of heads that the model does not have.
  ///   - aliases: Other names for a parameter.
  func outline<Model: Module>(
    _ model: Model, base: String, otherHeads: [String], aliases: [String: [String]] = [:]
  ) -> ModelOutline<Model> {
    let buffers = configuration.fileNames.buffers
    // A bare decoder's names may stand within a model's.
    let prefix = base.isEmpty ? configuration.fileNames.base : base
    let names = CheckpointNames(basePrefix: prefix, aliases: aliases) { name in
      if buffers.contains(where: { name.hasSuffix($0) }) { return .constant }
      guard otherHeads.contains(where: { name.hasPrefix($0) }) else { return nil }
      return name == "lm_head.weight" ? .tied : .unused
    }
    return ModelOutline(model: model, checkpoint: checkpoint, names: names)
  }
}

/// A decoder with the head for the next token: a table of its own, or the embedding's (tied).
public protocol NextTokenDecoder: LanguageModel, PretrainedClass {
  /// The decoder without the head.
  associatedtype Base: DecoderBase
  /// The decoder without the head.
  var decoder: Base { get }
  /// The output's own matrix; nil where the embedding serves (tied).
  var head: Linear? { get }
  /// The sizes.
  var configuration: Base.Configuration { get }
  /// A model whose parameters `initializer` makes.
  init(_ configuration: Base.Configuration, hasHead: Bool, _ initializer: inout Initializer)
}

extension NextTokenDecoder {
  /// The model that a folder describes: the file decides whether the head is a matrix of its own.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    let file = try DecoderFile<Base.Configuration>(folder), hasHead = try file.hasOwnHead()
    let names = file.configuration.fileNames
    var initializer = Initializer.placeholders
    return file.outline(
      Self(file.configuration, hasHead: hasHead, &initializer), base: names.base,
      otherHeads: ["multiple_choice_head."] + (hasHead ? [] : ["lm_head.weight"]),
      aliases: hasHead ? [:] : [names.base + "." + names.embedding: [names.embedding, "lm_head.weight"]])
  }

  /// `config.json` of the class with the head for the next token.
  public var folderConfiguration: JSONValue {
    let names = configuration.fileNames
    return configuration.json(
      of: names.classPrefix + names.nextToken, tiesHead: head == nil, format: matrixFormat)
  }

  /// What the family's readers expect besides.
  public var extraTensors: [(name: String, value: Tensor)] { configuration.extraTensors(beside: parameters) }

  /// The scores of the next token at every position. Takes `input_ids` and, where there is any, `attention_mask`,
  /// `position_ids` and, of a family with types, `token_type_ids`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    var (tokens, types, pass) = try inputs.texts(configuration)
    return [("logits", logits(decoder(tokens, tokenTypes: types, &pass)))]
  }
}

extension GPT2: NextTokenDecoder {}
extension Llama: NextTokenDecoder {}

extension DecoderWith: PretrainedClass {
  /// The decoder with its head. Heads of other tasks are left aside.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    let file = try DecoderFile<Base.Configuration>(folder), names = file.configuration.fileNames
    var initializer = Initializer.placeholders
    let (base, own) = Head.fileNames(file.configuration)
    let heads = ["lm_head", "score", "classifier", "qa_outputs", "multiple_choice_head"].filter { $0 != own }
    let embedding = (base.isEmpty ? "" : base + ".") + names.embedding
    return file.outline(
      Self(file.configuration, &initializer), base: base, otherHeads: heads.map { $0 + "." },
      aliases: [embedding: ["lm_head.weight"]])
  }

  /// `config.json` of the class with this head.
  public var folderConfiguration: JSONValue {
    configuration.json(
      of: configuration.fileNames.classPrefix + Head.className, tiesHead: true, format: matrixFormat)
  }

  /// What the family's readers expect besides.
  public var extraTensors: [(name: String, value: Tensor)] { configuration.extraTensors(beside: parameters) }

  /// Takes `input_ids` and, where there is any, `attention_mask`, `position_ids` and, of a family with types,
  /// `token_type_ids`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    var (tokens, types, pass) = try inputs.texts(configuration)
    try head.check(tokens)
    return Head.named(self(tokens, tokenTypes: types, &pass))
  }
}

extension ForwardInputs {
  /// A decoder's texts, the types of their tokens, and a pass that knows their padding and positions.
  fileprivate func texts(
    _ c: some DecoderConfiguration
  ) throws(InputError) -> (tokens: TokenBatch, types: TokenBatch?, pass: Pass) {
    let types = "token_type_ids"
    try refuse(except: ["input_ids", "attention_mask", "position_ids"] + (c.tokenTypeCount > 0 ? [types] : []))
    let (tokens, shape) = try tokens("input_ids", below: c.vocabularySize, axes: 2)
    try check(tokens, contextLength: c.positionLimit)
    let pass = Pass(
      mask: try mask("attention_mask", like: shape), positions: try positions(like: shape, below: c.positionLimit))
    return (tokens, has(types) ? try self.tokens(types, below: c.tokenTypeCount, like: shape) : nil, pass)
  }
}

extension Architecture {
  /// GPT-2's classes.
  static let gpt2 =
    [Architecture("GPT2LMHeadModel", GPT2.self), Architecture("GPT2DoubleHeadsModel", GPT2.DoubleHeads.self)]
    + heads(of: GPT2.Decoder.self, "GPT2")

  /// Llama's classes and those of the families with its blocks.
  static let llama: [Architecture] = Llama.Family.allCases.flatMap { family in
    [Architecture(family.classPrefix + "ForCausalLM", Llama.self)] + heads(of: Llama.Decoder.self, family.classPrefix)
  }

  private static func heads<Base: DecoderBase>(of base: Base.Type, _ prefix: String) -> [Architecture] {
    func with<Head: DecoderHead>(_ head: Head.Type) -> Architecture {
      Architecture(prefix + Head.className, DecoderWith<Base, Head>.self)
    }
    return [with(HiddenStates.self), with(SequenceScores.self), with(TokenScores.self), with(AnswerScores.self)]
  }
}
