import Formats

/// The JSON header of a safetensors file, validated.
///
/// What it guarantees: names are distinct; every tensor's range has exactly the bytes of its type and shape; the ranges
/// follow one another without overlap or hole and cover the data exactly, so that loading never needs more memory than
/// the file has bytes, and no byte hides from an auditor.
struct SafetensorsHeader {
  /// The longest header that is read, in bytes, as in the reference.
  static let byteLimit = 100_000_000
  /// The most tensors, and the most entries of the metadata, that are read: it bounds the memory that a file can ask for.
  static let entryLimit = 1 << 19

  private(set) var metadata: [(key: JSONString, value: JSONString)] = []
  /// In the order of their bytes.
  private(set) var entries: [SafetensorsEntry] = []
  /// Positions in `entries`.
  private(set) var positions: [JSONString: Int] = [:]

  init(parsing bytes: [UInt8], dataByteCount: Int) throws(InputError) {
    // Three levels are the deepest that a valid header has.
    var parser = try JSONParser(bytes, depthLimit: 8)
    guard try parser.peek() == .object else {
      try parser.skip()
      try parser.end()
      throw InputError(.wrongType, "is JSON, but not an object")
    }
    var metadata: [(key: JSONString, value: JSONString)] = []
    var entries: [SafetensorsEntry] = []
    try parser.object { (name, parser) throws(InputError) in
      do throws(InputError) {
        if name == Field.metadata {
          metadata = try Self.metadata(&parser)
        } else {
          entries.append(try Self.entry(name, &parser))
          try Self.check(count: entries.count)
        }
      } catch { throw error.inside(name.quoted) }
    }
    try parser.end()
    // Empty tensors that share an offset keep the order of the header.
    let order = entries.indices.sorted {
      let (a, b) = (entries[$0].byteRange, entries[$1].byteRange)
      return (a.lowerBound, a.upperBound, $0) < (b.lowerBound, b.upperBound, $1)
    }
    entries = order.map { entries[$0] }
    try Self.checkLayout(entries, dataByteCount)
    (self.metadata, self.entries) = (metadata, entries)
    positions.reserveCapacity(entries.count)
    for (position, entry) in entries.enumerated() { positions[entry.name] = position }
  }

  private static func metadata(
    _ parser: inout JSONParser
  ) throws(InputError) -> [(key: JSONString, value: JSONString)] {
    guard try parser.peek() == .object else { throw InputError(.wrongType, "must be an object of strings") }
    var pairs: [(key: JSONString, value: JSONString)] = []
    try parser.object { (key, parser) throws(InputError) in
      guard try parser.peek() == .string else {
        throw InputError(.wrongType, "must be a string", at: key.quoted)
      }
      pairs.append((key, try parser.string()))
      try check(count: pairs.count)
    }
    return pairs
  }

  private static func check(count: Int) throws(InputError) {
    guard count <= entryLimit else { throw InputError(.tooLarge, "is one of more than \(entryLimit) entries") }
  }

  private enum Field {
    static let metadata: JSONString = "__metadata__"
    static let dtype: JSONString = "dtype"
    static let shape: JSONString = "shape"
    static let dataOffsets: JSONString = "data_offsets"
  }

  private static func entry(_ name: JSONString, _ parser: inout JSONParser) throws(InputError) -> SafetensorsEntry {
    guard try parser.peek() == .object else { throw InputError(.wrongType, "must be an object") }
    var dtype: SafetensorsDType?
    var shape: [Int]?
    var range: Range<Int>?
    try parser.object { (key, parser) throws(InputError) in
      do throws(InputError) {
        switch key {
        case Field.dtype: dtype = try Self.dtype(&parser)
        case Field.shape: shape = try Self.shape(&parser)
        case Field.dataOffsets: range = try Self.range(&parser)
        default: throw InputError(.badValue, "is no field of a tensor")
        }
      } catch { throw error.inside(key.quoted) }
    }
    guard let dtype else { throw InputError(.missing, "has no dtype") }
    guard let shape else { throw InputError(.missing, "has no shape") }
    guard let range else { throw InputError(.missing, "has no data_offsets") }
    return SafetensorsEntry(name: name, dtype: dtype, shape: shape, byteRange: range)
  }

  private static func dtype(_ parser: inout JSONParser) throws(InputError) -> SafetensorsDType {
    guard try parser.peek() == .string else { throw InputError(.wrongType, "must be a string") }
    let name = try parser.string()
    guard let dtype = SafetensorsDType(rawValue: name.text) else {
      throw InputError(.unknownDType, "the element type \(name.quoted) is unknown")
    }
    return dtype
  }

  private static func shape(_ parser: inout JSONParser) throws(InputError) -> [Int] {
    guard try parser.peek() == .array else { throw InputError(.wrongType, "must be an array of integers") }
    var shape: [Int] = []
    try parser.array { (parser) throws(InputError) in
      guard try parser.peek() == .number else { throw InputError(.wrongType, "must hold integers only") }
      switch try parser.number() {
      case .integer(let axis) where axis >= 0: shape.append(axis)
      case .number(let axis) where axis.magnitude >= 0x1p63:
        throw InputError(.overflow, "the axis \(axis) is beyond 64 bits")
      default: throw InputError(.wrongType, "must hold non-negative integers only")
      }
      guard shape.count <= 64 else { throw InputError(.tooLarge, "has more than 64 axes") }
    }
    return shape
  }

  private static func range(_ parser: inout JSONParser) throws(InputError) -> Range<Int> {
    let wrong = InputError(.wrongType, "must be an array of two integers")
    guard try parser.peek() == .array else { throw wrong }
    var offsets: [Int] = []
    try parser.array { (parser) throws(InputError) in
      guard offsets.count < 2, try parser.peek() == .number else { throw wrong }
      switch try parser.number() {
      case .integer(let offset): offsets.append(offset)
      case .number(let offset) where offset.magnitude >= 0x1p63:
        throw InputError(.badOffset, "\(offset) lies outside of every file")
      default: throw wrong
      }
    }
    guard offsets.count == 2 else { throw wrong }
    guard 0 <= offsets[0], offsets[0] <= offsets[1] else { throw InputError(.badOffset, "\(offsets) is no range") }
    return offsets[0]..<offsets[1]
  }

  private static func checkLayout(_ entries: [SafetensorsEntry], _ dataByteCount: Int) throws(InputError) {
    var end = 0
    for entry in entries {
      let range = entry.byteRange
      let place = entry.name.quoted
      guard range.lowerBound == end else {
        let fault = range.lowerBound < end ? "overlaps the tensor before it" : "leaves a hole before it"
        throw InputError(
          .badOffset, "begins at byte \(range.lowerBound) of the data, where \(end) was due: it \(fault)", at: place)
      }
      let bytes: Int
      do throws(InputError) { bytes = try entry.dtype.byteCount(of: entry.shape) } catch { throw error.inside(place) }
      guard range.count == bytes else {
        guard range.count < bytes || range.upperBound <= dataByteCount else {
          throw InputError(.badOffset, "ends at byte \(range.upperBound), beyond the file's data", at: place)
        }
        throw InputError(
          .sizeMismatch, "has \(range.count) bytes, but \(entry.dtype.rawValue) of shape \(entry.shape) takes \(bytes)",
          at: place)
      }
      end = range.upperBound
    }
    guard end <= dataByteCount else {
      throw InputError(
        .truncated, "has \(dataByteCount) bytes of data, but its tensors take \(end)",
        advice: "The file is cut short: fetch or write it again.")
    }
    guard end == dataByteCount else {
      throw InputError(.trailing, "has \(dataByteCount - end) bytes after the last tensor")
    }
  }
}
