import Layers
import Tensor

/// The part of a decoder that its heads share: everything but the head.
public protocol DecoderBase: Module {
  /// The family's sizes.
  associatedtype Configuration: DecoderConfiguration
  /// A stack whose parameters `initializer` makes.
  init(_ configuration: Configuration, _ initializer: inout Initializer)
  /// The final hidden states: `[batch, time, width]`.
  ///
  /// - Parameter tokenTypes: the type of each token; nil where they have none. A family without types takes none.
  func callAsFunction(_ tokens: TokenBatch, tokenTypes: TokenBatch?, _ pass: inout Pass) -> Tensor
}

extension DecoderBase {
  /// The final hidden states of tokens without types: `[batch, time, width]`.
  public func callAsFunction(_ tokens: TokenBatch, _ pass: inout Pass) -> Tensor {
    self(tokens, tokenTypes: nil, &pass)
  }
}

/// What makes scores of a decoder's states, for one task.
public protocol DecoderHead: Module {
  /// What it gives.
  associatedtype Scores: Sendable
  /// What Hugging Face's classes with this head are called, after the family's name: `ForTokenClassification`.
  static var className: String { get }
  /// The names that a family's files have for the decoder and for the head.
  static func fileNames(_ configuration: some DecoderConfiguration) -> (base: String, head: String)
  /// A head whose parameters `initializer` makes.
  init(_ configuration: some DecoderConfiguration, _ initializer: inout Initializer)
  /// The scores of states `[batch, time, width]`.
  func callAsFunction(_ hidden: Tensor, _ tokens: TokenBatch, _ pass: inout Pass) -> Scores
  /// The scores under the names of Hugging Face's outputs.
  static func named(_ scores: Scores) -> [(name: String, value: Tensor)]
  /// Refuses a batch that the head cannot tell the padding of.
  func check(_ tokens: TokenBatch) throws(InputError)
}

extension DecoderHead {
  /// Takes every batch.
  public func check(_ tokens: TokenBatch) throws(InputError) {}
}

extension DecoderHead where Scores == Tensor {
  /// The scores under the names of Hugging Face's outputs.
  public static func named(_ scores: Tensor) -> [(name: String, value: Tensor)] { [("logits", scores)] }
}

/// A decoder with a head other than that for the next token, or without a head.
///
///     let model = try DecoderWith<Llama.Decoder, SequenceScores>.load(from: folder)
///     var pass = Pass(mask: .lengths([9, 5], of: 9))
///     let logits = model(tokens, &pass)  // [batch, labels]
public struct DecoderWith<Base: DecoderBase, Head: DecoderHead>: Module {
  /// The decoder.
  public var base: Base
  /// The head.
  public var head: Head
  /// The sizes.
  public let configuration: Base.Configuration

  /// A model whose parameters `initializer` makes.
  public init(_ configuration: Base.Configuration, _ initializer: inout Initializer) {
    self.configuration = configuration
    base = Base(configuration, &initializer)
    head = Head(configuration, &initializer)
  }

  /// A model with random parameters.
  public init(_ configuration: Base.Configuration, seed: UInt64) {
    var initializer = Initializer.random(seed: seed)
    self.init(configuration, &initializer)
  }

  /// The head's scores. The pass's mask says which tokens are padding, at either side.
  ///
  /// - Parameter tokenTypes: the type of each token, of a family with types.
  public func callAsFunction(
    _ tokens: TokenBatch, tokenTypes: TokenBatch? = nil, _ pass: inout Pass
  ) -> Head.Scores {
    head(base(tokens, tokenTypes: tokenTypes, &pass), tokens, &pass)
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    let name = Head.fileNames(configuration).base
    if name.isEmpty { base.visit(&visitor) } else { visitor(name, &base) }
    head.visit(&visitor)
  }
}

/// No head: the states themselves.
public struct HiddenStates: DecoderHead {
  /// What Hugging Face's classes without a head are called, after the family's name.
  public static let className = "Model"
  /// Files of the bare model have no names around its own.
  public static func fileNames(_ configuration: some DecoderConfiguration) -> (base: String, head: String) { ("", "") }
  /// The states under the name of Hugging Face's output.
  public static func named(_ scores: Tensor) -> [(name: String, value: Tensor)] { [("last_hidden_state", scores)] }

  /// A head without parameters.
  public init(_ c: some DecoderConfiguration, _ initializer: inout Initializer) {}
  /// The states themselves.
  public func callAsFunction(_ hidden: Tensor, _ tokens: TokenBatch, _ pass: inout Pass) -> Tensor { hidden }
  /// Shows nothing.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {}
}

/// A text's scores by class: `[batch, labels]`, from the state of its last token that is no padding: the last whose id
/// is not the padding token's, whatever the mask says. Without a padding token it is the very last one.
public struct SequenceScores: DecoderHead {
  var map: Linear
  let paddingToken: Int?
  let name: String

  /// What Hugging Face's classes with this head are called, after the family's name.
  public static let className = "ForSequenceClassification"
  /// The names of the decoder and of the head.
  public static func fileNames(_ configuration: some DecoderConfiguration) -> (base: String, head: String) {
    (configuration.fileNames.base, "score")
  }

  /// A head whose parameters `initializer` makes.
  public init(_ c: some DecoderConfiguration, _ initializer: inout Initializer) {
    map = Linear(c.width, c.labels.count, bias: false, &initializer)
    (paddingToken, name) = (c.paddingToken, Self.fileNames(c).head)
  }

  /// Refuses several rows where no token says which are shorter.
  public func check(_ tokens: TokenBatch) throws(InputError) {
    guard tokens.batch == 1 || paddingToken != nil else {
      throw InputError(
        .inconsistent, "\(tokens.batch) rows, but the model has no padding token to find their ends by",
        at: "input_ids", advice: "Give one row at a time, or set pad_token_id in config.json.")
    }
  }

  /// The scores of a decoder's states.
  public func callAsFunction(_ hidden: Tensor, _ tokens: TokenBatch, _ pass: inout Pass) -> Tensor {
    precondition(
      tokens.batch == 1 || paddingToken != nil,
      "SequenceScores: \(tokens.batch) rows, but no padding token to find their ends by")
    let (batch, time, width) = (tokens.batch, tokens.time, hidden.shape[2])
    let last = (0..<batch).map { row in
      let ids = tokens.ids[row * time..<(row + 1) * time]
      guard let paddingToken else { return Int32(ids.endIndex - 1) }
      // A row of padding alone is read at its beginning, as in the reference.
      return Int32(ids.lastIndex { Int($0) != paddingToken } ?? ids.startIndex)
    }
    return map(hidden.reshaped(batch * time, width).rows(at: last))
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) { visitor(name, &map) }
}

/// Every token's scores by class: `[batch, time, labels]`.
public struct TokenScores: DecoderHead {
  var map: Linear
  let name: String
  let dropout: Dropout

  /// What Hugging Face's classes with this head are called, after the family's name.
  public static let className = "ForTokenClassification"
  /// The names of the decoder and of the head.
  public static func fileNames(_ configuration: some DecoderConfiguration) -> (base: String, head: String) {
    (configuration.fileNames.base, configuration.fileNames.tokenScores)
  }

  /// A head whose parameters `initializer` makes.
  public init(_ c: some DecoderConfiguration, _ initializer: inout Initializer) {
    map = Linear(c.width, c.labels.count, bias: true, &initializer)
    (name, dropout) = (Self.fileNames(c).head, Dropout(c.dropout))
  }

  /// The scores of a decoder's states.
  public func callAsFunction(_ hidden: Tensor, _ tokens: TokenBatch, _ pass: inout Pass) -> Tensor {
    map(dropout(hidden, &pass))
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) { visitor(name, &map) }
}

/// How likely the answer to a question begins and ends at each token.
public struct AnswerScores: DecoderHead {
  var map: Linear
  let name: String

  /// What Hugging Face's classes with this head are called, after the family's name.
  public static let className = "ForQuestionAnswering"
  /// The names of the decoder and of the head.
  public static func fileNames(_ configuration: some DecoderConfiguration) -> (base: String, head: String) {
    (configuration.fileNames.baseOfAnswers, "qa_outputs")
  }
  /// The scores under the names of Hugging Face's outputs.
  public static func named(_ scores: SpanScores) -> [(name: String, value: Tensor)] { scores.named }

  /// A head whose parameters `initializer` makes.
  public init(_ c: some DecoderConfiguration, _ initializer: inout Initializer) {
    map = Linear(c.width, 2, bias: true, &initializer)
    name = Self.fileNames(c).head
  }

  /// The scores of a decoder's states.
  public func callAsFunction(_ hidden: Tensor, _ tokens: TokenBatch, _ pass: inout Pass) -> SpanScores {
    SpanScores(map(hidden))
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) { visitor(name, &map) }
}

/// How likely a span of the text begins and ends at each token.
public struct SpanScores: Sendable {
  /// `[batch, time]`
  public var start: Tensor
  /// `[batch, time]`
  public var end: Tensor

  /// The scores of both, `[batch, time, 2]`, taken apart.
  init(_ both: Tensor) {
    func part(_ index: Int) -> Tensor {
      both.slice(index..<index + 1, axis: 2).reshaped(both.shape[0], both.shape[1])
    }
    (start, end) = (part(0), part(1))
  }

  var named: [(name: String, value: Tensor)] { [("start_logits", start), ("end_logits", end)] }
}
