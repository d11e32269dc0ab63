import Formats
import Foundation
import TestSupport
import Testing

@Suite struct ByteReaderTests {
  private func kind<T>(_ bytes: [UInt8], _ body: (inout ByteReader) throws(InputError) -> T) -> InputError.Kind? {
    errorKind { () throws(InputError) in
      var reader = ByteReader(bytes)
      return try body(&reader)
    }
  }

  @Test func numbers() throws {
    var reader = ByteReader(
      [0x01, 0xFF, 0x02, 0x01, 0xFE, 0xFF, 0xFF, 0xFF, 0, 0, 0x80, 0x3F] + [0, 0, 0, 0, 0, 0, 0xF0, 0xBF])
    #expect(try reader.integer(UInt8.self) == 1)
    #expect(try reader.integer(Int8.self) == -1)
    #expect(try reader.integer(UInt16.self) == 0x0102)
    #expect(try reader.integer(Int32.self) == -2)
    #expect(try reader.float() == 1)
    #expect(try reader.double() == -1)
    try reader.end()
    for value in [UInt64.min, 1, 1 << 31, 1 << 63, .max] {
      var reader = ByteReader(withUnsafeBytes(of: value.littleEndian) { Array($0) })
      #expect(try reader.integer(UInt64.self) == value)
      reader = ByteReader(withUnsafeBytes(of: value.littleEndian) { Array($0) })
      #expect(try reader.integer(Int64.self) == Int64(bitPattern: value))
    }
  }

  @Test func numbersOfSevenBitsAByte() throws {
    let cases: [([UInt8], UInt64)] = [
      ([0], 0), ([0x7F], 127), ([0x80, 1], 128), ([0xAC, 2], 300), ([0x80, 0], 0),
      ([UInt8](repeating: 0xFF, count: 9) + [1], .max), ([UInt8](repeating: 0x80, count: 9) + [1], 1 << 63),
    ]
    for (bytes, value) in cases {
      var reader = ByteReader(bytes + [9])
      #expect(try reader.varint() == value)
      #expect(reader.offset == bytes.count)
    }
    for bytes in [[], [0x80], [UInt8](repeating: 0xFF, count: 9)] as [[UInt8]] {
      #expect(kind(bytes) { (r) throws(InputError) in try r.varint() } == .truncated)
    }
    for last in [2, 0x7F, 0x81] as [UInt8] {
      #expect(
        kind([UInt8](repeating: 0xFF, count: 9) + [last, 0]) { (r) throws(InputError) in try r.varint() } == .badValue)
    }
  }

  @Test func partsEndBeforeTheRest() throws {
    var reader = ByteReader([1, 2, 3, 4, 5])
    _ = try reader.integer(UInt8.self)
    var part = try reader.part(3)
    #expect(part.remaining == 3 && part.place == "byte 1" && reader.place == "byte 4")
    var inner = try part.part(2)
    #expect(try inner.bytes(2) == [2, 3])
    #expect(inner.remaining == 0)
    #expect(errorKind { () throws(InputError) in _ = try inner.integer(UInt8.self) } == .truncated)
    #expect(errorKind { () throws(InputError) in _ = try part.part(2) } == .truncated)
    #expect(errorKind { () throws(InputError) in _ = try part.part(-1) } == .badValue)
    #expect(try part.varint() == 4)
    #expect(errorKind { () throws(InputError) in _ = try part.varint() } == .truncated)
    #expect(try reader.bytes(1) == [5])
    #expect(try reader.part(0).remaining == 0)
  }

  @Test func ends() {
    #expect(kind([1]) { (r) throws(InputError) in try r.integer(UInt16.self) } == .truncated)
    #expect(kind([1, 2, 3]) { (r) throws(InputError) in try r.bytes(4) } == .truncated)
    #expect(kind([1, 2, 3]) { (r) throws(InputError) in try r.bytes(.max) } == .truncated)
    #expect(kind([1, 2, 3]) { (r) throws(InputError) in try r.bytes(-1) } == .badValue)
    #expect(kind([1, 2, 3]) { (r) throws(InputError) in try r.skip(to: 4) } == .truncated)
    #expect(kind([1, 2, 3]) { (r) throws(InputError) in try r.skip(to: .max) } == .truncated)
    #expect(kind([1, 2, 3]) { (r) throws(InputError) in try r.skip(to: -1) } == .badOffset)
    #expect(
      kind([1, 2, 3]) { (r) throws(InputError) in
        try r.skip(to: 2); try r.end()
      } == .trailing)
    #expect(
      kind([1, 2, 3]) { (r) throws(InputError) in
        try r.skip(to: 3); try r.end()
      } == nil)
  }

  @Test func counts() {
    func count<V: FixedWidthInteger>(_ value: V, rest: Int, each: Int, atMost limit: Int = .max) -> InputError.Kind? {
      let bytes = withUnsafeBytes(of: value.littleEndian) { Array($0) } + [UInt8](repeating: 0, count: rest)
      return kind(bytes) { (r) throws(InputError) in try r.count(V.self, ofAtLeast: each, atMost: limit) }
    }
    #expect(count(UInt64(3), rest: 12, each: 4) == nil)
    #expect(count(UInt64(3), rest: 11, each: 4) == .truncated)
    #expect(count(UInt64(3), rest: 12, each: 4, atMost: 2) == .tooLarge)
    #expect(count(Int32(-1), rest: 12, each: 4) == .badValue)
    #expect(count(UInt64(0), rest: 0, each: 4) == nil)
    for huge in [UInt64.max, 1 << 63, 1 << 62, 1 << 61, 1 << 31] {
      #expect(count(huge, rest: 64, each: 8) == .truncated)
    }
  }

  @Test func magics() {
    let magic = Array("GGUF".utf8)
    #expect(kind(magic + [1]) { (r) throws(InputError) in try r.magic(magic, of: "a file") } == nil)
    #expect(kind(Array("GGU".utf8)) { (r) throws(InputError) in try r.magic(magic, of: "a file") } == .truncated)
    #expect(kind([]) { (r) throws(InputError) in try r.magic(magic, of: "a file") } == .truncated)
    #expect(kind(Array("GGX".utf8)) { (r) throws(InputError) in try r.magic(magic, of: "a file") } == .badMagic)
    #expect(kind(Array("FUGG".utf8)) { (r) throws(InputError) in try r.magic(magic, of: "a file") } == .badMagic)
  }

  /// A file that is read in pieces gives what the same bytes in memory give, across the borders of the pieces.
  @Test func filesInPieces() throws {
    try withFolder { folder in
      let contents = (0..<200_003).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
      try Data(contents).write(to: URL(fileURLWithPath: folder + "/x"))
      for seed in 0..<20 {
        var generator = SeededGenerator(seed)
        var (a, b) = (ByteReader(contents), ByteReader(try InputFile(opening: folder + "/x")))
        while a.remaining > 0 {
          switch Int.random(in: 0..<4, using: &generator) {
          case 0 where a.remaining >= 8: #expect(try a.integer(UInt64.self) == b.integer(UInt64.self))
          case 1:
            let count = min(
              a.remaining, Int.random(in: 0...(1 << Int.random(in: 0...17, using: &generator)), using: &generator))
            #expect(try a.bytes(count) == b.bytes(count))
          case 2:
            let target = a.offset + min(a.remaining, Int.random(in: 0...9000, using: &generator))
            try a.skip(to: target)
            try b.skip(to: target)
          default: #expect(try a.integer(UInt8.self) == b.integer(UInt8.self))
          }
          #expect(a.offset == b.offset && a.remaining == b.remaining)
        }
        try b.end()
      }
    }
  }
}
