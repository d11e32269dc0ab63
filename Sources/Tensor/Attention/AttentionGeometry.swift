/// Where the heads of attention lie in memory, and which keys a query sees.
///
/// Queries, keys and values are read as they lie: head `h` of position `t` of batch row `b` begins at
/// `start + b * batchStride + t * rowStride + h * headStride`. So the three may be parts of one projection, and the keys
/// may be a cache with room to grow.
package struct AttentionGeometry: Sendable {
  package struct Part: Sendable {
    package var start: Int
    package var rowStride: Int
    package var batchStride: Int
    package var headStride: Int

    func start(row: Int, head: Int) -> Int { start + row * batchStride + head * headStride }
  }

  package var batch: Int
  package var queryCount: Int
  package var keyCount: Int
  package var headCount: Int
  package var keyValueHeadCount: Int
  package var headWidth: Int
  package var query: Part
  package var key: Part
  package var value: Part
  /// Scores are multiplied by this: `1 / sqrt(headWidth)` as a rule.
  package var scale: Float
  package var mask: AttentionMask

  /// Query heads that share a key-value head.
  package var groupSize: Int { headCount / keyValueHeadCount }
  /// Whether its products are worth packing for tile registers, where a kernel set has them. The bits of a query then are
  /// those of one among many.
  package var paysInTiles: Bool {
    queryCount >= 128 && keyCount >= 128 && headWidth >= 32 && headWidth <= 1024  // what `canMultiply` counts with
  }
  /// The axes of the output: `[batch, queryCount, headCount * headWidth]`.
  var outputShape: Shape { Shape(batch, queryCount, headCount * headWidth) }

  /// The axes of a bias: `[headCount, queryCount, keyCount]`.
  var biasShape: Shape { Shape(headCount, queryCount, keyCount) }

  /// Where the biases of query `query` of head `head` begin, from key `firstKey` on.
  func biasStart(head: Int, query: Int, firstKey: Int) -> Int {
    (head * queryCount + query) * keyCount + firstKey
  }

  /// One past the last key that query `query` of batch row `row` may see. It depends on no key beyond, so that a query
  /// has the same bits whatever follows.
  func keyLimit(query: Int, row: Int) -> Int {
    let causal = mask.isCausal ? keyCount - queryCount + query + 1 : keyCount
    guard let kept = mask.keptKeys?[row] else { return causal }
    return (kept[..<causal].lastIndex(of: true) ?? -1) + 1
  }

  /// The first key that query `query` of batch row `row` may see: those before it are padding or outside its window.
  func firstKey(query: Int, row: Int) -> Int {
    Swift.max(mask.window.map { keyCount - queryCount + query + 1 - $0 } ?? 0, mask.firstKeys?[row] ?? 0, 0)
  }

  /// How many of the keys `from..<from + seen` are before the first that query `query` may see.
  func hidden(query: Int, row: Int, from: Int, seen: Int) -> Int {
    Swift.min(seen, Swift.max(0, firstKey(query: query, row: row) - from))
  }

  /// One past the last query that may see key `key` or one before it.
  func lastSeeing(key: Int) -> Int {
    mask.window.map { Swift.min(queryCount, Swift.max(0, key - (keyCount - queryCount) + $0)) } ?? queryCount
  }

  /// The first query that may see key `key` or one after it.
  func firstSeeing(key: Int) -> Int { mask.isCausal ? Swift.max(0, key - (keyCount - queryCount)) : 0 }

  /// One past the last key that any query of a row may see.
  func lastKept(_ row: Int) -> Int {
    guard let kept = mask.keptKeys?[row] else { return keyCount }
    return (kept.lastIndex(of: true) ?? -1) + 1
  }

  /// Sets the scores of masked keys to -infinity. `scores` holds keys `firstKey..<firstKey + count`.
  func maskPadding(_ scores: Target, row: Int, firstKey: Int, count: Int) {
    guard let kept = mask.keptKeys?[row] else { return }
    for j in 0..<count where !kept[firstKey + j] { scores[j] = -.infinity }
  }

  /// The padded ones of keys `firstKey..<firstKey + count`, counted from `firstKey`. What they hold must not be
  /// multiplied, not even by 0: it may be NaN.
  func padded(row: Int, firstKey: Int, count: Int) -> [Int] {
    let first = Swift.min(count, (mask.firstKeys?[row] ?? 0) - firstKey)
    guard let kept = mask.keptKeys?[row] else { return Array(0..<Swift.max(first, 0)) }
    return (0..<count).filter { $0 < first || !kept[firstKey + $0] }
  }

  /// How many of keys `firstKey..<firstKey + count` are padded where those are the first of them; nil where others are.
  func leadingPadding(row: Int, firstKey: Int, count: Int) -> Int? {
    var first = Swift.max(0, Swift.min(count, (mask.firstKeys?[row] ?? 0) - firstKey))
    guard let kept = mask.keptKeys?[row] else { return first }
    while first < count && !kept[firstKey + first] { first += 1 }
    return (first..<count).allSatisfy { kept[firstKey + $0] } ? first : nil
  }
}
