/// A regular expression, of the kinds that tokenizers use, matched in time in proportion to text and expression.
///
/// It finds what a backtracking matcher finds: the leftmost match, by the first alternative that fits. It tries no state
/// at the same place twice, so no expression takes exponential time. What would need more than that (references to
/// groups, assertions about more than the next scalar, expressions that match nothing at all) is not read.
struct RegularExpression: Sendable {
  /// How an item is repeated beyond its least number: as often as possible, as seldom, or as often without giving back.
  enum Greed: Sendable { case greedy, lazy, possessive }

  indirect enum Node: Sendable {
    case set(ScalarSet)
    case sequence([Node])
    case alternatives([Node])
    case repeated(Node, least: Int, most: Int?, Greed)
    /// The next scalar is in the set; if negated, there is none or it is not.
    case ahead(ScalarSet, isNegated: Bool)
    case lineStart
    case lineEnd
  }

  fileprivate enum Instruction: Sendable {
    case set(ScalarSet)
    case all(ScalarSet, most: Int)
    case split(Int, Int)
    case jump(Int)
    case ahead(ScalarSet, isNegated: Bool)
    case lineStart
    case lineEnd
    case match
  }

  private var program: [Instruction] = []
  /// The bytes that a match may begin with.
  private var firstBytes = [Bool](repeating: false, count: 256)

  /// The most instructions; each place of a text that a match is looked for in takes a bit for each of them.
  static let sizeLimit = 512

  /// The expression of a tree that matches no empty text; nil where it is too large.
  init?(_ node: Node) {
    guard emit(node, isLast: true) else { return nil }
    program.append(.match)
    findFirstBytes()
  }

  /// - Parameter isLast: Whether the match ends with the node: then what is repeated never has to give back.
  private mutating func emit(_ node: Node, isLast: Bool = false) -> Bool {
    guard program.count < Self.sizeLimit else { return false }
    switch node {
    case .set(let set): program.append(.set(set))
    case .ahead(let set, let isNegated): program.append(.ahead(set, isNegated: isNegated))
    case .lineStart: program.append(.lineStart)
    case .lineEnd: program.append(.lineEnd)
    case .sequence(let nodes):
      for (index, node) in nodes.enumerated() where !emit(node, isLast: isLast && index == nodes.count - 1) {
        return false
      }
    case .alternatives(let nodes):
      var jumps: [Int] = []
      for node in nodes.dropLast() {
        let split = program.count
        program.append(.split(split + 1, 0))
        guard emit(node, isLast: isLast) else { return false }
        jumps.append(program.count)
        program.append(.jump(0))
        program[split] = .split(split + 1, program.count)
      }
      if let last = nodes.last, !emit(last, isLast: isLast) { return false }
      for jump in jumps { program[jump] = .jump(program.count) }
    case .repeated(let node, let least, let most, let greed):
      for _ in 0..<least where !emit(node) { return false }
      if case .set(let set) = node, greed == .possessive || greed == .greedy && isLast {
        program.append(.all(set, most: most.map { $0 - least } ?? .max))
        return true
      }
      return emitRest(node, most.map { $0 - least }, isLazy: greed == .lazy)
    }
    return true
  }

  private mutating func emitRest(_ node: Node, _ count: Int?, isLazy: Bool) -> Bool {
    var splits: [Int] = []
    for _ in 0..<(count ?? 1) {
      splits.append(program.count)
      program.append(.split(0, 0))
      guard emit(node) else { return false }
    }
    if count == nil { program.append(.jump(splits[0])) }
    for split in splits {
      program[split] = isLazy ? .split(program.count, split + 1) : .split(split + 1, program.count)
    }
    return true
  }

  private mutating func findFirstBytes() {
    var (open, seen) = ([0], Set<Int>())
    while let counter = open.popLast() {
      guard seen.insert(counter).inserted else { continue }
      switch program[counter] {
      case .set(let set): add(set)
      case .all(let set, _):
        add(set)
        open.append(counter + 1)
      case .split(let first, let second): open += [first, second]
      case .jump(let target): open.append(target)
      case .ahead, .lineStart, .lineEnd: open.append(counter + 1)
      case .match: break
      }
    }
  }

  private mutating func add(_ set: ScalarSet) {
    for byte in 0..<0x80 where set.contains(UInt32(byte)) { firstBytes[byte] = true }
    if !set.isASCII { for byte in 0x80..<0x100 { firstBytes[byte] = true } }
  }

  /// Calls `body` with what is found at `start..<end` of a text, in order.
  func forEachMatch(in text: [UInt8], _ start: Int, _ end: Int, _ body: (_ start: Int, _ end: Int) -> Void) {
    var matcher = Matcher(program: program, text: text, start: start, end: end)
    var index = start
    while index < end {
      guard firstBytes[Int(text[index])] else {
        index += 1
        continue
      }
      matcher.forget(before: index)
      if let matchEnd = matcher.matchEnd(from: index), matchEnd > index {
        body(index, matchEnd)
        index = matchEnd
      } else {
        index = scalar(in: text, at: index, before: end).next
      }
    }
  }
}

private struct Matcher {
  let program: [RegularExpression.Instruction]
  let text: [UInt8]
  let start: Int
  let end: Int
  // The states that were tried, from `base` on: where they led to no match, they never will.
  private var tried: [UInt64] = []
  private var base: Int
  private let wordsPerPlace: Int
  private var stack: [(counter: Int, index: Int)] = []

  init(program: [RegularExpression.Instruction], text: [UInt8], start: Int, end: Int) {
    (self.program, self.text, self.start, self.end, base) = (program, text, start, end, start)
    wordsPerPlace = (program.count + 63) / 64
  }

  /// Drops what is known of places before `index`, once it is the greater part.
  mutating func forget(before index: Int) {
    let words = (index - base) * wordsPerPlace
    guard words >= max(4096, tried.count - words) else { return }
    tried.removeFirst(min(words, tried.count))
    base = index
  }

  /// Marks a state as tried. Returns whether it is new.
  @inline(__always)
  private mutating func tryOnce(_ counter: Int, _ index: Int) -> Bool {
    let word = (index - base) * wordsPerPlace + counter >> 6
    if word >= tried.count {
      tried.append(contentsOf: repeatElement(0, count: word - tried.count + 64 * wordsPerPlace))
    }
    let bit = UInt64(1) << UInt64(counter & 63)
    guard tried[word] & bit == 0 else { return false }
    tried[word] |= bit
    return true
  }

  mutating func matchEnd(from first: Int) -> Int? {
    stack.removeAll(keepingCapacity: true)
    stack.append((0, first))
    while let state = stack.popLast() {
      if let end = follow(state.counter, state.index) { return end }
    }
    return nil
  }

  private mutating func follow(_ counter: Int, _ index: Int) -> Int? {
    var (counter, index) = (counter, index)
    while true {
      guard tryOnce(counter, index) else { return nil }
      switch program[counter] {
      case .set(let set):
        guard index < end, case let (value, next) = scalar(in: text, at: index, before: end), set.contains(value) else {
          return nil
        }
        index = next
      case .all(let set, let most):
        var count = 0
        while count < most, index < end, case let (value, next) = scalar(in: text, at: index, before: end),
          set.contains(value)
        {
          (index, count) = (next, count + 1)
        }
      case .split(let first, let second):
        stack.append((second, index))
        counter = first
        continue
      case .jump(let target):
        counter = target
        continue
      case .ahead(let set, let isNegated):
        let holds = index < end && set.contains(scalar(in: text, at: index, before: end).value)
        guard holds != isNegated else { return nil }
      case .lineStart:
        guard index == start || text[index - 1] == 0x0A else { return nil }
      case .lineEnd:
        guard index == end || text[index] == 0x0A else { return nil }
      case .match:
        return index
      }
      counter += 1
    }
  }
}
