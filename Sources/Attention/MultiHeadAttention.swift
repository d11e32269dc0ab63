import Layers
import Tensor

/// What queries look at: keys and values, `[batch, time, heads, headWidth]` each.
public struct KeysAndValues: Sendable {
  /// `[batch, time, heads, headWidth]`
  public let keys: Tensor
  /// `[batch, time, heads, headWidth]`
  public let values: Tensor

  /// Keys and values of the same shape.
  public init(keys: Tensor, values: Tensor) { (self.keys, self.values) = (keys, values) }
}

/// Multi-head attention (Vaswani et al. 2017, section 3.2.2) with a projection each for queries, keys, values and output.
/// A text attends to itself, whole or causally, or to another one.
public struct MultiHeadAttention: Module {
  /// `width` to `headCount * headWidth`
  public var query: Linear
  /// `width` to `headCount * headWidth`
  public var key: Linear
  /// `width` to `headCount * headWidth`
  public var value: Linear
  /// `headCount * headWidth` to `width`
  public var output: Linear
  /// What scores are multiplied by; `1 / sqrt(headWidth)` where nil.
  public let scale: Float?
  let headCount: Int
  let headWidth: Int
  let names: SelfAttention.Names

  /// Creates the layer.
  public init(
    width: Int, headCount: Int, headWidth: Int? = nil, bias: Bool = true, scale: Float? = nil,
    names: SelfAttention.Names, _ initializer: inout Initializer
  ) {
    precondition(
      headCount > 0 && (headWidth != nil || width % headCount == 0),
      "MultiHeadAttention: a width of \(width), \(headCount) heads")
    self.headCount = headCount
    self.headWidth = headWidth ?? width / headCount
    self.scale = scale
    self.names = names
    let all = headCount * self.headWidth
    query = Linear(width, all, bias: bias, &initializer)
    key = Linear(width, all, bias: bias, &initializer)
    value = Linear(width, all, bias: bias, &initializer)
    output = Linear(all, width, bias: bias, &initializer)
  }

  private func heads(_ x: Tensor) -> Tensor { x.reshaped(x.shape[0], x.shape[1], headCount, headWidth) }

  /// What a text's states, `[batch, time, width]`, offer to queries.
  public func keysAndValues(of states: Tensor) -> KeysAndValues {
    KeysAndValues(keys: heads(key(states)), values: heads(value(states)))
  }

  /// Attends to the text itself, causally: to the pass's tokens and those of the cache.
  ///
  /// - Parameters:
  ///   - x: `[batch, time, width]`
  ///   - bias: `[heads, time, all tokens]`, added to the scaled scores.
  ///   - layer: which of the cache's layers is this one's.
  /// - Returns: `[batch, time, width]`
  public func causal(_ x: Tensor, bias: Tensor? = nil, layer: Int, _ pass: inout Pass) -> Tensor {
    let own = keysAndValues(of: x)
    return output(
      pass.attend(
        query: heads(query(x)), key: own.keys, value: own.values, layer: layer, scale: scale, bias: bias))
  }

  /// Attends to keys and values: the text's own, or another one's.
  ///
  /// Where `x` has several times as many rows as there are texts to look at, rows that follow one another share one.
  ///
  /// - Parameters:
  ///   - x: `[rows, time, width]`
  ///   - seen: of `batch` texts, a divisor of `rows`.
  ///   - mask: padding of the texts that are looked at.
  ///   - bias: `[heads, time, keys]`, added to the scaled scores; only where there is a text for each row.
  ///   - name: what the weights are captured as.
  /// - Returns: `[rows, time, width]`
  public func callAsFunction(
    _ x: Tensor, over seen: KeysAndValues, mask: AttentionMask, bias: Tensor? = nil, name: String,
    _ pass: inout Pass
  ) -> Tensor {
    let (rows, time, texts) = (x.shape[0], x.shape[1], seen.keys.shape[0])
    precondition(
      texts > 0 && rows % texts == 0 && (bias == nil || rows == texts),
      "MultiHeadAttention: \(rows) rows over \(texts) texts")
    // Without an order among queries, those of several rows are as good as more queries of one.
    let q = query(x).reshaped(texts, rows / texts * time, headCount, headWidth)
    pass.capture?.note(name, attentionWeights(query: q, key: seen.keys, mask: mask, scale: scale, bias: bias))
    let mixed = scaledDotProductAttention(
      query: q, key: seen.keys, value: seen.values, mask: mask, scale: scale, bias: bias)
    return output(mixed.reshaped(rows, time, headCount * headWidth))
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor(names.query, &query)
    visitor(names.key, &key)
    visitor(names.value, &value)
    visitor(names.output, &output)
  }
}
