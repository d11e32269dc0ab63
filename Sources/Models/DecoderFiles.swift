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
  /// The most positions.
  var positionLimit: Int { get }
  /// The chance of an element to be dropped in training.
  var dropout: Float { get }
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

  /// Writes a model's `config.json` and `model.safetensors`.
  func save(
    _ model: some Module, as architecture: String, tiesHead: Bool, to folder: AtomicDirectory
  ) throws(InputError) {
    let json = json(of: architecture, tiesHead: tiesHead, format: model.matrixFormat)
    try folder.write(try json.encoded(pretty: true), to: "config.json")
    try saveParameters(
      of: model, to: try folder.path(of: "model.safetensors"), extra: extraTensors(beside: model.parameters))
  }
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
private struct DecoderFile<Configuration: DecoderConfiguration> {
  var configuration: Configuration
  let checkpoint: SafetensorsCheckpoint

  init(_ folder: String) throws(InputError) {
    configuration = try Configuration(try PretrainedModel.configuration(in: folder))
    if let ends = try PretrainedModel.endTokens(in: folder) {
      configuration.endTokens = ends
    }
    checkpoint = try SafetensorsCheckpoint(at: folder)
    try PretrainedModel.check(layerCount: configuration.layerCount, checkpoint)
  }

  /// Whether the head for the next token is a matrix of its own.
  func hasOwnHead() throws(InputError) -> Bool {
    let names = configuration.fileNames
    return try PretrainedModel.hasOwnHead(
      checkpoint, embedding: [names.base + "." + names.embedding, names.embedding])
  }

  /// Fills a model from the file.
  ///
  /// - Parameters:
  ///   - base: The name of the decoder within the model.
  ///   - otherHeads: What may be left aside: the beginnings of the names of heads that the model does not have.
  ///   - aliases: Other names for a parameter.
  func fill(
    _ model: inout some Module, base: String, otherHeads: [String], aliases: [String: [String]] = [:],
    as format: StorageFormat?
  ) throws(InputError) {
    let buffers = configuration.fileNames.buffers
    // A bare decoder's names may stand within a model's.
    let prefix = base.isEmpty ? configuration.fileNames.base : base
    try checkpoint.load(
      into: &model,
      names: CheckpointNames(basePrefix: prefix, aliases: aliases) { name in
        buffers.contains { name.hasSuffix($0) } || otherHeads.contains { name.hasPrefix($0) }
      }, as: format)
  }

  /// Loads a model with a head for the next token.
  func fillWithHead(_ model: inout some LanguageModel, ownHead: Bool, as format: StorageFormat?) throws(InputError) {
    let names = configuration.fileNames
    let aliases = ownHead ? [:] : [names.base + "." + names.embedding: [names.embedding, "lm_head.weight"]]
    try fill(
      &model, base: names.base, otherHeads: ownHead ? [] : ["lm_head.weight"], aliases: aliases, as: format)
  }
}

extension GPT2: SavableModel {
  /// Loads a GPT-2 from a Hugging Face folder, strictly.
  public static func load(from folder: String, as format: StorageFormat? = nil) throws(InputError) -> GPT2 {
    let file = try DecoderFile<Configuration>(folder), hasHead = try file.hasOwnHead()
    var initializer = Initializer.placeholders
    var model = GPT2(file.configuration, hasHead: hasHead, &initializer)
    try file.fillWithHead(&model, ownHead: hasHead, as: format)
    return model
  }

  /// Saves the model as a Hugging Face folder: `config.json` and `model.safetensors`.
  ///
  /// Biases that the model lacks are saved as zeros: Hugging Face's GPT-2 always has them.
  ///
  /// - Throws: `io` where the folder cannot be written.
  public func save(to folder: AtomicDirectory) throws(InputError) {
    try configuration.save(self, as: configuration.nextTokenClass, tiesHead: head == nil, to: folder)
  }
}

extension Llama: SavableModel {
  /// Loads a Llama, a Mistral, a Qwen2 or a Qwen3 from a Hugging Face folder, strictly.
  public static func load(from folder: String, as format: StorageFormat? = nil) throws(InputError) -> Llama {
    let file = try DecoderFile<Configuration>(folder), hasHead = try file.hasOwnHead()
    var initializer = Initializer.placeholders
    var model = Llama(file.configuration, hasHead: hasHead, &initializer)
    try file.fillWithHead(&model, ownHead: hasHead, as: format)
    return model
  }

  /// Saves the model as a Hugging Face folder: `config.json` and `model.safetensors`.
  ///
  /// - Throws: `io` where the folder cannot be written.
  public func save(to folder: AtomicDirectory) throws(InputError) {
    try configuration.save(self, as: configuration.nextTokenClass, tiesHead: head == nil, to: folder)
  }
}

extension DecoderConfiguration {
  fileprivate var nextTokenClass: String { fileNames.classPrefix + fileNames.nextToken }
}

extension DecoderWith: SavableModel, NamedForward {
  /// Loads a decoder with its head from a Hugging Face folder, strictly. Heads of other tasks are left aside.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  public static func load(from folder: String, as format: StorageFormat? = nil) throws(InputError) -> Self {
    let file = try DecoderFile<Base.Configuration>(folder), names = file.configuration.fileNames
    var initializer = Initializer.placeholders
    var model = Self(file.configuration, &initializer)
    let (base, own) = Head.fileNames(file.configuration)
    let heads = ["lm_head", "score", "classifier", "qa_outputs"].filter { $0 != own }
    let embedding = (base.isEmpty ? "" : base + ".") + names.embedding
    try file.fill(
      &model, base: base, otherHeads: heads.map { $0 + "." }, aliases: [embedding: ["lm_head.weight"]], as: format)
    return model
  }

  /// Saves the model as a Hugging Face folder: `config.json` and `model.safetensors`.
  ///
  /// - Throws: `io` where the folder cannot be written.
  public func save(to folder: AtomicDirectory) throws(InputError) {
    try configuration.save(
      self, as: configuration.fileNames.classPrefix + Head.className, tiesHead: true, to: folder)
  }

  /// Takes `input_ids` and, where there is any, `attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    var (tokens, pass) = try inputs.texts(
      below: configuration.vocabularySize, contextLength: configuration.positionLimit)
    try head.check(tokens)
    return Head.named(self(tokens, &pass))
  }
}

extension LanguageModel {
  /// The scores of the next token at every position. Takes `input_ids` and, where there is any, `attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    var (tokens, pass) = try inputs.texts(below: vocabularySize, contextLength: contextLength)
    return [("logits", self(tokens, &pass))]
  }
}

extension GPT2: NamedForward {}
extension Llama: NamedForward {}

extension ForwardInputs {
  /// A decoder's texts, and a pass that knows their padding.
  fileprivate func texts(
    below vocabularySize: Int, contextLength: Int
  ) throws(InputError) -> (tokens: TokenBatch, pass: Pass) {
    try refuse(except: ["input_ids", "attention_mask"])
    let (tokens, shape) = try tokens("input_ids", below: vocabularySize, axes: 2)
    guard tokens.time <= contextLength else {
      throw InputError(
        .tooLarge, "\(tokens.time) tokens are more than the model's context of \(contextLength)",
        at: place(of: "input_ids"), advice: "Shorten the texts.")
    }
    return (tokens, Pass(mask: try mask("attention_mask", like: shape)))
  }
}

extension Architecture {
  /// GPT-2's classes.
  static let gpt2: [Architecture] =
    [
      Architecture("GPT2LMHeadModel") { (folder, format) throws(InputError) in
        try GPT2.load(from: folder, as: format)
      }
    ] + heads(of: GPT2.Decoder.self, "GPT2")

  /// Llama's classes and those of the families with its blocks.
  static let llama: [Architecture] = Llama.Family.allCases.flatMap { family in
    [
      Architecture(family.classPrefix + "ForCausalLM") { (folder, format) throws(InputError) in
        try Llama.load(from: folder, as: format)
      }
    ] + heads(of: Llama.Decoder.self, family.classPrefix)
  }

  private static func heads<Base: DecoderBase>(of base: Base.Type, _ prefix: String) -> [Architecture] {
    func with<Head: DecoderHead>(_ head: Head.Type) -> Architecture {
      Architecture(prefix + Head.className) { (folder, format) throws(InputError) in
        try DecoderWith<Base, Head>.load(from: folder, as: format)
      }
    }
    return [with(HiddenStates.self), with(SequenceScores.self), with(TokenScores.self), with(AnswerScores.self)]
  }
}
