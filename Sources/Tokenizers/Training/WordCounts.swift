import Formats

/// How often each word of a text occurs: all that training needs of it.
struct WordCounts: Sendable {
  private(set) var counts: [[UInt8]: Int] = [:]
  private var byteCount = 0

  /// The most bytes that distinct words may have together.
  private static let limit = 1 << 30

  mutating func add(_ word: ArraySlice<UInt8>) throws(InputError) {
    let word = Array(word)
    if counts[word, default: 0] == 0 {
      byteCount += word.count + 64
      guard byteCount <= Self.limit else {
        throw InputError(.budget, "The text has too many different words to learn from", advice: "Use less of it.")
      }
    }
    counts[word, default: 0] += 1
  }

  /// The words in the order of their bytes, so that nothing depends on the order in which they came.
  var sorted: [(word: [UInt8], count: Int)] {
    counts.map { (word: $0.key, count: $0.value) }.sorted { $0.word.lexicographicallyPrecedes($1.word) }
  }
}
