extension RegularExpression {
  /// Reads an expression in the syntax of Oniguruma, as far as tokenizers use it; nil for what is not implemented.
  init?(_ text: String) {
    guard text.utf8.count <= 4096 else { return nil }
    var parser = Parser(scalars: Array(text.unicodeScalars))
    guard let node = parser.alternatives(), parser.isAtEnd, !node.isNullable else { return nil }
    self.init(node)
  }
}

extension RegularExpression.Node {
  /// Whether it matches an empty text.
  fileprivate var isNullable: Bool {
    switch self {
    case .set: false
    case .ahead, .lineStart, .lineEnd: true
    case .sequence(let nodes): nodes.allSatisfy(\.isNullable)
    case .alternatives(let nodes): nodes.contains(where: \.isNullable)
    case .repeated(let node, let least, _, _): least == 0 || node.isNullable
    }
  }

  /// Whether it matches a fixed number of scalars in one way: then it may be repeated without end.
  fileprivate var isFixed: Bool {
    switch self {
    case .set: true
    case .sequence(let nodes): !nodes.isEmpty && nodes.allSatisfy(\.isFixed)
    case .repeated(let node, let least, let most, _): least > 0 && least == most && node.isFixed
    case .alternatives, .ahead, .lineStart, .lineEnd: false
    }
  }
}

/// Reads a regular expression from front to back. Everything gives nil where it meets what is not implemented.
private struct Parser {
  typealias Node = RegularExpression.Node

  let scalars: [Unicode.Scalar]
  private var index = 0
  private var depth = 0
  private var foldsCase = false

  init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

  var isAtEnd: Bool { index == scalars.count }

  private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  private mutating func take(_ text: String) -> Bool {
    let expected = Array(text.unicodeScalars)
    guard scalars[index...].starts(with: expected) else { return false }
    index += expected.count
    return true
  }

  mutating func alternatives() -> Node? {
    guard depth < 16 else { return nil }
    depth += 1
    defer { depth -= 1 }
    var branches: [Node] = []
    repeat {
      guard let branch = sequence() else { return nil }
      branches.append(branch)
    } while take("|")
    return branches.count == 1 ? branches[0] : .alternatives(branches)
  }

  private mutating func sequence() -> Node? {
    var items: [Node] = []
    while let scalar = next, scalar != "|", scalar != ")" {
      if foldsCase && startsLigature { return nil }
      guard let item = item(), let repeated = repetition(of: item) else { return nil }
      items.append(repeated)
    }
    return items.count == 1 ? items[0] : .sequence(items)
  }

  /// Whether two letters follow for which, without regard to case, a single scalar stands too (`ss`, `st`, `fi`).
  private var startsLigature: Bool {
    guard index + 1 < scalars.count else { return false }
    let pair = String(String.UnicodeScalarView(scalars[index...index + 1])).lowercased()
    return ["ss", "st", "ff", "fi", "fl"].contains(pair)
  }

  private mutating func item() -> Node? {
    if take("(?!") { return ahead(isNegated: true) }
    if take("(?=") { return ahead(isNegated: false) }
    if take("(?i:") {
      let outer = foldsCase
      foldsCase = true
      defer { foldsCase = outer }
      return group()
    }
    if take("(?:") { return group() }
    if take("(?") { return nil }
    if take("(") { return group() }
    if take("[") { return bracket().map { .set($0) } }
    if take("^") { return .lineStart }
    if take("$") { return .lineEnd }
    if take(".") { return .set(.dot) }
    if take("\\") { return escape(inBrackets: false).map { .set($0) } }
    guard let scalar = next, !"*+?{})]".unicodeScalars.contains(scalar) else { return nil }
    index += 1
    return literal(scalar.value).map { .set($0) }
  }

  /// A scalar as it stands; beyond ASCII, letters that differ by case alone are not known.
  private func literal(_ value: UInt32) -> ScalarSet? {
    foldsCase && value >= 0x80 ? nil : ScalarSet(value, foldingCase: foldsCase)
  }

  private mutating func group() -> Node? {
    guard let node = alternatives(), take(")") else { return nil }
    return node
  }

  private mutating func ahead(isNegated: Bool) -> Node? {
    guard case .set(let set)? = group() else { return nil }
    return .ahead(set, isNegated: isNegated)
  }

  private mutating func repetition(of node: Node) -> Node? {
    let bounds: (least: Int, most: Int?)
    var isInterval = false
    if take("*") {
      bounds = (0, nil)
    } else if take("+") {
      bounds = (1, nil)
    } else if take("?") {
      bounds = (0, 1)
    } else if take("{") {
      guard let interval = interval() else { return nil }
      (bounds, isInterval) = (interval, true)
    } else {
      return node
    }
    var greed = RegularExpression.Greed.greedy
    if take("?") {
      // "{n}?" means something of its own in this syntax.
      guard !isInterval else { return nil }
      greed = .lazy
    } else if take("+") {
      guard case .set = node else { return nil }
      // "{1,n}+" is not possessive in this syntax, but repeated, which is to say "+".
      if isInterval {
        guard bounds.least == 1 else { return nil }
        return .repeated(node, least: 1, most: nil, .greedy)
      }
      greed = .possessive
    }
    guard !(next.map { "*+?{".unicodeScalars.contains($0) } ?? false), !node.isNullable else { return nil }
    guard bounds.most == 1 || bounds.least == bounds.most || node.isFixed else { return nil }
    return .repeated(node, least: bounds.least, most: bounds.most, greed)
  }

  /// The bounds after an opening brace: `{n}`, `{n,}`, `{n,m}`.
  private mutating func interval() -> (least: Int, most: Int?)? {
    guard let least = number() else { return nil }
    if take("}") { return least > 0 ? (least, least) : nil }
    guard take(",") else { return nil }
    if take("}") { return (least, nil) }
    guard let most = number(), take("}"), most >= max(least, 1) else { return nil }
    return (least, most)
  }

  private mutating func number() -> Int? {
    var value: Int?
    while let digit = next.flatMap({ Int(String($0)) }) {
      value = (value ?? 0) * 10 + digit
      guard let value, value <= 1000 else { return nil }
      index += 1
    }
    return value
  }

  /// A set after an opening bracket; sets within it are parts of it.
  private mutating func bracket() -> ScalarSet? {
    guard depth < 16 else { return nil }
    depth += 1
    defer { depth -= 1 }
    let isNegated = take("^")
    var parts: [ScalarSet.Part] = []
    while !take("]") {
      if take("[:") || take("&&") { return nil }
      if take("[") {
        guard let inner = bracket() else { return nil }
        parts.append(.set(inner))
        continue
      }
      guard let first = member() else { return nil }
      guard case .range(let low) = first, take("-") else {
        guard case .range(let single) = first, foldsCase else {
          parts.append(first)
          continue
        }
        guard let folded = literal(single.lowerBound) else { return nil }
        parts.append(.set(folded))
        continue
      }
      // Which letters differ by case alone from those of a range is not known.
      guard !foldsCase else { return nil }
      if next == "]" {
        parts += [first, .range(0x2D...0x2D)]
        continue
      }
      guard case .range(let high)? = member(), low.lowerBound <= high.upperBound else { return nil }
      parts.append(.range(low.lowerBound...high.upperBound))
    }
    return parts.isEmpty ? nil : ScalarSet(parts, isNegated: isNegated)
  }

  private mutating func member() -> ScalarSet.Part? {
    guard let scalar = next else { return nil }
    index += 1
    guard scalar == "\\" else { return .range(scalar.value...scalar.value) }
    if let value = escapedScalar() { return .range(value...value) }
    return escape(inBrackets: true).map { .set($0) }
  }

  /// What follows a backslash.
  private mutating func escape(inBrackets: Bool) -> ScalarSet? {
    if let value = escapedScalar() { return literal(value) }
    guard let letter = next else { return nil }
    index += 1
    if letter == "p" || letter == "P" {
      guard take("{") else { return nil }
      let isNegated = take("^") != (letter == "P")
      var name = ""
      while let scalar = next, scalar != "}" {
        name.unicodeScalars.append(scalar)
        index += 1
      }
      guard take("}"), let set = ScalarSet(property: name) else { return nil }
      return isNegated ? set.negated : set
    }
    return ScalarSet(escape: letter, inBrackets: inBrackets)
  }

  /// A scalar that is written by a backslash: itself if it is punctuation, or a control; nil for what is something else.
  private mutating func escapedScalar() -> UInt32? {
    guard let letter = next else { return nil }
    let controls: [Unicode.Scalar: UInt32] = ["n": 0x0A, "r": 0x0D, "t": 0x09, "f": 0x0C, "v": 0x0B]
    if let value = controls[letter] {
      index += 1
      return value
    }
    guard letter.isASCII, !letter.properties.isAlphabetic, letter.properties.numericType == nil else { return nil }
    index += 1
    return letter.value
  }
}
