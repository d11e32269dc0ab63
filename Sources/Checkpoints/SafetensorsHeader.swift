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
  static let entryLimit = 1 << 18

  private(set) var metadata = SafetensorsMetadata()
  /// In the order of their bytes.
  private(set) var entries: [SafetensorsEntry] = []

  init(parsing bytes: [UInt8], dataByteCount: Int) throws(InputError) {
    // Three levels are the deepest that a valid header has.
    let root = try JSONField(parsing: bytes, depthLimit: 8)
    guard root.kind == .object else { throw InputError(.wrongType, "is JSON, but not an object") }
    var (tensors, name) = (try root.object().makeIterator(), [UInt8]())
    while let field = tensors.next(key: &name) {
      if name == Field.metadata {
        metadata = try Self.metadata(field)
      } else {
        entries.append(try Self.entry(name, field, like: entries.last?.shape ?? []))
        try Self.check(count: entries.count, field)
      }
    }
    func follows(_ a: SafetensorsEntry, _ b: SafetensorsEntry) -> Bool {
      (a.byteRange.lowerBound, a.byteRange.upperBound) < (b.byteRange.lowerBound, b.byteRange.upperBound)
    }
    // Most files have them in order. Empty tensors that share an offset keep the order of the header.
    if !zip(entries, entries.dropFirst()).allSatisfy({ !follows($1, $0) }) {
      let order = entries.indices.sorted {
        follows(entries[$0], entries[$1]) || !follows(entries[$1], entries[$0]) && $0 < $1
      }
      entries = order.map { entries[$0] }
    }
    try Self.checkLayout(entries, dataByteCount)
  }

  private static func metadata(_ field: JSONField) throws(InputError) -> SafetensorsMetadata {
    guard field.kind == .object else { throw field.error(.wrongType, "must be an object of strings") }
    var metadata = SafetensorsMetadata()
    var (pairs, text) = (try field.object().makeIterator(), [UInt8]())
    while let value = pairs.next(key: &text) {
      metadata.append(text)
      text.removeAll(keepingCapacity: true)
      try value.append(to: &text)
      metadata.append(text)
      try check(count: metadata.count, value)
    }
    return metadata
  }

  private static func check(count: Int, _ field: JSONField) throws(InputError) {
    guard count <= entryLimit else { throw field.error(.tooLarge, "is one of more than \(entryLimit) entries") }
  }

  private enum Field {
    static let metadata = Array("__metadata__".utf8)
    static let dtype = Array("dtype".utf8)
    static let shape = Array("shape".utf8)
    static let dataOffsets = Array("data_offsets".utf8)
  }

  /// - Parameter neighbor: The shape of another tensor: one that is equal shares its memory.
  private static func entry(
    _ name: [UInt8], _ field: JSONField, like neighbor: [Int]
  ) throws(InputError) -> SafetensorsEntry {
    guard field.kind == .object else { throw field.error(.wrongType, "must be an object") }
    var (dtype, shape, range): (SafetensorsDType?, [Int]?, Range<Int>?)
    var (parts, key) = (try field.object().makeIterator(), [UInt8]())
    while let part = parts.next(key: &key) {
      switch key {
      case Field.dtype: dtype = try Self.dtype(part)
      case Field.shape: shape = try Self.shape(part)
      case Field.dataOffsets: range = try Self.range(part)
      default: throw part.error(.badValue, "is no field of a tensor")
      }
    }
    guard let dtype else { throw field.error(.missing, "has no dtype") }
    guard let shape else { throw field.error(.missing, "has no shape") }
    guard let range else { throw field.error(.missing, "has no data_offsets") }
    return SafetensorsEntry(
      name: JSONString(utf8: name), dtype: dtype, shape: shape == neighbor ? neighbor : shape, byteRange: range)
  }

  private static func dtype(_ field: JSONField) throws(InputError) -> SafetensorsDType {
    let name = try field.jsonString()
    guard let dtype = SafetensorsDType(rawValue: name.text) else {
      throw field.error(.unknownDType, "the element type \(name.quoted) is unknown")
    }
    return dtype
  }

  private static func shape(_ field: JSONField) throws(InputError) -> [Int] {
    guard field.kind == .array else { throw field.error(.wrongType, "must be an array of integers") }
    var shape: [Int] = []
    for axis in try field.array(atMost: 64) {
      switch axis.kind {
      case .integer where try axis.int() >= 0: shape.append(try axis.int())
      case .number where try axis.double().magnitude >= 0x1p63:
        throw axis.error(.overflow, "the axis \(try axis.double()) is beyond 64 bits")
      default: throw axis.error(.wrongType, "must be a non-negative integer")
      }
    }
    return shape
  }

  private static func range(_ field: JSONField) throws(InputError) -> Range<Int> {
    guard field.kind == .array, case var parts = try field.array().makeIterator(), let first = parts.next(),
      let last = parts.next(), parts.next() == nil
    else { throw field.error(.wrongType, "must be an array of two integers") }
    let offsets = (try offset(first), try offset(last))
    guard 0 <= offsets.0, offsets.0 <= offsets.1 else {
      throw field.error(.badOffset, "\([offsets.0, offsets.1]) is no range")
    }
    return offsets.0..<offsets.1
  }

  private static func offset(_ field: JSONField) throws(InputError) -> Int {
    if field.kind == .number, case let offset = try field.double(), offset.magnitude >= 0x1p63 {
      throw field.error(.badOffset, "\(offset) lies outside of every file")
    }
    return try field.int()
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
