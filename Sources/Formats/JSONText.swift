// The parts of JSON's text that both its check and its readers look at.

/// Whether a byte is white space in JSON.
@inline(__always)
func isJSONSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

/// Where the string ends whose opening quote stands at `start`: after its closing quote.
///
/// - Precondition: The string was checked.
func endOfJSONString(_ bytes: [UInt8], at start: Int) -> Int {
  var index = start + 1
  while bytes[index] != UInt8(ascii: "\"") { index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1 }
  return index + 1
}

/// Appends the text of the string whose opening quote stands at `start`; returns where it ends.
///
/// - Precondition: The string was checked.
func appendJSONString(_ bytes: [UInt8], at start: Int, to text: inout [UInt8]) -> Int {
  var (plain, index) = (start + 1, start + 1)
  while bytes[index] != UInt8(ascii: "\"") {
    guard bytes[index] == UInt8(ascii: "\\") else {
      index += 1
      continue
    }
    text.append(contentsOf: bytes[plain..<index])
    switch jsonEscape(bytes, at: index) {
    case .scalar(let scalar, let end):
      text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      index = end
    case .unknown, .halfPair, .lacksDigit: index += 2
    }
    plain = index
  }
  text.append(contentsOf: bytes[plain..<index])
  return index + 1
}

/// Whether the strings whose opening quotes stand at `first` and `second` have the same text, however it is escaped.
///
/// - Precondition: Both were checked.
func isSameJSONString(_ bytes: [UInt8], _ first: Int, _ second: Int) -> Bool {
  var (a, b) = (first + 1, second + 1)
  while true {
    if bytes[a] == UInt8(ascii: "\\") || bytes[b] == UInt8(ascii: "\\") {
      var (one, other) = ([UInt8](), [UInt8]())
      _ = appendJSONString(bytes, at: first, to: &one)
      _ = appendJSONString(bytes, at: second, to: &other)
      return one == other
    }
    guard bytes[a] == bytes[b] else { return false }
    if bytes[a] == UInt8(ascii: "\"") { return true }
    (a, b) = (a + 1, b + 1)
  }
}

/// What an escape stands for.
enum JSONEscape {
  /// A scalar; `end` is the offset after the escape, or after the second one of a pair of surrogates.
  case scalar(Unicode.Scalar, end: Int)
  /// It is none of those that there are.
  case unknown
  /// It is half of a pair of surrogates.
  case halfPair
  /// At this offset a hexadecimal digit is due.
  case lacksDigit(Int)
}

/// The escape whose backslash stands at `start`; at least one byte follows it.
func jsonEscape(_ bytes: [UInt8], at start: Int) -> JSONEscape {
  switch bytes[start + 1] {
  case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
    return .scalar(Unicode.Scalar(bytes[start + 1]), end: start + 2)
  case UInt8(ascii: "b"): return .scalar("\u{8}", end: start + 2)
  case UInt8(ascii: "f"): return .scalar("\u{C}", end: start + 2)
  case UInt8(ascii: "n"): return .scalar("\n", end: start + 2)
  case UInt8(ascii: "r"): return .scalar("\r", end: start + 2)
  case UInt8(ascii: "t"): return .scalar("\t", end: start + 2)
  case UInt8(ascii: "u"): break
  default: return .unknown
  }
  var (code, end) = (UInt32(0), start + 2)
  if let fault = readHexadecimal(bytes, &end, &code) { return .lacksDigit(fault) }
  if 0xD800...0xDBFF ~= code, end + 1 < bytes.count, bytes[end] == UInt8(ascii: "\\"),
    bytes[end + 1] == UInt8(ascii: "u")
  {
    var low: UInt32 = 0
    end += 2
    if let fault = readHexadecimal(bytes, &end, &low) { return .lacksDigit(fault) }
    guard 0xDC00...0xDFFF ~= low else { return .halfPair }
    code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
  }
  return Unicode.Scalar(code).map { .scalar($0, end: end) } ?? .halfPair
}

/// Reads four digits; returns where one is missing.
private func readHexadecimal(_ bytes: [UInt8], _ offset: inout Int, _ code: inout UInt32) -> Int? {
  for _ in 0..<4 {
    guard offset < bytes.count else { return offset }
    let digit: UInt8
    switch bytes[offset] {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = bytes[offset] - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = bytes[offset] - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = bytes[offset] - UInt8(ascii: "A") + 10
    default: return offset
    }
    code = code << 4 | UInt32(digit)
    offset += 1
  }
  return nil
}

extension JSONValue {
  /// The number whose literal stands at `start..<end`, and is well formed: `.integer` or `.number`; nil for one beyond the
  /// largest finite double.
  init?(number bytes: [UInt8], _ start: Int, _ end: Int) {
    let isNegative = bytes[start] == UInt8(ascii: "-")
    var (exact, index): (Int?, Int) = (0, isNegative ? start + 1 : start)
    while let value = exact, index < end {
      guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[index] else {
        exact = nil
        break
      }
      // Counting downwards, so that the least Int is reached too.
      let (tens, overflowed) = value.multipliedReportingOverflow(by: 10)
      let (next, wrapped) = tens.subtractingReportingOverflow(Int(bytes[index] - UInt8(ascii: "0")))
      exact = overflowed || wrapped ? nil : next
      index += 1
    }
    if let negated = exact, isNegative || negated != .min {
      self = .integer(isNegative ? negated : -negated)
      return
    }
    guard let double = Double(String(decoding: bytes[start..<end], as: UTF8.self)), double.isFinite else { return nil }
    self = .number(double)
  }
}
