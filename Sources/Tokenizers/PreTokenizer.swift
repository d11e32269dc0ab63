import Formats

/// Text cut into pieces: all of it end to end, and where each piece ends.
struct Pieces {
  var text: [UInt8]
  var ends: [Int]

  init(_ text: [UInt8]) {
    (self.text, ends) = (text, text.isEmpty ? [] : [text.count])
  }

  /// Cuts each piece further. `cut` is given the piece's bounds and adds the ends of its parts, in order.
  mutating func recut(_ cut: (_ text: [UInt8], _ start: Int, _ end: Int, _ ends: inout [Int]) -> Void) {
    var (start, newEnds) = (0, [Int]())
    newEnds.reserveCapacity(ends.count)
    for end in ends {
      cut(text, start, end, &newEnds)
      start = end
    }
    ends = newEnds
  }

  /// Writes each piece anew. `write` appends the piece's new text.
  mutating func rewrite(
    _ write: (_ text: [UInt8], _ start: Int, _ end: Int, _ output: inout [UInt8]) -> Void
  ) {
    var (start, output, newEnds) = (0, [UInt8](), [Int]())
    output.reserveCapacity(text.count + ends.count)
    newEnds.reserveCapacity(ends.count)
    for end in ends {
      write(text, start, end, &output)
      if output.count > newEnds.last ?? 0 { newEnds.append(output.count) }
      start = end
    }
    (text, ends) = (output, newEnds)
  }
}

/// The steps that cut normalized text into the pieces within which tokens are looked for.
struct PreTokenizer: Sendable {
  enum Step: Sendable {
    /// Puts a space before each piece that does not start with one.
    case prefixSpace
    /// Cuts into words.
    case words(WordPattern)
    /// Cuts at each occurrence of a string.
    case split(separator: [UInt8], Behavior)
    /// Cuts numbers off, each digit alone or runs of them.
    case digits(individually: Bool)
    /// Writes spaces as another character, puts it before texts that do not start with it, and cuts before it.
    case metaspace(replacement: [UInt8], PrependScheme, splits: Bool)
  }

  /// What becomes of a separator.
  enum Behavior: String, Sendable {
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
  }

  enum PrependScheme: String, Sendable {
    case always, first, never
  }

  var steps: [Step] = []
  /// Whether the vocabulary is written in the byte alphabet of GPT-2.
  var isByteLevel = false

  /// The pieces of a text that is not empty.
  ///
  /// - Parameter isStart: Whether the text is the start of what the user gave, not what follows an added token.
  func pieces(of text: [UInt8], isStart: Bool) -> Pieces {
    var pieces = Pieces(text)
    for step in steps {
      switch step {
      case .prefixSpace:
        pieces.rewrite { text, start, end, output in
          if text[start] != UInt8(ascii: " ") { output.append(UInt8(ascii: " ")) }
          output.append(contentsOf: text[start..<end])
        }
      case .words(let pattern):
        pieces.recut { text, start, end, ends in
          var index = start
          while index < end {
            index = pattern.wordEnd(in: text, from: index, before: end)
            ends.append(index)
          }
        }
      case .split(let separator, let behavior):
        pieces.recut { text, start, end, ends in
          Self.split(text, start, end, at: separator, behavior, &ends)
        }
      case .digits(let individually):
        pieces.recut { text, start, end, ends in
          Self.splitDigits(text, start, end, individually: individually, &ends)
        }
      case .metaspace(let replacement, let scheme, let splits):
        Self.writeMetaspaces(&pieces, replacement, scheme, isStart)
        guard splits else { continue }
        pieces.recut { text, start, end, ends in
          Self.split(text, start, end, at: replacement, .mergedWithNext, &ends)
        }
      }
    }
    return pieces
  }

  private static func split(
    _ text: [UInt8], _ start: Int, _ end: Int, at separator: [UInt8], _ behavior: Behavior, _ ends: inout [Int]
  ) {
    var (pieceStart, index) = (start, start)
    func cut(at position: Int, _ ends: inout [Int]) {
      guard position > pieceStart else { return }
      ends.append(position)
      pieceStart = position
    }
    while index < end {
      guard text.holds(separator, at: index, before: end) else {
        index += 1
        continue
      }
      if behavior != .mergedWithPrevious { cut(at: index, &ends) }
      index += separator.count
      if behavior != .mergedWithNext { cut(at: index, &ends) }
    }
    cut(at: end, &ends)
  }

  private static func splitDigits(
    _ text: [UInt8], _ start: Int, _ end: Int, individually: Bool, _ ends: inout [Int]
  ) {
    var (index, wasNumber) = (start, false)
    while index < end {
      let (value, next) = scalar(in: text, at: index, before: end)
      let isNumber = ScalarClass(value) == .number
      if index > start && (isNumber != wasNumber || isNumber && individually) { ends.append(index) }
      (index, wasNumber) = (next, isNumber)
    }
    ends.append(end)
  }

  private static func writeMetaspaces(
    _ pieces: inout Pieces, _ replacement: [UInt8], _ scheme: PrependScheme, _ isStart: Bool
  ) {
    pieces.rewrite { text, start, end, output in
      let prepends = scheme == .always || scheme == .first && isStart && start == 0
      let startsWithSpace = text[start] == UInt8(ascii: " ") || text.holds(replacement, at: start, before: end)
      if prepends && !startsWithSpace { output.append(contentsOf: replacement) }
      for byte in text[start..<end] {
        if byte == UInt8(ascii: " ") { output.append(contentsOf: replacement) } else { output.append(byte) }
      }
    }
  }
}

extension PreTokenizer {
  /// Reads a `pre_tokenizer` of a `tokenizer.json`.
  mutating func add(_ field: JSONField) throws(InputError) {
    guard !isByteLevel else {
      throw field.error(.unsupported, "is a step after ByteLevel, which is not implemented")
    }
    switch try field.typeName() {
    case "Sequence":
      try field.allowOnly(["type", "pretokenizers"])
      for step in try field.required("pretokenizers").array() { try add(step) }
    case "ByteLevel":
      try field.allowOnly(["type", "add_prefix_space", "trim_offsets", "use_regex"])
      if try field.required("add_prefix_space").bool() { steps.append(.prefixSpace) }
      if try field.optional("use_regex")?.bool() ?? true { steps.append(.words(.gpt2)) }
      isByteLevel = true
    case "Split":
      try addSplit(field)
    case "Digits":
      try field.allowOnly(["type", "individual_digits"])
      steps.append(.digits(individually: try field.required("individual_digits").bool()))
    case "Metaspace":
      try field.allowOnly(["type", "replacement", "prepend_scheme", "split", "add_prefix_space"])
      steps.append(
        .metaspace(
          replacement: try field.required("replacement").character(), try field.prependScheme(),
          splits: try field.optional("split")?.bool() ?? true))
    case let name:
      throw field.unsupportedType(name)
    }
    try field.checkLength(steps.count)
  }

  private mutating func addSplit(_ field: JSONField) throws(InputError) {
    try field.allowOnly(["type", "pattern", "behavior", "invert"])
    guard try !field.required("invert").bool() else {
      throw try field.required("invert").error(.unsupported, "is true, which is not implemented")
    }
    let behaviorName = try field.required("behavior").string()
    guard let behavior = Behavior(rawValue: behaviorName) else {
      throw try field.required("behavior").error(.unsupported, "is \(behaviorName), which is not implemented")
    }
    let pattern = try field.required("pattern")
    try pattern.allowOnly(["String", "Regex"])
    guard let expression = try pattern.optional("Regex") else {
      steps.append(.split(separator: try pattern.required("String").text(1...512), behavior))
      return
    }
    guard behavior == .isolated, let words = WordPattern(regularExpression: try expression.string()) else {
      throw expression.error(
        .unsupported, "is the regular expression \(quoted(try expression.jsonString().utf8)), which is not implemented",
        advice: "Only the patterns of GPT-2, cl100k, Llama 3 and Qwen 2 are")
    }
    steps.append(.words(words))
  }
}
