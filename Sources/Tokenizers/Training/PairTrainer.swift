/// Learns merges: of all neighbours in all words those that occur most often are joined, again and again.
///
/// Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units" (2016), algorithm 1, with the
/// ties of the reference library: among pairs that occur equally often, the one with the least ids.
struct PairTrainer {
  struct Pair: Hashable {
    var left: Int32
    var right: Int32
  }

  private var words: [[Int32]]
  private let counts: [Int]
  private var pairCounts: [Pair: Int] = [:]
  private var queue = Queue()
  private(set) var tokens: [[UInt8]]
  private var idOfToken: [[UInt8]: Int32]
  /// The merges in the order of their ranks; a pair that comes again takes its later rank.
  private var rankOfPair: [Pair: Int] = [:]
  /// What tokens start with that go on within a word, and lose when they are joined to another.
  private let prefix: [UInt8]

  /// - Parameters:
  ///   - tokens: Those that are there from the start, in the order of their ids.
  ///   - words: Each as the ids of its characters, and how often it occurs.
  init(tokens: [[UInt8]], words: [(symbols: [Int32], count: Int)], prefix: [UInt8]) {
    (self.tokens, self.prefix) = (tokens, prefix)
    idOfToken = [:]
    for (id, token) in tokens.enumerated() { idOfToken[token] = Int32(truncatingIfNeeded: id) }
    self.words = words.map(\.symbols)
    counts = words.map(\.count)
    var places: [Pair: [Int32]] = [:]
    for (index, word) in self.words.enumerated() {
      for (left, right) in zip(word, word.dropFirst()) {
        let pair = Pair(left: left, right: right)
        pairCounts[pair, default: 0] += counts[index]
        Self.insert(index, pair, &places)
      }
    }
    for (pair, words) in places { queue.insert(Queue.Entry(pair: pair, count: pairCounts[pair] ?? 0, words: words)) }
  }

  private static func insert(_ word: Int, _ pair: Pair, _ places: inout [Pair: [Int32]]) {
    let word = Int32(truncatingIfNeeded: word)
    if places[pair]?.last != word { places[pair, default: []].append(word) }
  }

  /// Joins until there are `size` tokens, or no pair occurs `minimum` times that together is no longer than a token may be.
  mutating func train(to size: Int, minimum: Int) {
    var step = 0
    while tokens.count < size, var top = queue.removeFirst() {
      let count = pairCounts[top.pair] ?? 0
      guard top.count == count else {
        // Other merges took some of its places since.
        top.count = count
        queue.insert(top)
        continue
      }
      guard count >= max(minimum, 1) else { return }
      let (left, right) = (tokens[Int(top.pair.left)], tokens[Int(top.pair.right)])
      guard left.count + right.count <= WordPieceModel.longestToken else { continue }
      rankOfPair[top.pair] = step
      step += 1
      join(top.pair, in: top.words, into: token(of: top.pair))
    }
  }

  private mutating func token(of pair: Pair) -> Int32 {
    let token = tokens[Int(pair.left)] + tokens[Int(pair.right)].dropFirst(prefix.count)
    if let id = idOfToken[token] { return id }
    let id = Int32(truncatingIfNeeded: tokens.count)
    idOfToken[token] = id
    tokens.append(token)
    return id
  }

  private mutating func join(_ pair: Pair, in places: [Int32], into id: Int32) {
    var found: [Pair: [Int32]] = [:]
    for place in places {
      let (index, count) = (Int(place), counts[Int(place)])
      var (old, new) = (words[index], [Int32]())
      swap(&words[index], &new)
      new.removeAll(keepingCapacity: true)
      var position = 0
      while position < old.count {
        guard old[position] == pair.left, position + 1 < old.count, old[position + 1] == pair.right else {
          new.append(old[position])
          position += 1
          continue
        }
        if let before = new.last {
          pairCounts[Pair(left: before, right: pair.left), default: 0] -= count
          let joined = Pair(left: before, right: id)
          pairCounts[joined, default: 0] += count
          Self.insert(index, joined, &found)
        }
        if position + 2 < old.count {
          let after = old[position + 2]
          pairCounts[Pair(left: pair.right, right: after), default: 0] -= count
          let joined = Pair(left: id, right: after)
          pairCounts[joined, default: 0] += count
          Self.insert(index, joined, &found)
        }
        new.append(id)
        position += 2
      }
      old = []
      words[index] = new
    }
    for (pair, words) in found {
      guard let count = pairCounts[pair], count > 0 else { continue }
      queue.insert(Queue.Entry(pair: pair, count: count, words: words))
    }
  }

  /// The merges in the order of their ranks, as tokens.
  var merges: [(left: [UInt8], right: [UInt8])] {
    rankOfPair.sorted { $0.value < $1.value }.map { (tokens[Int($0.key.left)], tokens[Int($0.key.right)]) }
  }

  /// Pairs that may be joined, the most frequent first and, among equals, the one with the least ids.
  private struct Queue {
    struct Entry {
      var pair: Pair
      var count: Int
      var words: [Int32]

      func precedes(_ other: Entry) -> Bool {
        count != other.count
          ? count > other.count : (pair.left, pair.right) < (other.pair.left, other.pair.right)
      }
    }

    private var entries: [Entry] = []

    mutating func insert(_ entry: Entry) {
      var child = entries.count
      entries.append(entry)
      while child > 0, case let parent = (child - 1) / 2, entry.precedes(entries[parent]) {
        entries.swapAt(child, parent)
        child = parent
      }
    }

    mutating func removeFirst() -> Entry? {
      guard !entries.isEmpty else { return nil }
      entries.swapAt(0, entries.count - 1)
      let first = entries.removeLast()
      var parent = 0
      while case var child = 2 * parent + 1, child < entries.count {
        if child + 1 < entries.count, entries[child + 1].precedes(entries[child]) { child += 1 }
        guard entries[child].precedes(entries[parent]) else { break }
        entries.swapAt(child, parent)
        parent = child
      }
      return first
    }
  }
}
