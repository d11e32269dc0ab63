/// The merges of byte-pair encoding, applied best rank first and, among equals, leftmost first.
struct BytePairMerger: Sendable {
  private var ranks: PairTable
  private var results: [Int32] = []

  init(expectedCount: Int) {
    ranks = PairTable(minimumCapacity: expectedCount)
    results.reserveCapacity(expectedCount)
  }

  /// A merger whose merges have the ids of their results for ranks; all below `idBound` may come.
  init(idBound: Int, expectedCount: Int) {
    ranks = PairTable(minimumCapacity: expectedCount)
    results = (0..<idBound).map { Int32(truncatingIfNeeded: $0) }
  }

  /// Adds a merge whose rank is the id of its result.
  mutating func add(_ left: Int32, _ right: Int32, ranked result: Int32) {
    _ = ranks.insert(UInt32(bitPattern: result), for: UInt32(bitPattern: left), UInt32(bitPattern: right))
  }

  /// Adds the merge of the next rank. Returns whether it is new.
  mutating func add(_ left: Int32, _ right: Int32, into result: Int32) -> Bool {
    let rank = UInt32(truncatingIfNeeded: results.count)
    guard ranks.insert(rank, for: UInt32(bitPattern: left), UInt32(bitPattern: right)) == nil else { return false }
    results.append(result)
    return true
  }

  /// Merges `word.symbols` until no pair of neighbours has a merge. Takes O(n log n) for n symbols.
  func merge(_ word: inout MergeBuffer) {
    if word.symbols.count <= Self.shortWord {
      mergeByScanning(&word)
    } else {
      mergeByHeap(&word)
    }
  }

  // Looking through all pairs for each merge beats a heap on words of everyday length.
  static let shortWord = 24

  /// The plain form: finds the best pair among all, merges it, and starts again.
  func mergeByScanning(_ word: inout MergeBuffer) {
    word.ranks.removeAll(keepingCapacity: true)
    for index in word.symbols.indices.dropLast() {
      word.ranks.append(rank(word.symbols[index].id, word.symbols[index + 1].id))
    }
    while true {
      var (best, bestRank) = (0, PairTable.none)
      for index in word.ranks.indices where word.ranks[index] < bestRank {
        (best, bestRank) = (index, word.ranks[index])
      }
      guard bestRank != PairTable.none else { return }
      word.symbols[best].id = results[Int(bestRank)]
      word.symbols[best].length += word.symbols[best + 1].length
      word.symbols.remove(at: best + 1)
      word.ranks.remove(at: best)
      if best > 0 { word.ranks[best - 1] = rank(word.symbols[best - 1].id, word.symbols[best].id) }
      if best < word.ranks.count { word.ranks[best] = rank(word.symbols[best].id, word.symbols[best + 1].id) }
    }
  }

  /// The form for long words: a heap of candidates over a linked list of symbols.
  func mergeByHeap(_ word: inout MergeBuffer) {
    let count = word.symbols.count
    word.previous.removeAll(keepingCapacity: true)
    word.next.removeAll(keepingCapacity: true)
    word.heap.removeAll()
    for index in 0..<count {
      word.previous.append(Int32(truncatingIfNeeded: index - 1))
      word.next.append(index + 1 < count ? Int32(truncatingIfNeeded: index + 1) : -1)
    }
    for index in 0..<max(0, count - 1) {
      propose(index, index + 1, &word)
    }
    while let candidate = word.heap.popLeast() {
      let left = Int(candidate & 0xFFFF_FFFF)
      let right = Int(word.next[left])
      let rank = UInt32(candidate >> 32)
      // A candidate is stale when one of its two symbols has been merged since. One merged away has the id -1.
      guard word.symbols[left].id >= 0, right >= 0,
        self.rank(word.symbols[left].id, word.symbols[right].id) == rank
      else { continue }
      word.symbols[left].id = results[Int(rank)]
      word.symbols[left].length += word.symbols[right].length
      word.symbols[right].id = -1
      let after = Int(word.next[right])
      word.next[left] = Int32(truncatingIfNeeded: after)
      if after >= 0 {
        word.previous[after] = Int32(truncatingIfNeeded: left)
        propose(left, after, &word)
      }
      if word.previous[left] >= 0 { propose(Int(word.previous[left]), left, &word) }
    }
    word.symbols.removeAll { $0.id < 0 }
  }

  @inline(__always)
  private func rank(_ left: Int32, _ right: Int32) -> UInt32 {
    ranks.value(for: UInt32(bitPattern: left), UInt32(bitPattern: right))
  }

  private func propose(_ left: Int, _ right: Int, _ word: inout MergeBuffer) {
    let rank = rank(word.symbols[left].id, word.symbols[right].id)
    if rank != PairTable.none { word.heap.insert(UInt64(rank) << 32 | UInt64(left)) }
  }
}

/// The symbols of a word while they are merged, with room that is kept from word to word.
struct MergeBuffer {
  struct Symbol: Equatable {
    var id: Int32
    /// How many bytes of the word it stands for.
    var length: Int32
  }

  var symbols: [Symbol] = []
  fileprivate var ranks: [UInt32] = []
  fileprivate var previous: [Int32] = []
  fileprivate var next: [Int32] = []
  fileprivate var heap = Heap()
}

/// A binary heap of numbers, the least first.
private struct Heap {
  private var items: [UInt64] = []

  mutating func removeAll() {
    items.removeAll(keepingCapacity: true)
  }

  mutating func insert(_ item: UInt64) {
    items.append(item)
    var child = items.count - 1
    while child > 0, case let parent = (child - 1) / 2, item < items[parent] {
      items[child] = items[parent]
      child = parent
    }
    items[child] = item
  }

  mutating func popLeast() -> UInt64? {
    guard let least = items.first, let last = items.popLast() else { return nil }
    guard !items.isEmpty else { return least }
    var hole = 0
    while true {
      var child = 2 * hole + 1
      guard child < items.count else { break }
      if child + 1 < items.count && items[child + 1] < items[child] { child += 1 }
      guard items[child] < last else { break }
      items[hole] = items[child]
      hole = child
    }
    items[hole] = last
    return least
  }
}
