/// Which keys a query may attend to: a value that is passed to attention.
///
/// Masks combine with `and`: a key must be allowed by each. A query without any allowed key attends to nothing: its
/// output is 0, and so are its gradients.
public struct AttentionMask: Sendable {
  /// Whether a query sees only keys at its own position and before.
  package private(set) var isCausal = false
  /// How many keys a causal query sees at most: its own position's and those right before it; nil where all before.
  package private(set) var window: Int?
  /// For each batch row, which keys may be seen; nil where all may.
  package private(set) var keptKeys: [[Bool]]?
  /// For each batch row, the first key that may be seen; nil where it is the first of all.
  package private(set) var firstKeys: [Int]?

  /// Every query sees every key.
  public static let none = AttentionMask()

  /// A query sees the keys at its own position and before. With fewer queries than keys, the queries are the last
  /// positions, as in decoding with a cache.
  public static let causal = AttentionMask(isCausal: true)

  /// As `causal`, but a query sees only the last `window` of these keys, its own position's among them: the sliding window
  /// of Mistral (Jiang et al. 2023). Blocks of keys before the window cost nothing.
  public static func causal(window: Int) -> AttentionMask {
    precondition(window > 0, "AttentionMask.causal: a window of \(window) keys")
    return AttentionMask(isCausal: true, window: window)
  }

  /// Keys marked false are seen by no query: padding. One row of marks for each batch row, one mark for each key.
  public static func keeping(_ keys: [[Bool]]) -> AttentionMask { AttentionMask(keptKeys: keys) }

  /// Rows whose first `lengths[row]` keys are real, of `count` keys.
  public static func lengths(_ lengths: [Int], of count: Int) -> AttentionMask {
    keeping(lengths.map { length in (0..<count).map { $0 < length } })
  }

  /// Rows whose keys before `starts[row]` are padding, however many keys follow: unlike `keeping` it does not change while
  /// texts grow. Blocks of keys before them cost nothing.
  public static func starting(at starts: [Int]) -> AttentionMask {
    precondition(starts.allSatisfy { $0 >= 0 }, "AttentionMask.starting: at \(starts)")
    return AttentionMask(firstKeys: starts)
  }

  /// The mask of other rows: row `i` is what row `rows[i]` was.
  package func selecting(rows: [Int]) -> AttentionMask {
    var result = self
    result.keptKeys = keptKeys.map { kept in rows.map { kept[$0] } }
    result.firstKeys = firstKeys.map { first in rows.map { first[$0] } }
    return result
  }

  /// The mask of the keys from `start` on, as if they were all.
  package func dropping(_ start: Int) -> AttentionMask {
    guard start > 0, keptKeys != nil || firstKeys != nil else { return self }
    var result = self
    result.keptKeys = keptKeys?.map { Array($0.dropFirst(start)) }
    result.firstKeys = firstKeys?.map { max(0, $0 - start) }
    return result
  }

  /// Whether some keys may be padding.
  var hasPadding: Bool { keptKeys != nil || firstKeys != nil }

  /// Whether the query at `position` of a batch row sees a key.
  package func sees(_ key: Int, from position: Int, row: Int) -> Bool {
    (!isCausal || key <= position) && window.map { key > position - $0 } ?? true && key >= firstKeys?[row] ?? 0
      && keptKeys?[row][key] ?? true
  }

  /// Whether the mask is of `batch` rows of `keys` keys, where it is of any.
  package func fits(batch: Int, keys: Int) -> Bool {
    keptKeys.map { $0.count == batch && $0.allSatisfy { $0.count == keys } } ?? true
      && firstKeys.map { $0.count == batch } ?? true
  }

  /// Both masks at once.
  public func and(_ other: AttentionMask) -> AttentionMask {
    var result = self
    result.isCausal = isCausal || other.isCausal
    result.window = [window, other.window].compactMap { $0 }.min()
    if let mine = keptKeys, let theirs = other.keptKeys {
      precondition(
        mine.count == theirs.count && zip(mine, theirs).allSatisfy { $0.count == $1.count },
        "AttentionMask.and: masks of different shapes")
      result.keptKeys = zip(mine, theirs).map { zip($0, $1).map { $0 && $1 } }
    } else {
      result.keptKeys = keptKeys ?? other.keptKeys
    }
    if let mine = firstKeys, let theirs = other.firstKeys {
      precondition(mine.count == theirs.count, "AttentionMask.and: masks of different shapes")
      result.firstKeys = zip(mine, theirs).map { max($0, $1) }
    } else {
      result.firstKeys = firstKeys ?? other.firstKeys
    }
    return result
  }
}
