/// Byte pairs as SentencePiece has them: of all neighbours whose texts together are a piece, those with the best score
/// are joined first and, among equals, the leftmost.
struct SentencePieceBytePairs: Sendable {
  private let vocabulary: Vocabulary
  private let kinds: [SentencePieceModel.Kind]
  private let scores: [Float]
  private let kept: LongestMatcher?
  private let unknownID: Int32
  private let longestPiece: Int
  private let hasUnused: Bool

  init(_ model: SentencePieceModel, _ vocabulary: Vocabulary, unknownID: Int32) {
    (self.vocabulary, self.unknownID) = (vocabulary, unknownID)
    kinds = model.pieces.map(\.kind)
    scores = model.pieces.map(\.score)
    kept = model.matcherOfUserDefinedPieces()
    longestPiece = model.pieces.map(\.content.count).max() ?? 0
    hasUnused = kinds.contains(.unused)
  }

  private struct Symbol {
    var start: Int
    var end: Int
    var previous: Int
    var next: Int
    var isKept: Bool
  }

  private struct Pair {
    var score: Float
    var left: Int
    var right: Int
    var length: Int

    /// Whether this pair is joined before another.
    func precedes(_ other: Pair) -> Bool { score > other.score || score == other.score && left < other.left }
  }

  func cuts(of text: [UInt8], _ start: Int, _ end: Int) -> [PieceToken] {
    let keptLengths = kept?.lengths(in: text, start, end)
    var (symbols, index) = ([Symbol](), start)
    while index < end {
      let keptLength = keptLengths.map { Int($0[index - start]) } ?? 0
      let next = keptLength > 0 ? index + keptLength : scalar(in: text, at: index, before: end).next
      symbols.append(
        Symbol(
          start: index, end: next, previous: symbols.count - 1, next: next < end ? symbols.count + 1 : -1,
          isKept: keptLength > 0))
      index = next
    }
    var (agenda, joints) = (Agenda(), [ArraySlice<UInt8>: Int]())
    func consider(_ left: Int, _ right: Int) {
      guard left >= 0, right >= 0, !symbols[left].isKept, !symbols[right].isKept else { return }
      let (first, last) = (symbols[left].start, symbols[right].end)
      guard last - first <= longestPiece, case let id = vocabulary.id(of: text, first, last), id >= 0 else { return }
      switch kinds[Int(id)] {
      case .normal, .userDefined: break
      case .unused: joints[text[first..<last]] = symbols[left].end - first
      case .unknown, .control, .byte: return
      }
      agenda.insert(Pair(score: scores[Int(id)], left: left, right: right, length: last - first))
    }
    for right in symbols.indices.dropFirst() { consider(right - 1, right) }
    while let pair = agenda.removeFirst() {
      let (left, right) = (symbols[pair.left], symbols[pair.right])
      guard left.end > left.start, right.end > right.start, right.end - left.start == pair.length else { continue }
      symbols[pair.left].end = right.end
      symbols[pair.left].next = right.next
      if right.next >= 0 { symbols[right.next].previous = pair.left }
      symbols[pair.right].end = right.start
      consider(symbols[pair.left].previous, pair.left)
      consider(pair.left, symbols[pair.left].next)
    }
    var cuts: [PieceToken] = []
    index = symbols.isEmpty ? -1 : 0
    while index >= 0 {
      append(text, symbols[index].start, symbols[index].end, joints, to: &cuts)
      index = symbols[index].next
    }
    return cuts
  }

  /// Appends a piece or, if it is not in use, what it was joined from.
  private func append(
    _ text: [UInt8], _ start: Int, _ end: Int, _ joints: [ArraySlice<UInt8>: Int], to cuts: inout [PieceToken]
  ) {
    var open = [(start, end)]
    while let (start, end) = open.popLast() {
      let id = vocabulary.id(of: text, start, end)
      if hasUnused, id >= 0, kinds[Int(id)] == .unused, let joint = joints[text[start..<end]] {
        open.append((start + joint, end))
        open.append((start, start + joint))
        continue
      }
      let isFound = id >= 0 && [.normal, .userDefined, .unused].contains(kinds[Int(id)])
      cuts.append(
        PieceToken(
          id: isFound ? id : unknownID, start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end)))
    }
  }

  /// The pairs that may be joined, as a binary heap.
  private struct Agenda {
    private var pairs: [Pair] = []

    mutating func insert(_ pair: Pair) {
      var child = pairs.count
      pairs.append(pair)
      while child > 0, case let parent = (child - 1) / 2, pair.precedes(pairs[parent]) {
        pairs[child] = pairs[parent]
        child = parent
      }
      pairs[child] = pair
    }

    mutating func removeFirst() -> Pair? {
      guard let first = pairs.first, let last = pairs.popLast() else { return nil }
      guard !pairs.isEmpty else { return first }
      var parent = 0
      while case let left = 2 * parent + 1, left < pairs.count {
        let child = left + 1 < pairs.count && pairs[left + 1].precedes(pairs[left]) ? left + 1 : left
        guard pairs[child].precedes(last) else { break }
        pairs[parent] = pairs[child]
        parent = child
      }
      pairs[parent] = last
      return first
    }
  }
}
