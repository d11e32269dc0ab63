/// Reads a binary format from front to back, from memory or from a file that is read piece by piece.
///
/// Every number that a file gives is checked against the bytes that remain before anything is done with it: no size is
/// believed, no arithmetic can overflow, and nothing is allocated that the file could not fill. Numbers are little-endian.
///
///     var reader = ByteReader(bytes)
///     try reader.magic("GGUF")
///     let count = try reader.count(UInt64.self, ofAtLeast: 24)
public struct ByteReader {
  /// Where the bytes end that it may read.
  public private(set) var byteCount: Int
  /// How many bytes were read.
  public private(set) var offset = 0
  private let file: InputFile?
  /// The bytes from `windowStart` on that are in memory.
  private var window: [UInt8]
  private var windowStart = 0
  /// Where in the file it began.
  private let fileStart: Int

  /// A reader of bytes in memory.
  public init(_ bytes: [UInt8]) { (window, byteCount, file, fileStart) = (bytes, bytes.count, nil, 0) }

  /// A reader of a file, or of the bytes `range` of it; only a part is in memory at a time.
  ///
  /// - Precondition: The range lies within the file.
  public init(_ file: InputFile, _ range: Range<Int>? = nil) {
    let range = range ?? 0..<file.byteCount
    precondition(
      range.lowerBound >= 0 && range.upperBound <= file.byteCount, "ByteReader: \(range) of \(file.byteCount)")
    (window, byteCount, self.file, fileStart) = ([], range.count, file, range.lowerBound)
  }

  /// How many bytes are left.
  public var remaining: Int { byteCount - offset }

  /// Where it is, for messages.
  public var place: String { "byte \(offset)" }

  /// The next `count` bytes.
  ///
  /// - Throws: `truncated` where fewer are left, before anything is allocated; `badValue` for a negative count; what reading
  ///   the file throws.
  public mutating func bytes(_ count: Int) throws(InputError) -> [UInt8] {
    guard count >= 0 else { throw InputError(.badValue, "has a negative length, \(count)", at: place) }
    guard count <= remaining else { throw endsEarly(count) }
    if let file, count > Self.windowSize {
      let bytes = try file.read(at: fileStart + offset, count: count)
      offset += count
      return bytes
    }
    try load(count)
    let start = offset - windowStart
    offset += count
    return Array(window[start..<start + count])
  }

  /// The next bytes as an integer.
  ///
  /// - Throws: `truncated`, and what reading the file throws.
  public mutating func integer<Value: FixedWidthInteger>(_: Value.Type = Value.self) throws(InputError) -> Value {
    let size = Value.bitWidth / 8
    guard size <= remaining else { throw endsEarly(size) }
    try load(size)
    let start = offset - windowStart
    var value: Value = 0
    for index in 0..<size { value |= Value(truncatingIfNeeded: window[start + index]) << Value(8 * index) }
    offset += size
    return value
  }

  /// The next 4 bytes as a floating-point number, which may be anything.
  ///
  /// - Throws: As for integers.
  public mutating func float() throws(InputError) -> Float { Float(bitPattern: try integer()) }

  /// The next 8 bytes as a floating-point number, which may be anything.
  ///
  /// - Throws: As for integers.
  public mutating func double() throws(InputError) -> Double { Double(bitPattern: try integer()) }

  /// The next bytes as a number of at most 64 bits, 7 bits a byte: bytes from 128 on say that there are more. Source:
  /// protobuf.dev/programming-guides/encoding.
  ///
  /// - Throws: `truncated`, `badValue` for more bits, and what reading the file throws.
  public mutating func varint() throws(InputError) -> UInt64 {
    var (value, shift, start) = (UInt64(0), UInt64(0), offset)
    while true {
      guard offset < byteCount else {
        swap(&start, &offset)
        throw endsEarly(start - offset + 1)
      }
      try load(1)
      let byte = window[offset - windowStart]
      guard shift < 63 || byte <= 1 else {
        offset = start
        throw InputError(.badValue, "holds a number of more than 64 bits", at: place)
      }
      offset += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }

  /// A reader of the next `count` bytes, which this one goes beyond; both count from the same beginning.
  ///
  /// - Throws: `truncated` where fewer are left, `badValue` for a negative count.
  public mutating func part(_ count: Int) throws(InputError) -> ByteReader {
    guard count >= 0 else { throw InputError(.badValue, "has a negative length, \(count)", at: place) }
    guard count <= remaining else { throw endsEarly(count) }
    var part = self
    offset += count
    part.byteCount = offset
    return part
  }

  /// The next bytes as a number of things that follow, each of at least `size` bytes.
  ///
  /// - Parameters:
  ///   - type: The integer that holds the number.
  ///   - size: The fewest bytes of each; at least 1.
  ///   - limit: The most things that are read.
  /// - Throws: `truncated` where the bytes that are left cannot hold so many; `tooLarge` above the limit; `badValue` for a
  ///   negative number.
  public mutating func count<Value: FixedWidthInteger>(
    _ type: Value.Type, ofAtLeast size: Int, atMost limit: Int = .max
  ) throws(InputError) -> Int {
    let place = place
    let declared: Value = try integer()
    guard declared >= 0 else { throw InputError(.badValue, "has a negative count, \(declared)", at: place) }
    guard let count = Int(exactly: declared), count <= remaining / max(size, 1) else {
      throw InputError(
        .truncated, "claims \(declared) entries of at least \(size) bytes, but \(remaining) bytes follow", at: place,
        advice: "The file is cut short or damaged: fetch or write it again.")
    }
    guard count <= limit else {
      throw InputError(.tooLarge, "claims \(declared) entries, more than \(limit)", at: place)
    }
    return count
  }

  /// Goes to a place further on.
  ///
  /// - Throws: `truncated` where it is beyond the end, `badOffset` where it is behind.
  public mutating func skip(to target: Int) throws(InputError) {
    guard target >= offset else { throw InputError(.badOffset, "goes back to byte \(target)", at: place) }
    guard target <= byteCount else { throw endsEarly(target - offset) }
    offset = target
  }

  /// Reads the bytes that a format begins with.
  ///
  /// - Throws: `badMagic` where they are others, `truncated` where the file ends within them.
  public mutating func magic(_ expected: [UInt8], of format: String) throws(InputError) {
    let place = place
    let found = try bytes(min(expected.count, remaining))
    guard expected.starts(with: found) else {
      throw InputError(.badMagic, "does not begin as \(format) does", at: place)
    }
    guard found.count == expected.count else { throw endsEarly(expected.count - found.count) }
  }

  /// Checks that nothing is left.
  ///
  /// - Throws: `trailing`.
  public func end() throws(InputError) {
    guard remaining == 0 else { throw InputError(.trailing, "has \(remaining) bytes after its end", at: place) }
  }

  private static let windowSize = 1 << 16

  /// Brings the next `count` bytes, which are there, into the window.
  private mutating func load(_ count: Int) throws(InputError) {
    guard let file, offset < windowStart || offset + count > windowStart + window.count else { return }
    window = try file.read(at: fileStart + offset, count: min(remaining, max(count, Self.windowSize)))
    windowStart = offset
  }

  private func endsEarly(_ count: Int) -> InputError {
    InputError(
      .truncated, "needs \(count) more bytes, but \(remaining) are left", at: place,
      advice: "The file is cut short or damaged: fetch or write it again.")
  }
}
