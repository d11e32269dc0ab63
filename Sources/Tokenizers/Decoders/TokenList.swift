/// Tokens one after the other, flat in memory, so that no token of its own is on the heap.
struct TokenList: Sendable {
  /// All tokens' bytes.
  var bytes: [UInt8] = []
  /// Where each token ends.
  private(set) var ends: [Int] = []

  var count: Int { ends.count }

  /// Where a token's bytes stand.
  @inline(__always)
  subscript(index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

  /// Where the token begins that is being written at the end of `bytes`.
  var openStart: Int { ends.last ?? 0 }

  /// Ends the token that was written at the end of `bytes`.
  mutating func endToken() { ends.append(bytes.count) }

  mutating func append(_ token: some Collection<UInt8>) {
    bytes.append(contentsOf: token)
    endToken()
  }

  /// Forgets all tokens, but keeps their room.
  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }
}
