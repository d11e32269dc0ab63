import Tensor

/// The keys and values of the tokens that a decoder has seen, for each layer.
///
/// Room grows by doubling, or is reserved at once; a token then takes no new memory. A layer whose queries see the last
/// tokens only keeps as many as its window asks for, and some more so that tokens move rarely. A cache is a value: a copy
/// of it is another continuation of the same beginning.
public struct KeyValueCache: Sendable {
  private struct Layer: Sendable {
    var key: Kept?
    var value: Kept?
    /// The position of the first token that is kept.
    var start = 0
    /// How many of the last tokens a query sees; nil where all.
    var window: Int?
  }
  private var layers: [Layer]
  private let reserved: Int
  /// How many tokens the cache has been given and not forgotten, whether or not a layer keeps all of them.
  public private(set) var length = 0

  /// As many of the last tokens, where the cache is longest, can be forgotten again in any case.
  public static let forgettableCount = 64

  /// An empty cache for a number of layers, with room for `capacity` tokens.
  public init(layerCount: Int, capacity: Int = 64) {
    layers = Array(repeating: Layer(), count: layerCount)
    reserved = max(capacity, 1)
  }

  /// Adds the keys and values of the pass's tokens, `[batch, time, heads, headWidth]`, for one layer.
  ///
  /// - Parameter window: how many of the last tokens, its own among them, a query of this layer sees, now and later; all
  ///   unless given.
  /// - Returns: all keys and values that the queries of the pass's tokens see, and perhaps more.
  public mutating func append(
    layer index: Int, key: Tensor, value: Tensor, window: Int? = nil
  ) -> CachedKeysAndValues {
    precondition(
      layers.indices.contains(index) && key.shape == value.shape && key.rank == 4 && window ?? 1 > 0,
      "KeyValueCache.append: key \(key.shape), value \(value.shape), layer \(index) of \(layers.count)")
    precondition(
      key.trace == nil && value.trace == nil,
      "KeyValueCache.append: no gradient flows through a cache; use a pass without one inside valueAndGradient")
    let start = layers[index].start, time = key.shape[1], end = length + time
    let most = window.flatMap(KeyValueCache.room)
    layers[index].window = window
    let held = layers[index].key?.room ?? 0
    if end - start <= held || most == nil {
      let room = end - start <= held ? held : max(held == 0 ? reserved : 2 * held, end - start)
      return add(key, value, to: index, dropping: 0, room: room, at: start)
    }
    // What no query from now on sees may go.
    let first = max(start, firstKept(at: length, window: window))
    if let most, end - first > most {
      return pass(key, value, through: index, from: first, room: most)
    }
    let wanted = min(held == 0 ? reserved : end - first <= held ? held : 2 * held, most ?? .max)
    layers[index].start = first
    return add(key, value, to: index, dropping: first - start, room: max(wanted, end - first), at: first)
  }

  /// Adds to what a layer keeps.
  ///
  /// - Parameters:
  ///   - dropped: how many of the first tokens go.
  ///   - room: the room that is then there.
  private mutating func add(
    _ key: Tensor, _ value: Tensor, to index: Int, dropping dropped: Int, room: Int, at start: Int
  ) -> CachedKeysAndValues {
    let kept = length - start
    func add(_ new: Tensor, to place: inout Kept?) -> Tensor {
      Kept.prepare(&place, for: new, keeping: dropped..<dropped + kept, room: room)
      place!.write(new, at: kept)  // in place: the cache is the only owner
      return place!.all
    }
    return CachedKeysAndValues(
      key: add(key, to: &layers[index].key), value: add(value, to: &layers[index].value), count: kept + key.shape[1],
      start: start)
  }

  /// Takes more tokens than a layer keeps: they are all there for this pass, and the last of them stay.
  private mutating func pass(
    _ key: Tensor, _ value: Tensor, through index: Int, from start: Int, room: Int
  ) -> CachedKeysAndValues {
    let old = layers[index].start, end = length + key.shape[1]
    let next = max(start, firstKept(at: end, window: layers[index].window))
    let kept = length - start
    func pass(_ new: Tensor, through place: inout Kept?) -> Tensor {
      var all = place
      Kept.prepare(&all, for: new, keeping: start - old..<start - old + kept, room: end - start)
      all!.write(new, at: kept)
      Kept.prepare(&place, for: new, keeping: 0..<0, room: room)
      place!.rows.write(all!.rows, positions: next - start..<end - start, at: 0)
      return all!.all
    }
    layers[index].start = next
    return CachedKeysAndValues(
      key: pass(key, through: &layers[index].key), value: pass(value, through: &layers[index].value),
      count: end - start, start: start)
  }

  /// The first token that a layer keeps for queries from a position on, and for those of a few tokens before, which may be
  /// forgotten again: one that begins a block of attention, so that queries have the bits that all keys give them.
  private func firstKept(at position: Int, window: Int?) -> Int {
    guard let window else { return 0 }
    let block = CachedKeysAndValues.blockLength
    return max(0, position + 1 - window - KeyValueCache.forgettableCount) / block * block
  }

  /// The most tokens that a layer keeps: besides those that it must, a quarter of the window, so that for each token which
  /// is added about five are moved at most. Nil for a window that is as good as none.
  package static func room(window: Int) -> Int? {
    guard window < 1 << 40 else { return nil }
    let block = CachedKeysAndValues.blockLength
    return window + forgettableCount + block + max(window / 4, block)
  }

  /// Counts the tokens of a pass, when all layers have added theirs.
  public mutating func advance(by count: Int) {
    precondition(count >= 0, "KeyValueCache.advance: by \(count) tokens")
    length += count
  }

  /// The fewest tokens that `truncate` can leave: a layer with a window does not keep what a query after fewer would see.
  public var fewestTokens: Int {
    layers.lazy.map { $0.start == 0 ? 0 : $0.start + ($0.window ?? 1) - 1 }.max() ?? 0
  }

  /// Forgets all tokens but the first `count`, at least `fewestTokens`.
  public mutating func truncate(to count: Int) {
    precondition(0...length ~= count, "KeyValueCache.truncate: \(count) of \(length) tokens")
    precondition(
      count >= fewestTokens,
      "KeyValueCache.truncate: \(count) tokens; of those before a sliding window so many are gone that at least "
        + "\(fewestTokens) must stay")
    length = count
  }

  /// Continues other texts: row `i` of the batch becomes what row `rows[i]` was. There may be more rows than before, or
  /// fewer.
  public mutating func select(rows: [Int]) {
    for index in layers.indices {
      guard let key = layers[index].key, let value = layers[index].value else { continue }
      let count = length - layers[index].start
      layers[index].key = key.selecting(rows: rows, positions: count)
      layers[index].value = value.selecting(rows: rows, positions: count)
    }
  }
}

/// Keys or values of one layer.
private struct Kept: Sendable {
  /// `[batch * heads, room, headWidth]`
  var rows: Tensor
  let heads: Int

  /// How many positions there can be.
  var room: Int { rows.shape[1] }
  /// `[batch, heads, room, headWidth]`
  var all: Tensor { rows.reshaped(rows.shape[0] / heads, heads, room, rows.shape[2]) }

  func selecting(rows batchRows: [Int], positions: Int) -> Kept {
    let parts = batchRows.flatMap { row in (0..<heads).map { row * heads + $0 } }
    return Kept(rows: rows.selecting(rows: parts, positions: positions), heads: heads)
  }

  /// Makes room, and moves the positions that are kept to its beginning.
  ///
  /// - Parameter new: what will be written: `[batch, time, heads, headWidth]`.
  static func prepare(_ kept: inout Kept?, for new: Tensor, keeping positions: Range<Int>, room: Int) {
    let (batch, heads, width) = (new.shape[0], new.shape[2], new.shape[3])
    if let old = kept?.rows.shape, let oldHeads = kept?.heads {
      precondition(
        old[0] == batch * heads && oldHeads == heads && old[2] == width,
        "KeyValueCache.append: \(new.shape) after \(old) of \(oldHeads) heads: another batch, heads or head width")
    }
    if kept?.room == room {
      if positions.lowerBound > 0 { kept!.rows.moveToFront(positions) }
      return
    }
    var moved = Kept(rows: .zeros(Shape(batch * heads, room, width)), heads: heads)
    if let old = kept?.rows, !positions.isEmpty { moved.rows.write(old, positions: positions, at: 0) }
    kept = moved
  }

  /// Writes `[batch, time, heads, headWidth]` at the position `start`.
  mutating func write(_ new: Tensor, at start: Int) {
    let (batch, time, heads, width) = (new.shape[0], new.shape[1], new.shape[2], new.shape[3])
    let part = time == 1 ? new : new.permuted([0, 2, 1, 3])
    rows.write(part.reshaped(batch * heads, time, width), at: start)
  }
}
