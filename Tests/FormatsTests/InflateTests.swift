import Formats
import Foundation
import TestSupport
import Testing

/// Streams that zlib wrote; Scripts/format_fixtures.py writes them.
private let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "Fixtures/Formats/inflate")

private func fixture(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appending(path: name))) }

private func inflateKind(
  _ stream: [UInt8], frame: Inflate.Frame = .none, atMost limit: Int = 1 << 20
) -> InputError.Kind? {
  errorKind { () throws(InputError) in try Inflate.bytes(of: stream, frame: frame, atMost: limit) }
}

/// A stream from groups of bits, each group given first bit first.
private func stream(_ groups: String...) -> [UInt8] {
  let bits = groups.joined().filter { $0 != " " }.map { $0 == "1" }
  return stride(from: 0, to: bits.count, by: 8).map { start in
    bits[start..<min(bits.count, start + 8)].enumerated().reduce(0) { $0 | ($1.element ? 1 << UInt8($1.offset) : 0) }
  }
}

/// A number as a stream has it, the lowest bit first.
private func number(_ value: Int, bits: Int) -> String { (0..<bits).map { value >> $0 & 1 == 1 ? "1" : "0" }.joined() }

/// A block with codes of its own: `lengths` are the code lengths, by symbol of the code of lengths, as they are read.
private func ownCodes(literals: Int, distances: Int, lengths: [Int], _ rest: String) -> [UInt8] {
  stream(
    "1", number(2, bits: 2), number(literals - 257, bits: 5), number(distances - 1, bits: 5),
    number(lengths.count - 4, bits: 4), lengths.map { number($0, bits: 3) }.joined(), rest)
}

@Suite struct InflateTests {
  static let bare = ["level1", "level9", "stored", "fixed", "huffman", "runs", "flushed"].map { $0 + ".deflate" }

  @Test(arguments: bare) func bareStreams(_ name: String) throws {
    let (contents, stream) = (try fixture("contents"), try fixture(name))
    #expect(try Inflate.bytes(of: stream, atMost: contents.count) == contents)
    #expect(inflateKind(stream, atMost: contents.count - 1) == .budget)
    #expect(inflateKind(stream + [0]) == .trailing)
    for count in [0, 1, 100, 3000, contents.count, contents.count + 1] {
      #expect(try Inflate.prefix(count, of: stream) == Array(contents.prefix(count)))
    }
    for end in stream.indices { #expect(inflateKind(Array(stream[..<end])) == .truncated, "cut at \(end)") }
  }

  @Test(arguments: ["level6.zlib", "window9.zlib"]) func framedStreams(_ name: String) throws {
    let (contents, stream) = (try fixture("contents"), try fixture(name))
    #expect(try Inflate.bytes(of: stream, frame: .zlib, atMost: contents.count) == contents)
    #expect(inflateKind(stream + [0], frame: .zlib) == .trailing)
    for end in stream.indices { #expect(inflateKind(Array(stream[..<end]), frame: .zlib) == .truncated) }
    for bit in 0..<32 {
      var damaged = stream
      damaged[stream.count - 1 - bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(inflateKind(damaged, frame: .zlib) == .badChecksum)
    }
  }

  @Test func emptyStreams() throws {
    #expect(try Inflate.bytes(of: [3, 0], atMost: 0).isEmpty)
    #expect(try Inflate.bytes(of: [1, 0, 0, 0xFF, 0xFF], atMost: 0).isEmpty)
    #expect(try Inflate.bytes(of: [0x78, 0x9C, 3, 0, 0, 0, 0, 1], frame: .zlib, atMost: 0).isEmpty)
  }

  @Test func frames() {
    #expect(inflateKind([0x79, 0x9C, 3, 0, 0, 0, 0, 1], frame: .zlib) == .badValue)  // method 9
    #expect(inflateKind([0x88, 0x1C, 3, 0, 0, 0, 0, 1], frame: .zlib) == .badValue)  // a window of 2^16
    #expect(inflateKind([0x78, 0x9D, 3, 0, 0, 0, 0, 1], frame: .zlib) == .badValue)  // the check of both bytes
    #expect(inflateKind([0x78, 0xBB, 0, 0, 0, 1, 3, 0], frame: .zlib) == .unsupported)  // a dictionary
  }

  @Test func impossibleBlocks() {
    #expect(inflateKind(stream("1 11")) == .badValue)  // type 3
    #expect(inflateKind([1, 1, 0, 0xFF, 0xFF, 0]) == .badValue)  // the length is not confirmed
    // Fixed codes: length 3 at distance 1 with nothing before it, symbols 286 and 287, distance symbols 30 and 31.
    #expect(inflateKind(stream("1 10 0000001 00000")) == .badValue)
    #expect(inflateKind(stream("1 10 11000110 00000")) == .badValue)
    #expect(inflateKind(stream("1 10 11000111 00000")) == .badValue)
    #expect(inflateKind(stream("1 10 00110000 0000001 11110")) == .badValue)
    #expect(inflateKind(stream("1 10 00110000 0000001 11111")) == .badValue)
    // The same beginning with distance 1 is right.
    #expect(inflateKind(stream("1 10 00110000 0000001 00000 0000000")) == nil)
  }

  /// The order in which the lengths of the code of lengths come.
  private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  private static func lengths(_ values: [Int: Int]) -> [Int] { order.map { values[$0] ?? 0 } }

  @Test func impossibleCodes() {
    func kind(_ lengths: [Int: Int], literals: Int = 257, distances: Int = 1, _ rest: String) -> InputError.Kind? {
      inflateKind(ownCodes(literals: literals, distances: distances, lengths: Self.lengths(lengths), rest))
    }
    // A code of lengths that is too full, not full, empty, or of one symbol.
    #expect(kind([0: 1, 1: 1, 2: 1], "0000") == .badValue)
    #expect(kind([0: 1, 1: 2], "0000") == .badValue)
    #expect(kind([:], "0000") == .badValue)
    #expect(kind([1: 1], "0000") == .badValue)
    #expect(kind([0: 1, 1: 1], literals: 287, "0000") == .badValue)
    #expect(kind([0: 1, 1: 1], distances: 31, "0000") == .badValue)
    // With the code {0: "00", 1: "01", 16: "10", 18: "11"}.
    let code = [0: 2, 1: 2, 16: 2, 18: 2]
    let zeros = "11" + number(127, bits: 7)  // 138 zeros
    #expect(kind(code, "10 00") == .badValue)  // repeats nothing
    #expect(kind(code, zeros + zeros) == .badValue)  // beyond the last
    #expect(kind(code, zeros + "11" + number(118 - 11, bits: 7) + "00 00") == .badValue)  // no end symbol
    #expect(kind(code, "01 01" + zeros + "11" + number(116 - 11, bits: 7) + "01 00") == .badValue)  // too full
    let end = zeros + "11" + number(118 - 11, bits: 7) + "01"  // 256 alone
    #expect(kind(code, end + "00" + "0") == nil)  // a code of one bit, and no distances
    #expect(kind(code, end + "01" + "0") == nil)  // one distance
    #expect(kind(code, end + "00" + "1" + number(0, bits: 24)) == .badValue)  // bits that are no symbol
    // With the code {18: "0", 0: "10", 2: "11"}: two literals of two bits are not full.
    let two = [0: 2, 2: 2, 18: 1]
    #expect(kind(two, "11 0" + number(127, bits: 7) + "0" + number(117 - 11, bits: 7) + "11 10") == .badValue)
    // Length 257 with no distance code at all.
    let copies = zeros + "11" + number(118 - 11, bits: 7) + "01 01 00"
    #expect(kind(code, literals: 258, copies + "1" + number(0, bits: 24)) == .badValue)
  }

  @Test func noMutationTraps() throws {
    let streams = try Self.bare.map { try fixture($0) } + [try fixture("level6.zlib")]
    for seed in 0..<20_000 {
      var generator = SeededGenerator(seed)
      var bytes = streams[seed % streams.count]
      // Most damage goes to the front: what stands there decides about everything behind it.
      let part = Int.random(in: 1...(seed % 4 == 0 ? bytes.count : 60), using: &generator)
      bytes = Array(bytes.prefix(max(part, 8)))
      bytes.mutate(&generator, alphabet: [0, 1, 0x55, 0x80, 0xFF])
      let frame: Inflate.Frame = seed % streams.count == streams.count - 1 ? .zlib : .none
      if let found = try? Inflate.bytes(of: bytes, frame: frame, atMost: 8192) {
        #expect(found.count <= 8192, "seed \(seed)")
      }
    }
  }

  /// A megabyte of zeros in a kilobyte: refused where it may not be so much, without making it.
  @Test func bombs() throws {
    var bits = "1 10 00110000"
    // Symbol 285 is a copy of 258, distance symbol 0 is 1.
    bits += String(repeating: "11000101 00000", count: 4000)
    let bomb = stream(bits, "0000000")
    #expect(try Inflate.bytes(of: bomb, atMost: 1 << 21).count == 1 + 4000 * 258)
    #expect(inflateKind(bomb, atMost: 1 + 4000 * 258 - 1) == .budget)
    #expect(inflateKind(bomb, atMost: 100) == .budget)
  }

  @Test func checksums() {
    #expect(CRC32.of(Array("123456789".utf8)) == 0xCBF4_3926)
    #expect(CRC32.of([]) == 0)
    var crc = CRC32()
    crc.update(Array("1234".utf8))
    crc.update(Array("56789".utf8))
    #expect(crc.value == 0xCBF4_3926)
    #expect(adler32(Array("Wikipedia".utf8)) == 0x11E6_0398)
    #expect(adler32([]) == 1)
    let long = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7 | 0xF0) }
    let sums = long.reduce((1, 0)) { (($0.0 + Int($1)) % 65521, ($0.1 + $0.0 + Int($1)) % 65521) }
    #expect(adler32(long) == UInt32(sums.1 << 16 | sums.0))
  }
}
