import Layers
import Tensor

/// What makes scores of an encoder's states, for one task.
public protocol BERTHead: Module {
  /// What it gives.
  associatedtype Scores: Sendable
  /// What Hugging Face's classes with this head are called, after the family's name: `ForMaskedLM`.
  static var className: String { get }
  /// What the family's class with this head is called, after the family's name: as others are unless said otherwise.
  static func className(of family: BERT.Family) -> String
  /// Whether it reads the pooler's output, so that its model needs one.
  static func readsPooled(of family: BERT.Family) -> Bool
  /// Whether it scores tokens with the embedding's matrix, unless it has one of its own.
  static var scoresTokens: Bool { get }
  /// A head whose parameters `initializer` makes. Its listing has the names that stand beside the encoder's.
  init(_ configuration: BERT.Configuration, _ initializer: inout Initializer)
  /// The scores.
  func callAsFunction(_ states: BERT.States, _ pass: inout Pass) -> Scores
  /// The scores under the names of Hugging Face's outputs.
  static func named(_ scores: Scores) -> [(name: String, value: Tensor)]
}

extension BERTHead {
  /// As the other families' classes.
  public static func className(of family: BERT.Family) -> String { className }
  /// Whether the model needs a pooler.
  public static func readsPooled(of family: BERT.Family) -> Bool { false }
  /// Most heads have maps of their own alone.
  public static var scoresTokens: Bool { false }
}

extension BERTHead where Scores == Tensor {
  /// The scores under the names of Hugging Face's outputs.
  public static func named(_ scores: Tensor) -> [(name: String, value: Tensor)] { [("logits", scores)] }
}

extension BERT {
  /// An encoder with a head.
  public struct With<Head: BERTHead>: Module {
    /// The encoder; it has a pooler where the head reads one.
    public var encoder: BERT
    /// The head.
    public var head: Head

    /// A model whose parameters `initializer` makes.
    public init(_ configuration: Configuration, _ initializer: inout Initializer) {
      encoder = BERT(
        configuration, hasPooler: Head.readsPooled(of: configuration.family),
        givesScores: Head.scoresTokens && configuration.tiesDecoder, &initializer)
      head = Head(configuration, &initializer)
    }

    /// A model with random parameters, as BERT initialises them.
    public init(_ configuration: Configuration, seed: UInt64) {
      var initializer = Initializer.random(seed: seed)
      self.init(configuration, &initializer)
    }

    /// The head's scores; for the parameters see `BERT`.
    public func callAsFunction(
      _ tokens: TokenBatch, tokenTypes: TokenBatch? = nil, _ pass: inout Pass
    ) -> Head.Scores {
      head(encoder(tokens, tokenTypes: tokenTypes, &pass), &pass)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor(encoder.configuration.family.encoderName, &encoder)
      head.visit(&visitor)
    }
  }
}

extension BERT.With<BERT.MaskedLanguageHead> {
  /// The mean cross-entropy of the targets, in nats per token. Negative targets, those that were not masked, are left
  /// out.
  public func loss(
    _ tokens: TokenBatch, tokenTypes: TokenBatch? = nil, targets: TokenBatch, _ pass: inout Pass
  ) -> Tensor {
    head.crossEntropy(encoder(tokens, tokenTypes: tokenTypes, &pass), targets: targets.ids)
  }
}

extension BERT {
  /// The scores of the token at every position: `[batch, time, vocabulary]`. A map, an activation, a norm, and the
  /// embedding's matrix (or one of its own) with a bias.
  public struct MaskedLanguageHead: BERTHead {
    var transform: Linear
    var norm: LayerNorm
    /// `[vocabulary, width]`; nil where the embedding serves (tied).
    public var decoder: Tensor?
    /// `[vocabulary]`
    public var bias: Tensor
    let activation: Activation
    let names: MaskedLanguageNames

    /// What Hugging Face's classes with this head are called, after the family's name.
    public static let className = "ForMaskedLM"
    /// It does.
    public static let scoresTokens = true

    /// A head whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      transform = Linear(c.width, c.width, bias: true, &initializer)
      norm = LayerNorm(width: c.width, epsilon: c.normEpsilon, &initializer)
      decoder =
        c.tiesDecoder
        ? nil : initializer.normal(Shape(c.vocabularySize, c.width), standardDeviation: 0.02)
      bias = initializer.zeros(Shape(c.vocabularySize))
      // RoBERTa's is fixed.
      activation = c.family.countsPositionsAfterPadding ? .gelu : c.activation
      names = c.family.maskedLanguageNames
    }

    /// The scores of an encoder's states.
    public func callAsFunction(_ states: States, _ pass: inout Pass) -> Tensor {
      linear(transformed(states), decoder ?? states.tokenEmbedding.weight, bias: bias, transposingWeight: true)
    }

    /// The mean cross-entropy of the scores against the targets that are not negative.
    func crossEntropy(_ states: States, targets: [Int32]) -> Tensor {
      linearCrossEntropy(
        transformed(states), decoder ?? states.tokenEmbedding.weight, bias: bias, transposingWeight: true,
        targets: targets)
    }

    private func transformed(_ states: States) -> Tensor { norm(transform(states.hidden, activation: activation)) }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor(names.transform, &transform)
      visitor(names.norm, &norm)
      visitor(names.decoder + ".weight", &decoder, productTransposes: true)
      // With a matrix of its own, the decoder's bias is the one that counts.
      visitor(decoder == nil ? names.tiedBias : names.decoder + ".bias", &bias)
    }
  }

  /// The scores of the token after each position, for a model that sees only those before (`isDecoder`); the parts are
  /// those of the masked-language head.
  public struct NextTokenHead: BERTHead {
    var masked: MaskedLanguageHead

    /// What Hugging Face's classes with this head are called, after the family's name.
    public static let className = "ForCausalLM"
    /// It does.
    public static let scoresTokens = true
    /// BERT's has an older name.
    public static func className(of family: Family) -> String { family == .bert ? "LMHeadModel" : className }

    /// A head whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) { masked = MaskedLanguageHead(c, &initializer) }
    /// The scores of an encoder's states.
    public func callAsFunction(_ states: States, _ pass: inout Pass) -> Tensor { masked(states, &pass) }
    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) { masked.visit(&visitor) }
  }

  /// Whether the second text follows the first (score 0) or not (score 1): `[batch, 2]`, from the pooler.
  public struct NextSentenceHead: BERTHead {
    var map: Linear

    /// What Hugging Face's classes with this head are called, after the family's name.
    public static let className = "ForNextSentencePrediction"
    /// Whether the model needs a pooler.
    public static func readsPooled(of family: Family) -> Bool { true }

    /// A head whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      map = Linear(c.width, 2, bias: true, &initializer)
    }

    /// The scores of an encoder's states.
    public func callAsFunction(_ states: States, _ pass: inout Pass) -> Tensor {
      map(states.requiredPooled("NextSentenceHead"))
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) { visitor("cls.seq_relationship", &map) }
  }

  /// Both heads that BERT was trained with.
  public struct PreTrainingHead: BERTHead {
    /// Scores the masked tokens.
    public var maskedLanguage: MaskedLanguageHead
    /// Scores the order of the texts.
    public var nextSentence: NextSentenceHead

    /// The scores of both.
    public struct Scores: Sendable {
      /// `[batch, time, vocabulary]`
      public var tokens: Tensor
      /// `[batch, 2]`
      public var nextSentence: Tensor
    }

    /// What Hugging Face's classes with this head are called, after the family's name.
    public static let className = "ForPreTraining"
    /// It does.
    public static let scoresTokens = true
    /// Whether the model needs a pooler.
    public static func readsPooled(of family: Family) -> Bool { true }
    /// The scores under the names of Hugging Face's outputs.
    public static func named(_ scores: Scores) -> [(name: String, value: Tensor)] {
      [("prediction_logits", scores.tokens), ("seq_relationship_logits", scores.nextSentence)]
    }

    /// A head whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      maskedLanguage = MaskedLanguageHead(c, &initializer)
      nextSentence = NextSentenceHead(c, &initializer)
    }

    /// The scores of an encoder's states.
    public func callAsFunction(_ states: States, _ pass: inout Pass) -> Scores {
      Scores(tokens: maskedLanguage(states, &pass), nextSentence: nextSentence(states, &pass))
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      maskedLanguage.visit(&visitor)
      nextSentence.visit(&visitor)
    }
  }

  /// A text's scores by class: `[batch, labels]`. BERT's reads the pooler, the others bring a map of their own.
  public struct SequenceClassificationHead: BERTHead {
    var classifier: TextClassifier

    /// What Hugging Face's classes with this head are called, after the family's name.
    public static let className = "ForSequenceClassification"
    /// Whether the model needs a pooler.
    public static func readsPooled(of family: Family) -> Bool { family == .bert }

    /// A head whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      classifier = TextClassifier(c, labelCount: c.labels.count, &initializer)
    }

    /// The scores of an encoder's states.
    public func callAsFunction(_ states: States, _ pass: inout Pass) -> Tensor { classifier(states, &pass) }
    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) { classifier.visit(&visitor) }
  }

  /// How well each text is the right choice: `[batch, 1]`, where the choices of one question are rows that follow one
  /// another.
  public struct MultipleChoiceHead: BERTHead {
    var classifier: TextClassifier

    /// What Hugging Face's classes with this head are called, after the family's name.
    public static let className = "ForMultipleChoice"
    /// Whether the model needs a pooler.
    public static func readsPooled(of family: Family) -> Bool { family != .distilBERT }

    /// A head whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      classifier = TextClassifier(c, labelCount: 1, readsPooled: Self.readsPooled(of: c.family), &initializer)
    }

    /// The scores of an encoder's states.
    public func callAsFunction(_ states: States, _ pass: inout Pass) -> Tensor { classifier(states, &pass) }
    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) { classifier.visit(&visitor) }
  }

  /// Every token's scores by class: `[batch, time, labels]`.
  public struct TokenClassificationHead: BERTHead {
    var map: Linear
    let dropout: Dropout

    /// What Hugging Face's classes with this head are called, after the family's name.
    public static let className = "ForTokenClassification"

    /// A head whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      map = Linear(c.width, c.labels.count, bias: true, &initializer)
      dropout = Dropout(c.dropout)
    }

    /// The scores of an encoder's states.
    public func callAsFunction(_ states: States, _ pass: inout Pass) -> Tensor { map(dropout(states.hidden, &pass)) }
    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) { visitor("classifier", &map) }
  }

  /// How likely the answer begins and ends at each token.
  public struct QuestionAnsweringHead: BERTHead {
    var map: Linear

    /// What Hugging Face's classes with this head are called, after the family's name.
    public static let className = "ForQuestionAnswering"
    /// The scores under the names of Hugging Face's outputs.
    public static func named(_ scores: SpanScores) -> [(name: String, value: Tensor)] { scores.named }

    /// A head whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      map = Linear(c.width, 2, bias: true, &initializer)
    }

    /// The scores of an encoder's states.
    public func callAsFunction(_ states: States, _ pass: inout Pass) -> SpanScores { SpanScores(map(states.hidden)) }
    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) { visitor("qa_outputs", &map) }
  }

  /// Scores of a whole text: from the pooler's output, or from the first token's state by a map and an activation.
  struct TextClassifier: Module {
    /// nil where the pooler is the first map.
    var inner: Linear?
    var outer: Linear
    let innerActivation: Activation
    let names: (inner: String, outer: String)
    let dropout: Dropout

    init(_ c: Configuration, labelCount: Int, readsPooled: Bool? = nil, _ initializer: inout Initializer) {
      let pooled = readsPooled ?? (c.family == .bert)
      inner = pooled ? nil : Linear(c.width, c.width, bias: true, &initializer)
      outer = Linear(c.width, labelCount, bias: true, &initializer)
      innerActivation = c.family == .distilBERT ? .relu : .tanh
      let isNested = !pooled && c.family != .distilBERT
      names = isNested ? ("classifier.dense", "classifier.out_proj") : ("pre_classifier", "classifier")
      dropout = Dropout(c.dropout)
    }

    func callAsFunction(_ states: States, _ pass: inout Pass) -> Tensor {
      let summary = inner?(states.first, activation: innerActivation) ?? states.requiredPooled("TextClassifier")
      return outer(dropout(summary, &pass))
    }

    mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor(names.inner, &inner)
      visitor(names.outer, &outer)
    }
  }

  /// The names that a family's files have for the parts of the masked-language head.
  struct MaskedLanguageNames {
    let transform: String
    let norm: String
    let decoder: String
    let tiedBias: String
  }
}

extension BERT.Family {
  /// The name of the encoder within a model with a head, which files of the bare encoder leave out.
  var encoderName: String {
    switch self {
    case .bert: "bert"
    case .roberta, .xlmRoberta: "roberta"
    case .distilBERT: "distilbert"
    }
  }

  /// What the names of Hugging Face's classes begin with.
  var classPrefix: String {
    switch self {
    case .bert: "Bert"
    case .roberta: "Roberta"
    case .xlmRoberta: "XLMRoberta"
    case .distilBERT: "DistilBert"
    }
  }

  var maskedLanguageNames: BERT.MaskedLanguageNames {
    switch self {
    case .bert:
      .init(
        transform: "cls.predictions.transform.dense", norm: "cls.predictions.transform.LayerNorm",
        decoder: "cls.predictions.decoder", tiedBias: "cls.predictions.bias")
    case .roberta, .xlmRoberta:
      .init(
        transform: "lm_head.dense", norm: "lm_head.layer_norm", decoder: "lm_head.decoder", tiedBias: "lm_head.bias")
    case .distilBERT:
      .init(
        transform: "vocab_transform", norm: "vocab_layer_norm", decoder: "vocab_projector",
        tiedBias: "vocab_projector.bias")
    }
  }
}
