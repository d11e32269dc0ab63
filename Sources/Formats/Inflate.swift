/// Decompresses DEFLATE streams (RFC 1951), bare as in ZIP or in zlib's frame (RFC 1950) as in PNG.
///
/// It is strict: what no compressor writes is refused and never guessed at, and the stream must end with the last byte.
/// The output never grows beyond the given bound, whatever the stream claims.
public enum Inflate {
  /// What stands around the compressed blocks.
  public enum Frame: Sendable {
    /// Nothing.
    case none
    /// zlib's two bytes before and its Adler-32 after.
    case zlib
  }

  /// The decompressed bytes of a whole stream.
  ///
  /// - Parameter limit: The most bytes that the stream may hold.
  /// - Throws: `truncated` when the stream ends early; `badValue` for impossible blocks, codes, lengths and distances,
  ///   and for a frame that is not zlib's; `unsupported` for a frame with a preset dictionary; `badChecksum`; `budget` for
  ///   more than `limit` bytes; `trailing` for bytes after the end. The place is the byte offset in the stream.
  public static func bytes(of stream: [UInt8], frame: Frame = .none, atMost limit: Int) throws(InputError) -> [UInt8] {
    var decoder = try InflateDecoder(stream, frame)
    try decoder.run(until: .max, limit: limit)
    try decoder.finish(frame)
    return decoder.output
  }

  /// The first decompressed bytes of a stream: `count`, or all where it holds fewer. What follows is not looked at.
  ///
  /// - Throws: As for a whole stream, for what is wrong up to there.
  public static func prefix(_ count: Int, of stream: [UInt8], frame: Frame = .none) throws(InputError) -> [UInt8] {
    var decoder = try InflateDecoder(stream, frame)
    try decoder.run(until: count, limit: .max)
    return Array(decoder.output.prefix(count))
  }
}

private struct InflateDecoder {
  private(set) var output: [UInt8] = []
  private let bytes: [UInt8]
  private var position = 0
  /// Bits that are read but not used, the next one lowest.
  private var bits: UInt64 = 0
  private var bitCount = 0

  init(_ bytes: [UInt8], _ frame: Inflate.Frame) throws(InputError) {
    self.bytes = bytes
    guard frame == .zlib else { return }
    guard bytes.count >= 2 else { throw truncated() }
    let (method, flags) = (bytes[0], bytes[1])
    guard (UInt16(method) << 8 | UInt16(flags)) % 31 == 0, method & 15 == 8, method >> 4 <= 7 else {
      throw InputError(.badValue, "does not begin as a zlib stream does", at: "byte 0")
    }
    guard flags & 32 == 0 else { throw InputError(.unsupported, "asks for a preset dictionary", at: "byte 1") }
    position = 2
  }

  /// Decodes until the last block ends or `end` bytes are there.
  mutating func run(until end: Int, limit: Int) throws(InputError) {
    var isLast = false
    while !isLast && output.count < end {
      isLast = try take(1) == 1
      switch try take(2) {
      case 0: try storedBlock(end, limit)
      case 1: try codedBlock(.fixedLiterals, .fixedDistances, end, limit)
      case 2:
        let (literals, distances) = try readCodes()
        try codedBlock(literals, distances, end, limit)
      default: throw bad("holds a block of the type 3, which there is not")
      }
    }
  }

  /// Checks what must stand behind the last block.
  mutating func finish(_ frame: Inflate.Frame) throws(InputError) {
    dropPartOfByte()
    if frame == .zlib {
      var sum: UInt32 = 0
      for _ in 0..<4 { sum = sum << 8 | UInt32(try take(8)) }
      guard sum == adler32(output) else { throw InputError(.badChecksum, "does not have the bytes of its checksum") }
    }
    let rest = bytes.count - position + bitCount / 8
    guard rest == 0 else { throw InputError(.trailing, "has \(rest) bytes after its end", at: place) }
  }

  private mutating func storedBlock(_ end: Int, _ limit: Int) throws(InputError) {
    dropPartOfByte()
    let (length, check) = (try take(16), try take(16))
    guard length == ~check & 0xFFFF else { throw bad("holds a stored block whose length is not confirmed") }
    try requireRoom(length, limit)
    // What was read ahead is given back.
    (position, bits, bitCount) = (position - bitCount / 8, 0, 0)
    let count = min(length, max(0, end - output.count))
    guard count <= bytes.count - position else { throw truncated() }
    output.append(contentsOf: bytes[position..<position + count])
    position += count
  }

  private mutating func codedBlock(
    _ literals: PrefixCode, _ distances: PrefixCode, _ end: Int, _ limit: Int
  ) throws(InputError) {
    while output.count < end {
      let symbol = try next(literals)
      if symbol < 256 {
        try requireRoom(1, limit)
        output.append(UInt8(truncatingIfNeeded: symbol))
        continue
      }
      if symbol == 256 { return }
      guard symbol - 257 < Self.lengths.count else { throw bad("holds the length symbol \(symbol)") }
      let length = Self.lengths[symbol - 257] + (try take(Self.lengthBits[symbol - 257]))
      let near = try next(distances)
      guard near < Self.distances.count else { throw bad("holds the distance symbol \(near)") }
      let distance = Self.distances[near] + (try take(Self.distanceBits[near]))
      guard distance <= output.count else { throw bad("copies from before its start") }
      try requireRoom(length, limit)
      // One by one: a copy may reach into what it writes.
      for _ in 0..<length { output.append(output[output.count - distance]) }
    }
  }

  /// The two codes that stand before a block of its own codes.
  private mutating func readCodes() throws(InputError) -> (PrefixCode, PrefixCode) {
    let (literalCount, distanceCount, lengthCount) = (try take(5) + 257, try take(5) + 1, try take(4) + 4)
    guard literalCount <= 286, distanceCount <= 30 else { throw bad("claims more symbols than there are") }
    var lengths = [UInt8](repeating: 0, count: 19)
    for index in Self.lengthOrder.prefix(lengthCount) { lengths[index] = UInt8(truncatingIfNeeded: try take(3)) }
    guard let lengthCode = PrefixCode(lengths, mayBeIncomplete: false) else { throw badCode("lengths") }
    lengths.removeAll(keepingCapacity: true)
    let count = literalCount + distanceCount
    while lengths.count < count {
      let symbol = try next(lengthCode)
      var (repeated, times) = (UInt8(0), 1)
      switch symbol {
      case 16:
        guard let last = lengths.last else { throw bad("repeats the length before the first") }
        (repeated, times) = (last, 3 + (try take(2)))
      case 17: times = 3 + (try take(3))
      case 18: times = 11 + (try take(7))
      default: repeated = UInt8(truncatingIfNeeded: symbol)
      }
      guard times <= count - lengths.count else { throw bad("repeats a length beyond the last symbol") }
      lengths.append(contentsOf: repeatElement(repeated, count: times))
    }
    guard lengths[256] > 0 else { throw bad("has a block without an end symbol") }
    guard let literals = PrefixCode(Array(lengths[..<literalCount]), mayBeIncomplete: true) else {
      throw badCode("literals")
    }
    guard let distances = PrefixCode(Array(lengths[literalCount...]), mayBeIncomplete: true) else {
      throw badCode("distances")
    }
    return (literals, distances)
  }

  private func requireRoom(_ count: Int, _ limit: Int) throws(InputError) {
    guard count <= limit - output.count else {
      throw InputError(.budget, "holds more than the \(limit) bytes that it may", at: place)
    }
  }

  // MARK: Bits

  private mutating func refill() {
    while bitCount <= 48, position < bytes.count {
      bits |= UInt64(bytes[position]) << UInt64(bitCount)
      position += 1
      bitCount += 8
    }
  }

  /// The next `count` bits, 16 at most, the first one lowest.
  private mutating func take(_ count: Int) throws(InputError) -> Int {
    if bitCount < count { refill() }
    guard bitCount >= count else { throw truncated() }
    let value = Int(truncatingIfNeeded: bits & (1 << UInt64(count) - 1))
    drop(count)
    return value
  }

  private mutating func next(_ code: PrefixCode) throws(InputError) -> Int {
    if bitCount < PrefixCode.longest { refill() }
    guard let (symbol, length) = code.symbol(bits) else {
      if bitCount < PrefixCode.longest { throw truncated() }
      throw bad("holds bits that are no symbol")
    }
    guard length <= bitCount else { throw truncated() }
    drop(length)
    return symbol
  }

  private mutating func drop(_ count: Int) {
    bits >>= UInt64(count)
    bitCount -= count
  }

  private mutating func dropPartOfByte() { drop(bitCount % 8) }

  private var place: String { "byte \(position - bitCount / 8)" }
  private func bad(_ what: String) -> InputError { InputError(.badValue, what, at: place) }
  private func badCode(_ name: String) -> InputError { bad("has a code of \(name) that is too full or not full") }
  private func truncated() -> InputError { InputError(.truncated, "ends in the middle of its data", at: place) }

  // MARK: The tables of RFC 1951, section 3.2.5

  private static let lengths = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
  ]
  private static let lengthBits = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distances = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
  ]
  private static let distanceBits = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
  ]
  private static let lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
}

/// A canonical prefix code: symbols by the bits that stand for them (RFC 1951, section 3.2.2).
private struct PrefixCode {
  static let longest = 15
  private static let tableBits = 9
  /// How many codes there are of each length.
  private var counts = [Int](repeating: 0, count: longest + 1)
  /// Symbols by length, equal ones by number.
  private var symbols: [Int] = []
  /// By the next bits, the symbol and length of a short code: `symbol * 16 + length`; 0 where the code is longer.
  private var table = [Int](repeating: 0, count: 1 << tableBits)

  /// The code with these lengths, by symbol; 0 for a symbol that does not occur. Nil if the lengths need more bits than
  /// there are, or fewer, except that a code of one bit, or none at all, may be left incomplete where that is legal.
  init?(_ lengths: [UInt8], mayBeIncomplete: Bool) {
    for length in lengths where length > 0 { counts[Int(length)] += 1 }
    var free = 1
    for length in 1...Self.longest {
      free = free * 2 - counts[length]
      guard free >= 0 else { return nil }
    }
    let isShort = counts[2...].allSatisfy { $0 == 0 }
    guard free == 0 || mayBeIncomplete && isShort else { return nil }
    for length in 1...Self.longest where counts[length] > 0 {
      for symbol in lengths.indices where Int(lengths[symbol]) == length { symbols.append(symbol) }
    }
    var (code, next) = (0, 0)
    for length in 1...Self.tableBits {
      for _ in 0..<counts[length] {
        // Codes come with their first bit lowest.
        var entry = (0..<length).reduce(0) { $0 << 1 | code >> $1 & 1 }
        while entry < table.count {
          table[entry] = symbols[next] * 16 + length
          entry += 1 << length
        }
        (code, next) = (code + 1, next + 1)
      }
      code <<= 1
    }
  }

  /// The symbol that begins `bits`, and the number of its bits; nil if none does.
  func symbol(_ bits: UInt64) -> (symbol: Int, length: Int)? {
    let entry = table[Int(truncatingIfNeeded: bits & (1 << UInt64(Self.tableBits) - 1))]
    if entry > 0 { return (entry >> 4, entry & 15) }
    var (code, first, index) = (0, 0, 0)
    for length in 1...Self.longest {
      code |= Int(truncatingIfNeeded: bits >> UInt64(length - 1) & 1)
      if code - first < counts[length] { return (symbols[index + code - first], length) }
      index += counts[length]
      (first, code) = ((first + counts[length]) << 1, code << 1)
    }
    return nil
  }

  static let fixedLiterals = PrefixCode(
    fixed: [(8, 144), (9, 112), (7, 24), (8, 8)])
  static let fixedDistances = PrefixCode(fixed: [(5, 32)])

  private init(fixed runs: [(length: UInt8, count: Int)]) {
    let lengths = runs.flatMap { repeatElement($0.length, count: $0.count) }
    self = PrefixCode(lengths, mayBeIncomplete: false) ?? PrefixCode()
  }

  private init() {}
}
