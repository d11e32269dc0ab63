import Formats

/// The fields of one message in the wire format of Protocol Buffers, in file order.
///
/// Source: protobuf.dev/programming-guides/encoding. Groups, which no file of interest holds, are refused, so nothing
/// nests deeper than the reader asks for.
struct ProtobufReader {
  enum Value {
    case varint(UInt64)
    case double(Double)
    case bytes(ByteReader)
    case float(Float)
  }

  struct Field {
    var number: Int
    var value: Value
    /// Where the field starts.
    var offset: Int
  }

  private var reader: ByteReader

  /// The message that a reader's bytes are.
  init(_ reader: ByteReader) { self.reader = reader }

  /// The next field; nil at the end of the message.
  ///
  /// - Throws: `truncated` where the message ends within the field, `badValue` for what is no field.
  mutating func next() throws(InputError) -> Field? {
    guard reader.remaining > 0 else { return nil }
    let offset = reader.offset
    let tag = try reader.varint()
    let number = tag >> 3
    guard number >= 1 && number < 1 << 29 else {
      throw InputError(.badValue, "holds a field of the number \(number)", at: "byte \(offset)", advice: Self.advice)
    }
    let value: Value
    switch tag & 7 {
    case 0: value = .varint(try reader.varint())
    case 1: value = .double(try reader.double())
    case 2: value = .bytes(try reader.part(Int(clamping: try reader.varint())))
    case 5: value = .float(try reader.float())
    case let type:
      throw InputError(.badValue, "holds a field of wire type \(type)", at: "byte \(offset)", advice: Self.advice)
    }
    return Field(number: Int(truncatingIfNeeded: number), value: value, offset: offset)
  }

  private static let advice = "It is no SentencePiece model, or is damaged: fetch it again."
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
    guard case .float(let value) = value else { throw wrongType(name, "a 32-bit number") }
    return value
  }

  func bytes(_ name: String) throws(InputError) -> [UInt8] {
    var reader = try part(name)
    return try reader.bytes(reader.remaining)
  }

  func message(_ name: String) throws(InputError) -> ProtobufReader { ProtobufReader(try part(name)) }

  private func part(_ name: String) throws(InputError) -> ByteReader {
    guard case .bytes(let part) = value else { throw wrongType(name, "a string or a message") }
    return part
  }

  private func wrongType(_ name: String, _ expected: String) -> InputError {
    InputError(.wrongType, "must be \(expected)", at: "\(name) at byte \(offset)")
  }
}
