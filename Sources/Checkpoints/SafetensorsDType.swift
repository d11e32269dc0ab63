import Formats

/// The element type of a tensor in a safetensors file, named as the format names it.
///
/// The order of the cases is the format's own, from the narrowest to the widest; writers sort by it.
public enum SafetensorsDType: String, Sendable, CaseIterable {
  case bool = "BOOL"
  case float4 = "F4"
  case float6E2M3 = "F6_E2M3"
  case float6E3M2 = "F6_E3M2"
  case uint8 = "U8"
  case int8 = "I8"
  case float8E5M2 = "F8_E5M2"
  case float8E4M3 = "F8_E4M3"
  case float8E8M0 = "F8_E8M0"
  case float8E4M3FNUZ = "F8_E4M3FNUZ"
  case float8E5M2FNUZ = "F8_E5M2FNUZ"
  case int16 = "I16"
  case uint16 = "U16"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int32 = "I32"
  case uint32 = "U32"
  case float32 = "F32"
  case complex64 = "C64"
  case float64 = "F64"
  case int64 = "I64"
  case uint64 = "U64"

  /// The bits of one element. Those of types narrower than a byte follow each other without gaps.
  public var bitCount: Int {
    switch self {
    case .float4: 4
    case .float6E2M3, .float6E3M2: 6
    case .bool, .uint8, .int8, .float8E5M2, .float8E4M3, .float8E8M0, .float8E4M3FNUZ, .float8E5M2FNUZ: 8
    case .int16, .uint16, .float16, .bfloat16: 16
    case .int32, .uint32, .float32: 32
    case .complex64, .float64, .int64, .uint64: 64
    }
  }

  /// The bytes of a tensor of this type; 1 element for the empty shape, none when an axis is 0.
  ///
  /// - Throws: `badValue` for a negative axis, `tooLarge` for more than 64 axes, `sizeMismatch` for elements that do not fill
  ///   their last byte, `overflow` when the product does not fit an `Int`, for which an axis of 0 is left out: no program
  ///   could index along the others.
  public func byteCount(of shape: [Int]) throws(InputError) -> Int {
    guard shape.count <= 64 else { throw InputError(.tooLarge, "has \(shape.count) axes, more than 64") }
    // Bytes, or elements that are narrower than one.
    var count = max(1, bitCount / 8)
    for axis in shape where axis != 0 {
      guard axis > 0 else { throw InputError(.badValue, "has an axis of length \(axis)") }
      let (product, overflowed) = count.multipliedReportingOverflow(by: axis)
      guard !overflowed else { throw InputError(.overflow, "the shape \(shape) has more bytes than 64 bits can count") }
      count = product
    }
    if shape.contains(0) { return 0 }
    guard bitCount < 8 else { return count }
    let bitsBesides = count % 8 * bitCount
    guard bitsBesides % 8 == 0 else {
      throw InputError(.sizeMismatch, "the shape \(shape) of \(rawValue) does not fill its last byte")
    }
    return count / 8 * bitCount + bitsBesides / 8
  }

  /// Its place in the format's order.
  var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// One tensor of a safetensors file: what it is, and where its bytes lie.
public struct SafetensorsEntry: Sendable, Equatable {
  /// Its name, compared by bytes.
  public let name: JSONString
  /// The type of its elements.
  public let dtype: SafetensorsDType
  /// The length of each axis, the slowest first; empty for a scalar.
  public let shape: [Int]
  /// Its bytes, counted from the end of the header. Little-endian, row by row.
  public let byteRange: Range<Int>

  /// How many elements it has.
  public var elementCount: Int { shape.contains(0) ? 0 : shape.reduce(1, *) }
}
