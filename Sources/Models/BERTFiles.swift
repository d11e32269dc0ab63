import Checkpoints
import Formats
import Layers
import Tensor

extension BERT: PretrainedClass {
  /// The encoder without a head. Heads that the file holds are left aside, and so is a pooler that the file lacks.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<BERT> {
    let file = try BERTFile(folder)
    let pooler = "pooler.dense.weight"
    let hasPooler = file.names.candidates(for: pooler).contains { file.checkpoint.tensor(named: $0) != nil }
    var initializer = Initializer.placeholders
    return try file.outline(BERT(file.configuration, hasPooler: hasPooler, &initializer))
  }

  /// `config.json` of the class without a head.
  public var folderConfiguration: JSONValue {
    configuration.json(architecture: configuration.family.classPrefix + "Model", format: matrixFormat)
  }
}

extension BERT.With: PretrainedClass {
  /// The encoder with its head. Heads of other tasks are left aside.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    let file = try BERTFile(folder)
    var initializer = Initializer.placeholders
    return try file.outline(Self(file.configuration, &initializer))
  }

  /// `config.json` of the class with this head.
  public var folderConfiguration: JSONValue {
    let c = encoder.configuration
    return c.json(architecture: c.family.classPrefix + Head.className(of: c.family), format: matrixFormat)
  }

  /// Beside a decoder of its own, readers expect the tied one's bias too, which then counts for nothing.
  public var extraTensors: [(name: String, value: Tensor)] {
    let names = encoder.configuration.family.maskedLanguageNames
    let own = parameters.first { $0.name == names.decoder + ".bias" && $0.name != names.tiedBias }
    return own.map { [(names.tiedBias, $0.value)] } ?? []
  }
}

/// A folder's configuration and tensors.
private struct BERTFile {
  var configuration: BERT.Configuration
  let checkpoint: SafetensorsCheckpoint
  /// The names of the encoder's parameters; what may be left aside depends on the model.
  let names: CheckpointNames
  private let embedding: String

  init(_ folder: ModelFolder) throws(InputError) {
    configuration = try BERT.Configuration(folder.configuration)
    checkpoint = try folder.tensors(layerCount: configuration.layerCount)
    let family = configuration.family, head = family.maskedLanguageNames
    embedding = family.encoderName + ".embeddings.word_embeddings.weight"
    names = CheckpointNames(basePrefix: family.encoderName)
    configuration.tiesDecoder = try !PretrainedModel.hasOwnHead(
      checkpoint, head: head.decoder + ".weight", embedding: names.candidates(for: embedding),
      isTied: configuration.tiesDecoder)
  }

  func outline<Model: Module>(_ model: Model) throws(InputError) -> ModelOutline<Model> {
    let head = configuration.family.maskedLanguageNames, isTied = configuration.tiesDecoder
    let decoder = head.decoder + ".weight", ownBias = head.decoder + ".bias"
    let prefix = configuration.family.encoderName + "."
    @Sendable func bare(_ name: String) -> String {
      name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    }
    let parameters = model.parameters.map { bare($0.name) }
    let otherParts = BERT.Family.headNames.filter { part in !parameters.contains { $0.hasPrefix(part) } }
    // Tied, the second of two equal tensors says nothing. Untied, the decoder's own bias is the one that counts.
    var doubled: Set = [isTied ? decoder : head.tiedBias]
    if isTied, let one = checkpoint.tensor(named: head.tiedBias), let other = checkpoint.tensor(named: ownBias),
      try one.hasSameBytes(as: other)
    {
      doubled.insert(ownBias)
    }
    var aliases = [head.tiedBias: [ownBias]]
    aliases[ownBias] = [head.tiedBias]
    if isTied { aliases[embedding] = [decoder] }
    let names = CheckpointNames(basePrefix: configuration.family.encoderName, aliases: aliases) { [doubled] name in
      let rest = bare(name)
      if rest == "embeddings.position_ids" || rest == "embeddings.token_type_ids" { return .constant }
      if doubled.contains(name) { return .tied }
      return otherParts.contains { rest.hasPrefix($0) } ? .unused : nil
    }
    return ModelOutline(model: model, checkpoint: checkpoint, names: names)
  }
}

extension BERT.Family {
  /// What stands beside the encoder in files, by the beginning of the names: a model leaves aside what it has no part
  /// of.
  fileprivate static let headNames = [
    "pooler.", "cls.predictions.", "cls.seq_relationship.", "lm_head.", "vocab_transform.", "vocab_layer_norm.",
    "vocab_projector.", "pre_classifier.", "classifier.", "qa_outputs.",
  ]
}

extension Architecture {
  /// BERT's classes and those of the families with its blocks.
  static let bert: [Architecture] = BERT.Family.allCases.flatMap { family in
    let pretraining =
      family == .bert
      ? [family.with(BERT.PreTrainingHead.self), family.with(BERT.NextSentenceHead.self)] : []
    let decoder = family == .distilBERT ? [] : [family.with(BERT.NextTokenHead.self)]
    return [
      Architecture(family.classPrefix + "Model", BERT.self),
      family.with(BERT.MaskedLanguageHead.self), family.with(BERT.SequenceClassificationHead.self),
      family.with(BERT.TokenClassificationHead.self), family.with(BERT.QuestionAnsweringHead.self),
      family.with(BERT.MultipleChoiceHead.self),
    ] + pretraining + decoder
  }
}

extension BERT.Family {
  fileprivate func with<Head: BERTHead>(_ head: Head.Type) -> Architecture {
    Architecture(classPrefix + Head.className(of: self), BERT.With<Head>.self)
  }
}

extension BERT {
  /// Takes `input_ids`, and where there are any `attention_mask`, `position_ids` (rows of the table of positions) and, of a
  /// family with types, `token_type_ids`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let batch = try configuration.batch(inputs, axes: 2)
    var pass = batch.pass
    let states = self(batch.tokens, tokenTypes: batch.types, &pass)
    return [("last_hidden_state", states.hidden)] + (states.pooled.map { [("pooler_output", $0)] } ?? [])
  }
}

extension BERT.With {
  /// Takes `input_ids`, and where there are any `attention_mask`, `position_ids` (rows of the table of positions) and, of a
  /// family with types, `token_type_ids`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let isChoice = Head.self == BERT.MultipleChoiceHead.self
    let batch = try encoder.configuration.batch(inputs, axes: isChoice ? 3 : 2)
    var pass = batch.pass
    let named = Head.named(self(batch.tokens, tokenTypes: batch.types, &pass))
    // A score for each row becomes a row for each question.
    return isChoice ? named.map { ($0.name, $0.value.reshaped(batch.shape[0], batch.shape[1])) } : named
  }
}

extension BERT.Configuration {
  fileprivate func batch(
    _ inputs: ForwardInputs, axes: Int
  ) throws(InputError) -> (tokens: TokenBatch, types: TokenBatch?, pass: Pass, shape: [Int]) {
    let types = "token_type_ids"
    try inputs.refuse(except: ["input_ids", "attention_mask", "position_ids"] + (tokenTypeCount > 0 ? [types] : []))
    let (tokens, shape) = try inputs.tokens("input_ids", below: vocabularySize, axes: axes)
    try inputs.check(tokens, contextLength: contextLength)
    let typed = inputs.has(types) ? try inputs.tokens(types, below: tokenTypeCount, like: shape) : nil
    let pass = Pass(
      mask: try inputs.mask("attention_mask", like: shape),
      positions: try inputs.positions(like: shape, below: positionCount))
    return (tokens, typed, pass, shape)
  }
}
