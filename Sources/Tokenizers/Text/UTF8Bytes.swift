/// Recognises UTF-8 one byte at a time, exactly as the Unicode standard's table 3-7 does.
struct UTF8Recognizer: Sendable {
  enum Step {
    /// The byte ends a scalar.
    case complete
    /// The byte starts or continues a scalar that is not over.
    case partial
    /// The byte cannot stand here. What came before it is forgotten.
    case invalid
  }

  private var continuationsLeft = 0
  private var lowest: UInt8 = 0x80
  private var highest: UInt8 = 0xBF

  /// Whether no scalar is open.
  var isBetweenScalars: Bool { continuationsLeft == 0 }

  mutating func accept(_ byte: UInt8) -> Step {
    if continuationsLeft > 0 {
      let fits = lowest <= byte && byte <= highest
      (lowest, highest) = (0x80, 0xBF)
      continuationsLeft = fits ? continuationsLeft - 1 : 0
      return fits ? (continuationsLeft == 0 ? .complete : .partial) : .invalid
    }
    switch byte {
    case 0x00...0x7F: return .complete
    case 0xC2...0xDF: continuationsLeft = 1
    case 0xE0: (continuationsLeft, lowest) = (2, 0xA0)
    case 0xED: (continuationsLeft, highest) = (2, 0x9F)
    case 0xE1...0xEF: continuationsLeft = 2
    case 0xF0: (continuationsLeft, lowest) = (3, 0x90)
    case 0xF1...0xF3: continuationsLeft = 3
    case 0xF4: (continuationsLeft, highest) = (3, 0x8F)
    default: return .invalid
    }
    return .partial
  }
}

/// U+FFFD in UTF-8: what stands for bytes that are not text.
let replacementCharacter: [UInt8] = [0xEF, 0xBF, 0xBD]

/// The scalar that starts at `index`, and where the next one starts.
///
/// The bytes come from a Swift `String`, so they are valid; were they not, a byte would stand for itself.
@inline(__always)
func scalar(in bytes: [UInt8], at index: Int, before end: Int) -> (value: UInt32, next: Int) {
  let first = bytes[index]
  if first < 0xC0 { return (UInt32(first), index + 1) }
  let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
  guard index + length <= end else { return (UInt32(first), index + 1) }
  var value = UInt32(first) & (length == 2 ? 0x1F : length == 3 ? 0x0F : 0x07)
  for offset in 1..<length {
    value = value << 6 | UInt32(bytes[index + offset] & 0x3F)
  }
  return (value, index + length)
}

/// The start of the scalar that ends just before `index`.
func scalarStart(in bytes: [UInt8], endingAt index: Int, notBefore start: Int) -> Int {
  var first = index - 1
  while first > start && bytes[first] & 0xC0 == 0x80 { first -= 1 }
  return first
}

/// Appends the UTF-8 of a scalar; a number that is none becomes U+FFFD.
@inline(__always)
func append(_ value: UInt32, to bytes: inout [UInt8]) {
  if value < 0x80 {
    bytes.append(UInt8(truncatingIfNeeded: value))
  } else {
    bytes.append(contentsOf: UTF8.encode(Unicode.Scalar(value) ?? "\u{FFFD}").map(Array.init) ?? replacementCharacter)
  }
}

/// The scalars of a text.
func scalars(of bytes: some Collection<UInt8>) -> [UInt32] {
  let bytes = Array(bytes)
  var (scalars, index) = ([UInt32](), 0)
  while index < bytes.count {
    let (value, next) = scalar(in: bytes, at: index, before: bytes.count)
    scalars.append(value)
    index = next
  }
  return scalars
}

extension Array<UInt8> {
  /// Whether `other` stands at `index`, before `end`.
  func holds(_ other: [UInt8], at index: Int, before end: Int) -> Bool {
    guard other.count <= end - index else { return false }
    for offset in 0..<other.count where self[index + offset] != other[offset] { return false }
    return true
  }
}

/// Bytes from a file as they are shown in a message: in quotes, escaped, cut where they are long.
func quoted(_ bytes: some Collection<UInt8>) -> String {
  let text = String(decoding: bytes.prefix(60), as: UTF8.self)
  return text.debugDescription + (bytes.count > 60 ? "..." : "")
}
