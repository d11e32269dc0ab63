/// A tensor of a GGUF file: what it is, and where its bytes lie.
public struct GGUFTensor: Sendable, Equatable {
  /// Its name, compared by bytes.
  public let name: JSONString
  /// How its numbers are kept.
  public let type: GGUFTensorType
  /// The length of each axis, the slowest first; empty for a scalar. The file has them the other way round.
  public let shape: [Int]
  /// Its bytes, counted from the file's start.
  public let byteRange: Range<Int>
}

/// A GGUF file, version 2 or 3: metadata and tensors are read and validated at once, the tensors' bytes when asked for.
///
/// It accepts what the reference implementation accepts, except that everything must be as the writer writes it: keys and
/// names are distinct and UTF-8, the tensors follow one another without overlap or hole, and nothing follows the last one
/// but its padding. Big-endian files are refused. Safe to use from several threads.
public struct GGUFFile: Sendable {
  /// The version of the format: 2 or 3.
  public let version: Int
  /// What the file says about itself and its model.
  public let metadata: GGUFMetadata
  /// The tensors, in the order of their bytes.
  public let tensors: [GGUFTensor]
  private let file: InputFile

  /// The path that it was opened by.
  public var path: String { file.path }
  /// The bytes of the whole file.
  public var byteCount: Int { file.byteCount }

  /// The most tensors, and the most values of metadata, that are read.
  static let entryLimit = 1 << 16
  /// The longest key in bytes.
  static let keyLimit = (1 << 16) - 1
  /// The longest name of a tensor in bytes: the reference keeps 64 with the NUL that ends it.
  static let nameLimit = 63

  /// Opens and validates a file. No memory is taken by what a number in the file claims.
  ///
  /// - Throws: `truncated`, `badMagic`, `badVersion`, `tooLarge`, `badUTF8`, `duplicate`, `wrongType`, `badValue`,
  ///   `unknownDType`, `overflow`, `sizeMismatch`, `badOffset`, `trailing`, and what opening it throws.
  public init(opening path: String) throws(InputError) {
    file = try InputFile(opening: path)
    do throws(InputError) {
      var reader = ByteReader(file)
      version = try Self.version(&reader)
      // The fewest bytes: name, axes, type and offset; key, type and value.
      let tensorCount = try reader.count(UInt64.self, ofAtLeast: 24, atMost: Self.entryLimit)
      let valueCount = try reader.count(UInt64.self, ofAtLeast: 13, atMost: Self.entryLimit)
      var metadata = GGUFMetadata(path)
      for _ in 0..<valueCount { try Self.addValue(&reader, to: &metadata) }
      let alignment = try Self.alignment(metadata)
      tensors = try Self.tensors(&reader, count: tensorCount, alignment)
      self.metadata = metadata
    } catch { throw try Self.named(error, file) }
  }

  /// An error about a file, which says what the file is instead where it is of another known format.
  private static func named(_ error: InputError, _ file: InputFile) throws(InputError) -> InputError {
    guard error.kind == .badMagic else { return error.inside(file.path) }
    return (foreignFormat(try file.read(at: 0, count: min(file.byteCount, 64))) ?? error).inside(file.path)
  }

  /// Whether a file begins as a GGUF file does.
  ///
  /// - Throws: What opening and reading it throws.
  package static func isOne(_ path: String) throws(InputError) -> Bool {
    let file = try InputFile(opening: path)
    return try file.read(at: 0, count: min(file.byteCount, 4)).elementsEqual("GGUF".utf8)
  }

  /// Checks that a file begins as a GGUF file does.
  ///
  /// - Throws: `badMagic` or `unsupported` with what it is instead, where its first bytes tell; what opening it throws.
  package static func check(_ path: String) throws(InputError) {
    let file = try InputFile(opening: path)
    var reader = ByteReader(file)
    do throws(InputError) { _ = try version(&reader) } catch { throw try named(error, file) }
  }

  /// Fills `buffer` with the part `part` of a tensor's bytes.
  ///
  /// - Precondition: The tensor is one of this file's, `part` lies within it, and the buffer has exactly as many bytes.
  /// - Throws: `truncated` when the file was cut short since it was opened, `io` when the disk fails.
  public func read(
    _ tensor: GGUFTensor, part: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(InputError) {
    precondition(
      part.lowerBound >= 0 && part.upperBound <= tensor.byteRange.count && buffer.count == part.count
        && tensor.byteRange.upperBound <= file.byteCount,
      "GGUFFile.read: bytes \(part) of the \(tensor.byteRange.count) of \(tensor.name.quoted) in \(path)")
    do throws(InputError) { try file.read(at: tensor.byteRange.lowerBound + part.lowerBound, into: buffer) } catch {
      throw InputError(error.kind, "\(tensor.name.quoted): \(error.what)", at: error.place, advice: error.advice)
    }
  }

  private static func version(_ reader: inout ByteReader) throws(InputError) -> Int {
    try reader.magic(Array("GGUF".utf8), of: "a GGUF file")
    let version: UInt32 = try reader.integer()
    guard version == 2 || version == 3 else {
      let isSwapped = 1...3 ~= version.byteSwapped
      throw InputError(
        .badVersion, isSwapped ? "is a big-endian file" : "is of version \(version) of the format", at: "byte 4",
        advice: "Only little-endian files of the versions 2 and 3 are read: convert the model again.")
    }
    return Int(version)
  }

  /// A string that names something: not empty, UTF-8, without NUL.
  private static func name(
    _ reader: inout ByteReader, atMost limit: Int, _ what: String
  ) throws(InputError) -> JSONString {
    let place = reader.place
    let bytes = try reader.bytes(try reader.count(UInt64.self, ofAtLeast: 1))
    guard !bytes.isEmpty else { throw InputError(.badValue, "has a \(what) of no bytes", at: place) }
    guard bytes.count <= limit else {
      throw InputError(.badValue, "has a \(what) of \(bytes.count) bytes, more than \(limit)", at: place)
    }
    guard firstInvalidUTF8(bytes) == nil else {
      throw InputError(.badUTF8, "has a \(what) that is not UTF-8", at: place)
    }
    guard !bytes.contains(0) else { throw InputError(.badValue, "has a \(what) with a NUL in it", at: place) }
    return JSONString(utf8: bytes)
  }

  private static func addValue(_ reader: inout ByteReader, to metadata: inout GGUFMetadata) throws(InputError) {
    let key = try name(&reader, atMost: keyLimit, "key")
    guard !metadata.has(key.text) else { throw InputError(.duplicate, "has the key \(key.quoted) twice") }
    do throws(InputError) {
      let type = try reader.valueType()
      // The reference takes no other type for this one, so that all readers agree where the tensors lie.
      guard key != alignmentKey || type == .uint32 else {
        throw InputError(.wrongType, "must be a 32-bit unsigned integer")
      }
      metadata.add(key, try GGUFValue(&reader, type: type))
    } catch { throw error.inside(key.quoted) }
  }

  private static let alignmentKey: JSONString = "general.alignment"

  private static func alignment(_ metadata: GGUFMetadata) throws(InputError) -> Int {
    guard case .scalar(.integer(let alignment))? = metadata[alignmentKey.text] else { return 32 }
    guard 1...1 << 16 ~= alignment, alignment & (alignment - 1) == 0 else {
      throw InputError(
        .badValue, "is \(alignment), but must be a power of two up to \(1 << 16)", at: alignmentKey.text)
    }
    return alignment
  }

  private struct Entry {
    let name: JSONString
    let type: GGUFTensorType
    let shape: [Int]
    let byteCount: Int
    let offset: Int
  }

  private static func tensors(
    _ reader: inout ByteReader, count: Int, _ alignment: Int
  ) throws(InputError) -> [GGUFTensor] {
    var entries: [Entry] = []
    var names: Set<JSONString> = []
    for _ in 0..<count {
      let name = try name(&reader, atMost: nameLimit, "tensor's name")
      guard names.insert(name).inserted else { throw InputError(.duplicate, "has the tensor \(name.quoted) twice") }
      do throws(InputError) { entries.append(try entry(name, &reader)) } catch { throw error.inside(name.quoted) }
    }
    let start = try padded(reader.offset, alignment)
    var tensors: [GGUFTensor] = []
    var end = 0
    for entry in entries {
      let place = entry.name.quoted
      guard entry.offset == end else {
        throw InputError(
          .badOffset, "begins at byte \(entry.offset) of the data, where \(end) was due", at: place)
      }
      let (first, firstOverflows) = start.addingReportingOverflow(end)
      let (last, lastOverflows) = first.addingReportingOverflow(entry.byteCount)
      guard !firstOverflows, !lastOverflows else {
        throw InputError(.overflow, "the tensors have more bytes than 64 bits can count", at: place)
      }
      guard last <= reader.byteCount else {
        throw InputError(
          .truncated, "ends at byte \(last), but the file has \(reader.byteCount) bytes", at: place,
          advice: "The file is cut short: fetch or write it again.")
      }
      tensors.append(
        GGUFTensor(name: entry.name, type: entry.type, shape: entry.shape, byteRange: first..<last))
      end = try padded(last - start, alignment)
    }
    // Writers pad the last tensor too, or not; a file without tensors may end before the place where they would begin.
    let limit = max(reader.offset, try padded(start, alignment) + end)
    guard reader.byteCount <= limit else {
      throw InputError(.trailing, "has \(reader.byteCount - limit) bytes after the last tensor")
    }
    return tensors
  }

  private static func entry(_ name: JSONString, _ reader: inout ByteReader) throws(InputError) -> Entry {
    let axes: UInt32 = try reader.integer()
    guard axes <= 4 else { throw InputError(.badValue, "has \(axes) axes, more than 4") }
    var shape: [Int] = []
    for _ in 0..<axes {
      let axis: UInt64 = try reader.integer()
      guard let axis = Int(exactly: axis) else {
        throw InputError(.badValue, "has an axis of length \(Int64(bitPattern: axis))")
      }
      shape.insert(axis, at: 0)
    }
    let code: UInt32 = try reader.integer()
    guard let type = GGUFTensorType(rawValue: code) else {
      throw InputError(.unknownDType, "is of the type \(Int32(bitPattern: code)), which there is not")
    }
    let byteCount = try type.byteCount(of: shape)
    let offset: UInt64 = try reader.integer()
    guard let offset = Int(exactly: offset) else {
      throw InputError(.badOffset, "begins at byte \(offset) of the data, which no file has")
    }
    return Entry(name: name, type: type, shape: shape, byteCount: byteCount, offset: offset)
  }

  private static func padded(_ count: Int, _ alignment: Int) throws(InputError) -> Int {
    let (sum, overflows) = count.addingReportingOverflow(alignment - 1)
    guard !overflows else { throw InputError(.overflow, "the tensors have more bytes than 64 bits can count") }
    return sum & ~(alignment - 1)
  }
}

/// How the numbers of a tensor in a GGUF file are kept: in blocks of one number, or of several that share scales.
public enum GGUFTensorType: UInt32, Sendable, CaseIterable {
  case float32 = 0
  case float16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q8_1 = 9
  case q2_K = 10
  case q3_K = 11
  case q4_K = 12
  case q5_K = 13
  case q6_K = 14
  case q8_K = 15
  case iq2_XXS = 16
  case iq2_XS = 17
  case iq3_XXS = 18
  case iq1_S = 19
  case iq4_NL = 20
  case iq3_S = 21
  case iq2_S = 22
  case iq4_XS = 23
  case int8 = 24
  case int16 = 25
  case int32 = 26
  case int64 = 27
  case float64 = 28
  case iq1_M = 29
  case bfloat16 = 30
  case tq1_0 = 34
  case tq2_0 = 35
  case mxfp4 = 39

  /// The numbers in a block.
  public var blockCount: Int {
    switch self {
    case .float32, .float16, .bfloat16, .float64, .int8, .int16, .int32, .int64: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q8_1, .iq4_NL, .mxfp4: 32
    default: 256
    }
  }

  /// The bytes of a block.
  public var blockByteCount: Int {
    switch self {
    case .int8: 1
    case .float16, .bfloat16, .int16: 2
    case .float32, .int32: 4
    case .float64, .int64: 8
    case .q4_0, .iq4_NL: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .q8_1: 36
    case .q2_K: 84
    case .q3_K, .iq3_S: 110
    case .q4_K: 144
    case .q5_K: 176
    case .q6_K: 210
    case .q8_K: 292
    case .iq2_XXS, .tq2_0: 66
    case .iq2_XS: 74
    case .iq3_XXS: 98
    case .iq1_S: 50
    case .iq2_S: 82
    case .iq4_XS: 136
    case .iq1_M: 56
    case .tq1_0: 54
    case .mxfp4: 17
    }
  }

  /// The name that the format's own tools use: `F32`, `Q4_K`.
  public var name: String {
    switch self {
    case .float32: "F32"
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .float64: "F64"
    case .int8: "I8"
    case .int16: "I16"
    case .int32: "I32"
    case .int64: "I64"
    default: "\(self)".uppercased()
    }
  }

  /// The bytes of a tensor of this type, whose rows (along the last axis) hold whole blocks.
  ///
  /// - Throws: `sizeMismatch` for a row that does not; `overflow` when the product does not fit an `Int`, for which an axis
  ///   of 0 is left out.
  public func byteCount(of shape: [Int]) throws(InputError) -> Int {
    let row = shape.last ?? 1
    guard row % blockCount == 0 else {
      throw InputError(.sizeMismatch, "has rows of \(row) numbers, but \(name) has blocks of \(blockCount)")
    }
    var bytes = blockByteCount
    for (index, axis) in shape.enumerated() where axis != 0 {
      // The number of elements must be countable too.
      let length = index + 1 == shape.count ? axis / blockCount : axis
      let (product, overflows) = bytes.multipliedReportingOverflow(by: length)
      guard !overflows, product <= Int.max / blockCount else {
        throw InputError(.overflow, "the shape \(shape) has more bytes than 64 bits can count")
      }
      bytes = product
    }
    return shape.contains(0) ? 0 : bytes
  }
}
