import Formats

/// The blocks of quantized numbers in GGUF files, widened to Float32.
///
/// Each formula is ggml's, with its order of operations and every product rounded: the numbers are those of the reference
/// to the last bit. `d` and `m` are half-precision numbers that a block begins or ends with; the K types have 256 numbers
/// in a block, in groups with small scales of their own.
enum Dequantization {
  /// The types that `widen` reads.
  static let types: Set<GGUFTensorType> = [
    .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K,
  ]

  /// Widens whole blocks.
  ///
  /// - Precondition: The type is one of `types`, the bytes are whole blocks, and there is room for all their numbers.
  static func widen(
    _ type: GGUFTensorType, _ bytes: UnsafeRawBufferPointer, to numbers: UnsafeMutableBufferPointer<Float>
  ) {
    let count = bytes.count / type.blockByteCount
    precondition(
      types.contains(type) && bytes.count == count * type.blockByteCount && numbers.count == count * type.blockCount,
      "widen: \(bytes.count) bytes of \(type.name) to \(numbers.count) numbers")
    for index in 0..<count {
      let block = Block(bytes: bytes, start: index * type.blockByteCount)
      let y = UnsafeMutableBufferPointer(
        rebasing: numbers[index * type.blockCount..<(index + 1) * type.blockCount])
      switch type {
      case .q4_0: halves(block, 2, y) { d, q in Float(q - 8) * d(0) }
      case .q4_1: halves(block, 4, y) { d, q in Float(q) * d(0) + d(2) }
      case .q5_0: fives(block, 2, y) { d, q in Float(q - 16) * d(0) }
      case .q5_1: fives(block, 4, y) { d, q in Float(q) * d(0) + d(2) }
      case .q8_0:
        let d = block.half(0)
        for i in 0..<32 { y[i] = Float(block.signed(2 + i)) * d }
      case .q2_K: q2K(block, y)
      case .q3_K: q3K(block, y)
      case .q4_K: q4K(block, y)
      case .q5_K: q5K(block, y)
      case .q6_K: q6K(block, y)
      default: break
      }
    }
  }

  private struct Block {
    let bytes: UnsafeRawBufferPointer
    let start: Int

    subscript(_ offset: Int) -> Int { Int(bytes[start + offset]) }
    func signed(_ offset: Int) -> Int { Int(Int8(bitPattern: bytes[start + offset])) }
    func half(_ offset: Int) -> Float {
      widenedHalf(UInt16(bytes[start + offset]) | UInt16(bytes[start + offset + 1]) << 8)
    }
  }

  private typealias Numbers = UnsafeMutableBufferPointer<Float>

  /// 16 bytes from `offset` on: their low halves are the first 16 numbers, their high halves the others.
  private static func halves(
    _ block: Block, _ offset: Int, _ y: Numbers, _ value: ((Int) -> Float, Int) -> Float
  ) {
    for i in 0..<16 {
      y[i] = value(block.half, block[offset + i] & 15)
      y[i + 16] = value(block.half, block[offset + i] >> 4)
    }
  }

  /// 32 fifth bits, and then bytes as above.
  private static func fives(
    _ block: Block, _ offset: Int, _ y: Numbers, _ value: ((Int) -> Float, Int) -> Float
  ) {
    for i in 0..<16 {
      let low = block[offset + i / 8] >> (i % 8) & 1, high = block[offset + 2 + i / 8] >> (i % 8) & 1
      y[i] = value(block.half, block[offset + 4 + i] & 15 | low << 4)
      y[i + 16] = value(block.half, block[offset + 4 + i] >> 4 | high << 4)
    }
  }

  /// 16 groups of 16: four bits of scale and of minimum; numbers of two bits.
  private static func q2K(_ block: Block, _ y: Numbers) {
    let (d, m) = (block.half(80), block.half(82))
    for group in 0..<16 {
      let scale = d * Float(block[group] & 15), minimum = m * Float(block[group] >> 4)
      // 128 numbers share 32 bytes, two bits at a time.
      let first = 16 + group / 8 * 32 + group % 2 * 16, shift = group % 8 / 2 * 2
      for i in 0..<16 { y[group * 16 + i] = scale * Float(block[first + i] >> shift & 3) - minimum }
    }
  }

  /// 16 groups of 16: scales of six bits; numbers of two bits and a third one apart, which counts -4 where it is not set.
  private static func q3K(_ block: Block, _ y: Numbers) {
    let d = block.half(108)
    for group in 0..<16 {
      let low = group < 8 ? block[96 + group] & 15 : block[88 + group] >> 4
      let high = block[104 + group % 4] >> (group / 4 * 2) & 3
      let scale = d * Float((low | high << 4) - 32)
      let first = 32 + group / 8 * 32 + group % 2 * 16, shift = group % 8 / 2 * 2
      for i in 0..<16 {
        let top = block[group % 2 * 16 + i] >> (group / 2) & 1
        y[group * 16 + i] = scale * Float((block[first + i] >> shift & 3) - (top == 1 ? 0 : 4))
      }
    }
  }

  /// Scale and minimum of one of eight groups of 32, six bits each in twelve bytes, which begin at byte 4.
  private static func scaleAndMinimum(_ block: Block, _ group: Int) -> (scale: Int, minimum: Int) {
    if group < 4 { return (block[4 + group] & 63, block[8 + group] & 63) }
    return (
      block[8 + group] & 15 | (block[group] >> 6) << 4, block[8 + group] >> 4 | (block[4 + group] >> 6) << 4
    )
  }

  private static func q4K(_ block: Block, _ y: Numbers) {
    let (d, m) = (block.half(0), block.half(2))
    for group in 0..<8 {
      let (scale, minimum) = scaleAndMinimum(block, group)
      let d1 = d * Float(scale), m1 = m * Float(minimum)
      for i in 0..<32 {
        let q = block[16 + group / 2 * 32 + i] >> (group % 2 * 4) & 15
        y[group * 32 + i] = d1 * Float(q) - m1
      }
    }
  }

  private static func q5K(_ block: Block, _ y: Numbers) {
    let (d, m) = (block.half(0), block.half(2))
    for group in 0..<8 {
      let (scale, minimum) = scaleAndMinimum(block, group)
      let d1 = d * Float(scale), m1 = m * Float(minimum)
      for i in 0..<32 {
        let q = block[48 + group / 2 * 32 + i] >> (group % 2 * 4) & 15 | (block[16 + i] >> group & 1) << 4
        y[group * 32 + i] = d1 * Float(q) - m1
      }
    }
  }

  /// 16 groups of 16 with scales of eight bits; numbers of four bits and two more apart.
  private static func q6K(_ block: Block, _ y: Numbers) {
    let d = block.half(208)
    for group in 0..<16 {
      let scale = d * Float(block.signed(192 + group))
      // Of 128 numbers each quarter has two groups: the low halves of 64 bytes, then their high halves.
      let part = group / 8, quarter = group % 8 / 2, inner = group % 2 * 16
      for i in 0..<16 {
        let low = block[part * 64 + quarter % 2 * 32 + inner + i] >> (quarter / 2 * 4) & 15
        let high = block[128 + part * 32 + inner + i] >> (quarter * 2) & 3
        y[group * 16 + i] = scale * Float((low | high << 4) - 32)
      }
    }
  }
}

/// A half-precision number as Float32, exactly.
func widenedHalf(_ bits: UInt16) -> Float {
  // The exponent is moved by a multiplication, which also makes numbers of subnormal ones.
  let scaled = Float(bitPattern: UInt32(bits & 0x7FFF) << 13) * 0x1p112
  let magnitude = scaled < 65536 ? scaled.bitPattern : scaled.bitPattern | 0x7F80_0000
  return Float(bitPattern: magnitude | UInt32(bits & 0x8000) << 16)
}
