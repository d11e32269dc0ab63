@_exported import Formats
import Tensor

/// A tensor of a checkpoint, of whatever format.
public protocol StoredTensor: Sendable {
  /// Its name, compared by bytes.
  var name: JSONString { get }
  /// The length of each axis, the slowest first; empty for a scalar.
  var shape: [Int] { get }
  /// How its numbers are kept, in the words of its format: `F32`, `Q4_K`.
  var typeName: String { get }
  /// The bytes that it takes in the file.
  var byteCount: Int { get }
  /// The file that holds it.
  var path: String { get }
  /// The type of its elements; nil where they are kept in blocks.
  var elementType: SafetensorsDType? { get }
  /// How it is kept once it is read; nil where it cannot be read as parameters.
  var storageFormat: StorageFormat? { get }
  /// The name of the tensor that it is a part of, in files that keep several parameters in one; nil otherwise.
  var partOf: String? { get }

  /// The tensor, kept as `storageFormat`.
  ///
  /// - Throws: `unsupported` where that is nil, or the shape is none that a `Tensor` can have; `truncated` or `io` where the file fails.
  func read() throws(InputError) -> Tensor
  /// Fills `buffer` with the part `part` of its bytes: little-endian elements, row by row, or blocks.
  ///
  /// - Precondition: `part` lies within the bytes, and the buffer has exactly as many.
  /// - Throws: `truncated` or `io` where the file fails.
  func read(_ part: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(InputError)
}

/// The tensors of a model, in files of whatever format.
public protocol Checkpoint: Sendable {
  /// What holds a tensor's name, shape and bytes.
  associatedtype Stored: StoredTensor
  /// The file or folder.
  var path: String { get }
  /// The tensors, file by file in the order of their bytes.
  var tensors: [Stored] { get }
  /// The tensor of this name, compared by bytes; nil when there is none.
  func tensor(named name: JSONString) -> Stored?
}

extension Checkpoint {
  /// The tensor of this name, compared by bytes; nil when there is none.
  public func tensor(named name: String) -> Stored? { tensor(named: JSONString(name)) }
}

extension StoredTensor {
  /// Nil: most formats keep each parameter in a tensor of its own.
  public var partOf: String? { nil }

  /// The tensor as its bytes lie.
  public func read() throws(InputError) -> Tensor {
    guard let storageFormat, let shape = Shape(exactly: shape) else { throw unreadable() }
    var tensor = Tensor(uninitialized: shape, format: storageFormat)
    try tensor.withMutableBytes { (bytes) throws(InputError) in
      if bytes.count > 0 { try read(0..<bytes.count, into: bytes) }
    }
    return tensor
  }

  /// The tensor, kept as `format`.
  ///
  /// - Throws: `unsupported` for a type that holds no parameters; what reading throws.
  package func read(as format: StorageFormat) throws(InputError) -> Tensor { try read().kept(as: format) }

  /// Whether another tensor has the same bytes, compared piece by piece, so that no whole tensor is held.
  package func hasSameBytes(as other: some StoredTensor) throws(InputError) -> Bool {
    guard byteCount == other.byteCount else { return false }
    var start = 0
    while start < byteCount {
      let part = start..<min(byteCount, start + 1 << 22)
      if try bytes(part) != other.bytes(part) { return false }
      start = part.upperBound
    }
    return true
  }

  /// A part of its bytes.
  ///
  /// - Precondition: `part` lies within the bytes.
  public func bytes(_ part: Range<Int>) throws(InputError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: part.count)
    try bytes.withUnsafeMutableBufferPointer { (buffer) throws(InputError) in
      try read(part, into: UnsafeMutableRawBufferPointer(buffer))
    }
    return bytes
  }

  /// How many elements it has; readers see to it that an `Int` can count them.
  public var elementCount: Int { shape.contains(0) ? 0 : shape.reduce(1, *) }

  /// Why it cannot be read as parameters.
  func unreadable() -> InputError {
    guard Shape(exactly: shape) != nil else {
      return InputError(
        .unsupported,
        "\(name.quoted) is of the shape \(shape), but a tensor has at most \(Shape.mostAxes) axes of at most "
          + "\(Shape.longestAxis)", at: path)
    }
    return InputError(.unsupported, "\(name.quoted) is kept as \(typeName), which is not read as numbers", at: path)
  }
}
