/// Writes GGUF files, right or wrong: every count, offset and type can be set to what it should not be.
public struct GGUFBuilder: Sendable {
  /// The bytes that the file begins with.
  public var magic: [UInt8] = Array("GGUF".utf8)
  /// The version of the format.
  public var version: UInt32 = 3
  /// The number of tensors that the file claims, where it is not the true one.
  public var tensorCount: UInt64?
  /// The number of values that the file claims, where it is not the true one.
  public var valueCount: UInt64?
  /// What tensors are aligned to.
  public var alignment = 32
  /// Keys and values, each as it lies in the file.
  public var values: [[UInt8]] = []
  /// The tensors' descriptions, each as it lies in the file.
  public var entries: [[UInt8]] = []
  /// The tensors' bytes.
  public var data: [UInt8] = []

  /// A file without values and tensors.
  public init() {}

  /// The little-endian bytes of a number.
  public static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  /// A string with its length before it, or with another length.
  public static func string(_ text: [UInt8], length: UInt64? = nil) -> [UInt8] {
    bytes(length ?? UInt64(text.count)) + text
  }

  /// A string with its length before it.
  public static func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }

  /// Adds a value of any type, whose bytes are given.
  public mutating func add(_ key: String, type: UInt32, _ value: [UInt8]) {
    values.append(Self.string(key) + Self.bytes(type) + value)
  }

  /// Adds a 32-bit unsigned integer.
  public mutating func add(_ key: String, _ value: UInt32) { add(key, type: 4, Self.bytes(value)) }
  /// Adds a 32-bit floating-point number.
  public mutating func add(_ key: String, _ value: Float) { add(key, type: 6, Self.bytes(value.bitPattern)) }
  /// Adds a Boolean.
  public mutating func add(_ key: String, _ value: Bool) { add(key, type: 7, [value ? 1 : 0]) }
  /// Adds a string.
  public mutating func add(_ key: String, _ value: String) { add(key, type: 8, Self.string(value)) }
  /// Adds an array of strings.
  public mutating func add(_ key: String, _ value: [String]) {
    add(key, type: 9, Self.bytes(UInt32(8)) + Self.bytes(UInt64(value.count)) + value.flatMap { Self.string($0) })
  }
  /// Adds an array of 32-bit floating-point numbers.
  public mutating func add(_ key: String, _ value: [Float]) {
    add(
      key, type: 9,
      Self.bytes(UInt32(6)) + Self.bytes(UInt64(value.count)) + value.flatMap { Self.bytes($0.bitPattern) })
  }
  /// Adds an array of 32-bit signed integers.
  public mutating func add(_ key: String, _ value: [Int32]) {
    add(key, type: 9, Self.bytes(UInt32(5)) + Self.bytes(UInt64(value.count)) + value.flatMap { Self.bytes($0) })
  }

  /// Adds a tensor's description: axes from the fastest to the slowest, as the file has them.
  public mutating func describe(_ name: [UInt8], axes: [UInt64], type: UInt32, offset: UInt64) {
    entries.append(
      Self.string(name) + Self.bytes(UInt32(axes.count)) + axes.flatMap { Self.bytes($0) } + Self.bytes(type)
        + Self.bytes(offset))
  }

  /// Adds a tensor, of a shape with the slowest axis first, behind those that are there.
  public mutating func add(_ name: String, shape: [Int], type: UInt32, _ bytes: [UInt8]) {
    describe(Array(name.utf8), axes: shape.reversed().map { UInt64($0) }, type: type, offset: UInt64(data.count))
    data += bytes + [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment)
  }

  /// Adds a Float32 tensor.
  public mutating func add(_ name: String, shape: [Int], _ numbers: [Float]) {
    add(name, shape: shape, type: 0, numbers.flatMap { Self.bytes($0.bitPattern) })
  }

  /// Everything before the tensors' bytes, without the padding.
  public var head: [UInt8] {
    magic + Self.bytes(version) + Self.bytes(tensorCount ?? UInt64(entries.count))
      + Self.bytes(valueCount ?? UInt64(values.count)) + values.joined() + entries.joined()
  }

  /// The whole file.
  public var contents: [UInt8] {
    let head = head
    return head + [UInt8](repeating: 0, count: (alignment - head.count % alignment) % alignment) + data
  }
}
