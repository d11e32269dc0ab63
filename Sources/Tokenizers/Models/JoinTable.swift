/// Which neighbours any merge can ever join, by the scalars on both sides of the boundary between them.
///
/// Where no merge can, a long piece is cut: its parts are merged apart, with the same result.
struct JoinTable: Sendable {
  private var pairs = PairTable()

  /// Learns that a merge joins a token that ends with one scalar to a token that begins with another.
  mutating func add(_ last: UInt32, _ first: UInt32) { _ = pairs.insert(1, for: last, first) }

  /// Whether any merge joins what ends with one token of a vocabulary to what starts with another.
  @inline(__always)
  func joins(_ left: Int32, _ right: Int32, _ vocabulary: Vocabulary) -> Bool {
    pairs.value(for: vocabulary.lastScalar(of: left), vocabulary.firstScalar(of: right)) != PairTable.none
  }
}
