import Checkpoints
import Formats
import Layers
import Tensor

extension Transformer: PretrainedClass {
  /// Encoder and decoder without a head. Heads that the file holds are left aside.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Transformer> {
    let file = try TransformerFile(folder)
    var initializer = Initializer.placeholders
    return file.outline(Transformer(file.configuration, tables: file.tables, &initializer))
  }

  /// `config.json` of the class without a head.
  public var folderConfiguration: JSONValue {
    configuration.json(
      architecture: configuration.family.classPrefix + "Model", tiesOutput: true, format: matrixFormat)
  }
}

extension Transformer.With: PretrainedClass {
  /// The model with its head. Heads of other tasks are left aside. Of `generation_config.json`, where there is one, the
  /// end tokens and the decoder's first token count.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    var file = try TransformerFile(folder)
    if Head.self == Transformer.LanguageHead.self { try file.configuration.readGeneration(in: folder.path) }
    var initializer = Initializer.placeholders
    return file.outline(Self(file.configuration, tables: file.tables, &initializer))
  }

  /// `config.json` of the class with this head.
  public var folderConfiguration: JSONValue {
    let configuration = model.configuration
    return configuration.json(
      architecture: Head.className(of: configuration.family) ?? configuration.family.classPrefix + "Model",
      // Where anything is shared, readers tie what the file lacks; an output of its own is there, and counts.
      tiesOutput: model.sharedEmbedding != nil || !parameters.contains { $0.name == "lm_head.weight" },
      format: matrixFormat)
  }
}

extension Transformer.Configuration {
  fileprivate mutating func readGeneration(in folder: String) throws(InputError) {
    if let ends = try PretrainedModel.endTokens(in: folder) { endTokens = ends }
    decoderStartToken =
      try PretrainedModel.decoderStartToken(in: folder) ?? decoderStartToken
  }
}

/// A folder's configuration and tensors.
private struct TransformerFile {
  var configuration: Transformer.Configuration
  let tables: Transformer.Tables
  private let checkpoint: SafetensorsCheckpoint
  private let embedding: TiedEmbedding
  private static let prefix = "model"

  init(_ folder: ModelFolder) throws(InputError) {
    configuration = try Transformer.Configuration(folder.configuration)
    let checkpoint = try folder.tensors(
      layerCount: max(configuration.encoderLayerCount, configuration.decoderLayerCount))
    self.checkpoint = checkpoint
    let names = CheckpointNames(basePrefix: TransformerFile.prefix)
    let encoder = "model.encoder.embed_tokens.weight", decoder = "model.decoder.embed_tokens.weight"
    let users = configuration.sharesEmbeddings ? [encoder, decoder, "lm_head.weight"] : ["lm_head.weight"]
    embedding = try TiedEmbedding(
      checkpoint, table: configuration.sharesEmbeddings ? "model.shared.weight" : decoder, users: users, names,
      isTied: try folder.configuration.optional("tie_word_embeddings")?.bool() ?? true)
    func has(_ name: String) -> Bool {
      names.candidates(for: name).contains { checkpoint.tensor(named: $0) != nil }
    }
    var own = Transformer.Tables(configuration)
    if configuration.sharesEmbeddings {
      own.encoderHasOwn = embedding.untied.contains(encoder)
      own.decoderHasOwn = embedding.untied.contains(decoder)
    }
    own.outputHasOwn = embedding.untied.contains("lm_head.weight")
    // Sinusoids may stand in a file, and count then.
    own.encoderHasPositions = own.encoderHasPositions || has("model.encoder.embed_positions.weight")
    own.decoderHasPositions = own.decoderHasPositions || has("model.decoder.embed_positions.weight")
    own.hasScoreOffsets = has("final_logits_bias")
    tables = own
  }

  func outline<Model: Module>(_ model: Model) -> ModelOutline<Model> {
    let parameters = Set(model.parameters.map(\.name))
    let otherParts = ["lm_head.", "final_logits_bias", "classification_head.", "qa_outputs."]
      .filter { part in !parameters.contains { $0.hasPrefix(part) } }
    let names = CheckpointNames(basePrefix: TransformerFile.prefix, aliases: embedding.aliases) { [embedding] name in
      if embedding.isRepeated(name) { return .tied }
      if name.hasSuffix("encoder.version") || name.hasSuffix("decoder.version") { return .constant }
      return otherParts.contains { name.hasPrefix($0) } ? .unused : nil
    }
    return ModelOutline(model: model, checkpoint: checkpoint, names: names)
  }
}

/// One table under several names of a file: those of the parts of the model that use it.
///
/// The file decides: a part whose tensor is there beside the table's own and differs from it is not tied; of equal
/// tensors one counts. Where a part's tensor is missing, the table's serves, and a part's where that is missing; but of a
/// configuration that ties nothing, what is missing is.
struct TiedEmbedding: Sendable {
  /// The users that have another table than the common one, by the model's name.
  let untied: Set<String>
  /// Other names for the table, by its own.
  let aliases: [String: [String]]
  private let repeated: Set<String>

  /// Finds out which of `users`, by the model's names, have the same tensor as `table`.
  init(
    _ checkpoint: SafetensorsCheckpoint, table: String, users: [String], _ names: CheckpointNames, isTied: Bool = true
  ) throws(InputError) {
    func found(_ name: String) -> [String] {
      names.candidates(for: name).filter { checkpoint.tensor(named: $0) != nil }
    }
    // The first name that is there is the table's.
    let tableNames = ([table] + (isTied ? users : [])).lazy.map(found).first { !$0.isEmpty } ?? []
    var untied: Set<String> = []
    for user in users {
      guard let own = found(user).first, !tableNames.isEmpty else {
        if !isTied { untied.insert(user) }
        continue
      }
      if own == tableNames.first { continue }
      if try PretrainedModel.hasOwnHead(checkpoint, head: own, embedding: tableNames, isTied: isTied) {
        untied.insert(user)
      }
    }
    self.untied = untied
    let tied = users.filter { [untied] in !untied.contains($0) }
    aliases = [table: tied]
    repeated = Set(tied.flatMap { names.candidates(for: $0) })
  }

  /// Whether a tensor of the file says the same as the table.
  func isRepeated(_ name: String) -> Bool { repeated.contains(name) }
}

extension PretrainedModel {
  /// The decoder's first token that `generation_config.json` says; nil where it says none.
  static func decoderStartToken(in folder: String) throws(InputError) -> Int? {
    guard let json = try generationConfiguration(in: folder) else { return nil }
    let (own, start) = (try json.optional("decoder_start_token_id"), try json.optional("bos_token_id"))
    return try (own ?? start)?.tokenIDs().first
  }
}

extension Architecture {
  /// The classes of the Transformer and of the families with its blocks.
  static let transformers: [Architecture] = Transformer.Family.allCases.flatMap { family in
    [
      Architecture(family.classPrefix + "Model", Transformer.self), family.with(Transformer.LanguageHead.self),
      family.with(Transformer.SequenceClassificationHead.self), family.with(Transformer.QuestionAnsweringHead.self),
      family == .transformer
        ? nil : Architecture(family.classPrefix + "ForCausalLM", Transformer.CausalLanguageModel.self),
    ].compactMap { $0 }
  }
}

extension Transformer.Family {
  fileprivate func with<Head: TransformerHead>(_ head: Head.Type) -> Architecture? {
    Head.className(of: self).map { Architecture($0, Transformer.With<Head>.self) }
  }
}

// MARK: - Named tensors

extension Transformer {
  /// Takes `input_ids` and `decoder_input_ids`, and where there are any `attention_mask` and `decoder_attention_mask`.
  /// BART and mBART without `decoder_input_ids` are given the source, a token later.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let texts = try configuration.texts(of: inputs)
    var pass = Pass(mask: texts.sourceMask)
    let source = encode(texts.source, &pass)
    pass.mask = texts.targetMask
    return [
      ("last_hidden_state", hidden(texts.target, over: source, &pass)), ("encoder_last_hidden_state", source.states),
    ]
  }
}

extension Transformer.With {
  /// Takes `input_ids` and `decoder_input_ids`, and where there are any `attention_mask` and `decoder_attention_mask`.
  /// BART and mBART without `decoder_input_ids` are given the source, a token later.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let texts = try model.configuration.texts(of: inputs)
    if let head = head as? Transformer.SequenceClassificationHead {
      try head.map.check(texts.source, targetTime: texts.target.time, inputs)
    }
    var pass = Pass(mask: texts.targetMask)
    let states = states(texts.source, sourceMask: texts.sourceMask, target: texts.target, &pass)
    return Head.named(head(states, &pass)) + [("encoder_last_hidden_state", states.source.states)]
  }
}

extension Transformer.Configuration {
  fileprivate func texts(of inputs: ForwardInputs) throws(InputError) -> TextPair {
    try TextPair(
      inputs, sourceVocabularySize: vocabularySize, targetVocabularySize: targetVocabularySize,
      contextLength: contextLength, shifted: firstToken.map { first in { $0.shifted(after: first) } })
  }

  /// What a decoder that is given its source begins with, by the tokens of a text; nil where it is given none.
  private var firstToken: ((ArraySlice<Int32>) -> Int32)? {
    switch (family, paddingToken, decoderStartToken) {
    case (.bart, .some, let start?) where start < targetVocabularySize: { _ in Int32(truncatingIfNeeded: start) }
    // The name of the text's language, which stands at its end: so many tokens in as there are that are no padding.
    case (.mbart, let padding?, _):
      { row in row[row.startIndex + max(row.count { Int($0) != padding }, 1) - 1] }
    default: nil
    }
  }
}
