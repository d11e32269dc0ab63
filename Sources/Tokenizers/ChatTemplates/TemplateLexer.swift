import Formats

/// A template's source, cut into text and the tokens within its tags.
///
/// As `transformers` has it: a line end after a block tag belongs to the tag, and so does white space before one on its
/// line.
struct TemplateLexer {
  enum Token: Equatable {
    case text([UInt8])
    case blockStart, blockEnd, outputStart, outputEnd
    case name(String)
    case string(JSONString)
    case int(Int)
    case float(Double)
    case symbol(String)
  }

  private let source: [UInt8]
  private var index = 0
  private var line = 1
  /// Whether nothing stands on the line before what comes next.
  private var isAtLineStart = true
  private(set) var tokens: [(token: Token, line: Int)] = []

  /// The most bytes of a template.
  static let sizeLimit = 4 << 20

  /// - Throws: `badValue` for what is no template, `tooLarge` for a long one.
  init(_ text: [UInt8]) throws(InputError) {
    guard text.count <= Self.sizeLimit else {
      throw InputError(.tooLarge, "has \(text.count) bytes, more than the \(Self.sizeLimit) that are read")
    }
    if let bad = firstInvalidUTF8(text) { throw InputError(.badUTF8, "is not UTF-8", at: "byte \(bad)") }
    source = Self.normalized(text)
    while index < source.count { try readTextAndTag() }
  }

  /// All line ends as LF, and none at the end.
  private static func normalized(_ text: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(text.count)
    for (index, byte) in text.enumerated() {
      if byte == 0x0D {
        out.append(0x0A)
      } else if byte != 0x0A || index == 0 || text[index - 1] != 0x0D {
        out.append(byte)
      }
    }
    if out.last == 0x0A { out.removeLast() }
    return out
  }

  private func error(_ what: String, _ kind: InputError.Kind = .badValue) -> InputError {
    InputError(kind, what, at: "line \(line)")
  }

  private mutating func advance(to end: Int) {
    for byte in source[index..<end] where byte == 0x0A { line += 1 }
    index = end
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private func holds(_ text: String, at place: Int) -> Bool {
    source.holds(Array(text.utf8), at: place, before: source.count)
  }

  private mutating func readTextAndTag() throws(InputError) {
    var start = index
    while start < source.count, !(source[start] == UInt8(ascii: "{") && isTag(at: start)) { start += 1 }
    guard start < source.count else {
      emit(source[index...])
      advance(to: source.count)
      return
    }
    let sign = start + 2 < source.count ? source[start + 2] : 0
    var text = source[index..<start]
    if sign == UInt8(ascii: "-") {
      text = text.prefix(upTo: text.lastIndex { !Self.isSpace($0) }.map { $0 + 1 } ?? text.startIndex)
    } else if sign != UInt8(ascii: "+"), source[start + 1] != UInt8(ascii: "{") {
      let lineStart = text.lastIndex(of: 0x0A).map { $0 + 1 }
      if lineStart != nil || isAtLineStart, text[(lineStart ?? text.startIndex)...].allSatisfy(Self.isSpace) {
        text = text.prefix(upTo: lineStart ?? text.startIndex)
      }
    }
    emit(text)
    advance(to: start)
    let kind = source[start + 1]
    let hasSign = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") && kind != UInt8(ascii: "{")
    advance(to: start + (hasSign ? 3 : 2))
    switch kind {
    case UInt8(ascii: "#"): try skipComment()
    case UInt8(ascii: "%"): if try !readRaw() { try readTag(.blockStart, .blockEnd, "%}") }
    default: try readTag(.outputStart, .outputEnd, "}}")
    }
  }

  private func isTag(at place: Int) -> Bool {
    guard place + 1 < source.count else { return false }
    return [UInt8(ascii: "{"), UInt8(ascii: "%"), UInt8(ascii: "#")].contains(source[place + 1])
  }

  private mutating func emit(_ text: ArraySlice<UInt8>) {
    if !text.isEmpty { tokens.append((.text(Array(text)), line)) }
  }

  /// Goes beyond the end of a block tag or a comment at `place`, and what belongs to it.
  private mutating func endTag(at place: Int, sign: UInt8?, isOutput: Bool = false) {
    var end = place + 2
    if sign == UInt8(ascii: "-") {
      while end < source.count, Self.isSpace(source[end]) { end += 1 }
    } else if sign == nil, !isOutput, end < source.count, source[end] == 0x0A {
      end += 1
    }
    advance(to: end)
    isAtLineStart = source[end - 1] == 0x0A
  }

  private mutating func skipComment() throws(InputError) {
    var end = index
    while end < source.count, !holds("#}", at: end) { end += 1 }
    guard end < source.count else { throw error("has a comment that does not end") }
    let sign = end > index && [UInt8(ascii: "-"), UInt8(ascii: "+")].contains(source[end - 1]) ? source[end - 1] : nil
    endTag(at: end, sign: sign)
  }

  /// Reads `raw %}...{% endraw %}`; returns false where another tag stands here.
  private mutating func readRaw() throws(InputError) -> Bool {
    guard let (bodyStart, sign) = tagEnd(named: "raw", from: index) else { return false }
    // A line end after this tag stays.
    endTag(at: bodyStart - 2, sign: sign, isOutput: true)
    var end = index
    while end < source.count {
      if holds("{%", at: end) {
        let first = end + 2 < source.count ? source[end + 2] : 0
        let hasSign = first == UInt8(ascii: "-") || first == UInt8(ascii: "+")
        if let (after, lastSign) = tagEnd(named: "endraw", from: end + (hasSign ? 3 : 2)) {
          var text = source[index..<end]
          if first == UInt8(ascii: "-") {
            text = text.prefix(upTo: text.lastIndex { !Self.isSpace($0) }.map { $0 + 1 } ?? text.startIndex)
          } else if first != UInt8(ascii: "+") {
            let lineStart = text.lastIndex(of: 0x0A).map { $0 + 1 }
            if lineStart != nil || isAtLineStart, text[(lineStart ?? text.startIndex)...].allSatisfy(Self.isSpace) {
              text = text.prefix(upTo: lineStart ?? text.startIndex)
            }
          }
          emit(text)
          advance(to: after - 2)
          endTag(at: after - 2, sign: lastSign)
          return true
        }
      }
      end += 1
    }
    throw error("has a raw block that does not end")
  }

  /// The end of a tag that consists of a name alone, if there is one.
  private func tagEnd(named name: String, from start: Int) -> (end: Int, sign: UInt8?)? {
    var place = start
    while place < source.count, Self.isSpace(source[place]) { place += 1 }
    guard holds(name, at: place) else { return nil }
    place += name.utf8.count
    while place < source.count, Self.isSpace(source[place]) { place += 1 }
    var sign: UInt8?
    if place < source.count, [UInt8(ascii: "-"), UInt8(ascii: "+")].contains(source[place]) {
      sign = source[place]
      place += 1
    }
    return holds("%}", at: place) ? (place + 2, sign) : nil
  }

  private static let symbols = [
    "**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",",
    ".", ":", "|",
  ]

  private mutating func readTag(_ first: Token, _ last: Token, _ closing: String) throws(InputError) {
    tokens.append((first, line))
    var open: [UInt8] = []
    while true {
      while index < source.count, Self.isSpace(source[index]) { advance(to: index + 1) }
      guard index < source.count else { throw error("has a tag that does not end") }
      if open.isEmpty {
        if holds(closing, at: index) {
          tokens.append((last, line))
          return endTag(at: index, sign: nil, isOutput: last == .outputEnd)
        }
        let byte = source[index]
        let isSign = byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") && last == .blockEnd
        if isSign, holds(closing, at: index + 1) {
          tokens.append((last, line))
          return endTag(at: index + 1, sign: byte, isOutput: last == .outputEnd)
        }
      }
      try readToken(&open)
    }
  }

  private mutating func readToken(_ open: inout [UInt8]) throws(InputError) {
    let (byte, tokenLine) = (source[index], line)
    switch byte {
    case UInt8(ascii: "'"), UInt8(ascii: "\""):
      let text = try readString(byte)
      tokens.append((.string(text), tokenLine))
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      tokens.append((try readNumber(), tokenLine))
    case UInt8(ascii: "_"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x80...:
      var end = index
      while end < source.count, Self.isNameByte(source[end]) { end += 1 }
      tokens.append((.name(String(decoding: source[index..<end], as: UTF8.self)), tokenLine))
      advance(to: end)
    default:
      guard let symbol = Self.symbols.first(where: { holds($0, at: index) }) else {
        throw error("holds \(quoted(source[index...].prefix(1))), which is no part of an expression")
      }
      switch byte {
      case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): open.append(byte)
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
        guard let opening = open.popLast(), Self.closes(byte, opening) else {
          throw error("closes with \(symbol) what was not opened so")
        }
      default: break
      }
      tokens.append((.symbol(symbol), tokenLine))
      advance(to: index + symbol.utf8.count)
    }
  }

  private static func closes(_ byte: UInt8, _ opening: UInt8) -> Bool {
    switch opening {
    case UInt8(ascii: "("): byte == UInt8(ascii: ")")
    case UInt8(ascii: "["): byte == UInt8(ascii: "]")
    default: byte == UInt8(ascii: "}")
    }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "_"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x80...,
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  private mutating func readNumber() throws(InputError) -> Token {
    var (end, isFloat) = (index, false)
    func skipDigits() {
      while end < source.count, source[end] == UInt8(ascii: "_") || (0x30...0x39).contains(source[end]) { end += 1 }
    }
    skipDigits()
    if end + 1 < source.count, source[end] == UInt8(ascii: "."), (0x30...0x39).contains(source[end + 1]) {
      (end, isFloat) = (end + 1, true)
      skipDigits()
    }
    if end < source.count, source[end] | 0x20 == UInt8(ascii: "e") {
      var digits = end + 1
      if digits < source.count, source[digits] == UInt8(ascii: "-") || source[digits] == UInt8(ascii: "+") {
        digits += 1
      }
      if digits < source.count, (0x30...0x39).contains(source[digits]) {
        (end, isFloat) = (digits, true)
        skipDigits()
      }
    }
    let text = String(decoding: source[index..<end].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
    if isFloat, let value = Double(text) {
      advance(to: end)
      return .float(value)
    }
    guard let value = Int(text) else { throw error("holds the number \(text), which is too large", .overflow) }
    advance(to: end)
    return .int(value)
  }

  private mutating func readString(_ quote: UInt8) throws(InputError) -> JSONString {
    var (out, place) = ([UInt8](), index + 1)
    while place < source.count, source[place] != quote {
      guard source[place] == UInt8(ascii: "\\") else {
        out.append(source[place])
        place += 1
        continue
      }
      guard place + 1 < source.count else { break }
      place += 2
      switch source[place - 1] {
      case UInt8(ascii: "n"): out.append(0x0A)
      case UInt8(ascii: "t"): out.append(0x09)
      case UInt8(ascii: "r"): out.append(0x0D)
      case UInt8(ascii: "b"): out.append(0x08)
      case UInt8(ascii: "f"): out.append(0x0C)
      case UInt8(ascii: "v"): out.append(0x0B)
      case UInt8(ascii: "a"): out.append(0x07)
      case UInt8(ascii: "0"): out.append(0)
      case 0x0A: break
      case UInt8(ascii: "x"): out += try escape(digits: 2, at: &place)
      case UInt8(ascii: "u"): out += try escape(digits: 4, at: &place)
      case UInt8(ascii: "U"): out += try escape(digits: 8, at: &place)
      case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "\\"): out.append(source[place - 1])
      default: out += source[(place - 2)..<place]
      }
    }
    guard place < source.count else { throw error("has a string that does not end") }
    advance(to: place + 1)
    return JSONString(utf8: out)
  }

  private func escape(digits: Int, at place: inout Int) throws(InputError) -> [UInt8] {
    guard place + digits <= source.count,
      let value = UInt32(String(decoding: source[place..<(place + digits)], as: UTF8.self), radix: 16),
      let scalar = Unicode.Scalar(value)
    else { throw error("has an escape that is no character") }
    place += digits
    var out: [UInt8] = []
    append(scalar.value, to: &out)
    return out
  }
}
