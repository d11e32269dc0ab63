/// Which keys a query may attend to: a value that is passed to attention.
///
/// Masks combine with `and`: a key must be allowed by each. A query without any allowed key attends to nothing: its
/// output is 0, and so are its gradients.
public struct AttentionMask: Sendable {
  /// Whether a query sees only keys at its own position and before.
  package private(set) var isCausal = false
  /// For each batch row, which keys may be seen; nil where all may.
  package private(set) var keptKeys: [[Bool]]?

  /// Every query sees every key.
  public static let none = AttentionMask()

  /// A query sees the keys at its own position and before. With fewer queries than keys, the queries are the last
  /// positions, as in decoding with a cache.
  public static let causal = AttentionMask(isCausal: true)

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
