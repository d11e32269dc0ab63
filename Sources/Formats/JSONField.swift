/// A value of a configuration together with its path, so that every complaint about it names the field.
///
///     let config = JSONField(try JSONValue(parsing: bytes), at: "config.json")
///     let width = try config.required("hidden_size").int(in: 1...1 << 24)
///     let theta = try config.optional("rope_theta")?.double(in: 1...1e9) ?? 10_000
public struct JSONField: Sendable {
  /// The value.
  public var value: JSONValue
  /// Where it stands: `rope_scaling.factor`, `eos_token_id[1]`; after the file's name and a colon, if one was given.
  public var path: String
  private var isRoot = false

  /// The document `value`, of the file `name`.
  public init(_ value: JSONValue, at name: String = "") { (self.value, path, isRoot) = (value, name, true) }

  private init(_ value: JSONValue, path: String) { (self.value, self.path) = (value, path) }

  /// The member `key`, which may be `null`.
  ///
  /// - Throws: `wrongType` when this is no object, `missing` when it has no such member.
  public func required(_ key: String) throws(InputError) -> JSONField {
    guard case .object = value else { throw mismatch("an object") }
    guard let member = value[key] else {
      throw InputError(.missing, "is missing", at: path(to: JSONString(key)))
    }
    return JSONField(member, path: path(to: JSONString(key)))
  }

  /// The member `key`; nil when it is absent or `null`.
  ///
  /// - Throws: `wrongType` when this is no object.
  public func optional(_ key: String) throws(InputError) -> JSONField? {
    guard case .object = value else { throw mismatch("an object") }
    guard let member = value[key], member != .null else { return nil }
    return JSONField(member, path: path(to: JSONString(key)))
  }

  /// Whether it is `null`.
  public var isNull: Bool { value == .null }

  /// An integer literal within `range`.
  ///
  /// - Throws: `wrongType` for anything else, also `1.0` and `1e3`; `overflow` for an integer that does not fit an `Int`;
  ///   `badValue` below the range, `tooLarge` above it.
  public func int(in range: ClosedRange<Int> = .min ... .max) throws(InputError) -> Int {
    if case .number(let number) = value, number.magnitude >= 0x1p63 {
      throw InputError(.overflow, "is \(number), beyond 64 bits", at: path)
    }
    guard case .integer(let integer) = value else { throw mismatch("an integer") }
    guard integer >= range.lowerBound else {
      throw InputError(.badValue, "is \(integer), but must be at least \(range.lowerBound)", at: path)
    }
    guard integer <= range.upperBound else {
      throw InputError(.tooLarge, "is \(integer), but must be at most \(range.upperBound)", at: path)
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
    let number: Double
    switch value {
    case .integer(let integer): number = Double(integer)
    case .number(let double): number = double
    default: throw mismatch("a number")
    }
    guard number.isFinite else { throw InputError(.nonFinite, "is \(number)", at: path) }
    guard range.contains(number) else {
      throw InputError(
        .badValue, "is \(number), but must be within \(range.lowerBound) and \(range.upperBound)", at: path)
    }
    return number
  }

  /// A string, as text; `wrongType` for anything else.
  public func string() throws(InputError) -> String { try jsonString().text }

  /// A string, as bytes; `wrongType` for anything else.
  public func jsonString() throws(InputError) -> JSONString {
    guard case .string(let string) = value else { throw mismatch("a string") }
    return string
  }

  /// `true` or `false`; `wrongType` for anything else.
  public func bool() throws(InputError) -> Bool {
    guard case .bool(let bool) = value else { throw mismatch("true or false") }
    return bool
  }

  /// The elements of an array; `wrongType` for anything else, `tooLarge` for more than `limit` elements.
  public func array(atMost limit: Int = .max) throws(InputError) -> [JSONField] {
    guard case .array(let elements) = value else { throw mismatch("an array") }
    try check(elements.count, limit)
    return elements.enumerated().map { JSONField($1, path: "\(path)[\($0)]") }
  }

  /// The members of an object in file order; `wrongType` for anything else, `tooLarge` for more than `limit` members.
  public func object(atMost limit: Int = .max) throws(InputError) -> [(key: JSONString, field: JSONField)] {
    guard case .object(let members) = value else { throw mismatch("an object") }
    try check(members.count, limit)
    return members.map { ($0.key, JSONField($0.value, path: path(to: $0.key))) }
  }

  /// An error about this field, for checks that only the reader can make.
  public func error(_ kind: InputError.Kind, _ what: String, advice: String = "") -> InputError {
    InputError(kind, what, at: path, advice: advice)
  }

  private func check(_ count: Int, _ limit: Int) throws(InputError) {
    guard count <= limit else { throw error(.tooLarge, "has \(count) entries, but may have at most \(limit)") }
  }

  private func mismatch(_ expected: String) -> InputError {
    error(.wrongType, "is \(value.kindName), but must be \(expected)")
  }

  private func path(to key: JSONString) -> String {
    let isPlain = (1...80).contains(key.utf8.count) && key.utf8.allSatisfy(Self.isWordByte)
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
