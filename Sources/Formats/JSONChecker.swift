/// Goes over JSON text once, from front to back, and finds what is wrong with it.
struct JSONChecker {
  /// The long arrays and objects, in the order of their first bytes.
  private(set) var spans: [JSONSpan] = []

  private let bytes: [UInt8]
  private let depthLimit: Int
  private let repeatedKeys: JSONRepeatedKeys
  private var offset = 0
  private var depth = 0
  /// The keys of the objects that are open, for those of few members; each is where its opening quote stands.
  private var fewKeys: [UInt32] = []

  /// Looking through a few keys beats a table, and takes no memory.
  private static let fewest = 16

  init(_ bytes: [UInt8], depthLimit: Int, repeatedKeys: JSONRepeatedKeys) {
    (self.bytes, self.depthLimit, self.repeatedKeys) = (bytes, min(depthLimit, 128), repeatedKeys)
  }

  /// Checks the whole text; returns where its value begins.
  ///
  /// - Throws: as `JSONValue.init(parsing:)`.
  mutating func check() throws(InputError) -> Int {
    // These two look like encoding faults, but say more as what they are.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) || bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw InputError(.badJSON, "begins with a byte order mark", at: "byte 0", advice: "Save it as UTF-8 without one.")
    }
    guard bytes.count <= Int(UInt32.max) else { throw InputError(.tooLarge, "has more than \(UInt32.max) bytes") }
    if let bad = firstInvalidUTF8(bytes) { throw InputError(.badUTF8, "is not UTF-8", at: "byte \(bad)") }
    skipSpace()
    let start = offset
    try value()
    skipSpace()
    guard offset == bytes.count else { throw bad("goes on after the end of its value") }
    return start
  }

  private mutating func value() throws(InputError) {
    guard offset < bytes.count else { throw bad("ends where a value should stand") }
    switch bytes[offset] {
    case UInt8(ascii: "{"): try object()
    case UInt8(ascii: "["): try array()
    case UInt8(ascii: "\""): try string()
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    default: throw bad("holds byte 0x\(String(bytes[offset], radix: 16)) where a value should stand")
    }
  }

  private mutating func object() throws(InputError) {
    let (span, mark) = (try open(), fewKeys.count)
    var manyKeys: JSONKeyTable?
    var count: UInt32 = 0
    skipSpace()
    if !take("}") {
      repeat {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else { throw bad("lacks a key in quotes") }
        let place = offset
        try string()
        if repeatedKeys == .refused { try checkIsNew(place, since: mark, &manyKeys) }
        skipSpace()
        guard take(":") else { throw bad("lacks a colon after the key \(quotedKey(place))") }
        skipSpace()
        try value()
        count += 1
        skipSpace()
      } while take(",")
      guard take("}") else { throw bad("lacks a comma or a closing brace") }
    }
    fewKeys.removeLast(fewKeys.count - mark)
    close(span, count)
  }

  private mutating func array() throws(InputError) {
    let span = try open()
    var count: UInt32 = 0
    skipSpace()
    if !take("]") {
      repeat {
        skipSpace()
        try value()
        count += 1
        skipSpace()
      } while take(",")
      guard take("]") else { throw bad("lacks a comma or a closing bracket") }
    }
    close(span, count)
  }

  /// Steps over an opening bracket; returns the number of its span.
  private mutating func open() throws(InputError) -> Int {
    guard depth < depthLimit else { throw bad("nests deeper than \(depthLimit)") }
    spans.append(JSONSpan(start: UInt32(truncatingIfNeeded: offset)))
    offset += 1
    depth += 1
    return spans.count - 1
  }

  private mutating func close(_ span: Int, _ count: UInt32) {
    depth -= 1
    if offset - Int(spans[span].start) > JSONSpan.shortest {
      (spans[span].end, spans[span].count) = (UInt32(truncatingIfNeeded: offset), count)
    } else {
      // What lies in a short one is short, and was removed: this is the last.
      spans.removeLast()
    }
  }

  private mutating func checkIsNew(_ key: Int, since mark: Int, _ many: inout JSONKeyTable?) throws(InputError) {
    let place = UInt32(truncatingIfNeeded: key)
    var isNew = true
    if many != nil {
      isNew = many?.insert(place, bytes) ?? true
    } else {
      for index in mark..<fewKeys.count where isSameJSONString(bytes, Int(fewKeys[index]), key) { isNew = false }
      fewKeys.append(place)
      if fewKeys.count - mark > Self.fewest {
        var table = JSONKeyTable()
        for index in mark..<fewKeys.count { _ = table.insert(fewKeys[index], bytes) }
        many = table
      }
    }
    guard isNew else {
      throw InputError(.duplicate, "has the key \(quotedKey(key)) twice in one object", at: "byte \(key)")
    }
  }

  private func quotedKey(_ place: Int) -> String {
    var text: [UInt8] = []
    _ = appendJSONString(bytes, at: place, to: &text)
    return JSONString(utf8: text).quoted
  }

  @inline(__always)
  private mutating func skipSpace() {
    while offset < bytes.count, isJSONSpace(bytes[offset]) { offset += 1 }
  }

  /// Steps over this ASCII character if it stands here.
  @inline(__always)
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func word(_ word: StaticString) throws(InputError) {
    let text = word.description.utf8
    guard bytes[offset...].starts(with: text) else { throw bad("holds an unknown word") }
    offset += text.count
  }

  private func bad(_ what: String) -> InputError { InputError(.badJSON, what, at: "byte \(offset)") }
}

extension JSONChecker {
  private mutating func string() throws(InputError) {
    offset += 1
    while offset < bytes.count {
      let byte = bytes[offset]
      if byte == UInt8(ascii: "\"") {
        offset += 1
        return
      }
      guard byte >= 0x20 else { throw bad("holds a raw control character in a string") }
      if byte == UInt8(ascii: "\\") { try escape() } else { offset += 1 }
    }
    throw bad("ends inside a string")
  }

  private mutating func escape() throws(InputError) {
    guard bytes.count - offset >= 2 else { throw bad("ends inside a string") }
    switch jsonEscape(bytes, at: offset) {
    case .scalar(_, let end): offset = end
    case .unknown: throw bad("holds an unknown escape")
    case .halfPair: throw bad("escapes half a surrogate pair, which is no character")
    case .lacksDigit(let place):
      offset = place
      throw bad("lacks one of four hexadecimal digits")
    }
  }

  private mutating func number() throws(InputError) {
    let start = offset
    _ = take("-")
    let firstDigit = offset
    skipDigits()
    guard offset > firstDigit else { throw bad("lacks a digit in a number") }
    guard bytes[firstDigit] != UInt8(ascii: "0") || offset == firstDigit + 1 else {
      offset = firstDigit
      throw bad("holds a number with a leading zero")
    }
    // Fewer digits, and no exponent, are below the largest double, which has 309.
    var mayOverflow = offset - firstDigit > 308
    if take(".") {
      let first = offset
      skipDigits()
      guard offset > first else { throw bad("lacks a digit after the decimal point") }
    }
    if take("e") || take("E") {
      mayOverflow = true
      if !take("+") { _ = take("-") }
      let first = offset
      skipDigits()
      guard offset > first else { throw bad("lacks a digit in an exponent") }
    }
    if mayOverflow, JSONValue(number: bytes, start, offset) == nil {
      throw InputError(.overflow, "holds a number beyond the largest finite double", at: "byte \(start)")
    }
  }

  private mutating func skipDigits() {
    while offset < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[offset] { offset += 1 }
  }
}

/// The keys of one object, by the offsets of their opening quotes.
///
/// It is an open hash table. A big one is in parts, which grow one at a time, so that it is never held twice: it takes at
/// most 11 bytes for a key, and 8 where there are millions, no more than the shortest members that differ from one another.
private struct JSONKeyTable {
  private struct Part {
    /// 0 where there is none: no key is the first byte of a text.
    var slots = [UInt32](repeating: 0, count: 32)
    var count = 0
  }

  private var parts = [Part()]
  /// A random seed keeps files from being written so that their keys collide.
  private let seed = UInt64.random(in: .min ... .max)
  private var scratch: [UInt8] = []

  private static let partCount = 256
  private static let largestSinglePart = 1 << 14

  /// Adds the key at a place; false if there is an equal one.
  mutating func insert(_ place: UInt32, _ bytes: [UInt8]) -> Bool {
    let hash = hash(place, bytes)
    var part = self.part(of: hash)
    if parts[part].count * 4 >= parts[part].slots.count * 3 {
      grow(part, bytes)
      part = self.part(of: hash)
    }
    var slot = Self.slot(of: hash, among: parts[part].slots.count)
    while parts[part].slots[slot] != 0 {
      if isSameJSONString(bytes, Int(parts[part].slots[slot]), Int(place)) { return false }
      slot = slot + 1 < parts[part].slots.count ? slot + 1 : 0
    }
    parts[part].slots[slot] = place
    parts[part].count += 1
    return true
  }

  private func part(of hash: UInt64) -> Int { parts.count == 1 ? 0 : Int(hash % UInt64(Self.partCount)) }

  private static func slot(of hash: UInt64, among count: Int) -> Int { Int(((hash >> 32) * UInt64(count)) >> 32) }

  private mutating func grow(_ part: Int, _ bytes: [UInt8]) {
    let old = parts[part].slots
    if parts.count == 1 && parts[0].count > Self.largestSinglePart {
      parts = [Part](repeating: Part(), count: Self.partCount)
      for place in old where place != 0 { _ = insert(place, bytes) }
      return
    }
    // In small steps where they count.
    let count = old.count < 1 << 12 ? 2 * old.count : old.count + old.count / 2
    var slots = [UInt32](repeating: 0, count: count)
    for place in old where place != 0 {
      var slot = Self.slot(of: hash(place, bytes), among: count)
      while slots[slot] != 0 { slot = slot + 1 < count ? slot + 1 : 0 }
      slots[slot] = place
    }
    parts[part].slots = slots
  }

  private mutating func hash(_ place: UInt32, _ bytes: [UInt8]) -> UInt64 {
    let start = Int(place) + 1
    var end = start
    while bytes[end] != UInt8(ascii: "\"") {
      if bytes[end] == UInt8(ascii: "\\") {
        scratch.removeAll(keepingCapacity: true)
        _ = appendJSONString(bytes, at: Int(place), to: &scratch)
        return seededHash(of: scratch, 0, scratch.count, seed: seed)
      }
      end += 1
    }
    return seededHash(of: bytes, start, end, seed: seed)
  }
}
