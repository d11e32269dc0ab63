/// Words or characters as SentencePiece has them: each is a piece as it stands, or unknown.
struct SentencePieceWholes: Sendable {
  private let vocabulary: Vocabulary
  private let unknownID: Int32
  private let kinds: [SentencePieceModel.Kind]
  private let cutsWords: Bool
  private let kept: LongestMatcher?

  init(_ model: SentencePieceModel, _ vocabulary: Vocabulary, unknownID: Int32) {
    (self.vocabulary, self.unknownID) = (vocabulary, unknownID)
    kinds = model.pieces.map(\.kind)
    cutsWords = model.algorithm == .words
    kept = cutsWords ? nil : model.matcherOfUserDefinedPieces()
  }

  private static let mark: [UInt8] = [0xE2, 0x96, 0x81]

  func cuts(of text: [UInt8], _ start: Int, _ end: Int) -> [PieceToken] {
    let keptLengths = kept?.lengths(in: text, start, end)
    var (cuts, from) = ([PieceToken](), start)
    while from < end {
      var next = scalar(in: text, at: from, before: end).next
      if cutsWords {
        while next < end, !text.holds(Self.mark, at: next, before: end) { next += 1 }
      } else if let keptLengths, keptLengths[from - start] > 0 {
        next = from + Int(keptLengths[from - start])
      }
      let id = vocabulary.id(of: text, from, next)
      let isFound = id >= 0 && [.normal, .userDefined].contains(kinds[Int(id)])
      cuts.append(
        PieceToken(
          id: isFound ? id : unknownID, start: Int32(truncatingIfNeeded: from), end: Int32(truncatingIfNeeded: next)))
      from = next
    }
    return cuts
  }
}
