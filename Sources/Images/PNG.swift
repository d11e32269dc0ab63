import Formats

/// Reads PNG (ISO/IEC 15948, version 1.2): every colour type and depth, interlaced or not. Chunks must be in order and have
/// the bytes of their checksums; chunks that may be left aside are. What stands after the end is not looked at.
struct PNGDecoder {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  private let file: [UInt8]
  private var position = signature.count

  init(_ file: [UInt8]) { self.file = file }

  /// The first chunk.
  private struct Header {
    var width: Int
    var height: Int
    var depth: Int
    var color: ColorType
    var isInterlaced: Bool

    /// Bits of a pixel.
    var pixelBits: Int { color.channels * depth }
    /// Bytes of a row of `width` pixels, without its filter.
    func rowBytes(_ width: Int) -> Int { (width * pixelBits + 7) / 8 }
    /// Bytes of an image of such rows, with their filters; nil where no `Int` counts them. An image without columns has
    /// no rows.
    func byteCount(_ width: Int, _ height: Int) -> Int { width == 0 ? 0 : height * (1 + rowBytes(width)) }
  }

  private enum ColorType: UInt8 {
    case grey = 0
    case rgb = 2
    case palette = 3
    case greyAlpha = 4
    case rgba = 6

    var channels: Int {
      switch self {
      case .grey, .palette: 1
      case .greyAlpha: 2
      case .rgb: 3
      case .rgba: 4
      }
    }
    var depths: [Int] {
      switch self {
      case .grey: [1, 2, 4, 8, 16]
      case .palette: [1, 2, 4, 8]
      case .rgb, .greyAlpha, .rgba: [8, 16]
      }
    }
  }

  mutating func image() throws(InputError) -> Image {
    let header = try readHeader()
    var (palette, data) = ([UInt8]?.none, [UInt8]())
    var (hasData, dataEnded) = (false, false)
    while true {
      let start = position
      let (type, body) = try chunk()
      func error(_ kind: InputError.Kind, _ what: String) -> InputError {
        InputError(kind, "the chunk \(quoted(type)) \(what)", at: "byte \(start)")
      }
      if hasData && type != Self.idat { dataEnded = true }
      switch type {
      case Self.ihdr: throw error(.duplicate, "stands there twice")
      case Self.plte:
        guard palette == nil, !hasData else { throw error(.duplicate, "stands there twice, or after the pixels") }
        guard header.color != .grey, header.color != .greyAlpha else { throw error(.inconsistent, "is for colours") }
        guard !body.isEmpty, body.count % 3 == 0, body.count <= 768 else {
          throw error(.badValue, "has \(body.count) bytes, which is no number of colours")
        }
        palette = Array(file[body])
      case Self.idat:
        guard !dataEnded else { throw error(.inconsistent, "is apart from the others") }
        hasData = true
        data += file[body]
      case Self.iend:
        guard hasData else { throw error(.missing, "comes before any pixels") }
        return try decode(data, header, palette)
      default:
        // A capital first letter says that the image cannot be understood without the chunk.
        guard type[0] & 32 != 0 else { throw error(.unsupported, "is not known") }
      }
    }
  }

  private static let ihdr = Array("IHDR".utf8)
  private static let plte = Array("PLTE".utf8)
  private static let idat = Array("IDAT".utf8)
  private static let iend = Array("IEND".utf8)

  // MARK: - Chunks

  /// The next chunk's type and where its contents lie, when its checksum is right.
  private mutating func chunk() throws(InputError) -> (type: [UInt8], body: Range<Int>) {
    let start = position
    guard file.count - start >= 12 else {
      throw InputError(.truncated, "ends before its last chunk", at: "byte \(start)")
    }
    let length = number(start), type = Array(file[start + 4..<start + 8])
    guard type.allSatisfy({ (65...90).contains($0) || (97...122).contains($0) }) else {
      throw InputError(.badValue, "holds a chunk whose type is no four letters", at: "byte \(start + 4)")
    }
    guard length <= file.count - start - 12 else {
      throw InputError(
        .truncated, "ends within the chunk \(quoted(type)) of \(length) bytes", at: "byte \(start)")
    }
    let body = start + 8..<start + 8 + length
    guard Int(CRC32.of(file[start + 4..<body.upperBound])) == number(body.upperBound) else {
      throw InputError(.badChecksum, "the chunk \(quoted(type)) is damaged", at: "byte \(start)")
    }
    position = body.upperBound + 4
    return (type, body)
  }

  /// The 32 bits at an offset that the file has.
  private func number(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 << 8 | Int(file[offset + $1]) } }

  private func quoted(_ type: [UInt8]) -> String { "\"" + String(decoding: type, as: UTF8.self) + "\"" }

  private mutating func readHeader() throws(InputError) -> Header {
    let (type, body) = try chunk()
    guard type == Self.ihdr, body.count == 13 else {
      throw InputError(.missing, "does not begin with a header of 13 bytes", at: "byte 8")
    }
    let width = number(body.lowerBound), height = number(body.lowerBound + 4), rest = Array(file[body.dropFirst(8)])
    try Image.check(width: width, height: height)
    guard let color = ColorType(rawValue: rest[1]), color.depths.contains(Int(rest[0])) else {
      throw InputError(
        .badValue, "a depth of \(rest[0]) and the colour type \(rest[1]) do not go together", at: "byte 24")
    }
    guard rest[2] == 0, rest[3] == 0, rest[4] <= 1 else {
      throw InputError(
        .unsupported, "the compression \(rest[2]), filter \(rest[3]) or interlacing \(rest[4]) is not known",
        at: "byte 26")
    }
    return Header(width: width, height: height, depth: Int(rest[0]), color: color, isInterlaced: rest[4] == 1)
  }

  // MARK: - Pixels

  /// Where the pixels of an image lie that is sent in parts: first column and row, and the steps between them.
  private static let passes = [
    (x: 0, y: 0, dx: 8, dy: 8), (x: 4, y: 0, dx: 8, dy: 8), (x: 0, y: 4, dx: 4, dy: 8), (x: 2, y: 0, dx: 4, dy: 4),
    (x: 0, y: 2, dx: 2, dy: 4), (x: 1, y: 0, dx: 2, dy: 2), (x: 0, y: 1, dx: 1, dy: 2),
  ]

  private func decode(_ data: [UInt8], _ header: Header, _ palette: [UInt8]?) throws(InputError) -> Image {
    if header.color == .palette && palette == nil { throw InputError(.missing, "has no palette", at: "PLTE") }
    let passes = (header.isInterlaced ? Self.passes : [(x: 0, y: 0, dx: 1, dy: 1)]).map { pass in
      (
        pass: pass, width: (header.width - pass.x + pass.dx - 1) / pass.dx,
        height: (header.height - pass.y + pass.dy - 1) / pass.dy
      )
    }
    let expected = passes.reduce(0) { $0 + header.byteCount($1.width, $1.height) }
    var raw: [UInt8]
    do throws(InputError) { raw = try Inflate.bytes(of: data, frame: .zlib, atMost: expected) } catch {
      throw error.inside("the pixels")
    }
    guard raw.count == expected else {
      throw InputError(.truncated, "holds \(raw.count) bytes of pixels, not \(expected)", at: "the pixels")
    }
    var bytes = [UInt8](repeating: 0, count: header.width * header.height * 3)
    var start = 0
    for (pass, width, height) in passes where width > 0 {
      let rowBytes = header.rowBytes(width)
      for row in 0..<height {
        try Self.unfilter(&raw, at: start, rowBytes, step: max(1, header.pixelBits / 8), hasRowAbove: row > 0)
        for column in 0..<width {
          let pixel = try Self.pixel(raw, start + 1, column, header, palette)
          let to = ((pass.y + row * pass.dy) * header.width + pass.x + column * pass.dx) * 3
          (bytes[to], bytes[to + 1], bytes[to + 2]) = pixel
        }
        start += 1 + rowBytes
      }
    }
    return Image(width: header.width, height: header.height, bytes: bytes)
  }

  /// Replaces a row's differences by its bytes; the row above is already whole.
  private static func unfilter(
    _ raw: inout [UInt8], at start: Int, _ count: Int, step: Int, hasRowAbove: Bool
  ) throws(InputError) {
    let filter = raw[start], row = start + 1, above = row - count - 1
    switch filter {
    case 0: break
    case 1: for i in step..<max(step, count) { raw[row + i] &+= raw[row + i - step] }
    case 2: if hasRowAbove { for i in 0..<count { raw[row + i] &+= raw[above + i] } }
    case 3:
      for i in 0..<count {
        let left = i >= step ? Int(raw[row + i - step]) : 0, up = hasRowAbove ? Int(raw[above + i]) : 0
        raw[row + i] &+= UInt8((left + up) / 2)
      }
    case 4:
      for i in 0..<count {
        let left = i >= step ? Int(raw[row + i - step]) : 0, up = hasRowAbove ? Int(raw[above + i]) : 0
        let corner = i >= step && hasRowAbove ? Int(raw[above + i - step]) : 0
        let guess = left + up - corner
        let (a, b, c) = (abs(guess - left), abs(guess - up), abs(guess - corner))
        raw[row + i] &+= UInt8(a <= b && a <= c ? left : b <= c ? up : corner)
      }
    default: throw InputError(.badValue, "the filter \(filter) of a row is not known", at: "the pixels")
    }
  }

  /// The colours of one pixel of a row that begins at `row`.
  private static func pixel(
    _ raw: [UInt8], _ row: Int, _ column: Int, _ header: Header, _ palette: [UInt8]?
  ) throws(InputError) -> (UInt8, UInt8, UInt8) {
    let sampleBytes = header.depth / 8
    switch header.color {
    case .rgb, .rgba:
      // Of 16 bits the high 8 count.
      let at = row + column * header.color.channels * sampleBytes
      return (raw[at], raw[at + sampleBytes], raw[at + 2 * sampleBytes])
    case .greyAlpha:
      let grey = raw[row + column * 2 * sampleBytes]
      return (grey, grey, grey)
    case .grey, .palette:
      if header.depth >= 8 {
        let value = raw[row + column * sampleBytes]
        return try color(value, value, header, palette)
      }
      let bit = column * header.depth, shift = 8 - header.depth - bit % 8, largest = UInt8(1 << header.depth - 1)
      let value = raw[row + bit / 8] >> UInt8(shift) & largest
      return try color(value, value * (255 / largest), header, palette)
    }
  }

  private static func color(
    _ index: UInt8, _ grey: UInt8, _ header: Header, _ palette: [UInt8]?
  ) throws(InputError) -> (UInt8, UInt8, UInt8) {
    guard header.color == .palette, let palette else { return (grey, grey, grey) }
    let at = Int(index) * 3
    guard at < palette.count else {
      throw InputError(
        .badValue, "a pixel has the colour \(index) of a palette of \(palette.count / 3)", at: "the pixels")
    }
    return (palette[at], palette[at + 1], palette[at + 2])
  }
}
