import Formats

/// How tokens become text: steps on single tokens, a joint, and steps on the text.
struct Decoder: Sendable {
  /// Characters to take away from both ends.
  struct Strip: Sendable, Equatable {
    var content: [UInt8]
    var start: Int
    var stop: Int
  }

  enum TokenStep: Sendable {
    case replace(TextPattern, with: [UInt8])
    /// Runs of tokens `<0x00>` to `<0xFF>` become text. A run that is not UTF-8 becomes one U+FFFD per byte.
    case byteFallback
    case strip(Strip)
    /// Another character for spaces; the first token loses those it has, if a text is given one when it is encoded.
    case metaspace(replacement: [UInt8], dropsInFirst: Bool)
    /// Tokens that do not go on within a word, by a prefix, get a space before them.
    case wordPiece(prefix: [UInt8], cleansUp: Bool)
    /// A mark of words' ends becomes a space, or nothing in the last token.
    case wordEnd([UInt8])
    /// Repeated tokens count once, padding not at all; a token for the end of words becomes a space.
    case ctc(padding: [UInt8], delimiter: [UInt8], cleansUp: Bool)
  }

  enum Joint: Sendable {
    /// Tokens are text and follow each other, with a separator between them.
    case text(separator: [UInt8])
    /// Tokens are written in the byte alphabet. Bytes that are not UTF-8 become U+FFFD.
    case byteLevel
    /// Tokens are pieces of a SentencePiece model.
    case sentencePiece(SentencePieceJoint)
  }

  var tokenSteps: [TokenStep] = []
  var joint: Joint = .text(separator: [])
  var textSteps: [Strip] = []
}

extension Decoder.Strip {
  /// What is left of a token, which stands somewhere in some bytes, without up to `start` characters at its start and
  /// `stop` at its end.
  func rest(of bytes: [UInt8], _ token: Range<Int>) -> Range<Int> {
    var (first, last, taken) = (token.lowerBound, token.upperBound, 0)
    while taken < start && bytes.holds(content, at: first, before: last) {
      (first, taken) = (first + content.count, taken + 1)
    }
    taken = 0
    while taken < stop && last - content.count >= first && bytes.holds(content, at: last - content.count, before: last)
    {
      (last, taken) = (last - content.count, taken + 1)
    }
    return first..<last
  }
}

extension Decoder {
  /// Reads a `decoder` of a `tokenizer.json`.
  mutating func add(_ field: JSONField, _ isJoined: inout Bool) throws(InputError) {
    let name = try field.typeName()
    guard !isJoined || ["Sequence", "Fuse", "Strip"].contains(name) else {
      throw field.error(.unsupported, "is a \(quoted(name.utf8)) after tokens were joined, which is not implemented")
    }
    switch name {
    case "Sequence":
      try field.allowOnly(["type", "decoders"])
      for step in try field.required("decoders").array() { try add(step, &isJoined) }
    case "ByteLevel":
      try field.allowOnly(["type", "add_prefix_space", "trim_offsets", "use_regex"])
      (joint, isJoined) = (.byteLevel, true)
    case "Fuse":
      try field.allowOnly(["type"])
      isJoined = true
    case "Replace":
      let (pattern, replacement) = try field.replacement()
      tokenSteps.append(.replace(pattern, with: replacement))
      try field.checkGrowth(
        tokenSteps.map { if case .replace(let old, let new) = $0 { (old.leastLength, new.count) } else { nil } })
    case "ByteFallback":
      try field.allowOnly(["type"])
      tokenSteps.append(.byteFallback)
    case "Strip":
      try field.allowOnly(["type", "content", "start", "stop"])
      let strip = Strip(
        content: try field.required("content").character(), start: try field.required("start").stripLength(),
        stop: try field.required("stop").stripLength())
      if isJoined { textSteps.append(strip) } else { tokenSteps.append(.strip(strip)) }
    case "Metaspace":
      try field.allowOnly(["type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"])
      tokenSteps.append(
        .metaspace(
          replacement: try field.required("replacement").character(),
          dropsInFirst: try field.prependScheme() != .never))
    case "WordPiece":
      try field.allowOnly(["type", "prefix", "cleanup"])
      tokenSteps.append(
        .wordPiece(
          prefix: try field.required("prefix").text(0...512), cleansUp: try field.required("cleanup").bool()))
    case "BPEDecoder":
      try field.allowOnly(["type", "suffix"])
      tokenSteps.append(.wordEnd(try field.required("suffix").text(1...512)))
    case "CTC":
      try field.allowOnly(["type", "pad_token", "word_delimiter_token", "cleanup"])
      tokenSteps.append(
        .ctc(
          padding: try field.required("pad_token").text(1...512),
          delimiter: try field.required("word_delimiter_token").text(1...512),
          cleansUp: try field.required("cleanup").bool()))
    default:
      throw field.unsupportedType(name)
    }
    try field.checkLength(tokenSteps.count + textSteps.count)
  }
}

extension JSONField {
  fileprivate func stripLength() throws(InputError) -> Int {
    let length = try int()
    guard 0...1024 ~= length else { throw error(.badValue, "is \(length), but must be within 0 and 1024") }
    return length
  }
}
