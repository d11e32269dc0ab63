@_exported import Attention
@_exported import Checkpoints
@_exported import Formats
@_exported import Layers
import Tensor

/// A decoder that predicts the next token from those before.
public protocol LanguageModel: Module {
  /// How many tokens it knows.
  var vocabularySize: Int { get }
  /// The most positions it can use.
  var contextLength: Int { get }
  /// The positions that it is made for. In longer texts, where it can use more, what it makes of them gets worse.
  var trainedContextLength: Int { get }
  /// How many layers a cache needs.
  var layerCount: Int { get }
  /// How many numbers a token's keys have in each layer; its values have as many.
  var keyValueWidth: Int { get }
  /// The layers whose queries see only the last tokens, by their numbers, and how many those see: a cache keeps no more
  /// of them than it must.
  var slidingWindows: [Int: Int] { get }
  /// The tokens after which a text ends.
  var endTokens: [Int] { get }

  /// The final hidden states: `[batch, time, width]`. Tokens follow those of the pass's cache.
  func hidden(_ tokens: TokenBatch, _ pass: inout Pass) -> Tensor
  /// The scores of every token: `[..., width]` to `[..., vocabulary]`.
  func logits(_ hidden: Tensor) -> Tensor
  /// The mean cross-entropy of the scores, in nats per token; negative targets are left out. Models whose scores are a
  /// linear map give it without having all scores at once.
  func crossEntropy(_ hidden: Tensor, targets: [Int32]) -> Tensor
  /// Goes on with some of the texts of a batch, for a model that holds something for each: text `i` becomes what text
  /// `texts[i]` was.
  mutating func select(texts: [Int])
}

extension LanguageModel {
  /// As many as it can use.
  public var trainedContextLength: Int { contextLength }
  /// None.
  public var slidingWindows: [Int: Int] { [:] }

  /// Does nothing: the model is the same for all texts.
  public mutating func select(texts: [Int]) {}

  /// The mean cross-entropy of all scores.
  public func crossEntropy(_ hidden: Tensor, targets: [Int32]) -> Tensor {
    logits(hidden).crossEntropy(targets: targets)
  }

  /// The scores of the next token at every position: `[batch, time, vocabulary]`.
  public func callAsFunction(_ tokens: TokenBatch, _ pass: inout Pass) -> Tensor { logits(hidden(tokens, &pass)) }

  /// The scores of the token that follows the last one of each row: `[batch, vocabulary]`.
  public func nextLogits(_ tokens: TokenBatch, _ pass: inout Pass) -> Tensor {
    let states = hidden(tokens, &pass)
    let last = tokens.time == 1 ? states : states.slice(tokens.time - 1..<tokens.time, axis: 1)
    return logits(last.reshaped(tokens.batch, states.shape[2]))
  }

  /// The mean cross-entropy of the targets, in nats per token. Negative targets are left out.
  public func loss(_ tokens: TokenBatch, targets: TokenBatch, _ pass: inout Pass) -> Tensor {
    crossEntropy(hidden(tokens, &pass), targets: targets.ids)
  }

  /// The mean cross-entropy of the targets, without dropout.
  public func loss(_ tokens: TokenBatch, targets: TokenBatch) -> Tensor {
    var pass = Pass()
    return loss(tokens, targets: targets, &pass)
  }

  /// Checks that tokens from outside can be given to this model: ids in the vocabulary, positions in the context.
  ///
  /// - Throws: `badValue` for an id outside the vocabulary, `tooLarge` for more positions than the context has.
  public func check(_ tokens: [Int], from position: Int = 0) throws(InputError) {
    try checkTokens(tokens, from: position, vocabularySize: vocabularySize, contextLength: contextLength)
  }

  func requireRoom(_ tokens: TokenBatch, _ pass: Pass) {
    pass.requireRoom(tokens, contextLength: contextLength, "\(Self.self)")
  }
}

extension Pass {
  /// Stops a program whose tokens stand beyond a model's context.
  func requireRoom(_ tokens: TokenBatch, contextLength: Int, _ model: @autoclosure () -> String) {
    let (limit, fits) = positions.map { ($0.limit, $0.fit(tokens)) } ?? (position + tokens.time, true)
    precondition(
      fits && limit <= contextLength,
      "\(model()): \(tokens.batch) rows of \(tokens.time) tokens at positions below \(limit) in a context of "
        + "\(contextLength)\(fits ? "" : ", and positions of another shape")")
  }
}

/// Checks tokens from outside: ids in the vocabulary, positions in the context.
func checkTokens(
  _ tokens: [Int], from position: Int = 0, vocabularySize: Int, contextLength: Int
) throws(InputError) {
  for (index, id) in tokens.enumerated() where id < 0 || id >= vocabularySize {
    throw InputError(
      .badValue, "the token id \(id) is outside the vocabulary of \(vocabularySize)", at: "token \(index)",
      advice: "Use ids from 0 to \(vocabularySize - 1), from the tokenizer that belongs to the model.")
  }
  guard position + tokens.count <= contextLength else {
    throw InputError(
      .tooLarge, "\(position + tokens.count) tokens are more than the model's context of \(contextLength)",
      at: "prompt", advice: "Shorten the text, or use a model with a longer context.")
  }
}
