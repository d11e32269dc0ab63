extension JSONValue {
  /// Parses one whole JSON document, strictly by RFC 8259.
  ///
  /// Nothing is tolerated beyond the standard: no byte order mark, comments, trailing commas, `NaN` or trailing text.
  /// Beyond the standard's minimum, escapes of lone surrogates are refused. It takes time linear in the input.
  ///
  /// - Parameters:
  ///   - depthLimit: How many arrays and objects may be open at once; more than 128 counts as 128.
  ///   - repeatedKeys: What is made of equal keys of one object (compared by bytes, after unescaping).
  /// - Throws: `badUTF8`, `badJSON`, `duplicate`, or `overflow` for a number beyond the largest finite `Double` (one below
  ///   the smallest becomes zero). The place is the byte offset.
  public init(
    parsing bytes: [UInt8], depthLimit: Int = 64, repeatedKeys: JSONRepeatedKeys = .refused
  ) throws(InputError) {
    var parser = try JSONParser(bytes, depthLimit: depthLimit, repeatedKeys: repeatedKeys)
    self = try parser.value()
    try parser.end()
  }
}

/// What is made of a key that stands more than once in one object, which the standard leaves open.
public enum JSONRepeatedKeys: Sendable {
  /// It is an error: of a file that is checked by one program and used by another, both must see the same.
  case refused
  /// The last value counts, at the place of the first, as in Python and JavaScript.
  case lastCounts
}

/// Reads JSON text from front to back, value by value, so that a reader of a big header need not build the whole tree.
package struct JSONParser {
  private let bytes: [UInt8]
  /// How far it has read, for places in messages.
  package private(set) var offset = 0
  private var depth = 0
  private let depthLimit: Int
  private let repeatedKeys: JSONRepeatedKeys

  /// A parser at the front of `bytes`, which are checked to be UTF-8 first.
  package init(
    _ bytes: [UInt8], depthLimit: Int, repeatedKeys: JSONRepeatedKeys = .refused
  ) throws(InputError) {
    (self.bytes, self.depthLimit, self.repeatedKeys) = (bytes, min(depthLimit, 128), repeatedKeys)
    // These two look like encoding faults, but say more as what they are.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) || bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw InputError(.badJSON, "begins with a byte order mark", at: "byte 0", advice: "Save it as UTF-8 without one.")
    }
    if let bad = firstInvalidUTF8(bytes) { throw InputError(.badUTF8, "is not UTF-8", at: "byte \(bad)") }
  }

  /// What kind of value begins here.
  package enum Kind: Sendable { case object, array, string, number, word }

  /// Skips white space and says what begins; `badJSON` when no value can begin with this byte.
  package mutating func peek() throws(InputError) -> Kind {
    skipSpace()
    guard offset < bytes.count else { throw bad("ends where a value should stand") }
    switch bytes[offset] {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): return .word
    default: throw bad("holds byte 0x\(String(bytes[offset], radix: 16)) where a value should stand")
    }
  }

  /// Checks that only white space follows.
  package mutating func end() throws(InputError) {
    skipSpace()
    guard offset == bytes.count else { throw bad("goes on after the end of its value") }
  }

  /// Reads any value.
  package mutating func value() throws(InputError) -> JSONValue {
    switch try peek() {
    case .object:
      var members: [JSONMember] = []
      try object { (key, parser) throws(InputError) in members.append(JSONMember(key, try parser.value())) }
      return .object(repeatedKeys == .lastCounts ? Self.lastOfEach(members) : members)
    case .array:
      var elements: [JSONValue] = []
      try array { (parser) throws(InputError) in elements.append(try parser.value()) }
      return .array(elements)
    case .string: return .string(try string())
    case .number: return try number()
    case .word:
      if take(word: "true") { return .bool(true) }
      if take(word: "false") { return .bool(false) }
      if take(word: "null") { return .null }
      throw bad("holds an unknown word")
    }
  }

  private static func lastOfEach(_ members: [JSONMember]) -> [JSONMember] {
    var (kept, places) = ([JSONMember](), [JSONString: Int]())
    for member in members {
      if let place = places[member.key] {
        kept[place] = member
      } else {
        places[member.key] = kept.count
        kept.append(member)
      }
    }
    return kept
  }

  /// Checks any value and keeps nothing of it.
  package mutating func skip() throws(InputError) {
    switch try peek() {
    case .object: try object { (_, parser) throws(InputError) in try parser.skip() }
    case .array: try array { (parser) throws(InputError) in try parser.skip() }
    case .string, .number, .word: _ = try value()
    }
  }

  /// Reads an object; `member` must read one value from the parser that it is given. It is called for repeated keys too,
  /// where they are not refused.
  package mutating func object(
    _ member: (JSONString, inout JSONParser) throws(InputError) -> Void
  ) throws(InputError) {
    try open("{")
    var keys = DistinctKeys()
    skipSpace()
    if take("}") { return close() }
    repeat {
      skipSpace()
      guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else { throw bad("lacks a key in quotes") }
      let place = offset
      let key = try string()
      if repeatedKeys == .refused, !keys.insert(key) {
        throw InputError(.duplicate, "has the key \(key.quoted) twice in one object", at: "byte \(place)")
      }
      skipSpace()
      guard take(":") else { throw bad("lacks a colon after the key \(key.quoted)") }
      try member(key, &self)
      skipSpace()
    } while take(",")
    guard take("}") else { throw bad("lacks a comma or a closing brace") }
    close()
  }

  /// Reads an array; `element` must read one value from the parser that it is given.
  package mutating func array(_ element: (inout JSONParser) throws(InputError) -> Void) throws(InputError) {
    try open("[")
    skipSpace()
    if take("]") { return close() }
    repeat {
      try element(&self)
      skipSpace()
    } while take(",")
    guard take("]") else { throw bad("lacks a comma or a closing bracket") }
    close()
  }

  private mutating func open(_ bracket: Unicode.Scalar) throws(InputError) {
    guard depth < depthLimit else { throw bad("nests deeper than \(depthLimit)") }
    guard take(bracket) else { throw bad("lacks \(bracket)") }
    depth += 1
  }

  private mutating func close() { depth -= 1 }

  private mutating func skipSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x0A, 0x0D, 0x09: offset += 1
      default: return
      }
    }
  }

  /// Steps over this ASCII character if it stands here.
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  /// Steps over `word` if it stands here.
  private mutating func take(word: String) -> Bool {
    guard bytes[offset...].starts(with: word.utf8) else { return false }
    offset += word.utf8.count
    return true
  }

  private func bad(_ what: String) -> InputError { InputError(.badJSON, what, at: "byte \(offset)") }
}

// MARK: - Strings

extension JSONParser {
  /// Reads a string.
  package mutating func string() throws(InputError) -> JSONString {
    guard take("\"") else { throw bad("lacks a string") }
    var start = offset
    var out: [UInt8] = []
    while offset < bytes.count {
      let byte = bytes[offset]
      if byte == UInt8(ascii: "\"") {
        let rest = bytes[start..<offset]
        offset += 1
        if out.isEmpty { return JSONString(utf8: Array(rest)) }
        return JSONString(utf8: out + rest)
      }
      guard byte >= 0x20 else { throw bad("holds a raw control character in a string") }
      if byte == UInt8(ascii: "\\") {
        if start < offset { out += bytes[start..<offset] }
        try appendEscape(to: &out)
        start = offset
      } else {
        offset += 1
      }
    }
    throw bad("ends inside a string")
  }

  private mutating func appendEscape(to out: inout [UInt8]) throws(InputError) {
    guard bytes.count - offset >= 2 else { throw bad("ends inside a string") }
    let place = offset
    offset += 2
    switch bytes[place + 1] {
    case UInt8(ascii: "\""): out.append(UInt8(ascii: "\""))
    case UInt8(ascii: "\\"): out.append(UInt8(ascii: "\\"))
    case UInt8(ascii: "/"): out.append(UInt8(ascii: "/"))
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0C)
    case UInt8(ascii: "n"): out.append(0x0A)
    case UInt8(ascii: "r"): out.append(0x0D)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexDigits()
      if 0xD800...0xDBFF ~= code, take(word: "\\u") {
        let low = try hexDigits()
        guard 0xDC00...0xDFFF ~= low else { throw loneSurrogate(place) }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw loneSurrogate(place) }
      out += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
    default:
      offset = place
      throw bad("holds an unknown escape")
    }
  }

  private func loneSurrogate(_ place: Int) -> InputError {
    InputError(.badJSON, "escapes half a surrogate pair, which is no character", at: "byte \(place)")
  }

  private mutating func hexDigits() throws(InputError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard offset < bytes.count, let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue else {
        throw bad("lacks one of four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
      offset += 1
    }
    return code
  }
}

// MARK: - Numbers

extension JSONParser {
  /// Reads a number: `.integer` or `.number`.
  package mutating func number() throws(InputError) -> JSONValue {
    let start = offset
    let isNegative = take("-")
    var exact: Int? = 0
    let firstDigit = offset
    while let digit = digit() {
      // Counting downwards, so that the least Int is reached too.
      if let value = exact {
        let (tens, overflowed) = value.multipliedReportingOverflow(by: 10)
        let (next, wrapped) = tens.subtractingReportingOverflow(digit)
        exact = overflowed || wrapped ? nil : next
      }
    }
    guard offset > firstDigit else { throw bad("lacks a digit in a number") }
    guard bytes[firstDigit] != UInt8(ascii: "0") || offset == firstDigit + 1 else {
      offset = firstDigit
      throw bad("holds a number with a leading zero")
    }
    var isInteger = true
    if take(".") {
      isInteger = false
      guard digit() != nil else { throw bad("lacks a digit after the decimal point") }
      while digit() != nil {}
    }
    if take("e") || take("E") {
      isInteger = false
      if !take("+") { _ = take("-") }
      guard digit() != nil else { throw bad("lacks a digit in an exponent") }
      while digit() != nil {}
    }
    if isInteger, let negated = exact {
      if isNegative { return .integer(negated) }
      if negated != .min { return .integer(-negated) }
    }
    guard let double = Double(String(decoding: bytes[start..<offset], as: UTF8.self)), double.isFinite else {
      throw InputError(.overflow, "holds a number beyond the largest finite double", at: "byte \(start)")
    }
    return .number(double)
  }

  private mutating func digit() -> Int? {
    guard offset < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[offset] else { return nil }
    offset += 1
    return Int(bytes[offset - 1] - UInt8(ascii: "0"))
  }
}

/// The keys of one object: a short list while it is small, which most are, and a set beyond.
private struct DistinctKeys {
  private var few: [JSONString] = []
  private var many: Set<JSONString> = []

  /// False if it was there.
  mutating func insert(_ key: JSONString) -> Bool {
    if many.isEmpty {
      guard !few.contains(key) else { return false }
      if few.isEmpty { few.reserveCapacity(4) }
      few.append(key)
      if few.count > 8 { many = Set(few) }
      return true
    }
    return many.insert(key).inserted
  }
}
