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
    case replace([UInt8], with: [UInt8])
    /// Runs of tokens `<0x00>` to `<0xFF>` become text. A run that is not UTF-8 becomes one U+FFFD per byte.
    case byteFallback
    case strip(Strip)
    /// Another character for spaces; the first token loses those it has, if a text is given one when it is encoded.
    case metaspace(replacement: [UInt8], dropsInFirst: Bool)
  }

  enum Joint: Sendable {
    /// Tokens are text and follow each other, with a separator between them.
    case text(separator: [UInt8])
    /// Tokens are written in the byte alphabet. Bytes that are not UTF-8 become U+FFFD.
    case byteLevel
  }

  var tokenSteps: [TokenStep] = []
  var joint: Joint = .text(separator: [])
  var textSteps: [Strip] = []
}

extension Decoder.Strip {
  /// The token without up to `start` characters at its start and `stop` at its end.
  func stripped(_ token: [UInt8]) -> [UInt8] {
    var (first, last, taken) = (0, token.count, 0)
    while taken < start && token.holds(content, at: first, before: last) {
      (first, taken) = (first + content.count, taken + 1)
    }
    taken = 0
    while taken < stop && last - content.count >= first && token.holds(content, at: last - content.count, before: last)
    {
      (last, taken) = (last - content.count, taken + 1)
    }
    return Array(token[first..<last])
  }
}

/// The byte that a token such as `<0x0A>` stands for.
func fallbackByte(_ token: [UInt8]) -> UInt8? {
  guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">"),
    let high = hexDigit(token[3]), let low = hexDigit(token[4])
  else { return nil }
  return high << 4 | low
}

private func hexDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
  case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
  case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
  default: nil
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
      try field.checkGrowth(tokenSteps.map { if case .replace(let old, let new) = $0 { (old, new) } else { nil } })
    case "ByteFallback":
      try field.allowOnly(["type"])
      for case .byteFallback in tokenSteps { throw field.error(.unsupported, "is a second one, not implemented") }
      tokenSteps.append(.byteFallback)
    case "Strip":
      try field.allowOnly(["type", "content", "start", "stop"])
      let strip = Strip(
        content: try field.required("content").character(), start: try field.required("start").stripLength(),
        stop: try field.required("stop").stripLength())
      if isJoined { textSteps.append(strip) } else { tokenSteps.append(.strip(strip)) }
    case "Metaspace":
      try field.allowOnly(["type", "replacement", "prepend_scheme", "split", "add_prefix_space"])
      for case .metaspace in tokenSteps { throw field.error(.unsupported, "is a second one, not implemented") }
      tokenSteps.append(
        .metaspace(
          replacement: try field.required("replacement").character(),
          dropsInFirst: try field.prependScheme() != .never))
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
