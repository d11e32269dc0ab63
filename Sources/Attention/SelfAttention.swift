import Foundation
import Layers
import Tensor

extension Pass {
  /// Causal attention of this pass's tokens over themselves and all cached tokens of one layer.
  ///
  /// - Parameters:
  ///   - query: `[batch, time, heads, headWidth]`
  ///   - key: `[batch, time, keyValueHeads, headWidth]`
  ///   - value: as `key`
  /// - Returns: `[batch, time, heads * headWidth]`
  public mutating func attendCausally(query: Tensor, key: Tensor, value: Tensor, layer: Int) -> Tensor {
    let mask = AttentionMask.causal.and(self.mask)
    guard cache != nil else {
      capture?.note("\(layer).attention", attentionWeights(query: query, key: key, mask: mask))
      return scaledDotProductAttention(query: query, key: key, value: value, mask: mask)
    }
    let all = cache!.append(layer: layer, key: key, value: value)  // in place: a copy would share the memory
    capture?.note("\(layer).attention", attentionWeights(query: query, key: all.key, keyCount: all.count, mask: mask))
    return scaledDotProductAttention(
      query: query, key: all.key, value: all.value, keyCount: all.count, mask: mask)
  }

  /// As `attendCausally`, from one projection `[batch, time, 3 * heads * headWidth]` that holds queries, keys and values
  /// side by side.
  public mutating func attendCausally(packed: Tensor, headCount: Int, layer: Int) -> Tensor {
    if cache == nil && capture == nil {
      return scaledDotProductAttention(packed: packed, headCount: headCount, mask: AttentionMask.causal.and(mask))
    }
    precondition(
      packed.rank == 3 && headCount > 0 && packed.shape[2] % (3 * headCount) == 0,
      "attendCausally: a projection \(packed.shape) for \(headCount) heads")
    let (batch, time, width) = (packed.shape[0], packed.shape[1], packed.shape[2] / 3)
    func part(_ index: Int) -> Tensor {
      packed.slice(index * width..<(index + 1) * width, axis: 2).reshaped(batch, time, headCount, width / headCount)
    }
    return attendCausally(query: part(0), key: part(1), value: part(2), layer: layer)
  }
}

/// The weights of attention as a whole, for looking at: the softmax of the scaled scores.
///
/// - Parameters: as those of `scaledDotProductAttention`.
/// - Returns: `[batch, heads, queries, keys]`; rows of queries that see no key are zero.
public func attentionWeights(
  query: Tensor, key: Tensor, keyCount: Int? = nil, mask: AttentionMask = .none, scale: Float? = nil
) -> Tensor {
  precondition(
    query.rank == 4 && key.rank == 4 && query.shape[0] == key.shape[0] && query.shape[3] == key.shape[3]
      && key.shape[2] > 0 && query.shape[2] % key.shape[2] == 0 && 0...key.shape[1] ~= keyCount ?? 0,
    "attentionWeights: query \(query.shape), key \(key.shape)" + (keyCount.map { ", \($0) keys" } ?? ""))
  let (batch, queries, heads, width) = (query.shape[0], query.shape[1], query.shape[2], query.shape[3])
  let (keys, shared) = (keyCount ?? key.shape[1], key.shape[2])
  let scale = scale ?? 1 / Float(width).squareRoot()
  precondition(
    mask.keptKeys.map { $0.count == batch && $0.allSatisfy { $0.count == keys } } ?? true,
    "attentionWeights: the padding mask is not \(batch) rows of \(keys) keys")
  precondition(
    !mask.isCausal || queries <= keys, "attentionWeights: causal, of \(queries) queries over \(keys) keys")
  precondition(scale > 0 && scale.isFinite, "attentionWeights: a scale of \(scale)")
  let q = query.scalars, k = key.scalars
  var weights = [Float](repeating: 0, count: batch * heads * queries * keys)
  for b in 0..<batch {
    for h in 0..<heads {
      for i in 0..<queries {
        let row = ((b * heads + h) * queries + i) * keys
        let from = ((b * queries + i) * heads + h) * width
        let seen = (0..<keys).filter { j in
          (!mask.isCausal || j <= keys - queries + i) && (mask.keptKeys?[b][j] ?? true)
        }
        for j in seen {
          let to = ((b * key.shape[1] + j) * shared + h / (heads / shared)) * width
          weights[row + j] = (0..<width).reduce(Float(0)) { $0 + q[from + $1] * k[to + $1] } * scale
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

/// Causal multi-head self-attention with grouped key-value heads and rotary positions: separate projections for
/// queries, keys, values and output.
public struct SelfAttention: Module {
  /// The names that a family's files have for the four projections.
  public struct Names: Sendable {
    let query: String
    let key: String
    let value: String
    let output: String
    /// Llama and the families after it.
    public static let llama = Names(query: "q_proj", key: "k_proj", value: "v_proj", output: "o_proj")
  }

  /// `width` to `headCount * headWidth`
  public var query: Linear
  /// `width` to `keyValueHeadCount * headWidth`
  public var key: Linear
  /// `width` to `keyValueHeadCount * headWidth`
  public var value: Linear
  /// `headCount * headWidth` to `width`
  public var output: Linear
  /// How positions enter; nil where they do not enter here.
  public let positions: RotaryPositions?
  let headCount: Int
  let keyValueHeadCount: Int
  let headWidth: Int
  let names: Names

  /// Creates the layer.
  ///
  /// - Parameter keyValueHeadCount: a divisor of `headCount`: each key-value head serves as many query heads.
  public init(
    width: Int, headCount: Int, keyValueHeadCount: Int? = nil, headWidth: Int? = nil, bias: Bool = false,
    positions: RotaryPositions? = nil, names: Names = .llama, standardDeviation: Float = 0.02,
    _ initializer: inout Initializer
  ) {
    let sharedHeads = keyValueHeadCount ?? headCount
    precondition(
      headCount > 0 && sharedHeads > 0 && headCount % sharedHeads == 0,
      "SelfAttention: \(headCount) heads, \(sharedHeads) key-value heads")
    self.headCount = headCount
    self.keyValueHeadCount = sharedHeads
    self.headWidth = headWidth ?? width / headCount
    self.positions = positions
    self.names = names
    let (all, shared) = (headCount * self.headWidth, self.keyValueHeadCount * self.headWidth)
    query = Linear(width, all, bias: bias, standardDeviation: standardDeviation, &initializer)
    key = Linear(width, shared, bias: bias, standardDeviation: standardDeviation, &initializer)
    value = Linear(width, shared, bias: bias, standardDeviation: standardDeviation, &initializer)
    output = Linear(all, width, bias: bias, standardDeviation: standardDeviation, &initializer)
  }

  /// - Parameters:
  ///   - x: `[batch, time, width]`
  ///   - layer: which of the cache's layers is this one's.
  /// - Returns: `[batch, time, width]`
  public func callAsFunction(_ x: Tensor, layer: Int, _ pass: inout Pass) -> Tensor {
    let (batch, time) = (x.shape[0], x.shape[1])
    var q = query(x).reshaped(batch, time, headCount, headWidth)
    var k = key(x).reshaped(batch, time, keyValueHeadCount, headWidth)
    let v = value(x).reshaped(batch, time, keyValueHeadCount, headWidth)
    if let positions {
      q = positions(q, from: pass.position)
      k = positions(k, from: pass.position)
    }
    return output(pass.attendCausally(query: q, key: k, value: v, layer: layer))
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor(names.query, &query)
    visitor(names.key, &key)
    visitor(names.value, &value)
    visitor(names.output, &output)
  }
}
