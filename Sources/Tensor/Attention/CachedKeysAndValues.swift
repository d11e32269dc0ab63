/// The keys and values of the tokens so far, as a cache keeps them: the positions of a head follow one another, so that
/// a single query reads each head in one stream.
public struct CachedKeysAndValues: Sendable {
  /// `[batch, keyValueHeads, room, headWidth]`: `count` positions are there, the rest is room to grow.
  public let key: Tensor
  /// As `key`.
  public let value: Tensor
  /// How many tokens are kept.
  public let count: Int
  /// The position of the first of them. Those before are gone: they are outside the window of all queries to come.
  public let start: Int

  /// - Precondition: both have the four axes of `key`, with room for `count`.
  public init(key: Tensor, value: Tensor, count: Int, start: Int = 0) {
    precondition(
      key.rank == 4 && key.shape == value.shape && 0...key.shape[2] ~= count && start >= 0,
      "CachedKeysAndValues: key \(key.shape), value \(value.shape), \(count) tokens from \(start) on")
    (self.key, self.value, self.count, self.start) = (key, value, count, start)
  }

  /// The keys that are there, `[batch, count, keyValueHeads, headWidth]`; a copy.
  public var presentKeys: Tensor { key.slice(0..<count, axis: 2).permuted([0, 2, 1, 3]) }
  /// The values that are there, `[batch, count, keyValueHeads, headWidth]`; a copy.
  public var presentValues: Tensor { value.slice(0..<count, axis: 2).permuted([0, 2, 1, 3]) }

  /// How many keys attention meets at a time. Where keys are dropped in multiples of these, queries have the same bits as
  /// with all keys.
  package static var blockLength: Int { AttentionForwardWork.keysPerBlock(kernels.matmul) }

  /// A mask of all tokens as one of those that are kept.
  ///
  /// - Precondition: of `queryCount` queries, the last of the positions, none sees a token that is gone.
  package func kept(of mask: AttentionMask, queryCount: Int) -> AttentionMask {
    let first = start + count - queryCount
    precondition(
      start == 0 || mask.window.map { first - $0 >= start - 1 } ?? false,
      "attention of \(queryCount) queries over \(start + count) tokens: those before \(start) are gone, and the mask "
        + (mask.window.map { "sees the last \($0)" } ?? "has no window"))
    return mask.dropping(start)
  }

  /// A bias of all tokens as one of those that are kept.
  package func kept(of bias: Tensor?) -> Tensor? {
    start == 0 ? bias : bias?.slice(start..<start + count, axis: 2)
  }
}
