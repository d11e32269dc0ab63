/// Which neighbours any merge can ever join, by the scalars on both sides of the boundary between them.
///
/// Where no merge can, a long piece is cut: its parts are merged apart, with the same result.
struct JoinTable: Sendable {
  private var firstScalars: [UInt32] = []
  private var lastScalars: [UInt32] = []
  private var pairs = PairTable()

  init(_ vocabulary: Vocabulary) {
    firstScalars = [UInt32](repeating: 0, count: vocabulary.idBound)
    lastScalars = firstScalars
    vocabulary.forEachToken { id, bytes, start, end in
      firstScalars[id] = scalar(in: bytes, at: start, before: end).value
      let last = scalarStart(in: bytes, endingAt: end, notBefore: start)
      lastScalars[id] = scalar(in: bytes, at: last, before: end).value
    }
  }

  /// Learns that a merge joins two tokens.
  mutating func add(_ left: Int32, _ right: Int32) {
    _ = pairs.insert(1, for: lastScalars[Int(left)], firstScalars[Int(right)])
  }

  /// Whether any merge joins what ends with one token to what starts with another.
  @inline(__always)
  func joins(_ left: Int32, _ right: Int32) -> Bool {
    pairs.value(for: lastScalars[Int(left)], firstScalars[Int(right)]) != PairTable.none
  }
}
