/// A JSON document, as it stands in the file: member order is kept, integers are exact.
///
/// - `integer` holds every number literal without fraction and exponent that fits an `Int` (`-0` becomes 0).
/// - `number` holds the literals with a fraction or an exponent, and the integers that do not fit an `Int`, rounded to
///   the nearest `Double`. A parsed number is always finite.
///
/// Equality is by structure: `.integer(1)` differs from `.number(1)`, and objects with another member order differ.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(JSONString)
  case array([JSONValue])
  case object([JSONMember])

  /// The value of the member `key` (compared by its UTF-8 bytes); nil when this is no object or has no such member.
  ///
  /// It searches from the front: a reader of a big object goes over its members once instead.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  /// What kind of value it is.
  public var kind: JSONKind {
    switch self {
    case .null: .null
    case .bool: .bool
    case .integer: .integer
    case .number: .number
    case .string: .string
    case .array: .array
    case .object: .object
    }
  }
}

/// The kinds of values, which are those of `JSONValue`.
public enum JSONKind: Sendable {
  case null, bool, integer, number, string, array, object

  /// The kind in a word or two, for messages.
  var name: String {
    switch self {
    case .null: "null"
    case .bool: "a Boolean"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// A string of a JSON document, kept and compared as its UTF-8 bytes.
///
/// Swift's `String` calls the composed and the decomposed form of "é" equal; vocabularies and tensor names may hold both
/// as two entries. Here they are two strings. Every parsed one is valid UTF-8.
public struct JSONString: Sendable, Hashable, Comparable, ExpressibleByStringLiteral, CustomStringConvertible {
  /// The bytes, with all escapes resolved.
  public var utf8: [UInt8]

  /// A string of these bytes. Bytes that are no UTF-8 are kept; `text` repairs them, a writer refuses them.
  public init(utf8: [UInt8]) { self.utf8 = utf8 }

  /// The string with the bytes of `text`, unnormalised.
  public init(_ text: String) { utf8 = Array(text.utf8) }

  /// The string with the bytes of the literal, unnormalised.
  public init(stringLiteral text: String) { self.init(text) }

  /// The string as text; bytes that are no UTF-8 (never after parsing) become U+FFFD.
  public var text: String { String(decoding: utf8, as: UTF8.self) }

  /// The same as `text`.
  public var description: String { text }

  /// Whether both have the same bytes.
  public static func == (a: JSONString, b: JSONString) -> Bool { a.utf8 == b.utf8 }

  /// The order of the bytes, which is the order of the Unicode scalars.
  public static func < (a: JSONString, b: JSONString) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

  /// Hashes the bytes.
  public func hash(into hasher: inout Hasher) { utf8.withUnsafeBytes { hasher.combine(bytes: $0) } }

  /// The string in quotes, safe and short enough for a message: control characters escaped, 80 characters at most.
  package var quoted: String {
    var out = "\""
    for (count, scalar) in String(decoding: utf8.prefix(400), as: UTF8.self).unicodeScalars.enumerated() {
      if count == 80 { return out + "…\"" }
      switch scalar {
      case "\"", "\\": out += "\\\(scalar)"
      case _ where scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format:
        out += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}

/// One `"key": value` of an object.
public struct JSONMember: Sendable, Equatable {
  /// The key.
  public var key: JSONString
  /// The value.
  public var value: JSONValue

  /// A member.
  public init(_ key: JSONString, _ value: JSONValue) { (self.key, self.value) = (key, value) }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// `.string`
  public init(stringLiteral text: String) { self = .string(JSONString(text)) }
  /// `.integer`
  public init(integerLiteral integer: Int) { self = .integer(integer) }
  /// `.number`
  public init(floatLiteral number: Double) { self = .number(number) }
  /// `.bool`
  public init(booleanLiteral bool: Bool) { self = .bool(bool) }
  /// `.array`
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// `.object`, with the members in the written order.
  public init(dictionaryLiteral members: (JSONString, JSONValue)...) {
    self = .object(members.map { JSONMember($0.0, $0.1) })
  }
}
