import Checkpoints
import Formats
import Layers
import Tensor

extension T5: PretrainedClass {
  /// Encoder and decoder. A head that the file holds is left aside.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<T5> {
    let file = try T5File(folder)
    var initializer = Initializer.placeholders
    return file.outline(T5(file.configuration, &initializer))
  }

  /// `config.json` of the class without a head.
  public var folderConfiguration: JSONValue { configuration.json(architecture: "T5Model", format: matrixFormat) }
}

extension T5.Encoder: PretrainedClass {
  /// The encoder. A decoder and a head that the file holds are left aside.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    let file = try T5File(folder)
    var initializer = Initializer.placeholders
    return file.outline(Self(file.configuration, &initializer))
  }

  /// `config.json` of the encoder's class.
  public var folderConfiguration: JSONValue {
    configuration.json(architecture: "T5EncoderModel", format: matrixFormat)
  }
}

extension T5.LanguageModel: PretrainedClass {
  /// The model with its head. Of `generation_config.json`, where there is one, the end tokens and the decoder's first
  /// token count.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    var file = try T5File(folder)
    if let ends = try PretrainedModel.endTokens(in: folder.path) {
      file.configuration.endTokens = ends
    }
    if let start = try PretrainedModel.decoderStartToken(in: folder.path) {
      file.configuration.decoderStartToken = start
    }
    var initializer = Initializer.placeholders
    return file.outline(Self(file.configuration, hasHead: file.hasHead, &initializer))
  }

  /// `config.json` of the class with the head.
  public var folderConfiguration: JSONValue {
    model.configuration.json(architecture: "T5ForConditionalGeneration", format: matrixFormat)
  }
}

/// A folder's configuration and tensors.
struct T5File {
  var configuration: T5.Configuration
  /// Whether the output has a matrix of its own.
  let hasHead: Bool
  private let checkpoint: SafetensorsCheckpoint
  private let embedding: TiedEmbedding
  private static let prefix = "transformer"

  /// - Parameter base: what the model calls encoder and decoder together, with a dot; nothing where they stand alone.
  init(_ folder: ModelFolder, base: String = "") throws(InputError) {
    configuration = try T5.Configuration(folder.configuration)
    checkpoint = try folder.tensors(layerCount: max(configuration.layerCount, configuration.decoderLayerCount))
    let head = "lm_head.weight"
    let stacks = ["encoder", "decoder"].map { base + $0 + ".embed_tokens.weight" }
    embedding = try TiedEmbedding(
      checkpoint, table: base + "shared.weight", users: stacks + [head], CheckpointNames(basePrefix: T5File.prefix))
    hasHead = embedding.untied.contains(head)
    for stack in stacks where embedding.untied.contains(stack) {
      throw InputError(
        .unsupported, "\(stack) differs from shared.weight, and a table for each text is not implemented",
        at: checkpoint.path)
    }
  }

  func outline<Model: Module>(_ model: Model) -> ModelOutline<Model> {
    let parameters = Set(model.parameters.map(\.name))
    @Sendable func bare(_ name: String) -> String {
      name.hasPrefix(T5File.prefix + ".") ? String(name.dropFirst(T5File.prefix.count + 1)) : name
    }
    let otherParts = ["lm_head.", "decoder.", "classification_head.", "classifier.", "qa_outputs."]
      .filter { part in !parameters.contains { bare($0).hasPrefix(part) } }
    let names = CheckpointNames(basePrefix: T5File.prefix, aliases: embedding.aliases) { [embedding] name in
      if embedding.isRepeated(name) { return .tied }
      // Attention to the source has no biases, though old files hold a table for them.
      return name.hasSuffix("layer.1.EncDecAttention.relative_attention_bias.weight")
        || otherParts.contains { bare(name).hasPrefix($0) } ? .unused : nil
    }
    return ModelOutline(model: model, checkpoint: checkpoint, names: names)
  }
}

extension Architecture {
  /// T5's classes.
  static let t5: [Architecture] = [
    Architecture("T5Model", T5.self), Architecture("T5ForConditionalGeneration", T5.LanguageModel.self),
    Architecture("T5EncoderModel", T5.Encoder.self),
    Architecture("T5ForSequenceClassification", T5.TextClassifier.self),
    Architecture("T5ForQuestionAnswering", T5.AnswerFinder.self),
    Architecture("T5ForTokenClassification", T5.TokenClassifier.self),
  ]
}

// MARK: - Named tensors

extension T5 {
  /// Takes `input_ids` and `decoder_input_ids`, and where there are any `attention_mask` and `decoder_attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let (hidden, source) = try states(of: inputs)
    return [("last_hidden_state", hidden), ("encoder_last_hidden_state", source.states)]
  }

  fileprivate func states(of inputs: ForwardInputs) throws(InputError) -> (hidden: Tensor, source: EncodedSource) {
    states(of: try texts(of: inputs))
  }

  /// The texts that a file holds.
  ///
  /// - Parameter first: what a decoder that is given its source begins with; nil where its text must be there.
  func texts(of inputs: ForwardInputs, after first: Int? = nil) throws(InputError) -> TextPair {
    let size = configuration.vocabularySize
    let start = first.flatMap { 0..<size ~= $0 ? Int32(truncatingIfNeeded: $0) : nil }
    return try TextPair(
      inputs, sourceVocabularySize: size, targetVocabularySize: size, contextLength: Configuration.contextLength,
      shifted: start.map { start in { $0.shifted { _ in start } } })
  }

  /// The decoder's states, and what the encoder has read.
  func states(of texts: TextPair) -> (hidden: Tensor, source: EncodedSource) {
    var pass = Pass(mask: texts.sourceMask)
    let source = encode(texts.source, &pass)
    pass.mask = texts.targetMask
    return (hidden(texts.target, over: source, &pass), source)
  }
}

extension T5.LanguageModel {
  /// Takes `input_ids` and `decoder_input_ids`, and where there are any `attention_mask` and `decoder_attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let (hidden, source) = try model.states(of: inputs)
    return [("logits", logits(hidden)), ("encoder_last_hidden_state", source.states)]
  }
}

extension T5.Encoder {
  /// Takes `input_ids`, and where there is one `attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    [("last_hidden_state", try states(of: inputs))]
  }

  /// The final hidden states of a text from a file.
  func states(of inputs: ForwardInputs) throws(InputError) -> Tensor {
    try inputs.refuse(except: ["input_ids", "attention_mask"])
    let (tokens, shape) = try inputs.tokens("input_ids", below: configuration.vocabularySize, axes: 2)
    var pass = Pass(mask: try inputs.mask("attention_mask", like: shape))
    return self(tokens, &pass)
  }
}
