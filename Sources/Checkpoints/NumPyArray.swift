import Formats
import Tensor

/// What the header of a NumPy array (`.npy`) says.
///
/// Source: numpy.lib.format, versions 1.0, 2.0 and 3.0. Elements in native (little-endian) order are read, row by row or column
/// by column; the other order of bytes, records and Python objects are refused by name.
struct NumPyHeader {
  let dtype: SafetensorsDType
  let shape: [Int]
  /// Whether the first axis is the fastest.
  let isByColumns: Bool
  /// Where the elements begin.
  let byteCount: Int

  /// The longest header that is read, in bytes; NumPy itself reads no longer ones unless it is asked to.
  static let byteLimit = 1 << 16

  init(_ reader: inout ByteReader) throws(InputError) {
    try reader.magic([0x93] + Array("NUMPY".utf8), of: "a NumPy array")
    let (major, minor): (UInt8, UInt8) = (try reader.integer(), try reader.integer())
    guard 1...3 ~= major, minor == 0 else {
      throw InputError(.badVersion, "is of version \(major).\(minor) of the format", at: "byte 6")
    }
    let count =
      major == 1
      ? try reader.count(UInt16.self, ofAtLeast: 1)
      : try reader.count(UInt32.self, ofAtLeast: 1, atMost: Self.byteLimit)
    var literal = PythonLiteral(try reader.bytes(count))
    (dtype, shape, isByColumns) = try literal.arrayDescription()
    byteCount = reader.offset
  }

  /// The header of an array, padded so that the elements are aligned.
  static func bytes(_ dtype: SafetensorsDType, _ shape: [Int]) throws(InputError) -> [UInt8] {
    guard let description = descriptions.first(where: { $0.value == dtype })?.key else {
      throw InputError(
        .unsupported, "NumPy has no type for \(dtype.rawValue)", advice: "Write safetensors, which keeps every type.")
    }
    let axes = shape.map { "\($0)" }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = Array("{'descr': '\(description)', 'fortran_order': False, 'shape': (\(axes)), }".utf8)
    text += repeatElement(UInt8(ascii: " "), count: (64 - (11 + text.count) % 64) % 64) + [UInt8(ascii: "\n")]
    guard text.count < 1 << 16 else { throw InputError(.tooLarge, "has too many axes") }
    let count = UInt16(text.count)
    return [0x93] + Array("NUMPY".utf8) + [
      1, 0, UInt8(truncatingIfNeeded: count), UInt8(truncatingIfNeeded: count >> 8),
    ]
      + text
  }

  fileprivate static let descriptions: [String: SafetensorsDType] = [
    "|b1": .bool, "|u1": .uint8, "|i1": .int8, "<u2": .uint16, "<i2": .int16, "<u4": .uint32, "<i4": .int32,
    "<u8": .uint64, "<i8": .int64, "<f2": .float16, "<f4": .float32, "<f8": .float64, "<c8": .complex64,
  ]
}

/// The part of Python's literals that headers of arrays are written in.
private struct PythonLiteral {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func arrayDescription() throws(InputError) -> (SafetensorsDType, [Int], isByColumns: Bool) {
    var (dtype, shape, isFortran) = (SafetensorsDType?.none, [Int]?.none, Bool?.none)
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr":
        guard dtype == nil else { throw bad(.duplicate, "has descr twice") }
        dtype = try self.dtype()
      case "fortran_order":
        guard isFortran == nil else { throw bad(.duplicate, "has fortran_order twice") }
        isFortran = try boolean()
      case "shape":
        guard shape == nil else { throw bad(.duplicate, "has shape twice") }
        shape = try tuple()
      default: throw bad(.badValue, "holds the key \(JSONString(key).quoted), which arrays do not have")
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard offset == bytes.count else { throw bad(.badValue, "goes on after its end") }
    guard let dtype else { throw bad(.missing, "lacks descr") }
    guard let shape else { throw bad(.missing, "lacks shape") }
    guard let isFortran else { throw bad(.missing, "lacks fortran_order") }
    // With one axis longer than 1 both orders are the same.
    return (dtype, shape, isFortran && shape.filter { $0 != 1 }.count > 1)
  }

  private mutating func dtype() throws(InputError) -> SafetensorsDType {
    skipSpace()
    guard offset < bytes.count, [UInt8(ascii: "'"), UInt8(ascii: "\"")].contains(bytes[offset]) else {
      throw bad(.unsupported, "describes records, which are not implemented")
    }
    let name = try string()
    // The order of one byte says nothing; some writers give one all the same.
    let unordered = ["<", ">", "="].contains { name.hasPrefix($0) } ? "|\(name.dropFirst())" : name
    if let dtype = NumPyHeader.descriptions[name] ?? NumPyHeader.descriptions[unordered] { return dtype }
    if name.hasSuffix("O") {
      throw InputError(
        .unsupported, "holds Python objects, which can run any code when they are loaded", at: "header",
        advice: "Save an array of numbers.")
    }
    let isBig = name.hasPrefix(">") && NumPyHeader.descriptions["<" + name.dropFirst()] != nil
    throw InputError(
      isBig ? .unsupported : .unknownDType,
      isBig ? "is big-endian" : "the element type \(JSONString(name).quoted) is unknown", at: "header",
      advice: isBig
        ? "Save x.astype(x.dtype.newbyteorder(\"<\")) instead." : "Save an array of numbers, as x.astype(\"<f4\").")
  }

  private mutating func tuple() throws(InputError) -> [Int] {
    var axes: [Int] = []
    try expect("(")
    while !take(")") {
      axes.append(try integer())
      guard axes.count <= 64 else { throw bad(.tooLarge, "has more than 64 axes") }
      if !take(",") {
        // Without a comma, what is in brackets is no tuple.
        guard axes.count > 1 else { throw bad(.wrongType, "has a shape that is no tuple") }
        try expect(")")
        break
      }
    }
    return axes
  }

  private mutating func integer() throws(InputError) -> Int {
    skipSpace()
    let start = offset
    var value = 0
    while offset < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[offset] {
      let (tens, overflows) = value.multipliedReportingOverflow(by: 10)
      let (next, wraps) = tens.addingReportingOverflow(Int(bytes[offset] - UInt8(ascii: "0")))
      guard !overflows, !wraps else { throw bad(.overflow, "holds an axis beyond 64 bits") }
      value = next
      offset += 1
    }
    guard offset > start else { throw bad(.wrongType, "lacks a length of an axis that is not negative") }
    // Python 2 wrote long integers so.
    if offset < bytes.count, bytes[offset] == UInt8(ascii: "L") { offset += 1 }
    return value
  }

  private mutating func boolean() throws(InputError) -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)] where bytes[offset...].starts(with: word.utf8) {
      offset += word.utf8.count
      return value
    }
    throw bad(.wrongType, "lacks True or False")
  }

  private mutating func string() throws(InputError) -> String {
    skipSpace()
    guard offset < bytes.count, [UInt8(ascii: "'"), UInt8(ascii: "\"")].contains(bytes[offset]) else {
      throw bad(.wrongType, "lacks a string")
    }
    let quote = bytes[offset]
    let start = offset + 1
    guard let end = bytes[start...].firstIndex(of: quote) else { throw bad(.truncated, "ends within a string") }
    offset = end + 1
    let text = bytes[start..<end]
    guard !text.contains(UInt8(ascii: "\\")), text.allSatisfy({ 0x20..<0x7F ~= $0 }) else {
      throw bad(.badValue, "holds a string that describes no array")
    }
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func skipSpace() {
    while offset < bytes.count, [0x20, 0x0A, 0x09, 0x0D].contains(bytes[offset]) { offset += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(InputError) {
    guard take(character) else {
      throw bad(offset < bytes.count ? .badValue : .truncated, "lacks \(character)")
    }
  }

  private func bad(_ kind: InputError.Kind, _ what: String) -> InputError {
    InputError(kind, what, at: "header: byte \(offset)")
  }
}

/// A NumPy array in a file of its own or in an archive. Its elements are read row by row, however they lie; of one that lies
/// column by column all are read for any part.
public struct NumPyArray: StoredTensor {
  /// Its name: that of the file in the archive, without `.npy`; "array" for a file of its own.
  public let name: JSONString
  /// The length of each axis, the slowest first.
  public let shape: [Int]
  /// The file or archive that holds it.
  public let path: String
  private let dtype: SafetensorsDType
  private let isByColumns: Bool
  private let source: Source
  private let dataStart: Int

  private enum Source: Sendable {
    case file(InputFile)
    case archived(ZipArchive, ZipEntry)
  }

  /// The type of its elements.
  public var elementType: SafetensorsDType? { dtype }
  /// The name of the type, as safetensors has it.
  public var typeName: String { dtype.rawValue }
  /// The storage format of the same layout; nil for types that hold no parameters here.
  public var storageFormat: StorageFormat? { dtype.storageFormat }
  /// The bytes of its elements.
  public let byteCount: Int

  /// Opens a file with one array.
  ///
  /// - Throws: `badMagic`, `badVersion`, `truncated`, `unsupported`, `unknownDType`, `overflow`, `sizeMismatch` where the
  ///   file is longer or shorter than its array, other kinds for a header that describes none, and what opening it throws.
  public init(opening path: String) throws(InputError) {
    let file = try InputFile(opening: path)
    do throws(InputError) {
      var reader = ByteReader(file)
      try self.init(&reader, .file(file), "array", path, byteCount: file.byteCount)
    } catch {
      guard error.kind == .badMagic else { throw error.inside(path) }
      throw (foreignFormat(try file.read(at: 0, count: min(file.byteCount, 64))) ?? error).inside(path)
    }
  }

  fileprivate init(_ archive: ZipArchive, _ entry: ZipEntry) throws(InputError) {
    let ending = Array(".npy".utf8)
    guard entry.name.utf8.suffix(ending.count).elementsEqual(ending) else {
      throw InputError(
        .unsupported, "holds \(entry.name.quoted), which is no NumPy array", at: archive.path,
        advice: "Write the arrays alone, with numpy.savez.")
    }
    do throws(InputError) {
      var reader = try archive.front(NumPyHeader.byteLimit + 16, of: entry)
      let name = JSONString(utf8: entry.name.utf8.dropLast(ending.count))
      try self.init(&reader, .archived(archive, entry), name, archive.path, byteCount: entry.byteCount)
    } catch { throw error.inside("\(archive.path): \(entry.name.quoted)") }
  }

  private init(
    _ reader: inout ByteReader, _ source: Source, _ name: JSONString, _ path: String, byteCount: Int
  ) throws(InputError) {
    let header = try NumPyHeader(&reader)
    let count = try header.dtype.byteCount(of: header.shape)
    guard count == byteCount - header.byteCount else {
      throw InputError(
        .sizeMismatch,
        "has \(byteCount - header.byteCount) bytes, but \(header.dtype.rawValue) of shape \(header.shape) takes \(count)"
      )
    }
    (self.name, shape, self.path) = (name, header.shape, path)
    (dtype, isByColumns) = (header.dtype, header.isByColumns)
    (self.source, dataStart, self.byteCount) = (source, header.byteCount, count)
  }

  /// Reads a part of its bytes, which are those of its elements row by row; of a compressed array all of it is expanded.
  public func read(_ part: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(InputError) {
    guard isByColumns else { return try readStored(part, into: buffer) }
    guard !part.isEmpty else { return }
    var stored = [UInt8](repeating: 0, count: byteCount)
    var failure: InputError?
    stored.withUnsafeMutableBytes { bytes in
      do throws(InputError) { try readStored(0..<byteCount, into: bytes) } catch { failure = error }
    }
    if let failure { throw failure }
    // The element's place on each axis, the first of which is the fastest in the file.
    let size = byteCount / shape.reduce(1, *)
    var steps = [1]
    for count in shape.dropLast() { steps.append((steps.last ?? 1) * count) }
    var (place, rest) = (shape, part.lowerBound / size)
    for axis in shape.indices.reversed() { (rest, place[axis]) = rest.quotientAndRemainder(dividingBy: shape[axis]) }
    var (index, inElement) = (zip(place, steps).reduce(0) { $0 + $1.0 * $1.1 }, part.lowerBound % size)
    for target in 0..<part.count {
      buffer[target] = stored[index * size + inElement]
      inElement += 1
      guard inElement == size else { continue }
      inElement = 0
      for axis in shape.indices.reversed() {
        place[axis] += 1
        index += steps[axis]
        guard place[axis] == shape[axis] else { break }
        index -= shape[axis] * steps[axis]
        place[axis] = 0
      }
    }
  }

  /// Reads a part of its bytes as they lie.
  private func readStored(_ part: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(InputError) {
    switch source {
    case .file(let file): try file.read(at: dataStart + part.lowerBound, into: buffer)
    case .archived(let archive, let entry):
      let inEntry = dataStart + part.lowerBound..<dataStart + part.upperBound
      guard entry.isDeflated else {
        try archive.read(entry, part: inEntry, into: buffer)
        return part.count == byteCount ? try check(buffer, archive, entry) : ()
      }
      buffer.copyBytes(from: try archive.bytes(of: entry)[inEntry])
    }
  }

  /// Compares the checksum of a stored array that was read whole.
  private func check(
    _ elements: UnsafeMutableRawBufferPointer, _ archive: ZipArchive, _ entry: ZipEntry
  ) throws(InputError) {
    var header = try archive.front(dataStart, of: entry)
    var crc = CRC32()
    crc.update(try header.bytes(dataStart))
    crc.update(elements)
    guard crc.value == entry.checksum else {
      throw InputError(.badChecksum, "does not have the bytes of its checksum", at: "\(path): \(entry.name.quoted)")
    }
  }
}

/// The arrays of a NumPy archive (`.npz`), or the one of a file (`.npy`).
public struct NumPyCheckpoint: Checkpoint {
  /// The file.
  public let path: String
  /// The arrays, in the order in which they lie.
  public let tensors: [NumPyArray]
  private let positions: [JSONString: Int]

  /// Opens a file of either kind.
  ///
  /// - Throws: What opening an archive or an array throws; `unsupported` for an archive of other things.
  public init(at path: String) throws(InputError) {
    let start = try InputFile(opening: path)
    if try start.read(at: 0, count: min(2, start.byteCount)).elementsEqual("PK".utf8) {
      if try Self.isPickled(start) { throw pickledFile().inside(path) }
      let archive = try ZipArchive(opening: path)
      var tensors: [NumPyArray] = []
      for entry in archive.entries { tensors.append(try NumPyArray(archive, entry)) }
      self.tensors = tensors
    } else {
      tensors = [try NumPyArray(opening: path)]
    }
    self.path = path
    var positions: [JSONString: Int] = [:]
    for (position, tensor) in tensors.enumerated() { positions[tensor.name] = position }
    self.positions = positions
  }

  /// Whether an archive's first file is a pickle. PyTorch's own archives have more than NumPy's between their files and
  /// their directory; they are refused for what they are, not for that.
  private static func isPickled(_ archive: InputFile) throws(InputError) -> Bool {
    let header = try archive.read(at: 0, count: min(1 << 16, archive.byteCount))
    guard header.starts(with: [0x50, 0x4B, 3, 4]), header.count >= 30 else { return false }
    let name = header.dropFirst(30).prefix(Int(header[26]) | Int(header[27]) << 8)
    return name.suffix(4).elementsEqual(".pkl".utf8)
  }

  /// The array of this name, compared by bytes; nil when there is none.
  public func tensor(named name: JSONString) -> NumPyArray? { positions[name].map { tensors[$0] } }
}
