/// The keys and values of the tokens so far, as a cache keeps them: the positions of a head follow one another, so that
/// a single query reads each head in one stream.
public struct CachedKeysAndValues: Sendable {
  /// `[batch, keyValueHeads, room, headWidth]`: `count` positions are there, the rest is room to grow.
  public let key: Tensor
  /// As `key`.
  public let value: Tensor
  /// How many tokens there are.
  public let count: Int

  /// - Precondition: both have the four axes of `key`, with room for `count`.
  public init(key: Tensor, value: Tensor, count: Int) {
    precondition(
      key.rank == 4 && key.shape == value.shape && 0...key.shape[2] ~= count,
      "CachedKeysAndValues: key \(key.shape), value \(value.shape), \(count) tokens")
    (self.key, self.value, self.count) = (key, value, count)
  }

  /// The keys that are there, `[batch, count, keyValueHeads, headWidth]`; a copy.
  public var presentKeys: Tensor { key.slice(0..<count, axis: 2).permuted([0, 2, 1, 3]) }
  /// The values that are there, `[batch, count, keyValueHeads, headWidth]`; a copy.
  public var presentValues: Tensor { value.slice(0..<count, axis: 2).permuted([0, 2, 1, 3]) }
}
