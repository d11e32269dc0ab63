import Foundation

/// Learns a unigram model: many substrings first, then those are dropped that the text can best do without.
///
/// Kudo, "Subword regularization" (2018), section 3.2. Sums run over words in the order of their bytes, so that the result
/// is the same each time.
struct UnigramTrainer {
  typealias Piece = (text: [UInt8], score: Double)

  private let words: [(word: [UInt8], count: Int)]
  private let characters: Set<[UInt8]>
  private(set) var pieces: [Piece]

  /// The longest piece, in scalars, and the most pieces to begin with.
  private static let (longest, seedLimit) = (16, 1_000_000)

  init(words: [(word: [UInt8], count: Int)]) {
    self.words = words
    var (counts, characters): ([[UInt8]: Int], [[UInt8]: Int]) = ([:], [:])
    for (word, count) in words {
      let starts = word.indices.filter { word[$0] & 0xC0 != 0x80 } + [word.count]
      for first in 0..<(starts.count - 1) {
        characters[Array(word[starts[first]..<starts[first + 1]]), default: 0] += count
        for last in (first + 2)..<max(first + 2, min(first + Self.longest + 1, starts.count)) {
          counts[Array(word[starts[first]..<starts[last]]), default: 0] += count
        }
      }
      // Rare substrings give way where there are too many; words come in a fixed order.
      if counts.count > 4 * Self.seedLimit { counts = counts.filter { $0.value > 1 } }
    }
    self.characters = Set(characters.keys)
    let ranked = counts.filter { $0.value > 1 }.map { (text: $0.key, weight: $0.value * scalarCount(of: $0.key[...])) }
      .sorted { $0.weight != $1.weight ? $0.weight > $1.weight : $0.text.lexicographicallyPrecedes($1.text) }
    var weights = characters.map { (text: $0.key, weight: $0.value) }
      .sorted { $0.text.lexicographicallyPrecedes($1.text) }
    weights += ranked.prefix(Self.seedLimit)
    let total = log(Double(weights.reduce(0) { $0 + $1.weight }))
    pieces = weights.map { ($0.text, log(Double($0.weight)) - total) }
  }

  /// Drops pieces until `size` are left; single characters all stay.
  mutating func train(to size: Int) {
    let target = max(size * 11 / 10, characters.count)
    while true {
      for _ in 0..<2 { maximize(expectedCounts()) }
      guard pieces.count > target else { break }
      prune(to: max(target, pieces.count * 3 / 4))
    }
    let order = pieces.sorted {
      $0.score != $1.score ? $0.score > $1.score : $0.text.lexicographicallyPrecedes($1.text)
    }
    // Characters that were dropped for being rare come back, with the least score.
    var kept: [Piece] = order.filter { characters.contains($0.text) }
    let known = Set(kept.map(\.text))
    let least = order.last?.score ?? 0
    for (rank, text) in characters.subtracting(known).sorted(by: { $0.lexicographicallyPrecedes($1) }).enumerated() {
      kept.append((text, least - 1e-4 * Double(rank + 1)))
    }
    kept += order.filter { !characters.contains($0.text) }.prefix(max(0, size - kept.count))
    pieces = kept.sorted { $0.score != $1.score ? $0.score > $1.score : $0.text.lexicographicallyPrecedes($1.text) }
  }

  private var trie: ByteTrie {
    var trie = ByteTrie(expectedCount: pieces.count * 2)
    for (id, piece) in pieces.enumerated() { trie.add(piece.text, id: Int32(truncatingIfNeeded: id)) }
    return trie
  }

  /// Calls `body` with each piece that stands in a text, in the order of their starts.
  private static func forEachPiece(
    of trie: ByteTrie, in text: [UInt8], _ body: (_ start: Int, _ end: Int, _ id: Int) -> Void
  ) {
    for start in text.indices where text[start] & 0xC0 != 0x80 {
      var (node, end) = (ByteTrie.root, start)
      while end < text.count, let child = trie.child(of: node, text[end]) {
        (node, end) = (child, end + 1)
        let id = trie.id(at: node)
        if id >= 0 { body(start, end, Int(id)) }
      }
    }
  }

  private static func logSum(_ a: Double, _ b: Double) -> Double {
    let (large, small) = (max(a, b), min(a, b))
    return small == -.infinity ? large : large + log1p(exp(small - large))
  }

  /// How often each piece occurs, over all ways to cut each word by their probabilities.
  private func expectedCounts() -> [Double] {
    let trie = trie
    var expected = [Double](repeating: 0, count: pieces.count)
    for (word, count) in words {
      var spans: [(start: Int, end: Int, id: Int)] = []
      Self.forEachPiece(of: trie, in: word) { spans.append(($0, $1, $2)) }
      var forward = [Double](repeating: -.infinity, count: word.count + 1)
      var backward = forward
      (forward[0], backward[word.count]) = (0, 0)
      for span in spans {
        forward[span.end] = Self.logSum(forward[span.end], forward[span.start] + pieces[span.id].score)
      }
      for span in spans.reversed() {
        backward[span.start] = Self.logSum(backward[span.start], backward[span.end] + pieces[span.id].score)
      }
      let whole = forward[word.count]
      guard whole.isFinite else { continue }
      for span in spans {
        expected[span.id] +=
          Double(count) * exp(forward[span.start] + pieces[span.id].score + backward[span.end] - whole)
      }
    }
    return expected
  }

  /// New scores from counts; pieces that hardly occur go. The digamma function takes the place of the logarithm, which
  /// makes rare pieces rarer.
  private mutating func maximize(_ expected: [Double]) {
    var kept: [(piece: Piece, count: Double)] = []
    for (piece, count) in zip(pieces, expected) where count >= 0.5 || characters.contains(piece.text) {
      kept.append((piece, max(count, 0.1)))
    }
    let total = Self.digamma(kept.reduce(0) { $0 + $1.count })
    pieces = kept.map { ($0.piece.text, Self.digamma($0.count) - total) }
  }

  /// The derivative of the logarithm of the gamma function, by its recurrence and its asymptotic series.
  private static func digamma(_ value: Double) -> Double {
    var (x, result) = (value, 0.0)
    while x < 7 {
      result -= 1 / x
      x += 1
    }
    x -= 0.5
    let (x2, x4) = (1 / (x * x), 1 / (x * x * x * x))
    return result + log(x) + x2 / 24 - 7 * x4 / 960 + 31 * x4 * x2 / 8064 - 127 * x4 * x4 / 30720
  }

  /// Keeps the pieces whose loss would cost the text most.
  private mutating func prune(to size: Int) {
    let trie = trie
    var frequencies = [Double](repeating: 0, count: pieces.count)
    for (word, count) in words {
      for id in best(word, trie, without: nil).ids { frequencies[id] += Double(count) }
    }
    let total = frequencies.reduce(0, +)
    var ranked: [(id: Int, loss: Double)] = []
    var kept: [Int] = []
    for (id, piece) in pieces.enumerated() {
      guard !characters.contains(piece.text) else {
        kept.append(id)
        continue
      }
      let other = best(piece.text, trie, without: id)
      guard frequencies[id] > 0 || !other.score.isFinite else { continue }
      // What the text's logarithm loses if the piece's own cut takes its place.
      let loss = other.score.isFinite ? frequencies[id] / total * (piece.score - other.score) : .infinity
      ranked.append((id, loss))
    }
    ranked.sort { $0.loss != $1.loss ? $0.loss > $1.loss : $0.id < $1.id }
    let ids = Set(kept + ranked.prefix(max(0, size - kept.count)).map(\.id))
    pieces = pieces.enumerated().filter { ids.contains($0.offset) }.map(\.element)
  }

  private func best(_ text: [UInt8], _ trie: ByteTrie, without excluded: Int?) -> (ids: [Int], score: Double) {
    var arrivals = [(score: Double, start: Int, id: Int)](repeating: (-.infinity, 0, -1), count: text.count + 1)
    arrivals[0].score = 0
    Self.forEachPiece(of: trie, in: text) { start, end, id in
      let score = arrivals[start].score + pieces[id].score
      if id != excluded, score > arrivals[end].score { arrivals[end] = (score, start, id) }
    }
    guard arrivals[text.count].score.isFinite else { return ([], -.infinity) }
    var (ids, index) = ([Int](), text.count)
    while index > 0 {
      ids.append(arrivals[index].id)
      index = arrivals[index].start
    }
    return (ids.reversed(), arrivals[text.count].score)
  }
}
