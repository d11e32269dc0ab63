import Formats

/// The fields of one message in the wire format of Protocol Buffers, in file order.
///
/// Source: protobuf.dev/programming-guides/encoding. Groups, which no file of interest holds, are refused, so nothing
/// nests deeper than the reader asks for.
struct ProtobufReader {
  enum Value: Equatable {
    case varint(UInt64)
    case fixed64(UInt64)
    case bytes(Range<Int>)
    case fixed32(UInt32)
  }

  struct Field: Equatable {
    var number: Int
    var value: Value
    /// Where the field starts.
    var offset: Int
  }

  let bytes: [UInt8]
  private var index: Int
  private let end: Int

  /// The message at `range` of `bytes`.
  init(_ bytes: [UInt8], _ range: Range<Int>) {
    (self.bytes, index, end) = (bytes, range.lowerBound, range.upperBound)
  }

  /// The next field; nil at the end of the message.
  ///
  /// - Throws: `truncated` where the message ends within the field, `badValue` for what is no field.
  mutating func next() throws(InputError) -> Field? {
    guard index < end else { return nil }
    let offset = index
    let tag = try varint()
    let number = tag >> 3
    guard number >= 1 && number < 1 << 29 else {
      throw InputError(.badValue, "holds a field of the number \(number)", at: "byte \(offset)", advice: Self.advice)
    }
    let value: Value
    switch tag & 7 {
    case 0: value = .varint(try varint())
    case 1: value = .fixed64(try littleEndian(8))
    case 2:
      let count = try varint()
      guard count <= UInt64(end - index) else {
        throw InputError(.truncated, "ends within a field of \(count) bytes", at: "byte \(offset)")
      }
      let start = index
      index += Int(truncatingIfNeeded: count)
      value = .bytes(start..<index)
    case 5: value = .fixed32(UInt32(truncatingIfNeeded: try littleEndian(4)))
    case let type:
      throw InputError(.badValue, "holds a field of wire type \(type)", at: "byte \(offset)", advice: Self.advice)
    }
    return Field(number: Int(truncatingIfNeeded: number), value: value, offset: offset)
  }

  private static let advice = "It is no SentencePiece model, or is damaged: fetch it again."

  private mutating func varint() throws(InputError) -> UInt64 {
    var (value, shift) = (UInt64(0), UInt64(0))
    let offset = index
    while index < end {
      let byte = bytes[index]
      index += 1
      guard shift < 63 || byte <= 1 else {
        throw InputError(.badValue, "holds a number of more than 64 bits", at: "byte \(offset)", advice: Self.advice)
      }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    throw InputError(.truncated, "ends within a number", at: "byte \(offset)")
  }

  private mutating func littleEndian(_ count: Int) throws(InputError) -> UInt64 {
    guard count <= end - index else {
      throw InputError(.truncated, "ends within a number", at: "byte \(index)")
    }
    var value = UInt64(0)
    for offset in 0..<count { value |= UInt64(bytes[index + offset]) << UInt64(8 * offset) }
    index += count
    return value
  }
}

extension ProtobufReader.Field {
  func varint(_ name: String) throws(InputError) -> UInt64 {
    guard case .varint(let value) = value else { throw wrongType(name, "a whole number") }
    return value
  }

  /// A number that is kept as 64 bits in two's complement.
  func int(_ name: String) throws(InputError) -> Int { Int(Int64(bitPattern: try varint(name))) }

  func bool(_ name: String) throws(InputError) -> Bool { try varint(name) != 0 }

  func float(_ name: String) throws(InputError) -> Float {
    guard case .fixed32(let bits) = value else { throw wrongType(name, "a 32-bit number") }
    return Float(bitPattern: bits)
  }

  func bytes(_ name: String) throws(InputError) -> Range<Int> {
    guard case .bytes(let range) = value else { throw wrongType(name, "a string or a message") }
    return range
  }

  private func wrongType(_ name: String, _ expected: String) -> InputError {
    InputError(.wrongType, "must be \(expected)", at: "\(name) at byte \(offset)")
  }
}
