import Tensor

/// The keys and values of the tokens that a decoder has seen, for each layer.
///
/// Room grows by doubling, or is reserved at once; a token then takes no new memory. A cache is a value: a copy of it
/// is another continuation of the same beginning.
public struct KeyValueCache: Sendable {
  private struct Layer: Sendable {
    var key: Kept?
    var value: Kept?
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
  /// - Returns: all keys and values.
  public mutating func append(layer: Int, key: Tensor, value: Tensor) -> CachedKeysAndValues {
    precondition(
      layers.indices.contains(layer) && key.shape == value.shape && key.rank == 4,
      "KeyValueCache.append: key \(key.shape), value \(value.shape), layer \(layer) of \(layers.count)")
    precondition(
      key.trace == nil && value.trace == nil,
      "KeyValueCache.append: no gradient flows through a cache; use a pass without one inside valueAndGradient")
    let count = length + key.shape[1]
    let keys = Kept.append(key, to: &layers[layer].key, at: length, reserving: reserved)
    let values = Kept.append(value, to: &layers[layer].value, at: length, reserving: reserved)
    return CachedKeysAndValues(key: keys, value: values, count: count)
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
}

/// Keys or values of one layer.
private struct Kept: Sendable {
  /// `[batch * heads, room, headWidth]`
  var rows: Tensor
  let heads: Int

  func selecting(rows batchRows: [Int], positions: Int) -> Kept {
    let parts = batchRows.flatMap { row in (0..<heads).map { row * heads + $0 } }
    return Kept(rows: rows.selecting(rows: parts, positions: positions), heads: heads)
  }

  /// Adds `[batch, time, heads, headWidth]` at position `start`.
  ///
  /// - Returns: all, `[batch, heads, room, headWidth]`.
  static func append(_ new: Tensor, to kept: inout Kept?, at start: Int, reserving: Int) -> Tensor {
    let (batch, time, heads, width) = (new.shape[0], new.shape[1], new.shape[2], new.shape[3])
    let needed = start + time
    if let kept {
      let old = kept.rows.shape
      precondition(
        old[0] == batch * heads && kept.heads == heads && old[2] == width,
        "KeyValueCache.append: \(new.shape) after \(old) of \(kept.heads) heads: another batch, heads or head width")
    } else {
      kept = Kept(rows: .zeros(Shape(batch * heads, max(reserving, needed), width)), heads: heads)
    }
    if let old = kept?.rows, old.shape[1] < needed {
      var grown = Tensor.zeros(Shape(batch * heads, max(2 * old.shape[1], needed), width))
      grown.write(old, at: 0)
      kept = Kept(rows: grown, heads: heads)
    }
    let part = time == 1 ? new : new.permuted([0, 2, 1, 3])
    kept!.rows.write(part.reshaped(batch * heads, time, width), at: start)  // in place: the cache is the only owner
    return kept!.rows.reshaped(batch, heads, kept!.rows.shape[1], width)
  }
}
