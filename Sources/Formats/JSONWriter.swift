extension JSONValue {
  /// The document as UTF-8 text; parsing it gives an equal value.
  ///
  /// Members stand in their order. Doubles are written with the fewest digits that read back as the same double. Only
  /// quotes, backslashes and control characters are escaped.
  ///
  /// - Parameters:
  ///   - pretty: One member or element per line, indented by two spaces; otherwise no white space at all.
  ///   - depthLimit: As for parsing.
  /// - Throws: What the parser would refuse: `nonFinite` for NaN and infinities, `duplicate` for equal keys in an object,
  ///   `badUTF8` for a string that is none, `badJSON` for deeper nesting. The place is the path to the value.
  public func encoded(pretty: Bool = false, depthLimit: Int = 64) throws(InputError) -> [UInt8] {
    var writer = JSONWriter(isPretty: pretty, depthLimit: min(depthLimit, 128))
    try writer.write(self)
    return writer.out
  }
}

private struct JSONWriter {
  let isPretty: Bool
  let depthLimit: Int
  var out: [UInt8] = []
  private var depth = 0

  init(isPretty: Bool, depthLimit: Int) { (self.isPretty, self.depthLimit) = (isPretty, depthLimit) }

  mutating func write(_ value: JSONValue) throws(InputError) {
    switch value {
    case .null: put("null")
    case .bool(let bool): put(bool ? "true" : "false")
    case .integer(let integer): put(String(integer))
    case .number(let number):
      guard number.isFinite else { throw InputError(.nonFinite, "\(number) cannot be written as JSON") }
      put(number.description)
    case .string(let string): try write(string)
    case .array(let elements):
      try list("[", elements.indices, "]") { (index, writer) throws(InputError) in
        do throws(InputError) { try writer.write(elements[index]) } catch { throw error.inside("[\(index)]") }
      }
    case .object(let members):
      var keys: Set<JSONString> = []
      try list("{", members.indices, "}") { (index, writer) throws(InputError) in
        let member = members[index]
        guard keys.insert(member.key).inserted else {
          throw InputError(.duplicate, "the key \(member.key.quoted) stands twice in one object")
        }
        do throws(InputError) {
          try writer.write(member.key)
          writer.put(writer.isPretty ? ": " : ":")
          try writer.write(member.value)
        } catch { throw error.inside(member.key.quoted) }
      }
    }
  }

  private mutating func list(
    _ opening: String, _ items: Range<Int>, _ closing: String,
    _ item: (Int, inout JSONWriter) throws(InputError) -> Void
  ) throws(InputError) {
    guard depth < depthLimit else { throw InputError(.badJSON, "nests deeper than \(depthLimit)") }
    put(opening)
    depth += 1
    for index in items {
      if index > 0 { put(",") }
      newLine()
      try item(index, &self)
    }
    depth -= 1
    if !items.isEmpty { newLine() }
    put(closing)
  }

  private mutating func write(_ string: JSONString) throws(InputError) {
    if let bad = firstInvalidUTF8(string.utf8) {
      throw InputError(.badUTF8, "the string \(string.quoted) is not UTF-8 at its byte \(bad)")
    }
    put("\"")
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): put("\\\"")
      case UInt8(ascii: "\\"): put("\\\\")
      case 0x08: put("\\b")
      case 0x09: put("\\t")
      case 0x0A: put("\\n")
      case 0x0C: put("\\f")
      case 0x0D: put("\\r")
      case 0..<0x20: put(byte < 0x10 ? "\\u000" : "\\u00", String(byte, radix: 16))
      default: out.append(byte)
      }
    }
    put("\"")
  }

  private mutating func newLine() {
    guard isPretty else { return }
    out.append(0x0A)
    out.append(contentsOf: repeatElement(0x20, count: 2 * depth))
  }

  private mutating func put(_ texts: String...) {
    for text in texts { out += text.utf8 }
  }
}
