/// A value of a GGUF file's metadata.
public enum GGUFValue: Sendable, Equatable {
  /// A number, a Boolean or a string, as JSON would have it: an integer that does not fit an `Int` is a `number`, and a
  /// number may be NaN or infinite.
  case scalar(JSONValue)
  /// An array of strings, which need not be UTF-8.
  case strings(GGUFStrings)
  /// An array of numbers or Booleans.
  case numbers(GGUFNumbers)
}

/// An array of strings, flat in memory: it takes no more than it took in the file.
public struct GGUFStrings: Sendable, Equatable {
  private var bytes: [UInt8] = []
  private var ends: [Int] = []

  /// How many strings there are.
  public var count: Int { ends.count }

  /// The bytes of one string.
  ///
  /// - Precondition: The index is not negative and below `count`.
  public subscript(_ index: Int) -> [UInt8] {
    Array(bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]])
  }

  init(_ reader: inout ByteReader, count: Int) throws(InputError) {
    ends.reserveCapacity(count)
    for _ in 0..<count {
      bytes.append(contentsOf: try reader.bytes(try reader.count(UInt64.self, ofAtLeast: 1)))
      ends.append(bytes.count)
    }
  }
}

/// An array of numbers or Booleans, as it lies in the file.
public struct GGUFNumbers: Sendable, Equatable {
  /// The type of the elements.
  public let type: GGUFValueType
  private let bytes: [UInt8]

  /// How many numbers there are.
  public var count: Int { bytes.count / max(type.byteCount, 1) }

  /// One number, as JSON would have it.
  ///
  /// - Precondition: The index is not negative and below `count`.
  public subscript(_ index: Int) -> JSONValue {
    let start = index * type.byteCount
    var pattern: UInt64 = 0
    for offset in 0..<type.byteCount { pattern |= UInt64(bytes[start + offset]) << UInt64(8 * offset) }
    return type.value(pattern)
  }

  init(_ reader: inout ByteReader, type: GGUFValueType, count: Int) throws(InputError) {
    // The count was checked against what remains.
    (self.type, bytes) = (type, try reader.bytes(count * type.byteCount))
    if type == .bool, let index = bytes.firstIndex(where: { $0 > 1 }) {
      throw InputError(.badValue, "holds the Boolean \(bytes[index])", at: "element \(index)")
    }
  }
}

/// The types of values in a GGUF file's metadata.
public enum GGUFValueType: UInt32, Sendable {
  case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

  /// The bytes that a value takes; 0 where it depends on the value.
  var byteCount: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: 0
    }
  }

  /// The number that these bits stand for, the value's own bytes lowest.
  fileprivate func value(_ bits: UInt64) -> JSONValue {
    switch self {
    case .uint8, .uint16, .uint32: .integer(Int(truncatingIfNeeded: bits))
    case .uint64: Int(exactly: bits).map { .integer($0) } ?? .number(Double(bits))
    case .int8: .integer(Int(Int8(truncatingIfNeeded: bits)))
    case .int16: .integer(Int(Int16(truncatingIfNeeded: bits)))
    case .int32: .integer(Int(Int32(truncatingIfNeeded: bits)))
    case .int64: .integer(Int(truncatingIfNeeded: bits))
    case .float32: .number(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
    case .float64: .number(Double(bitPattern: bits))
    case .bool: .bool(bits != 0)
    case .string, .array: .null
    }
  }
}

extension GGUFValue {
  /// Reads a value of the given type.
  init(_ reader: inout ByteReader, type: GGUFValueType) throws(InputError) {
    switch type {
    case .string:
      let place = reader.place
      let bytes = try reader.bytes(try reader.count(UInt64.self, ofAtLeast: 1))
      guard firstInvalidUTF8(bytes) == nil else { throw InputError(.badUTF8, "is not UTF-8", at: place) }
      self = .scalar(.string(JSONString(utf8: bytes)))
    case .array:
      let element = try reader.valueType()
      guard element != .array else { throw InputError(.wrongType, "is an array of arrays", at: reader.place) }
      let size = element == .string ? 8 : element.byteCount
      let count = try reader.count(UInt64.self, ofAtLeast: size, atMost: 1 << 30)
      if element == .string {
        self = .strings(try GGUFStrings(&reader, count: count))
      } else {
        self = .numbers(try GGUFNumbers(&reader, type: element, count: count))
      }
    default:
      let one = try GGUFNumbers(&reader, type: type, count: 1)
      self = .scalar(one[0])
    }
  }
}

extension ByteReader {
  /// Reads the number of a type of values.
  mutating func valueType() throws(InputError) -> GGUFValueType {
    let place = place
    let code: UInt32 = try integer()
    guard let type = GGUFValueType(rawValue: code) else {
      throw InputError(.wrongType, "is of the type \(code), which there is not", at: place)
    }
    return type
  }
}

/// The metadata of a GGUF file, by key.
public struct GGUFMetadata: Sendable {
  /// All values, in the order of the file.
  public private(set) var entries: [(key: JSONString, value: GGUFValue)] = []
  private var positions: [JSONString: Int] = [:]
  /// The file, for messages.
  public let path: String

  init(_ path: String) { self.path = path }

  mutating func add(_ key: JSONString, _ value: GGUFValue) {
    positions[key] = entries.count
    entries.append((key, value))
  }

  /// Whether there is a value of this key.
  public func has(_ key: String) -> Bool { positions[JSONString(key)] != nil }

  /// The value of this key; nil when there is none.
  public subscript(_ key: String) -> GGUFValue? { positions[JSONString(key)].map { entries[$0].value } }

  /// The scalar of this key, with the place for messages; nil when there is none.
  ///
  /// - Throws: `wrongType` for an array.
  public func optional(_ key: String) throws(InputError) -> JSONField? {
    switch self[key] {
    case nil: return nil
    case .scalar(let value)?: return JSONField(value, at: "\(path): \(key)")
    default: throw error(.wrongType, "is an array, but must be one value", key)
    }
  }

  /// The scalar of this key, with the place for messages.
  ///
  /// - Throws: `missing`; `wrongType` for an array.
  public func required(_ key: String) throws(InputError) -> JSONField {
    guard let field = try optional(key) else { throw error(.missing, "is missing", key) }
    return field
  }

  /// The strings of this key; nil when there are none.
  ///
  /// - Throws: `wrongType` for anything else, `tooLarge` for more than `limit`.
  public func strings(_ key: String, atMost limit: Int) throws(InputError) -> GGUFStrings? {
    guard let value = self[key] else { return nil }
    guard case .strings(let strings) = value else { throw error(.wrongType, "must be an array of strings", key) }
    guard strings.count <= limit else {
      throw error(.tooLarge, "has \(strings.count) entries, more than \(limit)", key)
    }
    return strings
  }

  /// The numbers of this key; nil when there are none.
  ///
  /// - Throws: `wrongType` for anything else.
  public func numbers(_ key: String) throws(InputError) -> GGUFNumbers? {
    guard let value = self[key] else { return nil }
    guard case .numbers(let numbers) = value else { throw error(.wrongType, "must be an array of numbers", key) }
    return numbers
  }

  /// An error about the value of a key.
  public func error(_ kind: InputError.Kind, _ what: String, _ key: String, advice: String = "") -> InputError {
    InputError(kind, what, at: "\(path): \(key)", advice: advice)
  }
}
