import Checkpoints
import Formats
import Layers
import Tensor

extension T5 {
  /// Loads encoder and decoder from a Hugging Face folder, strictly. A head that the file holds is left aside.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  public static func load(from folder: String, as format: StorageFormat? = nil) throws(InputError) -> T5 {
    let file = try T5File(folder)
    var initializer = Initializer.placeholders
    var model = T5(file.configuration, &initializer)
    try file.fill(&model, as: format)
    return model
  }

  /// Saves encoder and decoder as a Hugging Face folder: `config.json` and `model.safetensors`.
  ///
  /// - Throws: `io` where the folder cannot be written.
  public func save(to folder: AtomicDirectory) throws(InputError) {
    try configuration.write(to: folder, class: "T5Model", self)
  }
}

extension T5.Encoder {
  /// Loads an encoder from a Hugging Face folder, strictly. A decoder and a head that the file holds are left aside.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  public static func load(from folder: String, as format: StorageFormat? = nil) throws(InputError) -> Self {
    let file = try T5File(folder)
    var initializer = Initializer.placeholders
    var model = Self(file.configuration, &initializer)
    try file.fill(&model, as: format)
    return model
  }

  /// Saves the encoder as a Hugging Face folder: `config.json` and `model.safetensors`.
  ///
  /// - Throws: `io` where the folder cannot be written.
  public func save(to folder: AtomicDirectory) throws(InputError) {
    try configuration.write(to: folder, class: "T5EncoderModel", self)
  }
}

extension T5.LanguageModel {
  /// Loads a model with its head from a Hugging Face folder, strictly.
  ///
  /// Of `generation_config.json`, where there is one, the end tokens and the decoder's first token count.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  public static func load(from folder: String, as format: StorageFormat? = nil) throws(InputError) -> Self {
    var file = try T5File(folder)
    if let ends = try PretrainedModel.endTokens(in: folder) {
      file.configuration.endTokens = ends
    }
    if let start = try PretrainedModel.decoderStartToken(in: folder) {
      file.configuration.decoderStartToken = start
    }
    var initializer = Initializer.placeholders
    var model = Self(file.configuration, hasHead: file.hasHead, &initializer)
    try file.fill(&model, as: format)
    return model
  }

  /// Saves the model as a Hugging Face folder: `config.json` and `model.safetensors`.
  ///
  /// - Throws: `io` where the folder cannot be written.
  public func save(to folder: AtomicDirectory) throws(InputError) {
    try model.configuration.write(to: folder, class: "T5ForConditionalGeneration", self)
  }
}

extension T5.Configuration {
  fileprivate func write(
    to folder: AtomicDirectory, class name: String, _ model: some Module
  ) throws(InputError) {
    try folder.write(
      try json(architecture: name, format: model.matrixFormat).encoded(pretty: true), to: "config.json")
    try saveParameters(of: model, to: try folder.path(of: "model.safetensors"))
  }
}

/// A folder's configuration and tensors.
private struct T5File {
  var configuration: T5.Configuration
  /// Whether the output has a matrix of its own.
  let hasHead: Bool
  private let checkpoint: SafetensorsCheckpoint
  private let embedding: TiedEmbedding
  private static let prefix = "transformer"
  private static let stacks = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]

  init(_ folder: String) throws(InputError) {
    configuration = try T5.Configuration(try PretrainedModel.configuration(in: folder))
    checkpoint = try SafetensorsCheckpoint(at: folder)
    try PretrainedModel.check(
      layerCount: max(configuration.layerCount, configuration.decoderLayerCount), checkpoint)
    let head = "lm_head.weight"
    embedding = try TiedEmbedding(
      checkpoint, table: "shared.weight", users: T5File.stacks + [head], CheckpointNames(basePrefix: T5File.prefix))
    hasHead = embedding.untied.contains(head)
    for stack in T5File.stacks where embedding.untied.contains(stack) {
      throw InputError(
        .unsupported, "\(stack) differs from shared.weight, and a table for each text is not implemented",
        at: checkpoint.path)
    }
  }

  func fill(_ model: inout some Module, as format: StorageFormat?) throws(InputError) {
    let parameters = Set(model.parameters.map(\.name))
    let otherParts = ["lm_head.", "decoder."].filter { part in !parameters.contains { $0.hasPrefix(part) } }
    let names = CheckpointNames(basePrefix: T5File.prefix, aliases: embedding.aliases) { [embedding] name in
      // Attention to the source has no biases, though old files hold a table for them.
      name.hasSuffix("layer.1.EncDecAttention.relative_attention_bias.weight") || embedding.isRepeated(name)
        || otherParts.contains { name.hasPrefix($0) }
    }
    try checkpoint.load(into: &model, names: names, as: format)
  }
}

extension Architecture {
  /// T5's classes.
  static let t5: [Architecture] = [
    Architecture("T5Model") { (folder, format) throws(InputError) in try T5.load(from: folder, as: format) },
    Architecture("T5ForConditionalGeneration") { (folder, format) throws(InputError) in
      try T5.LanguageModel.load(from: folder, as: format)
    },
    Architecture("T5EncoderModel") { (folder, format) throws(InputError) in
      try T5.Encoder.load(from: folder, as: format)
    },
  ]
}

// MARK: - Named tensors

extension T5: SavableModel, NamedForward {
  /// Takes `input_ids` and `decoder_input_ids`, and where there are any `attention_mask` and `decoder_attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let (hidden, source) = try states(of: inputs)
    return [("last_hidden_state", hidden), ("encoder_last_hidden_state", source.states)]
  }

  fileprivate func states(of inputs: ForwardInputs) throws(InputError) -> (hidden: Tensor, source: EncodedSource) {
    let size = configuration.vocabularySize
    let texts = try TextPair(
      inputs, sourceVocabularySize: size, targetVocabularySize: size, contextLength: Configuration.contextLength)
    var pass = Pass(mask: texts.sourceMask)
    let source = encode(texts.source, &pass)
    pass.mask = texts.targetMask
    return (hidden(texts.target, over: source, &pass), source)
  }
}

extension T5.LanguageModel: SavableModel, NamedForward {
  /// Takes `input_ids` and `decoder_input_ids`, and where there are any `attention_mask` and `decoder_attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let (hidden, source) = try model.states(of: inputs)
    return [("logits", logits(hidden)), ("encoder_last_hidden_state", source.states)]
  }
}

extension T5.Encoder: SavableModel, NamedForward {
  /// Takes `input_ids`, and where there is one `attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    try inputs.refuse(except: ["input_ids", "attention_mask"])
    let (tokens, shape) = try inputs.tokens("input_ids", below: configuration.vocabularySize, axes: 2)
    var pass = Pass(mask: try inputs.mask("attention_mask", like: shape))
    return [("last_hidden_state", self(tokens, &pass))]
  }
}
