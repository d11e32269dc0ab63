import Tensor

/// The keys and values of the tokens that a decoder has seen, for each layer.
///
/// Room grows by doubling, or is reserved at once; a token then takes no new memory. A cache is a value: a copy of it
/// is another continuation of the same beginning.
public struct KeyValueCache: Sendable {
  private struct Layer: Sendable {
    var key: Tensor?
    var value: Tensor?
  }
  private var layers: [Layer]
  private let reserved: Int
  /// How many tokens the cache holds.
  public private(set) var length = 0

  /// An empty cache for a number of layers, with room for `capacity` tokens.
  public init(layerCount: Int, capacity: Int = 64) {
    layers = Array(repeating: Layer(), count: layerCount)
    reserved = max(capacity, 1)
  }

  /// The bytes of a cache with room for `capacity` tokens, whose keys have `width` numbers in every layer; nil where no
  /// `Int` counts them.
  package static func byteCount(layerCount: Int, capacity: Int, width: Int) -> Int? {
    let (elements, overflow) = max(capacity, 1).multipliedReportingOverflow(by: width)
    guard !overflow, elements < 1 << 56 else { return nil }
    let (bytes, tooMany) = Memory.blockSize(holding: 4 * elements).multipliedReportingOverflow(by: 2 * layerCount)
    return tooMany ? nil : bytes
  }

  /// Adds the keys and values of the pass's tokens, `[batch, time, heads, headWidth]`, for one layer.
  ///
  /// - Returns: all keys and values, with room beyond `count`, the number of tokens that are there.
  public mutating func append(
    layer: Int, key: Tensor, value: Tensor
  ) -> (key: Tensor, value: Tensor, count: Int) {
    precondition(
      layers.indices.contains(layer) && key.shape == value.shape && key.rank == 4,
      "KeyValueCache.append: key \(key.shape), value \(value.shape), layer \(layer) of \(layers.count)")
    precondition(
      key.trace == nil && value.trace == nil,
      "KeyValueCache.append: no gradient flows through a cache; use a pass without one inside valueAndGradient")
    let count = length + key.shape[1]
    let keys = KeyValueCache.append(key, to: &layers[layer].key, at: length, reserving: reserved)
    let values = KeyValueCache.append(value, to: &layers[layer].value, at: length, reserving: reserved)
    return (keys, values, count)
  }

  /// Counts the tokens of a pass, when all layers have added theirs.
  public mutating func advance(by count: Int) {
    precondition(count >= 0, "KeyValueCache.advance: by \(count) tokens")
    length += count
  }

  /// Forgets all tokens but the first `count`.
  public mutating func truncate(to count: Int) {
    precondition(0...length ~= count, "KeyValueCache.truncate: \(count) of \(length) tokens")
    length = count
  }

  /// Continues other texts: row `i` of the batch becomes what row `rows[i]` was. There may be more rows than before, or
  /// fewer.
  public mutating func select(rows: [Int]) {
    for index in layers.indices {
      guard let key = layers[index].key, let value = layers[index].value else { continue }
      layers[index].key = key.selecting(rows: rows, positions: length)
      layers[index].value = value.selecting(rows: rows, positions: length)
    }
  }

  private static func append(_ new: Tensor, to kept: inout Tensor?, at start: Int, reserving: Int) -> Tensor {
    let batch = new.shape[0], needed = start + new.shape[1]
    if let old = kept?.shape {
      precondition(
        old[0] == batch && old[2] == new.shape[2] && old[3] == new.shape[3],
        "KeyValueCache.append: \(new.shape) after \(old): another batch, heads or head width")
    } else {
      kept = Tensor.zeros(Shape(batch, max(reserving, needed), new.shape[2], new.shape[3]))
    }
    if let old = kept, old.shape[1] < needed {
      var grown = Tensor.zeros(Shape(batch, max(2 * old.shape[1], needed), new.shape[2], new.shape[3]))
      grown.write(old, at: 0)
      kept = grown
    }
    kept!.write(new, at: start)  // in place: the cache is the only owner
    return kept!
  }
}
