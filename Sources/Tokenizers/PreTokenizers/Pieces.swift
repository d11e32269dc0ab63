/// A normalized text and its pieces, within which tokens are looked for. Pieces are in order, apart and not empty.
struct Pieces {
  struct Piece: Equatable {
    var start: Int
    var end: Int
  }

  private(set) var text: AlignedText
  private(set) var pieces: [Piece]

  init(_ text: AlignedText) {
    (self.text, pieces) = (text, text.bytes.isEmpty ? [] : [Piece(start: 0, end: text.bytes.count)])
  }

  /// Cuts each piece further. `cut` is given the piece's bounds and appends its parts.
  mutating func recut(_ cut: (_ text: [UInt8], _ piece: Piece, _ pieces: inout [Piece]) -> Void) {
    var new: [Piece] = []
    new.reserveCapacity(pieces.count)
    for piece in pieces { cut(text.bytes, piece, &new) }
    pieces = new
  }

  /// Writes each piece anew. `write` appends the piece's new text; what is between pieces is dropped.
  mutating func rewrite(
    _ write: (_ text: [UInt8], _ piece: Piece, _ isAtStart: Bool, _ new: inout AlignedText.Rewriting) -> Void
  ) {
    let (old, oldText) = (pieces, text)
    var new: [Piece] = []
    new.reserveCapacity(old.count)
    text.rewrite { bytes, rewriting in
      for piece in old {
        let start = rewriting.count
        write(bytes, piece, oldText.span(at: piece.start).start == 0, &rewriting)
        if rewriting.count > start { new.append(Piece(start: start, end: rewriting.count)) }
      }
    }
    pieces = new
  }
}

/// What becomes of the places where a text is cut.
enum CutBehavior: String, Sendable {
  case removed = "Removed"
  case isolated = "Isolated"
  case mergedWithPrevious = "MergedWithPrevious"
  case mergedWithNext = "MergedWithNext"
  case contiguous = "Contiguous"
}

extension Pieces {
  /// Cuts where a pattern is found or, if inverted, where it is not.
  mutating func cut(at pattern: TextPattern, _ behavior: CutBehavior, isInverted: Bool = false) {
    recut { text, piece, pieces in
      var cutter = Cutter(behavior)
      var gap = piece.start
      pattern.forEachMatch(in: text, piece.start, piece.end) { start, end in
        if gap < start { cutter.take(gap, start, isMatch: isInverted, &pieces) }
        cutter.take(start, end, isMatch: !isInverted, &pieces)
        gap = end
      }
      if gap < piece.end { cutter.take(gap, piece.end, isMatch: isInverted, &pieces) }
      cutter.finish(&pieces)
    }
  }
}

/// Applies a behavior to matches and what is between them, which come in order and without gaps.
private struct Cutter {
  private let behavior: CutBehavior
  private var open: Pieces.Piece?
  private var wasMatch = false

  init(_ behavior: CutBehavior) { self.behavior = behavior }

  @inline(__always)
  mutating func take(_ start: Int, _ end: Int, isMatch: Bool, _ pieces: inout [Pieces.Piece]) {
    let joins: Bool
    switch behavior {
    case .isolated:
      pieces.append(Pieces.Piece(start: start, end: end))
      return
    case .removed:
      if !isMatch { pieces.append(Pieces.Piece(start: start, end: end)) }
      return
    case .contiguous: joins = isMatch == wasMatch
    case .mergedWithPrevious: joins = isMatch && !wasMatch
    // Of several matches in a row only the last goes with what follows.
    case .mergedWithNext: joins = wasMatch && !isMatch
    }
    wasMatch = isMatch
    if joins, open != nil {
      open?.end = end
    } else {
      finish(&pieces)
      open = Pieces.Piece(start: start, end: end)
    }
  }

  mutating func finish(_ pieces: inout [Pieces.Piece]) {
    if let piece = open { pieces.append(piece) }
    open = nil
  }
}
