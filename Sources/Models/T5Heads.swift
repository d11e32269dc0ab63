import Checkpoints
import Formats
import Layers
import Tensor

extension T5 {
  /// T5 with a text's scores by class, `ScoresAtTheEnd`.
  public struct TextClassifier: Module {
    /// Encoder and decoder.
    public var model: T5
    /// The head.
    public var head: ScoresAtTheEnd

    /// A model whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      model = T5(c, &initializer)
      head = ScoresAtTheEnd(width: c.width, labelCount: c.labels.count, endToken: c.endTokens.first, &initializer)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("transformer", &model)
      head.visit(&visitor)
    }
  }

  /// T5 that says how likely the answer begins and ends at each token of the decoder, which is given the source, a token
  /// later.
  public struct AnswerFinder: Module {
    /// Encoder and decoder.
    public var model: T5
    /// `width` to 2
    public var map: Linear

    /// A model whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      model = T5(c, &initializer)
      map = Linear(c.width, 2, bias: true, &initializer)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      model.visit(&visitor)
      visitor("qa_outputs", &map)
    }
  }

  /// T5's encoder with every token's scores by class: `[batch, time, labels]`.
  public struct TokenClassifier: Module {
    /// The encoder.
    public var encoder: Encoder
    /// `width` to the number of classes
    public var map: Linear

    /// A model whose parameters `initializer` makes.
    public init(_ c: Configuration, _ initializer: inout Initializer) {
      encoder = Encoder(c, &initializer)
      map = Linear(c.width, c.labels.count, bias: true, &initializer)
    }

    /// Shows the parameters under the names of the files.
    public mutating func visit(_ visitor: inout some ParameterVisitor) {
      visitor("transformer", &encoder)
      visitor("classifier", &map)
    }
  }
}

// MARK: - Files

extension T5.TextClassifier: PretrainedClass {
  /// The model with its head. Other heads are left aside.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    let file = try T5File(folder, base: "transformer.")
    var initializer = Initializer.placeholders
    return file.outline(Self(file.configuration, &initializer))
  }

  /// `config.json` of the class with this head.
  public var folderConfiguration: JSONValue {
    model.configuration.json(architecture: "T5ForSequenceClassification", format: matrixFormat)
  }

  /// Takes `input_ids`, and where there are any `attention_mask`, `decoder_input_ids` and `decoder_attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let texts = try model.texts(of: inputs, after: model.configuration.decoderStartToken)
    try head.check(texts.source, targetTime: texts.target.time, inputs)
    let (hidden, source) = model.states(of: texts)
    return [("logits", head(hidden, source: texts.source)), ("encoder_last_hidden_state", source.states)]
  }
}

extension T5.AnswerFinder: PretrainedClass {
  /// The model with its head. Other heads are left aside.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    let file = try T5File(folder)
    var initializer = Initializer.placeholders
    return file.outline(Self(file.configuration, &initializer))
  }

  /// `config.json` of the class with this head.
  public var folderConfiguration: JSONValue {
    model.configuration.json(architecture: "T5ForQuestionAnswering", format: matrixFormat)
  }

  /// Takes `input_ids`, and where there are any `attention_mask`, `decoder_input_ids` and `decoder_attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let texts = try model.texts(of: inputs, after: model.configuration.decoderStartToken)
    let (hidden, source) = model.states(of: texts)
    return SpanScores(map(hidden)).named + [("encoder_last_hidden_state", source.states)]
  }
}

extension T5.TokenClassifier: PretrainedClass {
  /// The encoder with its head. A decoder and other heads are left aside.
  public static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<Self> {
    let file = try T5File(folder, base: "transformer.")
    var initializer = Initializer.placeholders
    return file.outline(Self(file.configuration, &initializer))
  }

  /// `config.json` of the class with this head.
  public var folderConfiguration: JSONValue {
    encoder.configuration.json(architecture: "T5ForTokenClassification", format: matrixFormat)
  }

  /// Takes `input_ids`, and where there is one `attention_mask`.
  public func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    [("logits", map(try encoder.states(of: inputs)))]
  }
}
