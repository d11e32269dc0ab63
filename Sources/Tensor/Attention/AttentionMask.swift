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
    return result
  }
}
