import Formats

/// What a tensor to be written is.
public struct SafetensorsTensor: Sendable, Equatable {
  /// Its name.
  public var name: JSONString
  /// The type of its elements.
  public var dtype: SafetensorsDType
  /// The length of each axis, the slowest first; empty for a scalar.
  public var shape: [Int]

  /// A tensor to be written.
  public init(name: JSONString, dtype: SafetensorsDType, shape: [Int]) {
    (self.name, self.dtype, self.shape) = (name, dtype, shape)
  }

  /// The bytes that it takes.
  func byteCount() throws(InputError) -> Int {
    do throws(InputError) { return try dtype.byteCount(of: shape) } catch { throw error.inside(name.quoted) }
  }

  static let uncountable = InputError(.overflow, "the tensors have more bytes than 64 bits can count")
}

/// Writes safetensors files.
public enum SafetensorsWriter {
  /// Writes a file, tensor by tensor, through an `AtomicFile`: it appears whole, or the old content stays.
  ///
  /// The widest element types come first and equal ones by name, as the reference does it, and the header is padded to
  /// a multiple of 8 bytes: every tensor lies aligned in the file. The same input gives the same bytes.
  ///
  ///     try SafetensorsWriter.write(tensors, to: "model.safetensors") { (index, sink) throws(InputError) in
  ///       try sink.write(contents[index])
  ///     }
  ///
  /// - Parameters:
  ///   - tensors: All tensors, in any order.
  ///   - metadata: Free text to carry along, in this order.
  ///   - path: Where the file will stand.
  ///   - contents: Called once per tensor, in the file's order, with its position in `tensors`; it must hand exactly
  ///     the tensor's bytes (little-endian, row by row) to the sink, in pieces of any size.
  /// - Throws: What the reader would refuse: `duplicate`, `badUTF8`, `unsupported`, `overflow`, `badValue`, `tooLarge`,
  ///   and `wrongType` for a tensor named `__metadata__`; `sizeMismatch` when the contents have another length; `io`
  ///   and `notFound` when the disk refuses; and what `contents` throws.
  public static func write(
    _ tensors: [SafetensorsTensor], metadata: [(key: String, value: String)] = [], to path: String,
    contents: (_ index: Int, _ sink: SafetensorsSink) throws(InputError) -> Void
  ) throws(InputError) {
    let plan: SafetensorsPlan
    do throws(InputError) { plan = try SafetensorsPlan(tensors, tensors.indices, metadata) } catch {
      throw error.inside(path)
    }
    try plan.write(tensors, to: path, contents: contents)
  }
}

/// A file that is to be written: its header, and what follows it. It is made before anything is written.
struct SafetensorsPlan {
  private var header: [UInt8] = []
  private var order: [(index: Int, byteCount: Int)] = []

  /// - Parameter positions: those of `tensors` that the file will hold.
  init(
    _ tensors: [SafetensorsTensor], _ positions: some Sequence<Int>, _ metadata: [(key: String, value: String)]
  ) throws(InputError) {
    var members: [JSONMember] = []
    if !metadata.isEmpty {
      let pairs = metadata.map { JSONMember(JSONString($0.key), .string(JSONString($0.value))) }
      members.append(JSONMember("__metadata__", .object(pairs)))
    }
    let sorted = positions.sorted {
      (-tensors[$0].dtype.rank, tensors[$0].name) < (-tensors[$1].dtype.rank, tensors[$1].name)
    }
    var end = 0
    for index in sorted {
      let tensor = tensors[index]
      let byteCount = try tensor.byteCount()
      let (next, overflowed) = end.addingReportingOverflow(byteCount)
      guard !overflowed else { throw SafetensorsTensor.uncountable }
      members.append(
        JSONMember(
          tensor.name,
          [
            "dtype": .string(JSONString(tensor.dtype.rawValue)), "shape": .array(tensor.shape.map { .integer($0) }),
            "data_offsets": [.integer(end), .integer(next)],
          ]))
      order.append((index, byteCount))
      end = next
    }
    var text = try JSONValue.object(members).encoded()
    text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
    guard text.count <= SafetensorsHeader.byteLimit else {
      throw InputError(.tooLarge, "the header has \(text.count) bytes, more than \(SafetensorsHeader.byteLimit)")
    }
    // The reader's own judgement: nothing is written that could not be read back.
    _ = try SafetensorsHeader(parsing: text, dataByteCount: end)
    header = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
  }

  func write(
    _ tensors: [SafetensorsTensor], to path: String,
    contents: (_ index: Int, _ sink: SafetensorsSink) throws(InputError) -> Void
  ) throws(InputError) {
    let file = try AtomicFile(replacing: path)
    try file.write(header)
    for (index, byteCount) in order {
      let sink = SafetensorsSink(file, byteCount, tensors[index].name)
      do throws(InputError) {
        try contents(index, sink)
        try sink.finish()
      } catch {
        file.discard()
        throw error
      }
    }
    try file.commit()
  }
}

/// Takes the bytes of one tensor that is being written.
public final class SafetensorsSink {
  private let file: AtomicFile
  private let name: JSONString
  private let byteCount: Int
  private var done = 0

  init(_ file: AtomicFile, _ byteCount: Int, _ name: JSONString) {
    (self.file, self.byteCount, self.name) = (file, byteCount, name)
  }

  /// Appends bytes; hand over big pieces.
  ///
  /// - Throws: `sizeMismatch` for more bytes than the tensor has, `io` when the disk refuses them.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(InputError) {
    guard bytes.count <= byteCount - done else {
      throw InputError(.sizeMismatch, "\(name.quoted) is given more than its \(byteCount) bytes", at: file.path)
    }
    done += bytes.count
    try file.write(bytes)
  }

  /// Appends bytes.
  ///
  /// - Throws: As for a buffer.
  public func write(_ bytes: [UInt8]) throws(InputError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(InputError) in try write(UnsafeRawBufferPointer(buffer)) }
  }

  func finish() throws(InputError) {
    guard done == byteCount else {
      throw InputError(.sizeMismatch, "\(name.quoted) is given \(done) of its \(byteCount) bytes", at: file.path)
    }
  }
}
