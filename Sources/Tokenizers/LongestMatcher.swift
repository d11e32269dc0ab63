/// Finds some byte strings in a text: the leftmost first and, among those that begin together, the longest.
///
/// Aho and Corasick, "Efficient string matching: an aid to bibliographic search" (1975), with strings and text read from
/// their ends: the automaton then tells at each byte the longest string that begins there, so that no byte is read again
/// whatever was found. Takes time in proportion to the text, and 14 bytes for each byte of the strings at most.
struct LongestMatcher: Sendable {
  // Nodes in the order of their depths, so that those below a node are next to each other; the root is 0.
  private var firstChildren: [UInt32] = []
  private var bytes: [UInt8] = [0]
  // The node of the longest proper prefix of what was read that is a node.
  private var failures: [UInt32] = [0]
  // The longest string that ends what was read; -1 for none.
  private var longest: [Int32] = [-1]
  private var rootChildren = [UInt32](repeating: 0, count: 256)
  private let lengths: [Int32]
  private let greatestLength: Int

  /// How many bytes are looked through at once, besides the greatest length of a string.
  private static let stretch = 1 << 13

  /// - Parameter strings: They are not empty, and have less than 2 GiB together. Of equal ones the first counts.
  init(_ strings: [[UInt8]]) {
    lengths = strings.map { Int32(truncatingIfNeeded: $0.count) }
    greatestLength = strings.map(\.count).max() ?? 0
    addNodes(strings)
  }

  private mutating func addNodes(_ strings: [[UInt8]]) {
    let order = strings.indices.sorted { Self.precedes($0, $1, strings) }
    // The strings of each node of one depth, as a range of `order`.
    var (level, depth, node) = ([0..<order.count], 0, 0)
    while !level.isEmpty {
      var below: [Range<Int>] = []
      for range in level {
        firstChildren.append(UInt32(truncatingIfNeeded: bytes.count))
        var start = range.lowerBound
        // Strings that end here come before those that go on.
        while start < range.upperBound, strings[order[start]].count == depth { start += 1 }
        while start < range.upperBound {
          let byte = Self.byte(strings[order[start]], depth)
          var end = start + 1
          while end < range.upperBound, Self.byte(strings[order[end]], depth) == byte { end += 1 }
          let failure = node == 0 ? 0 : next(failures[node], byte)
          let child = UInt32(truncatingIfNeeded: bytes.count)
          if node == 0 { rootChildren[Int(byte)] = child }
          bytes.append(byte)
          failures.append(failure)
          let isWhole = strings[order[start]].count == depth + 1
          longest.append(isWhole ? Int32(truncatingIfNeeded: order[start]) : longest[Int(failure)])
          below.append(start..<end)
          start = end
        }
        node += 1
      }
      (level, depth) = (below, depth + 1)
    }
    firstChildren.append(UInt32(truncatingIfNeeded: bytes.count))
  }

  /// Whether a string, read from its end, comes before another, or is equal to it and the first of the two.
  private static func precedes(_ a: Int, _ b: Int, _ strings: [[UInt8]]) -> Bool {
    var (left, right) = (strings[a].count, strings[b].count)
    while left > 0 && right > 0 {
      (left, right) = (left - 1, right - 1)
      let (first, second) = (strings[a][left], strings[b][right])
      if first != second { return first < second }
    }
    return left == right ? a < b : left < right
  }

  private static func byte(_ string: [UInt8], _ depth: Int) -> UInt8 { string[string.count - 1 - depth] }

  /// The node after another when a byte is read.
  @inline(__always)
  private func next(_ node: UInt32, _ byte: UInt8) -> UInt32 {
    var node = node
    while node != 0 {
      var (first, end) = (Int(firstChildren[Int(node)]), Int(firstChildren[Int(node) + 1]))
      while end - first > 1 {
        let middle = (first + end) / 2
        if bytes[middle] <= byte { first = middle } else { end = middle }
      }
      if first < end && bytes[first] == byte { return UInt32(truncatingIfNeeded: first) }
      node = failures[Int(node)]
    }
    return rootChildren[Int(byte)]
  }

  /// For each place of a part of a text the length of the longest string that begins there; 0 for none.
  func lengths(in text: [UInt8], _ start: Int, _ end: Int) -> [Int32] {
    var (found, node) = ([Int32](repeating: 0, count: end - start), UInt32(0))
    for index in (start..<end).reversed() {
      node = next(node, text[index])
      if case let string = longest[Int(node)], string >= 0 { found[index - start] = lengths[Int(string)] }
    }
    return found
  }

  /// Calls `body` with each string that is found, which stands at `start..<end` of the text.
  func forEachMatch(in text: [UInt8], _ body: (_ string: Int, _ start: Int, _ end: Int) -> Void) {
    guard !lengths.isEmpty else { return }
    var (stretchStart, free, found) = (0, 0, [(start: Int, string: Int32)]())
    while stretchStart < text.count {
      let stretchEnd = min(text.count, stretchStart + Self.stretch + greatestLength)
      found.removeAll(keepingCapacity: true)
      var node: UInt32 = 0
      // What begins in the stretch ends before this.
      var index = min(text.count, stretchEnd + greatestLength)
      while index > stretchStart {
        index -= 1
        node = next(node, text[index])
        if node != 0, index < stretchEnd, case let string = longest[Int(node)], string >= 0 {
          found.append((index, string))
        }
      }
      for (start, string) in found.reversed() where start >= free {
        free = start + Int(lengths[Int(string)])
        body(Int(string), start, free)
      }
      stretchStart = stretchEnd
    }
  }
}
