import Layers
import Tensor

/// What makes scores of a Transformer's states, for one task.
public protocol TransformerHead: Module {
  /// What it gives.
  associatedtype Scores: Sendable
  /// What Hugging Face's class with this head is called; nil where a family has none.
  static func className(of family: Transformer.Family) -> String?
  /// A head whose parameters `initializer` makes. Its listing has the names that stand beside the model's.
  init(_ configuration: Transformer.Configuration, _ tables: Transformer.Tables, _ initializer: inout Initializer)
  /// The scores.
  func callAsFunction(_ states: Transformer.States, _ pass: inout Pass) -> Scores
  /// The scores under the names of Hugging Face's outputs.
  static func named(_ scores: Scores) -> [(name: String, value: Tensor)]
}

extension TransformerHead where Scores == Tensor {
  /// The scores under the names of Hugging Face's outputs.
  public static func named(_ scores: Tensor) -> [(name: String, value: Tensor)] { [("logits", scores)] }
}

extension Transformer {
  /// What a head reads.
  public struct States: Sendable {
    /// The decoder's final hidden states: `[batch, time, width]`.
    public var hidden: Tensor
    /// What the encoder has read.
    public var source: EncodedSource
    /// The encoder's tokens.
    public var sourceTokens: TokenBatch
    /// The table of the target's tokens, for a head that scores with it.
    var embedding: Embedding
  }

  /// The table that scores tokens where the output has none of its own.
  var outputEmbedding: Embedding {
    guard let table = sharedEmbedding ?? decoder.embedding else {
      preconditionFailure("Transformer: there is no embedding")
    }
    return table
  }

  /// A model with a head.
  public struct With<Head: TransformerHead>: Module {
    /// Encoder and decoder.
    public var model: Transformer
    /// The head.
    public var head: Head

    /// A model whose parameters `initializer` makes.
    ///
    /// - Parameter tables: which tables of its own the model has; those that the family begins with unless given.
    public init(_ configuration: Configuration, tables: Tables? = nil, _ initializer: inout Initializer) {
      let tables = tables ?? Tables(configuration)
      let isTied = Head.self == LanguageHead.self && !tables.outputHasOwn
      model = Transformer(configuration, tables: tables, givesScores: isTied, &initializer)
      head = Head(configuration, tables, &initializer)
    }

    /// A model with random parameters.
    public init(_ configuration: Configuration, seed: UInt64) {
      var initializer = Initializer.random(seed: seed)
      self.init(configuration, &initializer)
    }

    /// What the head reads of two texts.
    ///
    /// - Parameter sourceMask: padding of `source`; that of `target` is the pass's mask.
    public func states(
      _ source: TokenBatch, sourceMask: AttentionMask = .none, target: TokenBatch, _ pass: inout Pass
    ) -> States {
      let (own, places) = (pass.mask, pass.positions)
      (pass.mask, pass.positions) = (sourceMask, nil)
      let encoded = model.encode(source, &pass)
      (pass.mask, pass.positions) = (own, places)
      return States(
        hidden: model.hidden(target, over: encoded, &pass), source: encoded, sourceTokens: source,
        embedding: model.outputEmbedding)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("model", &model)
      head.visit(&visitor)
    }
  }

  /// The scores of the next token at every position of the target: `[batch, time, vocabulary]`. The shared table (the
  /// decoder's, where none is shared) or one of its own, and an offset for each token.
  public struct LanguageHead: TransformerHead {
    /// `[vocabulary, width]`; nil where the embedding serves (tied).
    public var output: Tensor?
    /// `[1, vocabulary]`. Hugging Face trains it not; to do likewise, freeze `final_logits_bias`.
    public var offsets: Tensor?

    /// What Hugging Face's class with this head is called.
    public static func className(of family: Family) -> String? {
      family == .marian ? "MarianMTModel" : family.classPrefix + "ForConditionalGeneration"
    }

    /// A head whose parameters `initializer` makes.
    public init(_ c: Configuration, _ tables: Tables, _ initializer: inout Initializer) {
      let count = c.targetVocabularySize
      output = tables.outputHasOwn ? initializer.normal(Shape(count, c.width), standardDeviation: 0.02) : nil
      offsets = tables.hasScoreOffsets ? initializer.zeros(Shape(1, count)) : nil
    }

    /// The scores of hidden states, `[..., width]`: `[..., vocabulary]`.
    func callAsFunction(_ hidden: Tensor, embedding: Embedding) -> Tensor {
      linear(hidden, output ?? embedding.weight, bias: bias, transposingWeight: true)
    }

    /// The mean cross-entropy of the scores.
    func crossEntropy(
      _ hidden: Tensor, embedding: Embedding, targets: [Int32], labelSmoothing: Float
    ) -> Tensor {
      smoothedCrossEntropy(
        hidden, output ?? embedding.weight, bias: bias, targets: targets, labelSmoothing: labelSmoothing)
    }

    private var bias: Tensor? { offsets.map { $0.reshaped(Shape($0.shape[1])) } }

    /// The scores of a model's states.
    public func callAsFunction(_ states: States, _ pass: inout Pass) -> Tensor {
      self(states.hidden, embedding: states.embedding)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      if output != nil { visitor("lm_head.weight", &output!, productTransposes: true) }
      visitor("final_logits_bias", &offsets)
    }
  }

  /// A text's scores by class, `[batch, labels]`: `ScoresAtTheEnd`. The target is the source, a token later.
  public struct SequenceClassificationHead: TransformerHead {
    var map: ScoresAtTheEnd

    /// What Hugging Face's class with this head is called.
    public static func className(of family: Family) -> String? {
      family.hasTextHeads ? family.classPrefix + "ForSequenceClassification" : nil
    }

    /// A head whose parameters `initializer` makes.
    public init(_ c: Configuration, _ tables: Tables, _ initializer: inout Initializer) {
      map = ScoresAtTheEnd(width: c.width, labelCount: c.labels.count, endToken: c.endTokens.first, &initializer)
    }

    /// The scores of a model's states.
    public func callAsFunction(_ states: States, _ pass: inout Pass) -> Tensor {
      map(states.hidden, source: states.sourceTokens)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) { map.visit(&visitor) }
  }

  /// How likely the answer begins and ends at each token. The target is the source, a token later.
  public struct QuestionAnsweringHead: TransformerHead {
    var map: Linear

    /// What Hugging Face's class with this head is called.
    public static func className(of family: Family) -> String? {
      family.hasTextHeads ? family.classPrefix + "ForQuestionAnswering" : nil
    }
    /// The scores under the names of Hugging Face's outputs.
    public static func named(_ scores: SpanScores) -> [(name: String, value: Tensor)] { scores.named }

    /// A head whose parameters `initializer` makes.
    public init(_ c: Configuration, _ tables: Tables, _ initializer: inout Initializer) {
      map = Linear(c.width, 2, bias: true, &initializer)
    }

    /// The scores of a model's states.
    public func callAsFunction(_ states: States, _ pass: inout Pass) -> SpanScores { SpanScores(map(states.hidden)) }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) { visitor("qa_outputs", &map) }
  }
}

extension Transformer.With: SequenceToSequenceModel where Head == Transformer.LanguageHead {
  /// How many tokens the encoder knows.
  public var sourceVocabularySize: Int { model.configuration.vocabularySize }
  /// How many tokens the decoder knows.
  public var vocabularySize: Int { model.configuration.targetVocabularySize }
  /// The most positions that encoder and decoder can use.
  public var contextLength: Int { model.configuration.contextLength }
  /// How many layers a cache needs.
  public var decoderLayerCount: Int { model.configuration.decoderLayerCount }
  /// How many numbers a written token's keys have in each layer.
  public var keyValueWidth: Int { model.configuration.width }
  /// The token that the decoder begins with.
  public var decoderStartToken: Int? { model.configuration.decoderStartToken }
  /// The tokens after which a text ends.
  public var endTokens: [Int] { model.configuration.endTokens }

  /// Reads a text; the pass's mask says which tokens are padding, at either side.
  public func encode(_ tokens: TokenBatch, _ pass: inout Pass) -> EncodedSource { model.encode(tokens, &pass) }

  /// The decoder's final hidden states: `[batch, time, width]`. Tokens follow those of the pass's cache.
  public func hidden(_ tokens: TokenBatch, over source: EncodedSource, _ pass: inout Pass) -> Tensor {
    requireRoom(tokens, pass)
    return model.hidden(tokens, over: source, &pass)
  }

  /// The scores of every token: `[..., width]` to `[..., vocabulary]`.
  public func logits(_ hidden: Tensor) -> Tensor { head(hidden, embedding: model.outputEmbedding) }
  /// The mean cross-entropy of the scores against the targets that are not negative.
  public func crossEntropy(_ hidden: Tensor, targets: [Int32], labelSmoothing: Float) -> Tensor {
    head.crossEntropy(
      hidden, embedding: model.outputEmbedding, targets: targets, labelSmoothing: labelSmoothing)
  }
}
