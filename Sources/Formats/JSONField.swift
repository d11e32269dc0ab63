/// A value of a JSON document together with its place, so that every complaint about it names the field.
///
///     let config = try JSONField(parsing: bytes, at: "config.json")
///     let width = try config.required("hidden_size").int(in: 1...1 << 24)
///     let theta = try config.optional("rope_theta")?.double(in: 1...1e9) ?? 10_000
///
/// A parsed document is read where it lies: beside its text it takes next to no memory, and values are made when they are
/// asked for. Arrays and objects are gone over in order; a name is looked up by going over an object's members.
public struct JSONField: Sendable {
  enum Source: Sendable {
    /// A place in a document.
    case text(JSONDocument, Int)
    /// A value in memory, and its path.
    case value(JSONValue, path: String, isRoot: Bool)
  }

  let source: Source

  /// The most members of an object in which a name is looked up. It bounds the time that many lookups take; objects that
  /// hold more are tables, which are gone over once.
  public static let lookupLimit = 1 << 12

  /// Checks a whole document and points to its outermost value.
  ///
  /// It is as strict as `JSONValue.init(parsing:)`, and takes time linear in the text.
  ///
  /// - Parameters:
  ///   - name: The file, for messages.
  ///   - depthLimit: How many arrays and objects may be open at once; more than 128 counts as 128.
  /// - Throws: as `JSONValue.init(parsing:)`, with the name and the byte offset as the place.
  public init(parsing bytes: [UInt8], at name: String = "", depthLimit: Int = 64) throws(InputError) {
    do throws(InputError) {
      let document = try JSONDocument(
        checking: bytes, named: name, depthLimit: depthLimit, repeatedKeys: .refused)
      source = .text(document, document.root)
    } catch { throw name.isEmpty ? error : error.inside(name) }
  }

  /// The document `value`, of the file `name`.
  public init(_ value: JSONValue, at name: String = "") { source = .value(value, path: name, isRoot: true) }

  init(_ source: Source) { self.source = source }

  /// Another value in the same place.
  package func replaced(by value: JSONValue) -> JSONField { JSONField(.value(value, path: path, isRoot: isRoot)) }

  /// Where it stands: `rope_scaling.factor`, `eos_token_id[1]`; after the file's name and a colon, if one was given.
  public var path: String {
    switch source {
    case .text(let document, let place): document.path(to: place)
    case .value(_, let path, _): path
    }
  }

  var isRoot: Bool {
    switch source {
    case .text(let document, let place): place == document.root
    case .value(_, _, let isRoot): isRoot
    }
  }

  /// What kind of value it is.
  public var kind: JSONKind {
    switch source {
    case .text(let document, let place): document.kind(at: place)
    case .value(let value, _, _): value.kind
    }
  }

  /// The value as a tree.
  ///
  /// - Throws: `tooLarge` where its text has more than `limit` bytes: a tree may take fifty times the memory.
  public func value(atMost limit: Int = 1 << 16) throws(InputError) -> JSONValue {
    switch source {
    case .text(let document, let place):
      let count = document.end(of: place) - place
      guard count <= limit else { throw error(.tooLarge, "has \(count) bytes, but may have at most \(limit)") }
      return document.value(at: place)
    case .value(let value, _, _): return value
    }
  }

  /// Whether it is `null`.
  public var isNull: Bool { kind == .null }

  /// An error about this field, for checks that only the reader can make.
  public func error(_ kind: InputError.Kind, _ what: String, advice: String = "") -> InputError {
    InputError(kind, what, at: path, advice: advice)
  }

  private func mismatch(_ expected: String) -> InputError {
    error(.wrongType, "is \(kind.name), but must be \(expected)")
  }
}

// MARK: - Members by name

extension JSONField {
  /// The member `key`, which may be `null`.
  ///
  /// - Throws: `wrongType` when this is no object, `missing` when it has no such member, `tooLarge` when it has more members
  ///   than `lookupLimit`.
  public func required(_ key: String) throws(InputError) -> JSONField {
    guard let member = try member(key) else {
      throw InputError(.missing, "is missing", at: Self.path(path, to: JSONString(key), isRoot: isRoot))
    }
    return member
  }

  /// The member `key`; nil when it is absent or `null`.
  ///
  /// - Throws: `wrongType` when this is no object, `tooLarge` when it has more members than `lookupLimit`.
  public func optional(_ key: String) throws(InputError) -> JSONField? {
    guard let member = try member(key), !member.isNull else { return nil }
    return member
  }

  /// Whether there is a member `key`, be it `null`.
  ///
  /// - Throws: as `optional`.
  public func has(_ key: String) throws(InputError) -> Bool { try member(key) != nil }

  private func member(_ key: String) throws(InputError) -> JSONField? {
    _ = try object(atMost: Self.lookupLimit)
    switch source {
    case .text(let document, let place):
      return document.member(key, of: place).map { JSONField(.text(document, $0)) }
    case .value(let value, let path, let isRoot):
      return value[key].map {
        JSONField(.value($0, path: Self.path(path, to: JSONString(key), isRoot: isRoot), isRoot: false))
      }
    }
  }

  /// The path to a member of what stands at `path`.
  static func path(_ path: String, to key: JSONString, isRoot: Bool) -> String {
    let isPlain = (1...80).contains(key.utf8.count) && key.utf8.allSatisfy(isWordByte)
    let step = isPlain ? key.text : key.quoted
    if path.isEmpty { return step }
    return isRoot ? "\(path): \(step)" : "\(path).\(step)"
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
      UInt8(ascii: "a")...UInt8(ascii: "z"):
      true
    default: false
    }
  }
}

// MARK: - Numbers, strings, Booleans

extension JSONField {
  /// An integer literal within `range`.
  ///
  /// - Throws: `wrongType` for anything else, also `1.0` and `1e3`; `overflow` for an integer that does not fit an `Int`;
  ///   `badValue` below the range, `tooLarge` above it.
  public func int(in range: ClosedRange<Int> = .min ... .max) throws(InputError) -> Int {
    let number = number
    if case .number(let number) = number, number.magnitude >= 0x1p63 {
      throw error(.overflow, "is \(number), beyond 64 bits")
    }
    guard case .integer(let integer) = number else { throw mismatch("an integer") }
    guard integer >= range.lowerBound else {
      throw error(.badValue, "is \(integer), but must be at least \(range.lowerBound)")
    }
    guard integer <= range.upperBound else {
      throw error(.tooLarge, "is \(integer), but must be at most \(range.upperBound)")
    }
    return integer
  }

  /// A number within `range`; integers are rounded to the nearest double.
  ///
  /// - Throws: `wrongType` for anything else, `badValue` outside the range, `nonFinite` for NaN and infinities, which no
  ///   parsed document holds.
  public func double(
    in range: ClosedRange<Double> = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
  ) throws(InputError) -> Double {
    let double: Double
    switch number {
    case .integer(let integer): double = Double(integer)
    case .number(let number): double = number
    default: throw mismatch("a number")
    }
    guard double.isFinite else { throw error(.nonFinite, "is \(double)") }
    guard range.contains(double) else {
      throw error(.badValue, "is \(double), but must be within \(range.lowerBound) and \(range.upperBound)")
    }
    return double
  }

  /// `.integer` or `.number`; nil for anything else.
  private var number: JSONValue? {
    switch source {
    case .text(let document, let place): document.isNumber(at: place) ? document.number(at: place) : nil
    case .value(let value, _, _): value.kind == .integer || value.kind == .number ? value : nil
    }
  }

  /// A string, as text; `wrongType` for anything else.
  public func string() throws(InputError) -> String { try jsonString().text }

  /// A string, as bytes; `wrongType` for anything else.
  public func jsonString() throws(InputError) -> JSONString {
    var text: [UInt8] = []
    try append(to: &text)
    return JSONString(utf8: text)
  }

  /// Appends a string's bytes, so that many can be read without memory for each; `wrongType` for anything else.
  package func append(to text: inout [UInt8]) throws(InputError) {
    switch source {
    case .text(let document, let place) where document.kind(at: place) == .string:
      document.append(stringAt: place, to: &text)
    case .value(.string(let string), _, _): text.append(contentsOf: string.utf8)
    default: throw mismatch("a string")
    }
  }

  /// Appends the bytes of an array's strings, and where each ends; false for anything else than an array of strings.
  package func append(stringsTo text: inout [UInt8], _ ends: inout [Int]) -> Bool {
    switch source {
    case .text(let document, let place):
      return document.kind(at: place) == .array && document.append(stringsAt: place, to: &text, &ends)
    case .value(.array(let elements), _, _):
      for element in elements {
        guard case .string(let string) = element else { return false }
        text.append(contentsOf: string.utf8)
        ends.append(text.count)
      }
      return true
    case .value: return false
    }
  }

  /// The integer that it is; nil for anything else.
  package var integer: Int? { if case .integer(let integer) = number { integer } else { nil } }

  /// `true` or `false`; `wrongType` for anything else.
  public func bool() throws(InputError) -> Bool {
    switch source {
    case .text(let document, let place) where document.kind(at: place) == .bool: return document.bool(at: place)
    case .value(.bool(let bool), _, _): return bool
    default: throw mismatch("true or false")
    }
  }
}

// MARK: - Arrays and objects

extension JSONField {
  /// The elements of an array; `wrongType` for anything else, `tooLarge` for more than `limit` elements.
  public func array(atMost limit: Int = .max) throws(InputError) -> JSONElements {
    guard kind == .array else { throw mismatch("an array") }
    try checkCount(limit)
    return JSONElements(self)
  }

  /// The members of an object in file order; `wrongType` for anything else, `tooLarge` for more than `limit` members.
  public func object(atMost limit: Int = .max) throws(InputError) -> JSONMembers {
    guard kind == .object else { throw mismatch("an object") }
    try checkCount(limit)
    return JSONMembers(self)
  }

  private func checkCount(_ limit: Int) throws(InputError) {
    guard limit < .max, hasMore(than: limit) else { return }
    throw error(.tooLarge, "has \(itemCount) entries, but may have at most \(limit)")
  }

  /// How many elements or members there are.
  var itemCount: Int {
    switch source {
    case .text(let document, let place): document.count(at: place)
    case .value(.array(let elements), _, _): elements.count
    case .value(.object(let members), _, _): members.count
    default: 0
    }
  }

  private func hasMore(than limit: Int) -> Bool {
    if case .text(let document, let place) = source, !document.mayHaveMore(than: limit, at: place) { return false }
    return itemCount > limit
  }
}
