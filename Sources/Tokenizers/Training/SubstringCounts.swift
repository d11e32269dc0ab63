/// The substrings that occur more than once in a list of words, each with how often: those alone after which words go on
/// differently, for a shorter one of the same occurrences says nothing more.
///
/// They are the inner nodes of the words' suffix tree, found by sorting all suffixes and comparing neighbours
/// (Abouelhoda, Kurtz and Ohlebusch, "Replacing suffix trees with enhanced suffix arrays", 2004, algorithm 4.1).
struct SubstringCounts {
  /// Where one of the occurrences begins, how long they are in scalars, and their number times that length.
  private var substrings: [(start: Int, length: Int, weight: Int)] = []
  /// The scalars of all words, with a zero after each.
  private var text: [UInt32] = []

  /// - Parameter longest: The longest substring that counts, in scalars; the shortest has two.
  init(_ words: [[UInt8]], longest: Int) {
    for word in words { text += scalars(of: word) + [0] }
    let text = text
    // As many scalars as tell substrings apart; nothing goes on after a zero.
    func firstDifference(_ a: Int, _ b: Int) -> Int {
      var length = 0
      while length <= longest, text[a + length] == text[b + length] {
        length += 1
        if text[a + length - 1] == 0 { break }
      }
      return length
    }
    let suffixes = text.indices.filter { text[$0] != 0 }.sorted { a, b in
      let length = firstDifference(a, b)
      if length > longest || length > 0 && text[a + length - 1] == 0 { return a < b }
      return text[a + length] < text[b + length]
    }
    // Runs of suffixes that share a beginning, which are nested in each other.
    var open: [(length: Int, first: Int)] = []
    for end in suffixes.indices.dropFirst() + [suffixes.count] where end > 0 {
      let shared = end < suffixes.count ? firstDifference(suffixes[end - 1], suffixes[end]) : 0
      var first = end - 1
      while let run = open.last, run.length > shared {
        open.removeLast()
        first = run.first
        let start = suffixes[first]
        guard 2...longest ~= run.length, text[start + run.length - 1] != 0 else { continue }
        substrings.append((start, run.length, (end - first) * run.length))
      }
      if shared > open.last?.length ?? 0 { open.append((shared, first)) }
    }
  }

  /// The substrings of the greatest weight, which is how often they occur times their length; among equals the last by
  /// their scalars come first.
  func heaviest(_ count: Int) -> [(text: [UInt8], weight: Int)] {
    func scalars(_ substring: (start: Int, length: Int, weight: Int)) -> ArraySlice<UInt32> {
      text[substring.start..<substring.start + substring.length]
    }
    let sorted = substrings.sorted { a, b in
      a.weight != b.weight ? a.weight > b.weight : scalars(b).lexicographicallyPrecedes(scalars(a))
    }
    return sorted.prefix(count).map { (scalars($0).flatMap { utf8($0) }, $0.weight) }
  }
}

/// A scalar in UTF-8.
func utf8(_ scalar: UInt32) -> [UInt8] {
  var bytes: [UInt8] = []
  append(scalar, to: &bytes)
  return bytes
}
