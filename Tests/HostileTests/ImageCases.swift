import Formats
import Foundation
import Images
import TestSupport

private func image(_ name: String, _ kinds: [InputError.Kind], _ bytes: [UInt8], file: String = "x.png") -> HostileCase
{
  HostileCase(name, kinds, make: { try write(bytes, $0, file) }, open: { _ = try Image(opening: $0) })
}

// MARK: PNG

private func big(_ value: UInt32) -> [UInt8] { GGUFBuilder.bytes(value).reversed() }

private let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

private func chunk(_ type: String, _ body: [UInt8], length: UInt32? = nil, checksum: UInt32? = nil) -> [UInt8] {
  let content = Array(type.utf8) + body
  return big(length ?? UInt32(body.count)) + content + big(checksum ?? CRC32.of(content))
}

private func header(
  _ width: UInt32 = 2, _ height: UInt32 = 2, depth: UInt8 = 8, color: UInt8 = 0, compression: UInt8 = 0,
  interlace: UInt8 = 0
) -> [UInt8] {
  big(width) + big(height) + [depth, color, compression, 0, interlace]
}

private func adler(_ bytes: [UInt8]) -> UInt32 {
  var (a, b): (UInt32, UInt32) = (1, 0)
  for byte in bytes { (a, b) = ((a + UInt32(byte)) % 65521, (b + a + UInt32(byte)) % 65521) }
  return b << 16 | a
}

/// A zlib stream of one stored block, or of the deflated bytes given.
private func zlib(
  _ bytes: [UInt8], _ method: UInt8 = 0x78, _ flags: UInt8? = nil, deflated: [UInt8]? = nil, checksum: UInt32? = nil
) -> [UInt8] {
  let check = UInt8((31 - UInt16(method) << 8 % 31) % 31)
  let count = GGUFBuilder.bytes(UInt16(bytes.count))
  return [method, flags ?? check] + (deflated ?? [1] + count + count.map { ~$0 } + bytes)
    + big(checksum ?? adler(bytes))
}

/// Bits in the order of DEFLATE, each number its lowest bit first.
private func bits(_ values: (value: Int, count: Int)...) -> [UInt8] {
  var (bytes, place) = ([UInt8](), 0)
  for (value, count) in values {
    for bit in 0..<count {
      if place % 8 == 0 { bytes.append(0) }
      bytes[place / 8] |= UInt8(value >> bit & 1) << UInt8(place % 8)
      place += 1
    }
  }
  return bytes
}

/// Two rows of two grey pixels, each after its filter.
private let rows: [UInt8] = [0, 10, 20, 0, 30, 40]

private func png(_ chunks: [UInt8]...) -> [UInt8] { signature + chunks.joined() }

private let end = chunk("IEND", [])
private let right = png(chunk("IHDR", header()), chunk("IDAT", zlib(rows)), end)

/// The right file with another header.
private func headed(_ name: String, _ header: [UInt8], _ kinds: InputError.Kind...) -> HostileCase {
  image(name, kinds, png(chunk("IHDR", header), chunk("IDAT", zlib(rows)), end))
}

/// The right file with other pixels.
private func stream(_ name: String, _ stream: [UInt8], _ kinds: InputError.Kind...) -> HostileCase {
  image(name, kinds, png(chunk("IHDR", header()), chunk("IDAT", stream), end))
}

/// A file of two rows of two pixels with a palette.
private func palette(_ name: String, _ colors: [UInt8]?, _ kinds: InputError.Kind..., index: UInt8 = 0) -> HostileCase {
  image(
    name, kinds,
    png(
      chunk("IHDR", header(color: 3)), colors.map { chunk("PLTE", $0) } ?? [],
      chunk("IDAT", zlib([0, 0, 0, 0, 0, index])), end))
}

/// The right file with a byte or more replaced.
private func damaged(_ name: String, _ place: Int, _ bytes: [UInt8], _ kinds: InputError.Kind...) -> HostileCase {
  var file = right
  file.replaceSubrange(place..<place + bytes.count, with: bytes)
  return image(name, kinds, file)
}

/// An interlaced grey picture of zeros.
private func interlaced(_ width: Int, _ height: Int) -> HostileCase {
  let passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
  let count = passes.reduce(0) { sum, pass in
    let (columns, lines) = ((width - pass.0 + pass.2 - 1) / pass.2, (height - pass.1 + pass.3 - 1) / pass.3)
    return columns > 0 ? sum + lines * (1 + columns) : sum
  }
  let start = chunk("IHDR", header(UInt32(width), UInt32(height), interlace: 1))
  return image(
    "interlaced, \(width) x \(height)", [],
    png(start, chunk("IDAT", zlib([UInt8](repeating: 0, count: count))), end))
}

// The places of the right file: the header's length at 8, its contents at 16, its checksum at 29, the pixels' chunk at 33.
private let pixels = 33

// MARK: PPM

private func pixmap(
  _ text: String, _ bytes: [UInt8] = [], _ kinds: InputError.Kind..., named name: String? = nil
) -> HostileCase {
  image(name ?? "\(text.debugDescription), \(bytes.count) bytes", kinds, Array(text.utf8) + bytes, file: "x.ppm")
}

// What is of another format than PNG is said to be unsupported, also where a PNG was damaged so that none can be seen.
let imageFamilies: [HostileFamily] = [
  HostileFamily(
    "M1", 14,
    [
      damaged("xs1: the first byte without its high bit", 0, [0x09], .unsupported),
      damaged("xs2: Q for P", 1, [0x51], .unsupported), damaged("xs4: a small g", 3, [0x67], .unsupported),
      damaged("xs7: a space for the last line feed", 7, [0x20], .unsupported),
      image("xcr: a carriage return more", [.unsupported], Array(right[..<4]) + [0x0D] + right[4...]),
      image("xlf: a line feed less", [.unsupported], Array(right[..<5]) + right[6...]),
      damaged("xhd: the header's checksum", 29, [0, 0, 0, 0], .badChecksum),
      headed("xc1: colour type 1", header(color: 1), .badValue),
      headed("xc9: colour type 9", header(color: 9), .badValue),
      headed("xd0: depth 0", header(depth: 0), .badValue), headed("xd3: depth 3", header(depth: 3), .badValue),
      headed("xd9: depth 99", header(depth: 99), .badValue),
      image("xdt: no pixels", [.missing], png(chunk("IHDR", header()), end)),
      image(
        "xcs: the pixels' checksum", [.badChecksum],
        png(chunk("IHDR", header()), chunk("IDAT", zlib(rows), checksum: 7), end)),
    ]),
  HostileFamily(
    "M2", 10,
    ([0, 1 << 31, .max, 1_000_001] as [UInt32]).flatMap { side in
      // A million rows of two pixels are no picture too large; they are not there.
      let kinds: [InputError.Kind] = side == 0 ? [.badValue] : side == 1_000_001 ? [.truncated] : [.budget]
      return [header(side, 2), header(2, side)].enumerated().map { axis, header in
        image(
          "\(side) \(axis == 0 ? "columns" : "rows")", kinds,
          png(chunk("IHDR", header), chunk("IDAT", zlib(rows)), end))
      }
    } + [
      headed("65535 x 65535 of 16 bits", header(65535, 65535, depth: 16, color: 6), .budget),
      headed("bytes beyond 64 bits", header(.max, .max, depth: 16, color: 6), .budget),
    ]),
  HostileFamily(
    "M3", 10,
    [
      damaged("length 2^31", pixels, [0x80, 0, 0, 0], .truncated),
      damaged("length 2^32 - 1", pixels, [0xFF, 0xFF, 0xFF, 0xFF], .truncated),
      image(
        "length of one more than is left", [.truncated],
        png(chunk("IHDR", header()), chunk("IDAT", zlib(rows), length: UInt32(zlib(rows).count + end.count + 1)), end)),
      image("no chunk", [.truncated], signature), image("cut in the header", [.truncated], Array(right[..<20])),
      image("cut before the end", [.truncated], Array(right.dropLast(12))),
      image(
        "a header of 12 bytes", [.missing], png(chunk("IHDR", header().dropLast()), chunk("IDAT", zlib(rows)), end)),
      image("a header of 14 bytes", [.missing], png(chunk("IHDR", header() + [0]), chunk("IDAT", zlib(rows)), end)),
      image("the header second", [.missing], png(chunk("IDAT", zlib(rows)), chunk("IHDR", header()), end)),
      image(
        "two headers", [.duplicate],
        png(chunk("IHDR", header()), chunk("IHDR", header()), chunk("IDAT", zlib(rows)), end)),
    ]),
  HostileFamily(
    "M4", 4,
    [
      headed("50 thousand million pixels", header(500_000, 100_000), .budget),
      // What may be left aside is not unpacked.
      image(
        "a thousand compressed texts", [],
        png(
          chunk("IHDR", header()),
          Array(
            repeatElement(chunk("zTXt", [0x61, 0, 0] + zlib([], deflated: bits((0b011, 3), (0, 7)))), count: 1000)
              .joined()),
          chunk("IDAT", zlib(rows)), end)),
      stream("more pixels than rows", zlib(rows + [0]), .budget),
      stream("fewer pixels than rows", zlib(rows.dropLast()), .truncated),
    ]),
  HostileFamily(
    "M5", 11,
    [
      stream("method 7", zlib(rows, 0x77), .badValue), stream("a window of 64 KiB", zlib(rows, 0x88), .badValue),
      // The flags 0x20 ask for a dictionary; 0x7820 + 27 is a multiple of 31.
      stream("a dictionary", zlib(rows, 0x78, 0x20 + UInt8((31 - 0x7820 % 31) % 31)), .unsupported),
      stream("wrong check of the first two bytes", zlib(rows, 0x78, 0x02), .badValue),
      stream("wrong checksum", zlib(rows, checksum: 1), .badChecksum),
      stream("block type 3", zlib(rows, deflated: bits((0b111, 3), (0, 5))), .badValue),
      stream("a length that is not confirmed", zlib(rows, deflated: [1, 6, 0, 6, 0] + rows), .badValue),
      // Fixed codes: the length 3 is 0000001, the nearest distance 00000, both with their first bit first.
      stream(
        "a copy from before the start", zlib(rows, deflated: bits((0b011, 3), (0b1000000, 7), (0, 5), (0, 16))),
        .badValue),
      stream(
        "a code too full", zlib(rows, deflated: bits((0b101, 3), (0, 10), (15, 4), (0o1111111111111111111, 57))),
        .badValue),
      stream("a code not full", zlib(rows, deflated: bits((0b101, 3), (0, 10), (15, 4), (2, 57))), .badValue),
      // The code of 286 is 11000110.
      stream("length symbol 286", zlib(rows, deflated: bits((0b011, 3), (0b01100011, 8), (0, 16))), .badValue),
    ]),
  HostileFamily(
    "M6", 11,
    [
      stream("filter 5", zlib([5, 0, 0, 0, 0, 0]), .badValue),
      stream("filter 255", zlib([255, 0, 0, 0, 0, 0]), .badValue),
      headed("interlacing 2", header(interlace: 2), .unsupported),
      headed("compression 1", header(compression: 1), .unsupported),
      palette("no palette", nil, .missing), palette("a palette of no colours", [], .badValue),
      palette("a palette of 257 colours", [UInt8](repeating: 0, count: 771), .badValue),
      palette("a palette of four bytes", [1, 2, 3, 4], .badValue),
      palette("a colour beyond the palette", [1, 2, 3], .badValue, index: 1),
      // What says how far a pixel is seen through is left out, whatever it says.
      image(
        "more transparencies than colours", [],
        png(
          chunk("IHDR", header(color: 3)), chunk("PLTE", [1, 2, 3]), chunk("tRNS", [1, 2]),
          chunk("IDAT", zlib([0, 0, 0, 0, 0, 0])), end)),
      image(
        "a chunk that must be known", [.unsupported],
        png(chunk("IHDR", header()), chunk("EVIL", []), chunk("IDAT", zlib(rows)), end)),
    ]),
  HostileFamily(
    "M7", 6,
    [interlaced(1, 1), interlaced(1, 5), interlaced(5, 1), interlaced(8, 8)] + [
      image(
        "10,000 chunks of no pixels", [],
        png(
          chunk("IHDR", header()), Array(repeatElement(chunk("IDAT", []), count: 10_000).joined()),
          chunk("IDAT", zlib(rows)), end)),
      image("bytes after the end", [], right + Array("PK\u{3}\u{4}".utf8)),
    ]),
  HostileFamily(
    "M8", 17,
    [
      pixmap("P6", [], .truncated), pixmap("P9 1 1 255\n", [1], .unsupported), pixmap("P6\n", [], .truncated),
      pixmap("P6 0 1 255\n", [], .badValue), pixmap("P6 -1 1 255\n", [], .badValue),
      pixmap("P6 1e3 1 255\n", [], .badValue), pixmap("P6 99999999999999999999 1 255\n", [], .tooLarge),
      pixmap("P5 1 1 0\n", [0], .badValue), pixmap("P5 1 1 65536\n", [0, 0], .tooLarge),
      pixmap("P5 1 1 256\n", [1, 0]), pixmap("P5 1 1 # no end", [], .truncated),
      pixmap("P5\n#" + String(repeating: "a", count: 1 << 20) + "\n1 1 255\n", [1], named: "a comment of 1 MB"),
      pixmap("P6 1 1 255\n", [1, 2], .truncated),
      // As in PNG, what stands after the end is not looked at: such files may hold several pictures.
      pixmap("P6 1 1 255\n", [1, 2, 3, 4]),
      pixmap("P3 1 1 7\n1 2 8\n", [], .badValue), pixmap("P3 1 1 7\n1 a 2\n", [], .badValue),
      pixmap("P6 2147483648 2147483648 255\n", [], .budget, .tooLarge),
    ]),
  HostileFamily(
    "M9", 4,
    [
      image("JPEG", [.unsupported], [0xFF, 0xD8, 0xFF, 0xE0, 0, 16] + Array("JFIF".utf8)),
      image("GIF", [.unsupported], Array("GIF89a".utf8) + [1, 0, 1, 0, 0, 0, 0]),
      image("SVG", [.unsupported], Array("<svg xmlns=\"http://www.w3.org/2000/svg\"/>".utf8)),
      image("no bytes", [.unsupported], []),
    ]),
]
