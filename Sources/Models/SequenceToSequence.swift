import Attention
import Formats
import Layers
import Tensor

/// A text that an encoder has read, as a decoder's layers look at it.
///
/// Keys and values of every layer are computed once, however many tokens are decoded over them.
public struct EncodedSource: Sendable {
  /// The encoder's final hidden states: `[batch, time, width]`.
  public let states: Tensor
  /// What each of the decoder's layers sees.
  let layers: [KeysAndValues]
  /// Padding of the text.
  let mask: AttentionMask

  /// Other texts of the batch: text `i` is what text `texts[i]` was.
  public func selecting(_ texts: [Int]) -> EncodedSource {
    func selected(_ x: Tensor) -> Tensor { x.selecting(rows: texts, positions: x.shape[1]) }
    return EncodedSource(
      states: selected(states),
      layers: layers.map { KeysAndValues(keys: selected($0.keys), values: selected($0.values)) },
      mask: mask.selecting(rows: texts))
  }
}

/// The blocks of an encoder or a decoder, with what is before and after them.
public protocol TextStack: Module {
  /// What each layer of a decoder sees of an encoder's states, `[batch, time, width]`.
  func whatIsSeen(of states: Tensor) -> [KeysAndValues]
  /// The final hidden states: `[batch, time, width]`.
  ///
  /// - Parameters:
  ///   - shared: the table of the tokens where the stack has none of its own.
  ///   - source: what a decoder looks at; nil for an encoder.
  func callAsFunction(
    _ tokens: TokenBatch, sharing shared: Embedding?, over source: EncodedSource?, _ pass: inout Pass
  ) -> Tensor
}

/// An encoder, and a decoder that looks at what it has read, without a head.
public protocol EncoderDecoder: Module {
  /// The kind of both.
  associatedtype Stack: TextStack
  /// Reads the source.
  var encoder: Stack { get }
  /// Writes the target.
  var decoder: Stack { get }
  /// The table that both use where they have none of their own.
  var table: Embedding? { get }
}

extension EncoderDecoder {
  /// Reads a text; the pass's mask says which tokens are padding, at either side.
  public func encode(_ tokens: TokenBatch, _ pass: inout Pass) -> EncodedSource {
    precondition(pass.cache == nil, "\(Self.self): an encoder sees all tokens at once and uses no cache")
    let states = encoder(tokens, sharing: table, over: nil, &pass)
    return EncodedSource(states: states, layers: decoder.whatIsSeen(of: states), mask: pass.mask)
  }

  /// The decoder's final hidden states: `[batch, time, width]`. Tokens follow those of the pass's cache.
  public func hidden(_ tokens: TokenBatch, over source: EncodedSource, _ pass: inout Pass) -> Tensor {
    let states = decoder(tokens, sharing: table, over: source, &pass)
    pass.cache?.advance(by: tokens.time)
    return states
  }
}

/// A model that writes a text over another one: an encoder, and a decoder that attends to what it has read.
///
///     let source = model.encode(tokens, &pass)
///     let decoder = model.decoder(over: source)  // a language model of the text to write
public protocol SequenceToSequenceModel: Module {
  /// How many tokens the encoder knows.
  var sourceVocabularySize: Int { get }
  /// How many tokens the decoder knows.
  var vocabularySize: Int { get }
  /// The most positions that encoder and decoder can use.
  var contextLength: Int { get }
  /// How many layers a cache needs.
  var decoderLayerCount: Int { get }
  /// How many numbers a written token's keys have in each layer; its values have as many.
  var keyValueWidth: Int { get }
  /// The token that the decoder begins with.
  var decoderStartToken: Int? { get }
  /// The tokens after which a text ends.
  var endTokens: [Int] { get }

  /// Reads a text; the pass's mask says which tokens are padding, at either side.
  func encode(_ tokens: TokenBatch, _ pass: inout Pass) -> EncodedSource
  /// The decoder's final hidden states: `[batch, time, width]`. Tokens follow those of the pass's cache; the pass's mask
  /// says which of them are padding. There are as many rows as texts in `source`, or several that follow one another
  /// for each.
  func hidden(_ tokens: TokenBatch, over source: EncodedSource, _ pass: inout Pass) -> Tensor
  /// The scores of every token: `[..., width]` to `[..., vocabulary]`.
  func logits(_ hidden: Tensor) -> Tensor
  /// The mean cross-entropy of the scores, in nats per token, with smoothed labels; negative targets are left out. Models
  /// whose scores are a linear map give it without having all scores at once.
  func crossEntropy(_ hidden: Tensor, targets: [Int32], labelSmoothing: Float) -> Tensor
}

extension SequenceToSequenceModel {
  /// The mean cross-entropy of all scores.
  public func crossEntropy(_ hidden: Tensor, targets: [Int32], labelSmoothing: Float) -> Tensor {
    logits(hidden).crossEntropy(targets: targets, labelSmoothing: labelSmoothing)
  }

  /// The scores of the next token at every position of `target`, all at once (teacher forcing):
  /// `[batch, time, vocabulary]`.
  ///
  /// - Parameters:
  ///   - sourceMask: padding of `source`; that of `target` is the pass's mask.
  public func callAsFunction(
    _ source: TokenBatch, sourceMask: AttentionMask = .none, target: TokenBatch, _ pass: inout Pass
  ) -> Tensor {
    logits(hidden(target, over: encode(source, mask: sourceMask, &pass), &pass))
  }

  /// The mean cross-entropy of the targets, in nats per token. Negative targets are left out.
  ///
  /// - Parameters:
  ///   - sourceMask: padding of `source`; that of `target` is the pass's mask.
  ///   - target: what the decoder is given: the text to write, a token later.
  ///   - targets: what it should write.
  ///   - labelSmoothing: how much of each target is spread over all tokens (Szegedy et al. 2015); 0.1 in the original
  ///     Transformer.
  public func loss(
    _ source: TokenBatch, sourceMask: AttentionMask = .none, target: TokenBatch, targets: TokenBatch,
    labelSmoothing: Float = 0, _ pass: inout Pass
  ) -> Tensor {
    let states = hidden(target, over: encode(source, mask: sourceMask, &pass), &pass)
    return crossEntropy(states, targets: targets.ids, labelSmoothing: labelSmoothing)
  }

  /// Reads a text with its own mask, in a pass whose mask and positions are the decoder's.
  func encode(_ tokens: TokenBatch, mask: AttentionMask, _ pass: inout Pass) -> EncodedSource {
    let (own, places) = (pass.mask, pass.positions)
    (pass.mask, pass.positions) = (mask, nil)
    defer { (pass.mask, pass.positions) = (own, places) }
    return encode(tokens, &pass)
  }

  /// The decoder as a language model of texts over `source`.
  public func decoder(over source: EncodedSource) -> DecoderOverSource {
    DecoderOverSource(model: self, source: source)
  }

  /// Checks that a text from outside can be read by this model: ids in the vocabulary, positions in the context.
  ///
  /// - Throws: `badValue` for an id outside the vocabulary, `tooLarge` for more positions than the context has.
  public func check(source tokens: [Int]) throws(InputError) {
    try checkTokens(tokens, vocabularySize: sourceVocabularySize, contextLength: contextLength)
  }

  func requireRoom(_ tokens: TokenBatch, _ pass: Pass) {
    pass.requireRoom(tokens, contextLength: contextLength, "\(Self.self)")
  }
}

/// A decoder with the text that it writes over: a language model, which begins with the decoder's start token.
public struct DecoderOverSource: LanguageModel {
  /// The model that the decoder is part of.
  public var model: any SequenceToSequenceModel
  /// What it looks at.
  public private(set) var source: EncodedSource

  /// How many tokens it knows.
  public var vocabularySize: Int { model.vocabularySize }
  /// The most positions it can use.
  public var contextLength: Int { model.contextLength }
  /// How many layers a cache needs.
  public var layerCount: Int { model.decoderLayerCount }
  /// How many numbers a token's keys have in each layer.
  public var keyValueWidth: Int { model.keyValueWidth }
  /// The tokens after which a text ends.
  public var endTokens: [Int] { model.endTokens }

  /// The final hidden states: `[batch, time, width]`. Tokens follow those of the pass's cache.
  public func hidden(_ tokens: TokenBatch, _ pass: inout Pass) -> Tensor {
    model.hidden(tokens, over: source, &pass)
  }

  /// The scores of every token: `[..., width]` to `[..., vocabulary]`.
  public func logits(_ hidden: Tensor) -> Tensor { model.logits(hidden) }
  /// Goes on with some of the texts.
  public mutating func select(texts: [Int]) { source = source.selecting(texts) }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) { model.visit(&visitor) }
}

extension Tensor {
  /// The mean cross-entropy of rows of logits `[..., classes]` against targets that are smoothed (Szegedy et al. 2015):
  /// the right class counts `1 - labelSmoothing`, and all classes share the rest.
  ///
  /// Rows whose target is negative are left out of the sum and of the count; without any row the loss is 0.
  public func crossEntropy(targets: [Int32], labelSmoothing: Float) -> Tensor {
    precondition(0...1 ~= labelSmoothing, "crossEntropy: a label smoothing of \(labelSmoothing)")
    let sharp = crossEntropy(targets: targets)
    if labelSmoothing == 0 { return sharp }
    let counted = targets.filter { $0 >= 0 }.count
    let weights = Tensor(targets.map { $0 < 0 ? 0 : 1 / Float(counted) }, shape: Shape(targets.count, 1))
    let spread = -(logSoftmax().reshaped(targets.count, shape[-1]).mean(axis: 1).reshaped(targets.count, 1) * weights)
    return sharp * (1 - labelSmoothing) + spread.sum() * labelSmoothing
  }
}

/// The mean cross-entropy with smoothed labels, as `Tensor.crossEntropy(targets:labelSmoothing:)`, of the scores
/// `x @ table^T + bias`, without these ever being there as a whole.
///
/// The mean of a row's scores is the row times the mean of the table's rows. So what smoothing adds to the sharp loss, the
/// right class's score less the mean, takes one product of vectors for each row.
///
/// - Parameters:
///   - x: `[..., width]`
///   - table: `[classes, width]`
///   - bias: `[classes]`
func smoothedCrossEntropy(
  _ x: Tensor, _ table: Tensor, bias: Tensor? = nil, targets: [Int32], labelSmoothing: Float
) -> Tensor {
  precondition(0...1 ~= labelSmoothing, "crossEntropy: a label smoothing of \(labelSmoothing)")
  let sharp = linearCrossEntropy(x, table, bias: bias, transposingWeight: true, targets: targets)
  let counted = targets.indices.filter { targets[$0] >= 0 }
  guard labelSmoothing > 0, !counted.isEmpty else { return sharp }
  let right = counted.map { targets[$0] }, width = table.shape[1]
  let rows = x.reshaped(targets.count, width).rows(at: counted.map { Int32(truncatingIfNeeded: $0) })
  var excess = (rows * (table.rows(at: right) - table.mean(axis: 0))).sum() * (1 / Float(counted.count))
  if let bias {
    let column = bias.reshaped(bias.shape[0], 1)
    excess = excess + (column.rows(at: right).mean() - bias.mean())
  }
  return sharp + excess * labelSmoothing
}

/// The two texts that a sequence-to-sequence model is run on, from named tensors.
struct TextPair {
  let source: TokenBatch
  let target: TokenBatch
  let sourceMask: AttentionMask
  let targetMask: AttentionMask

  /// Reads `input_ids`, `attention_mask`, `decoder_input_ids` and `decoder_attention_mask`.
  ///
  /// - Parameter shifted: the decoder's text of the source where there is no `decoder_input_ids`; nil where it must be
  ///   there.
  init(
    _ inputs: ForwardInputs, sourceVocabularySize: Int, targetVocabularySize: Int, contextLength: Int,
    shifted: ((TokenBatch) -> TokenBatch)? = nil
  ) throws(InputError) {
    try inputs.refuse(except: ["input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask"])
    func text(_ name: String, below limit: Int) throws(InputError) -> (tokens: TokenBatch, shape: [Int]) {
      let text = try inputs.tokens(name, below: limit, axes: 2)
      try inputs.check(text.tokens, name, contextLength: contextLength)
      return text
    }
    let (source, shape) = try text("input_ids", below: sourceVocabularySize)
    (self.source, sourceMask) = (source, try inputs.mask("attention_mask", like: shape))
    var targetShape = shape
    if let shifted, !inputs.has("decoder_input_ids") {
      target = shifted(source)
    } else {
      (target, targetShape) = try text("decoder_input_ids", below: targetVocabularySize)
    }
    guard target.batch == source.batch else {
      throw InputError(
        .sizeMismatch, "holds \(target.batch) rows for \(source.batch) rows of input_ids",
        at: inputs.place(of: "decoder_input_ids"))
    }
    targetMask = try inputs.mask("decoder_attention_mask", like: targetShape)
  }
}

extension TokenBatch {
  /// The texts a token later, after a first token for each.
  func shifted(after first: (ArraySlice<Int32>) -> Int32) -> TokenBatch {
    var result = self
    for row in 0..<batch {
      let start = row * time, text = ids[start..<start + time]
      result.ids.replaceSubrange(start..<start + time, with: [first(text)] + text.dropLast())
    }
    return result
  }
}
