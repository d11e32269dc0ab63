import Formats

/// The steps that cut normalized text into the pieces within which tokens are looked for.
struct PreTokenizer: Sendable {
  enum Step: Sendable {
    /// Puts a space before each piece that does not start with one.
    case prefixSpace
    /// Cuts where a pattern is found or, if inverted, where it is not.
    case cut(TextPattern, CutBehavior, isInverted: Bool)
    /// Writes spaces as another character, puts it before pieces that do not start with it, and cuts before it.
    case metaspace(replacement: [UInt8], PrependScheme, splits: Bool)
    /// Cuts between scripts.
    case scripts
    /// Cuts after every so many scalars.
    case fixedLength(Int)
    /// Writes bytes in the byte alphabet.
    case byteLevel
  }

  enum PrependScheme: String, Sendable {
    case always, first, never
  }

  var steps: [Step] = []
  /// Where the steps begin that write bytes in the byte alphabet; nil if there are none.
  private(set) var byteLevelStart: Int?

  /// Whether the first piece of a text matters, so that origins must be kept.
  var asksForOrigins: Bool {
    steps.contains { if case .metaspace(_, .first, _) = $0 { true } else { false } }
  }

  /// The pieces of a text.
  func pieces(of text: AlignedText) -> Pieces {
    var pieces = Pieces(text)
    for step in steps { step.apply(to: &pieces) }
    return pieces
  }
}

extension PreTokenizer.Step {
  fileprivate func apply(to pieces: inout Pieces) {
    switch self {
    case .prefixSpace:
      pieces.rewrite { text, piece, _, new in
        if text[piece.start] != UInt8(ascii: " ") { new.write([UInt8(ascii: " ")], for: piece.start) }
        new.keep(piece.start, piece.end)
      }
    case .cut(let pattern, let behavior, let isInverted):
      pieces.cut(at: pattern, behavior, isInverted: isInverted)
    case .metaspace(let replacement, let scheme, let splits):
      Self.writeMetaspaces(&pieces, replacement, scheme)
      if splits { pieces.cut(at: .literal(replacement), .mergedWithNext) }
    case .scripts:
      pieces.recut(Self.cutScripts)
    case .fixedLength(let length):
      pieces.recut { text, piece, pieces in
        var (start, index, count) = (piece.start, piece.start, 0)
        while index < piece.end {
          index = scalar(in: text, at: index, before: piece.end).next
          count += 1
          if count == length || index == piece.end {
            pieces.append(Pieces.Piece(start: start, end: index))
            (start, count) = (index, 0)
          }
        }
      }
    case .byteLevel:
      pieces.rewrite { text, piece, _, new in
        for index in piece.start..<piece.end { new.write(ByteLevel.utf8[Int(text[index])], for: index) }
      }
    }
  }

  private static func writeMetaspaces(
    _ pieces: inout Pieces, _ replacement: [UInt8], _ scheme: PreTokenizer.PrependScheme
  ) {
    pieces.rewrite { text, piece, isAtStart, new in
      let prepends = scheme == .always || scheme == .first && isAtStart
      let startsWithSpace =
        text[piece.start] == UInt8(ascii: " ") || text.holds(replacement, at: piece.start, before: piece.end)
      if prepends && !startsWithSpace { new.write(replacement, for: piece.start) }
      var kept = piece.start
      for index in piece.start..<piece.end where text[index] == UInt8(ascii: " ") {
        new.keep(kept, index)
        new.write(replacement, for: index)
        kept = index + 1
      }
      new.keep(kept, piece.end)
    }
  }

  /// Cuts before each scalar whose script is not that of the last one that has any. As in the reference library, what
  /// comes before the first scalar with a script is dropped.
  private static func cutScripts(_ text: [UInt8], _ piece: Pieces.Piece, _ pieces: inout [Pieces.Piece]) {
    let scripts = UnicodeData.scripts
    var (index, start, last) = (piece.start, Int?.none, UInt8(0))
    while index < piece.end {
      let (value, next) = scalar(in: text, at: index, before: piece.end)
      let script = scripts[value]
      if script != 0 && script != last {
        if let start { pieces.append(Pieces.Piece(start: start, end: index)) }
        (start, last) = (index, script)
      }
      index = next
    }
    if let start { pieces.append(Pieces.Piece(start: start, end: piece.end)) }
  }
}

extension PreTokenizer {
  /// Reads a `pre_tokenizer` of a `tokenizer.json`.
  mutating func add(_ field: JSONField) throws(InputError) {
    switch try field.typeName() {
    case "Sequence":
      try field.allowOnly(["type", "pretokenizers"])
      for step in try field.required("pretokenizers").array() { try add(step) }
    case "ByteLevel":
      try field.allowOnly(["type", "add_prefix_space", "trim_offsets", "use_regex"])
      byteLevelStart = steps.count
      if try field.required("add_prefix_space").bool() { steps.append(.prefixSpace) }
      if try field.optional("use_regex")?.bool() ?? true {
        steps.append(.cut(.words(.gpt2), .isolated, isInverted: false))
      }
      steps.append(.byteLevel)
    case "BertPreTokenizer":
      try field.allowOnly(["type"])
      steps.append(.cut(.whitespace, .removed, isInverted: false))
      steps.append(.cut(.punctuation, .isolated, isInverted: false))
    case "Whitespace":
      try field.allowOnly(["type"])
      steps.append(.cut(.wordRuns, .removed, isInverted: true))
    case "WhitespaceSplit":
      try field.allowOnly(["type"])
      steps.append(.cut(.whitespace, .removed, isInverted: false))
    case "CharDelimiterSplit":
      try field.allowOnly(["type", "delimiter"])
      steps.append(.cut(.literal(try field.required("delimiter").character()), .removed, isInverted: false))
    case "Punctuation":
      try field.allowOnly(["type", "behavior"])
      let behavior = try field.optional("behavior")?.cutBehavior() ?? .isolated
      steps.append(.cut(.punctuation, behavior, isInverted: false))
    case "Split":
      try field.allowOnly(["type", "pattern", "behavior", "invert"])
      let pattern = try field.required("pattern").pattern()
      let behavior = try field.required("behavior").cutBehavior()
      steps.append(.cut(pattern, behavior, isInverted: try field.required("invert").bool()))
    case "Digits":
      try field.allowOnly(["type", "individual_digits"])
      let isIndividual = try field.required("individual_digits").bool()
      steps.append(.cut(.numeric, isIndividual ? .isolated : .contiguous, isInverted: false))
    case "Metaspace":
      try field.allowOnly(["type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"])
      steps.append(
        .metaspace(
          replacement: try field.required("replacement").character(), try field.prependScheme(),
          splits: try field.optional("split")?.bool() ?? true))
    case "UnicodeScripts":
      try field.allowOnly(["type"])
      steps.append(.scripts)
    case "FixedLength":
      try field.allowOnly(["type", "length"])
      steps.append(.fixedLength(try field.optional("length")?.int(in: 1...Int(Int32.max)) ?? 5))
    case let name:
      throw field.unsupportedType(name)
    }
    try field.checkLength(steps.count)
    try field.checkGrowth(steps.map { if case .byteLevel = $0 { (old: 1, new: 2) } else { nil } })
  }
}

extension JSONField {
  fileprivate func cutBehavior() throws(InputError) -> CutBehavior {
    let name = try string()
    guard let behavior = CutBehavior(rawValue: name) else {
      throw error(.unsupported, "is \(quoted(name.utf8)), which is not implemented")
    }
    return behavior
  }
}
