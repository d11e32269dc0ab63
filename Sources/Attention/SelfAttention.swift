import Foundation
import Layers
import Tensor

extension Pass {
  /// Attention of this pass's tokens over themselves and all cached tokens of one layer.
  ///
  /// - Parameters:
  ///   - query: `[batch, time, heads, headWidth]`
  ///   - key: `[batch, time, keyValueHeads, headWidth]`
  ///   - value: as `key`
  ///   - mask: which keys a query sees, besides what the pass's mask says. With a cache it is a causal one.
  ///   - scale: `1 / sqrt(headWidth)` unless given.
  ///   - bias: added to the scaled scores: `[heads, time, all tokens]`.
  /// - Returns: `[batch, time, heads * headWidth]`
  public mutating func attend(
    query: Tensor, key: Tensor, value: Tensor, layer: Int, mask: AttentionMask = .causal, scale: Float? = nil,
    bias: Tensor? = nil
  ) -> Tensor {
    let window = mask.window
    let mask = mask.and(self.mask)
    guard cache != nil else {
      capture?.note(
        "\(layer).attention", attentionWeights(query: query, key: key, mask: mask, scale: scale, bias: bias))
      return scaledDotProductAttention(query: query, key: key, value: value, mask: mask, scale: scale, bias: bias)
    }
    precondition(mask.isCausal, "attend: keys are kept for causal attention only")
    // In place: a copy would share the memory.
    let all = cache!.append(layer: layer, key: key, value: value, window: window)
    capture?.note(
      "\(layer).attention", attentionWeights(query: query, cached: all, mask: mask, scale: scale, bias: bias))
    return scaledDotProductAttention(query: query, cached: all, mask: mask, scale: scale, bias: bias)
  }

  /// Causal attention as `attend`, from one projection `[batch, time, 3 * heads * headWidth]` that holds queries, keys
  /// and values side by side.
  public mutating func attendCausally(packed: Tensor, headCount: Int, layer: Int, scale: Float? = nil) -> Tensor {
    if cache == nil && capture == nil {
      return scaledDotProductAttention(
        packed: packed, headCount: headCount, mask: AttentionMask.causal.and(mask), scale: scale)
    }
    precondition(
      packed.rank == 3 && headCount > 0 && packed.shape[2] % (3 * headCount) == 0,
      "attendCausally: a projection \(packed.shape) for \(headCount) heads")
    let (batch, time, width) = (packed.shape[0], packed.shape[1], packed.shape[2] / 3)
    func part(_ index: Int) -> Tensor {
      packed.slice(index * width..<(index + 1) * width, axis: 2).reshaped(batch, time, headCount, width / headCount)
    }
    return attend(query: part(0), key: part(1), value: part(2), layer: layer, scale: scale)
  }
}

/// The weights of attention as a whole, for looking at: the softmax of the scaled and biased scores.
///
/// - Parameters: as those of `scaledDotProductAttention`.
/// - Returns: `[batch, heads, queries, keys]`; rows of queries that see no key are zero.
public func attentionWeights(
  query: Tensor, key: Tensor, keyCount: Int? = nil, mask: AttentionMask = .none, scale: Float? = nil,
  bias: Tensor? = nil
) -> Tensor {
  precondition(
    query.rank == 4 && key.rank == 4 && query.shape[0] == key.shape[0] && query.shape[3] == key.shape[3]
      && key.shape[2] > 0 && query.shape[2] % key.shape[2] == 0 && 0...key.shape[1] ~= keyCount ?? 0,
    "attentionWeights: query \(query.shape), key \(key.shape)" + (keyCount.map { ", \($0) keys" } ?? ""))
  let (batch, queries, heads, width) = (query.shape[0], query.shape[1], query.shape[2], query.shape[3])
  let (keys, shared) = (keyCount ?? key.shape[1], key.shape[2])
  let scale = scale ?? 1 / Float(width).squareRoot()
  precondition(
    mask.fits(batch: batch, keys: keys),
    "attentionWeights: the padding mask is not \(batch) rows of \(keys) keys")
  precondition(
    !mask.isCausal || queries <= keys, "attentionWeights: causal, of \(queries) queries over \(keys) keys")
  precondition(scale > 0 && scale.isFinite, "attentionWeights: a scale of \(scale)")
  precondition(
    bias.map { $0.shape == Shape(heads, queries, keys) } ?? true,
    "attentionWeights: a bias \(bias?.shape.description ?? "") for \(heads) heads, \(queries) queries, \(keys) keys")
  let q = query.scalars, k = key.scalars, added = bias?.scalars
  var weights = [Float](repeating: 0, count: batch * heads * queries * keys)
  for b in 0..<batch {
    for h in 0..<heads {
      for i in 0..<queries {
        let row = ((b * heads + h) * queries + i) * keys
        let from = ((b * queries + i) * heads + h) * width
        let seen = (0..<keys).filter { mask.sees($0, from: keys - queries + i, row: b) }
        for j in seen {
          let to = ((b * key.shape[1] + j) * shared + h / (heads / shared)) * width
          weights[row + j] =
            (0..<width).reduce(Float(0)) { $0 + q[from + $1] * k[to + $1] } * scale
            + (added?[(h * queries + i) * keys + j] ?? 0)
        }
        guard let largest = seen.map({ weights[row + $0] }).max() else { continue }
        for j in seen { weights[row + j] = exp(weights[row + j] - largest) }
        let total = seen.reduce(Float(0)) { $0 + weights[row + $1] }
        for j in seen { weights[row + j] /= total }
      }
    }
  }
  return Tensor(weights, shape: Shape(batch, heads, queries, keys))
}

/// The same over the keys of a cache: `[batch, heads, queries, all tokens]`. Keys that are gone have the weight 0.
func attentionWeights(
  query: Tensor, cached: CachedKeysAndValues, mask: AttentionMask, scale: Float?, bias: Tensor?
) -> Tensor {
  let weights = attentionWeights(
    query: query, key: cached.presentKeys, mask: cached.kept(of: mask, queryCount: query.shape[1]), scale: scale,
    bias: cached.kept(of: bias))
  if cached.start == 0 { return weights }
  let gone = Tensor.zeros(Shape(query.shape[0], query.shape[2], query.shape[1], cached.start))
  return Tensor.concatenate([gone, weights], axis: 3)
}

/// Multi-head self-attention (Vaswani et al. 2017, section 3.2.2): separate projections for queries, keys, values and
/// output. Key-value heads may be shared (Ainslie et al. 2023), positions may be rotary, and each head's queries and
/// keys may be normalised before they turn (Henry et al. 2020).
public struct SelfAttention: Module {
  /// The names that a family's files have for the parts.
  public struct Names: Sendable {
    let query: String
    let key: String
    let value: String
    let output: String
    let queryNorm: String
    let keyNorm: String

    /// Names of projections, and of the norms where a family has those.
    public init(
      query: String, key: String, value: String, output: String, queryNorm: String = "q_norm",
      keyNorm: String = "k_norm"
    ) {
      (self.query, self.key, self.value, self.output) = (query, key, value, output)
      (self.queryNorm, self.keyNorm) = (queryNorm, keyNorm)
    }

    /// Llama and the families after it.
    public static let llama = Names(query: "q_proj", key: "k_proj", value: "v_proj", output: "o_proj")
    /// BART and the families with its blocks.
    public static let bart = Names(query: "q_proj", key: "k_proj", value: "v_proj", output: "out_proj")
    /// T5.
    public static let t5 = Names(query: "q", key: "k", value: "v", output: "o")
  }

  /// Which projections have biases.
  public enum Biases: Sendable {
    /// None.
    case none
    /// Those of queries, keys and values.
    case queryKeyValue
    /// Those and the output's.
    case all
    /// The output's alone.
    case output
  }

  /// What distinguishes the attention of one family from another's.
  public struct Configuration: Sendable {
    /// The width of the hidden states.
    public var width: Int
    /// The number of query heads.
    public var headCount: Int
    /// A divisor of `headCount`: each key-value head serves as many query heads.
    public var keyValueHeadCount: Int
    /// The width of a head.
    public var headWidth: Int
    /// Which projections have biases.
    public var biases = Biases.none
    /// Added to the mean square in the norms of the heads; nil where there are none.
    public var headNormEpsilon: Float?
    /// How positions enter; nil where they do not enter here.
    public var positions: RotaryPositions?
    /// Which keys a query sees, besides padding.
    public var mask = AttentionMask.causal
    /// The names of the parts.
    public var names = Names.llama

    /// Causal attention without biases, norms or positions; the heads share the width evenly unless said otherwise.
    public init(width: Int, headCount: Int, keyValueHeadCount: Int? = nil, headWidth: Int? = nil) {
      let shared = keyValueHeadCount ?? headCount
      precondition(
        headCount > 0 && shared > 0 && headCount % shared == 0,
        "SelfAttention: \(headCount) heads, \(shared) key-value heads")
      (self.width, self.headCount, self.keyValueHeadCount) = (width, headCount, shared)
      self.headWidth = headWidth ?? width / headCount
    }
  }

  /// `width` to `headCount * headWidth`
  public var query: Linear
  /// `width` to `keyValueHeadCount * headWidth`
  public var key: Linear
  /// `width` to `keyValueHeadCount * headWidth`
  public var value: Linear
  /// `headCount * headWidth` to `width`
  public var output: Linear
  /// Of each head's queries; nil where there is none.
  public var queryNorm: RMSNorm?
  /// Of each head's keys; nil where there is none.
  public var keyNorm: RMSNorm?
  /// How positions enter; nil where they do not enter here.
  public let positions: RotaryPositions?
  let mask: AttentionMask
  let headWidth: Int
  let names: Names

  /// A layer whose parameters `initializer` makes.
  public init(_ c: Configuration, _ initializer: inout Initializer) {
    let (all, shared) = (c.headCount * c.headWidth, c.keyValueHeadCount * c.headWidth)
    let (inner, outer) = (c.biases == .queryKeyValue || c.biases == .all, c.biases == .output || c.biases == .all)
    query = Linear(c.width, all, bias: inner, &initializer)
    key = Linear(c.width, shared, bias: inner, &initializer)
    value = Linear(c.width, shared, bias: inner, &initializer)
    output = Linear(all, c.width, bias: outer, &initializer)
    if let epsilon = c.headNormEpsilon {
      queryNorm = RMSNorm(width: c.headWidth, epsilon: epsilon, &initializer)
      keyNorm = RMSNorm(width: c.headWidth, epsilon: epsilon, &initializer)
    }
    (positions, mask, headWidth, names) = (c.positions, c.mask, c.headWidth, c.names)
  }

  /// - Parameters:
  ///   - x: `[batch, time, width]`
  ///   - layer: which of the cache's layers is this one's.
  /// - Returns: `[batch, time, width]`
  public func callAsFunction(_ x: Tensor, layer: Int, _ pass: inout Pass) -> Tensor {
    let (q, k, v) = (heads(query, x), heads(key, x), heads(value, x))
    return output(
      pass.attend(
        query: placed(queryNorm?(q) ?? q, pass), key: placed(keyNorm?(k) ?? k, pass), value: v, layer: layer,
        mask: mask))
  }

  /// `[batch, time, heads, headWidth]`
  private func heads(_ projection: Linear, _ x: Tensor) -> Tensor {
    let y = projection(x)
    return y.reshaped(y.shape[0], y.shape[1], y.shape[2] / headWidth, headWidth)
  }

  private func placed(_ x: Tensor, _ pass: Pass) -> Tensor {
    guard let positions else { return x }
    return pass.positions.map { positions(x, at: $0) } ?? positions(x, from: pass.position)
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor(names.query, &query)
    visitor(names.key, &key)
    visitor(names.value, &value)
    visitor(names.output, &output)
    visitor(names.queryNorm, &queryNorm)
    visitor(names.keyNorm, &keyNorm)
  }
}
