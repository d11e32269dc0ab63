/// The alphabet in which GPT-2 writes bytes: each byte is one printable character.
///
/// Printable Latin-1 bytes stand for themselves; the other 68 are, in order, U+0100, U+0101, and so on. A space is `Ġ`,
/// a line feed `Ċ`.
enum ByteLevel {
  /// The character of each byte.
  static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0...255).map { (byte: UInt8) in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF:
        return Unicode.Scalar(byte)
      default:
        defer { next += 1 }
        return Unicode.Scalar(next) ?? "\u{FFFD}"
      }
    }
  }()

  /// The UTF-8 of each byte's character.
  static let utf8: [[UInt8]] = scalars.map { scalar in
    var bytes: [UInt8] = []
    append(scalar.value, to: &bytes)
    return bytes
  }

  /// The byte of each character, by its value; -1 where a character stands for none.
  private static let bytes: [Int16] = {
    var table = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { table[Int(scalar.value)] = Int16(byte) }
    return table
  }()

  /// Appends the bytes that the token at a place of some text stands for. A token with a character outside the alphabet
  /// stands for its own UTF-8.
  static func appendDecoded(_ text: [UInt8], _ token: Range<Int>, to output: inout [UInt8]) {
    let mark = output.count
    var index = token.lowerBound
    while index < token.upperBound {
      let (value, next) = scalar(in: text, at: index, before: token.upperBound)
      guard value < bytes.count, bytes[Int(value)] >= 0 else {
        output.removeSubrange(mark...)
        output.append(contentsOf: text[token])
        return
      }
      output.append(UInt8(truncatingIfNeeded: bytes[Int(value)]))
      index = next
    }
  }
}
