import Foundation

/// Learns a unigram model: many substrings first, then those are dropped that the text can best do without.
///
/// Kudo, "Subword regularization" (2018), section 3.2, with the choices of the reference library, so that the same pieces
/// are learned: which substrings there are at first (`SubstringCounts`), how counts become scores, what a piece's loss is, how
/// many go at a time. Sums run over words in the order of their bytes, so that the result is the same each time.
struct UnigramTrainer {
  typealias Piece = (text: [UInt8], score: Double)

  private let words: [(word: [UInt8], count: Int)]
  /// The text's characters, in the order of Unicode.
  private let characters: [[UInt8]]
  /// In the order of their worth where some were dropped: those that no text can do without, then by their loss.
  private(set) var pieces: [Piece]

  /// The longest piece, in scalars, and the most pieces to begin with.
  private static let (longest, seedLimit) = (16, 1_000_000)

  init(words: [(word: [UInt8], count: Int)]) {
    self.words = words
    var counts: [UInt32: Int] = [:]
    for (word, count) in words {
      for scalar in scalars(of: word) { counts[scalar, default: 0] += count }
    }
    characters = counts.keys.sorted().map { utf8($0) }
    // Zero stands between words, and is in none of the first pieces.
    var weights = counts.filter { $0.key != 0 }.map { (text: utf8($0.key), weight: $0.value) }
      .sorted { $0.weight != $1.weight ? $0.weight > $1.weight : $1.text.lexicographicallyPrecedes($0.text) }
    let substrings = SubstringCounts(words.map(\.word), longest: Self.longest)
    weights += substrings.heaviest(max(0, Self.seedLimit - weights.count))
    let total = log(Double(weights.reduce(0) { $0 + $1.weight }))
    pieces = weights.map { ($0.text, log(Double($0.weight)) - total) }
  }

  /// Drops pieces until `size` are left, `reserved` of them for tokens that are not learned; characters all stay.
  mutating func train(to size: Int, reserving reserved: Int) {
    // More than are wanted, one of them for unknown text.
    let target = size * 11 / 10 - 1
    while true {
      for _ in 0..<2 { maximize(expectedCounts()) }
      guard pieces.count > target else { break }
      let count = pieces.count
      prune(to: max(target, (count + 1) * 3 / 4 - 1))
      guard pieces.count < count else { break }
    }
    // Characters that were dropped for being rare come back, with the least score.
    let least = pieces.map(\.score).min() ?? 0
    var scores: [[UInt8]: Double] = [:]
    for piece in pieces { scores[piece.text] = piece.score }
    var (kept, rank) = ([Piece](), 0.0)
    for text in characters {
      if let score = scores[text] {
        kept.append((text, score))
      } else {
        kept.append((text, least + 1e-4 * rank))
        rank += 1
      }
    }
    let known = Set(characters)
    kept += pieces.lazy.filter { !known.contains($0.text) }.prefix(max(0, size - reserved - kept.count))
    pieces = kept.sorted { $0.score != $1.score ? $0.score > $1.score : $0.text.lexicographicallyPrecedes($1.text) }
  }

  /// How often each piece occurs, over all ways to cut each word by their probabilities.
  private func expectedCounts() -> [Double] {
    let lattice = Lattice(pieces)
    var expected = [Double](repeating: 0, count: pieces.count + 1)
    for (word, count) in words {
      var spans: [(start: Int, end: Int, id: Int)] = []
      lattice.forEachSpan(of: word) { spans.append(($0, $1, $2)) }
      var forward = [Double](repeating: -.infinity, count: word.count + 1)
      var backward = forward
      (forward[0], backward[word.count]) = (0, 0)
      for span in spans {
        forward[span.end] = logSum(forward[span.end], forward[span.start] + lattice.scores[span.id])
      }
      for span in spans.reversed() {
        backward[span.start] = logSum(backward[span.start], backward[span.end] + lattice.scores[span.id])
      }
      let whole = forward[word.count]
      for span in spans {
        expected[span.id] +=
          Double(count) * exp(forward[span.start] + lattice.scores[span.id] + backward[span.end] - whole)
      }
    }
    return expected
  }

  /// New scores from counts; pieces that hardly occur go. The digamma function takes the place of the logarithm, which
  /// makes rare pieces rarer.
  private mutating func maximize(_ expected: [Double]) {
    let kept = zip(pieces, expected).filter { $0.1 >= 0.5 }
    let total = digamma(kept.reduce(0) { $0 + $1.1 })
    pieces = kept.map { ($0.0.text, digamma($0.1) - total) }
  }

  /// Keeps the pieces whose loss would cost the text most.
  private mutating func prune(to size: Int) {
    let lattice = Lattice(pieces)
    var frequencies = [Double](repeating: 0, count: pieces.count + 1)
    for (word, count) in words {
      for id in lattice.best(word).ids { frequencies[id] += Double(count) }
    }
    let total = frequencies.reduce(0, +)
    var ranked: [(id: Int, loss: Double)] = []
    var kept: [Int] = []
    for (id, piece) in pieces.enumerated() {
      let other = lattice.best(piece.text, without: id)
      let frequency = frequencies[id]
      // Nothing takes the place of a character.
      guard other.score.isFinite, frequency == 0 || other.score <= piece.score else {
        kept.append(id)
        continue
      }
      guard frequency > 0 else { continue }
      // What the text's logarithm loses if the pieces of the next best cut occur in this one's place.
      let all = log(total + frequency * Double(other.ids.count - 1))
      let instead = other.ids.reduce(0) { $0 + log(frequencies[$1] + frequency) - all }
      ranked.append((id, frequency * (log(frequency) - log(total) - instead)))
    }
    ranked.sort { $0.loss != $1.loss ? $0.loss > $1.loss : $0.id < $1.id }
    pieces = (kept + ranked.prefix(max(0, size - kept.count)).map(\.id)).map { pieces[$0] }
  }
}

/// The ways to cut a text into pieces; a character that is no piece is one for unknown text, which counts little.
private struct Lattice {
  private var trie: ByteTrie
  /// Those of the pieces, and that of the one for unknown text.
  let scores: [Double]

  init(_ pieces: [UnigramTrainer.Piece]) {
    trie = ByteTrie(expectedCount: pieces.count * 2)
    for (id, piece) in pieces.enumerated() { trie.add(piece.text, id: Int32(truncatingIfNeeded: id)) }
    let scores = pieces.map(\.score)
    self.scores = scores + [(scores.min() ?? 0) - 10]
  }

  /// Calls `body` with each piece that stands in a text, in the order of their starts.
  func forEachSpan(of text: [UInt8], _ body: (_ start: Int, _ end: Int, _ id: Int) -> Void) {
    var start = 0
    while start < text.count {
      var next = start + 1
      while next < text.count, text[next] & 0xC0 == 0x80 { next += 1 }
      var (node, end, isKnown) = (ByteTrie.root, start, false)
      while end < text.count, let child = trie.child(of: node, text[end]) {
        (node, end) = (child, end + 1)
        let id = trie.id(at: node)
        guard id >= 0 else { continue }
        if end == next { isKnown = true }
        body(start, end, Int(id))
      }
      if !isKnown { body(start, next, scores.count - 1) }
      start = next
    }
  }

  /// The cut with the greatest sum of scores; of equal ones that whose last piece is longer.
  func best(_ text: [UInt8], without excluded: Int? = nil) -> (ids: [Int], score: Double) {
    var arrivals = [(score: Double, start: Int, id: Int)](repeating: (-.infinity, 0, -1), count: text.count + 1)
    arrivals[0].score = 0
    forEachSpan(of: text) { start, end, id in
      let score = arrivals[start].score + scores[id]
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

private func logSum(_ a: Double, _ b: Double) -> Double {
  let (large, small) = (max(a, b), min(a, b))
  return small == -.infinity ? large : large + log1p(exp(small - large))
}

/// The derivative of the logarithm of the gamma function, by its recurrence and its asymptotic series.
private func digamma(_ value: Double) -> Double {
  var (x, result) = (value, 0.0)
  while x < 7 {
    result -= 1 / x
    x += 1
  }
  x -= 0.5
  let (x2, x4) = (1 / (x * x), 1 / (x * x * x * x))
  return result + log(x) + x2 / 24 - 7 * x4 / 960 + 31 * x4 * x2 / 8064 - 127 * x4 * x4 / 30720
}
