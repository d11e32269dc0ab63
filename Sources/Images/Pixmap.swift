import Formats

/// Reads PGM and PPM (Netpbm), as text (P2, P3) and as bytes (P5, P6). Values of another largest value than 255 are
/// scaled to it.
struct PixmapDecoder {
  private let file: [UInt8]
  private var position = 2

  init(_ file: [UInt8]) { self.file = file }

  mutating func image() throws(InputError) -> Image {
    let kind = file[1] - UInt8(ascii: "0")
    guard kind != 1 && kind != 4 else {
      throw InputError(
        .unsupported, "is a bitmap (PBM)", at: "byte 0",
        advice: "Known are PGM and PPM; other programs convert to these.")
    }
    guard file.count == 2 || isSpace(file[2]) || file[2] == UInt8(ascii: "#") else {
      throw error(.badValue, "has no space behind its first two letters")
    }
    let (isText, channels) = (kind <= 3, kind == 2 || kind == 5 ? 1 : 3)
    let width = try number("width", atMost: 1 << 30), height = try number("height", atMost: 1 << 30)
    try Image.check(width: width, height: height)
    let largest = try number("largest value", atMost: 65535)
    guard largest > 0 else { throw error(.badValue, "has a largest value of 0") }
    let count = width * height * channels, sampleBytes = largest > 255 ? 2 : 1
    if !isText {
      guard position < file.count, isSpace(file[position]) else { throw error(.truncated, "ends before its pixels") }
      position += 1
    }
    // Every value in text takes a byte and, but for the last, a space.
    let least = isText ? 2 * count - 1 : count * sampleBytes
    guard file.count - position >= least else {
      throw error(.truncated, "has \(file.count - position) bytes of pixels, not \(least)")
    }
    let scaled = (0...largest).map { value in
      UInt8((Double(value) / Double(largest) * 255).rounded(.toNearestOrEven))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(width * height * 3)
    for _ in 0..<count {
      var value: Int
      if isText {
        value = try number("value", atMost: 65535)
      } else {
        value = Int(file[position])
        if sampleBytes == 2 { value = value << 8 | Int(file[position + 1]) }
        position += sampleBytes
      }
      guard value <= largest else { throw error(.badValue, "has a value of \(value), above its largest of \(largest)") }
      for _ in 0..<(channels == 1 ? 3 : 1) { bytes.append(scaled[value]) }
    }
    return Image(width: width, height: height, bytes: bytes)
  }

  /// The next number of the header or of a text's values, after spaces and comments.
  private mutating func number(_ what: String, atMost limit: Int) throws(InputError) -> Int {
    while position < file.count {
      if file[position] == UInt8(ascii: "#") {
        while position < file.count, file[position] != 10, file[position] != 13 { position += 1 }
      } else if isSpace(file[position]) {
        position += 1
      } else {
        break
      }
    }
    let start = position
    var value = 0
    while position < file.count, (48...57).contains(file[position]) {
      value = value * 10 + Int(file[position] - 48)
      guard value <= limit else { throw error(.tooLarge, "has a \(what) above \(limit)") }
      position += 1
    }
    guard position > start else {
      throw error(position < file.count ? .badValue : .truncated, "has no \(what) where one must be")
    }
    guard position == file.count || isSpace(file[position]) || file[position] == UInt8(ascii: "#") else {
      throw error(.badValue, "has a \(what) that is no number")
    }
    return value
  }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

  private func error(_ kind: InputError.Kind, _ what: String) -> InputError {
    InputError(kind, what, at: "byte \(position)")
  }
}
