import Checkpoints
import Formats
import Layers
import Tensor

extension Transformer {
  /// The decoder alone, as a language model of one text. What it would look at another text with is among its parameters,
  /// as in Hugging Face's files, and not used: freeze `encoder_attn` in training.
  public struct CausalLanguageModel: LanguageModel {
    /// The decoder; it has a table of its own.
    public var decoder: Stack
    /// The output's own matrix; nil where the embedding serves (tied).
    public var head: Linear?
    /// The sizes.
    public let configuration: Configuration

    /// A model whose parameters `initializer` makes.
    ///
    /// - Parameter tables: which tables of its own the model has; those that the family begins with unless given.
    public init(_ configuration: Configuration, tables: Tables? = nil, _ initializer: inout Initializer) {
      self.configuration = configuration
      var tables = tables ?? Tables(configuration)
      (tables.hasShared, tables.decoderHasOwn) = (false, true)
      decoder = Stack(configuration, .decoder, tables, givesScores: !tables.outputHasOwn, &initializer)
      head =
        tables.outputHasOwn
        ? Linear(configuration.width, configuration.targetVocabularySize, bias: false, &initializer) : nil
    }

    /// A model with random parameters.
    public init(_ configuration: Configuration, seed: UInt64) {
      var initializer = Initializer.random(seed: seed)
      self.init(configuration, &initializer)
    }

    /// How many tokens it knows.
    public var vocabularySize: Int { configuration.targetVocabularySize }
    /// The most positions it can use.
    public var contextLength: Int { configuration.contextLength }
    /// How many layers a cache needs.
    public var layerCount: Int { configuration.decoderLayerCount }
    /// How many numbers a token's keys have in each layer.
    public var keyValueWidth: Int { configuration.width }
    /// The tokens after which a text ends.
    public var endTokens: [Int] { configuration.endTokens }

    /// The final hidden states: `[batch, time, width]`. Tokens follow those of the pass's cache.
    public func hidden(_ tokens: TokenBatch, _ pass: inout Pass) -> Tensor {
      requireRoom(tokens, pass)
      let states = decoder(tokens, sharing: nil, over: nil, &pass)
      pass.cache?.advance(by: tokens.time)
      return states
    }

    /// The scores of every token: `[..., width]` to `[..., vocabulary]`.
    public func logits(_ hidden: Tensor) -> Tensor { head?(hidden) ?? table.scores(hidden) }
    /// The mean cross-entropy of the scores against the targets that are not negative.
    public func crossEntropy(_ hidden: Tensor, targets: [Int32]) -> Tensor {
      head?.crossEntropy(hidden, targets: targets) ?? table.crossEntropy(hidden, targets: targets)
    }

    private var table: Embedding {
      guard let table = decoder.embedding else { preconditionFailure("CausalLanguageModel: there is no embedding") }
      return table
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("model.decoder", &decoder)
      visitor("lm_head", &head)
    }
  }
}

extension Transformer.CausalLanguageModel: PretrainedClass {
  /// The decoder. An encoder and other heads that the file holds are left aside; where the decoder has no table of its
  /// own there, the shared one serves.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    var configuration = try Transformer.Configuration(folder.configuration)
    if let ends = try PretrainedModel.endTokens(in: folder.path) { configuration.endTokens = ends }
    let checkpoint = try folder.tensors(layerCount: configuration.decoderLayerCount)
    let base = CheckpointNames(basePrefix: "model"), head = "lm_head.weight", shared = "model.shared.weight"
    let embedding = try TiedEmbedding(
      checkpoint, table: "model.decoder.embed_tokens.weight", users: [shared, head], base,
      isTied: try folder.configuration.optional("tie_word_embeddings")?.bool() ?? true)
    var tables = Transformer.Tables(configuration)
    tables.outputHasOwn = embedding.untied.contains(head)
    tables.decoderHasPositions =
      tables.decoderHasPositions
      || base.candidates(for: "model.decoder.embed_positions.weight").contains { checkpoint.tensor(named: $0) != nil }
    var initializer = Initializer.placeholders
    let others = ["encoder.", "shared.", "final_logits_bias", "classification_head.", "qa_outputs."]
    let names = CheckpointNames(basePrefix: "model", aliases: embedding.aliases) { [embedding] name in
      let rest = name.hasPrefix("model.") ? String(name.dropFirst(6)) : name
      if embedding.isRepeated(name) { return .tied }
      if rest.hasSuffix("decoder.version") { return .constant }
      return others.contains { rest.hasPrefix($0) } ? .unused : nil
    }
    return ModelOutline(
      model: Self(configuration, tables: tables, &initializer), checkpoint: checkpoint, names: names)
  }

  /// `config.json` of the class.
  public var folderConfiguration: JSONValue {
    configuration.json(
      architecture: configuration.family.classPrefix + "ForCausalLM", tiesOutput: head == nil, isDecoder: true,
      format: matrixFormat)
  }

  /// Takes `input_ids`, and where there is one `attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    try inputs.refuse(except: ["input_ids", "attention_mask"])
    let (tokens, shape) = try inputs.tokens("input_ids", below: vocabularySize, axes: 2)
    try inputs.check(tokens, contextLength: contextLength)
    var pass = Pass(mask: try inputs.mask("attention_mask", like: shape))
    return [("logits", self(tokens, &pass))]
  }
}
