/// The text of a JSON document that was checked whole, and is read where it lies.
///
/// No tree is built, for a tree takes many times the memory of its text: `[]` is two bytes there. Beside the text a
/// document keeps 12 bytes for each array and object of more than a kilobyte, by which readers step over them; strings and
/// numbers are made when they are asked for. Places in the text are those of values: the offsets of their first bytes.
final class JSONDocument: Sendable {
  /// The text.
  let bytes: [UInt8]
  /// The file, for messages.
  let name: String
  /// The place of the outermost value.
  let root: Int
  private let spans: [JSONSpan]
  private let repeatedKeys: JSONRepeatedKeys

  /// Checks a text, strictly by RFC 8259.
  ///
  /// - Throws: as `JSONValue.init(parsing:)`; the place is the byte offset.
  init(
    checking bytes: [UInt8], named name: String, depthLimit: Int, repeatedKeys: JSONRepeatedKeys
  ) throws(InputError) {
    var checker = JSONChecker(bytes, depthLimit: depthLimit, repeatedKeys: repeatedKeys)
    root = try checker.check()
    (self.bytes, self.name, spans, self.repeatedKeys) = (bytes, name, checker.spans, repeatedKeys)
  }

  /// What kind of value stands at a place.
  func kind(at place: Int) -> JSONKind {
    switch bytes[place] {
    case UInt8(ascii: "{"): .object
    case UInt8(ascii: "["): .array
    case UInt8(ascii: "\""): .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
    case UInt8(ascii: "n"): .null
    default: if case .integer = number(at: place) { .integer } else { .number }
    }
  }

  /// Whether a number stands at a place.
  func isNumber(at place: Int) -> Bool {
    bytes[place] == UInt8(ascii: "-") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[place]
  }

  /// The number at a place.
  func number(at place: Int) -> JSONValue { JSONValue(number: bytes, place, end(of: place)) ?? .null }

  /// Whether the literal at a place is `true`.
  func bool(at place: Int) -> Bool { bytes[place] == UInt8(ascii: "t") }

  /// Appends the text of the string at a place; returns where it ends.
  @discardableResult
  func append(stringAt place: Int, to text: inout [UInt8]) -> Int {
    appendJSONString(bytes, at: place, to: &text)
  }

  /// Appends the texts of the strings that an array holds, and where each ends; false where one is no string.
  func append(stringsAt place: Int, to text: inout [UInt8], _ ends: inout [Int]) -> Bool {
    var index = skippingSpace(place + 1)
    while bytes[index] != UInt8(ascii: "]") {
      guard bytes[index] == UInt8(ascii: "\"") else { return false }
      index = skippingSpace(append(stringAt: index, to: &text))
      ends.append(text.count)
      if bytes[index] == UInt8(ascii: ",") { index = skippingSpace(index + 1) }
    }
    return true
  }

  /// The string at a place.
  func string(at place: Int) -> JSONString {
    var text: [UInt8] = []
    append(stringAt: place, to: &text)
    return JSONString(utf8: text)
  }

  /// Where the value ends that begins at a place.
  func end(of place: Int) -> Int {
    switch bytes[place] {
    case UInt8(ascii: "\""): return endOfJSONString(bytes, at: place)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      // Most are short.
      return endOfShort(place) ?? span(at: place)?.endPlace ?? place
    default:
      var index = place
      while index < bytes.count, !Self.endsLiteral(bytes[index]) { index += 1 }
      return index
    }
  }

  private static func endsLiteral(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), 0x20, 0x0A, 0x0D, 0x09: true
    default: false
    }
  }

  /// Where an array or object ends; nil for one that has a span.
  private func endOfShort(_ place: Int) -> Int? {
    let limit = min(bytes.count, place + JSONSpan.shortest)
    var (index, depth) = (place, 0)
    while index < limit {
      switch bytes[index] {
      case UInt8(ascii: "\""):
        index = endOfJSONString(bytes, at: index)
        continue
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 0 { return index + 1 }
      default: break
      }
      index += 1
    }
    return nil
  }

  /// What was noted of the long array or object at a place.
  private func span(at place: Int) -> JSONSpan? {
    var (low, high) = (0, spans.count)
    while low < high {
      let middle = (low + high) / 2
      if Int(spans[middle].start) < place { low = middle + 1 } else { high = middle }
    }
    return low < spans.count && Int(spans[low].start) == place ? spans[low] : nil
  }

  /// How many elements or members an array or object has.
  func count(at place: Int) -> Int {
    if let span = span(at: place) { return Int(span.count) }
    var (count, item) = (0, first(in: place))
    while let one = item {
      (count, item) = (count + 1, next(after: one, in: place))
    }
    return count
  }

  /// Whether an array or object can have more elements or members than `limit`, as far as is seen at a glance.
  func mayHaveMore(than limit: Int, at place: Int) -> Bool {
    // Each takes a byte and a comma at least.
    limit < JSONSpan.shortest / 2 || span(at: place) != nil
  }

  /// The place of the first element of an array, or of the first key of an object; nil where it is empty.
  func first(in place: Int) -> Int? {
    let index = skippingSpace(place + 1)
    return bytes[index] == UInt8(ascii: "]") || bytes[index] == UInt8(ascii: "}") ? nil : index
  }

  /// The place of the element after another one, or of the key after another key; nil at the end.
  func next(after item: Int, in container: Int) -> Int? {
    next(afterValueAt: bytes[container] == UInt8(ascii: "{") ? value(ofKeyEndingAt: end(of: item)) : item)
  }

  /// The place of the element or key that follows a value; nil at the end.
  func next(afterValueAt place: Int) -> Int? {
    let comma = skippingSpace(end(of: place))
    return bytes[comma] == UInt8(ascii: ",") ? skippingSpace(comma + 1) : nil
  }

  /// The place of the value whose key ends at an offset.
  func value(ofKeyEndingAt end: Int) -> Int { skippingSpace(skippingSpace(end) + 1) }

  /// The place of the member `key` of an object; nil when there is none.
  func member(_ key: String, of object: Int) -> Int? {
    let text = Array(key.utf8)
    var item = first(in: object)
    while let place = item {
      let value = value(ofKeyEndingAt: end(of: place))
      if isString(at: place, text) { return value }
      item = next(afterValueAt: value)
    }
    return nil
  }

  private func isString(at place: Int, _ text: [UInt8]) -> Bool {
    for (offset, byte) in text.enumerated() {
      let found = bytes[place + 1 + offset]
      if found == UInt8(ascii: "\\") { return string(at: place).utf8 == text }
      // No byte of a string is a quote, but the last.
      guard found == byte, byte != UInt8(ascii: "\"") else { return false }
    }
    switch bytes[place + 1 + text.count] {
    case UInt8(ascii: "\""): return true
    case UInt8(ascii: "\\"): return string(at: place).utf8 == text
    default: return false
    }
  }

  private func skippingSpace(_ offset: Int) -> Int {
    var index = offset
    while index < bytes.count, isJSONSpace(bytes[index]) { index += 1 }
    return index
  }

  /// The whole value at a place, as a tree.
  func value(at place: Int) -> JSONValue {
    switch bytes[place] {
    case UInt8(ascii: "{"):
      var members: [JSONMember] = []
      var item = first(in: place)
      while let key = item {
        let value = value(ofKeyEndingAt: end(of: key))
        members.append(JSONMember(string(at: key), self.value(at: value)))
        item = next(afterValueAt: value)
      }
      return .object(repeatedKeys == .lastCounts ? Self.lastOfEach(members) : members)
    case UInt8(ascii: "["):
      var elements: [JSONValue] = []
      var item = first(in: place)
      while let element = item {
        elements.append(value(at: element))
        item = next(afterValueAt: element)
      }
      return .array(elements)
    case UInt8(ascii: "\""): return .string(string(at: place))
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool(bool(at: place))
    case UInt8(ascii: "n"): return .null
    default: return number(at: place)
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

  /// The way from the outermost value to the one at a place: `config.json: rope_scaling.factor`.
  ///
  /// It is looked for from the front, for values that are in order need none.
  func path(to target: Int) -> String {
    var (path, place) = (name, root)
    while place < target, var item = first(in: place) {
      let isObject = bytes[place] == UInt8(ascii: "{")
      func valuePlace(_ item: Int) -> Int { isObject ? value(ofKeyEndingAt: end(of: item)) : item }
      var index = 0
      while let following = next(afterValueAt: valuePlace(item)), valuePlace(following) <= target {
        (item, index) = (following, index + 1)
      }
      path = isObject ? JSONField.path(path, to: string(at: item), isRoot: place == root) : "\(path)[\(index)]"
      place = valuePlace(item)
    }
    return path
  }
}

/// What is noted of an array or object whose text is long.
struct JSONSpan: Sendable {
  /// The shortest text that is noted, in bytes. What nests lies in what contains it, at most 128 deep; so all of them take
  /// less than twice the bytes of the text, and in a text that nests as usual next to nothing.
  static let shortest = 1024

  /// The offset of its first byte.
  var start: UInt32
  /// The offset after its last byte.
  var end: UInt32 = 0
  /// How many elements or members it has.
  var count: UInt32 = 0

  var endPlace: Int { Int(end) }
}

/// What is made of a key that stands more than once in one object, which the standard leaves open.
public enum JSONRepeatedKeys: Sendable {
  /// It is an error: of a file that is checked by one program and used by another, both must see the same.
  case refused
  /// The last value counts, at the place of the first, as in Python and JavaScript.
  case lastCounts
}

extension JSONValue {
  /// Parses one whole JSON document, strictly by RFC 8259.
  ///
  /// Nothing is tolerated beyond the standard: no byte order mark, comments, trailing commas, `NaN` or trailing text.
  /// Beyond the standard's minimum, escapes of lone surrogates are refused. It takes time linear in the input. A tree may
  /// take fifty times the memory of its text; `JSONField.init(parsing:)` reads big files without one.
  ///
  /// - Parameters:
  ///   - depthLimit: How many arrays and objects may be open at once; more than 128 counts as 128.
  ///   - repeatedKeys: What is made of equal keys of one object (compared by bytes, after unescaping).
  /// - Throws: `badUTF8`, `badJSON`, `duplicate`, `overflow` for a number beyond the largest finite `Double` (one below
  ///   the smallest becomes zero), or `tooLarge` beyond 4 GiB. The place is the byte offset.
  public init(
    parsing bytes: [UInt8], depthLimit: Int = 64, repeatedKeys: JSONRepeatedKeys = .refused
  ) throws(InputError) {
    let document = try JSONDocument(checking: bytes, named: "", depthLimit: depthLimit, repeatedKeys: repeatedKeys)
    self = document.value(at: document.root)
  }
}
