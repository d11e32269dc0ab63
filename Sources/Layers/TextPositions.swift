import Tensor

/// Where the tokens of a batch stand in their texts, where that is not the same for every row: behind padding on the left,
/// or as a caller says.
public struct TextPositions: Sendable, Equatable {
  /// A position for each token, none negative: `[batch, time]`. Those of padding say nothing.
  public let places: TokenBatch
  /// How many tokens each row's text has so far, which the frequencies of some rotary scalings depend on: more than any
  /// position of the row.
  public let lengths: [Int]

  /// Positions of texts.
  ///
  /// - Parameter lengths: one for each row; for every row one more than the largest position of all unless given.
  public init(_ places: TokenBatch, lengths: [Int]? = nil) {
    let least = (0..<places.batch).map { row in
      Int(places.ids[row * places.time..<(row + 1) * places.time].max() ?? -1) + 1
    }
    let lengths = lengths ?? least.map { _ in least.max() ?? 0 }
    precondition(
      places.ids.allSatisfy { $0 >= 0 } && lengths.count == places.batch && zip(lengths, least).allSatisfy(>=),
      "TextPositions: \(places.batch) rows up to \(least), lengths \(lengths)")
    (self.places, self.lengths) = (places, lengths)
  }

  /// Those of rows whose first tokens are padding.
  ///
  /// - Parameters:
  ///   - padding: how many tokens of each row, counted from the very first, are padding; their position is 0.
  ///   - tokens: which tokens of the rows these are, padding included.
  public init(behind padding: [Int], tokens: Range<Int>) {
    let places = padding.flatMap { padding in tokens.map { Int32(truncatingIfNeeded: max(0, $0 - padding)) } }
    self.init(
      TokenBatch(places, batch: padding.count, time: tokens.count),
      lengths: padding.map { max(1, tokens.upperBound - $0) })
  }

  /// How many positions a model must have.
  public var limit: Int { lengths.max() ?? 0 }

  /// The rows of a table of positions, `[positions, width]`: `[batch, time, width]`.
  ///
  /// - Parameter offset: the row of the position 0.
  public func rows(of table: Tensor, from offset: Int = 0) -> Tensor {
    table.rows(at: offset == 0 ? places.ids : places.ids.map { $0 + Int32(truncatingIfNeeded: offset) })
      .reshaped(places.batch, places.time, table.shape[1])
  }

  /// Whether the tokens of each row stand one after the other, but for those at 0, which may be padding.
  public var areConsecutive: Bool {
    places.ids.indices.allSatisfy { i in
      i % places.time == 0 || places.ids[i] == 0 || places.ids[i] == places.ids[i - 1] + 1
    }
  }

  /// Whether these are positions for tokens of this batch.
  public func fit(_ tokens: TokenBatch) -> Bool { places.batch == tokens.batch && places.time == tokens.time }
}
