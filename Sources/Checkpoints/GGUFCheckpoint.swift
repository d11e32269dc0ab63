import Formats
import Tensor

/// A tensor of a GGUF checkpoint, and the file that holds it.
public struct GGUFStoredTensor: StoredTensor {
  /// What it is, and where its bytes lie in the file.
  public let entry: GGUFTensor
  /// The file that holds it.
  public let file: GGUFFile

  /// Its name.
  public var name: JSONString { entry.name }
  /// The length of each axis, the slowest first.
  public var shape: [Int] { entry.shape }
  /// The name of its type.
  public var typeName: String { entry.type.name }
  /// The bytes that it takes in the file.
  public var byteCount: Int { entry.byteRange.count }
  /// The file that holds it.
  public var path: String { file.path }
  /// The type of its elements; nil for blocks.
  public var elementType: SafetensorsDType? {
    switch entry.type {
    case .float32: .float32
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .float64: .float64
    case .int8: .int8
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    default: nil
    }
  }
  /// The same for floating-point elements of at most 32 bits, Float32 for the blocks that can be widened.
  public var storageFormat: StorageFormat? {
    Dequantization.types.contains(entry.type) ? .float32 : elementType?.storageFormat
  }

  /// Reads a part of its bytes.
  public func read(_ part: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(InputError) {
    try file.read(entry, part: part, into: buffer)
  }

  /// The tensor; blocks are widened to Float32.
  public func read() throws(InputError) -> Tensor {
    guard let storageFormat, let shape = Shape(exactly: shape) else { throw unreadable() }
    var tensor = Tensor(uninitialized: shape, format: storageFormat)
    try tensor.withMutableBytes { (bytes) throws(InputError) in
      guard bytes.count > 0 else { return }
      guard elementType == nil else { return try file.read(entry, part: 0..<bytes.count, into: bytes) }
      try widenBlocks(to: bytes.assumingMemoryBound(to: Float.self))
    }
    return tensor
  }

  /// Piece by piece, so that little is held besides the result.
  private func widenBlocks(to numbers: UnsafeMutableBufferPointer<Float>) throws(InputError) {
    let type = entry.type
    let total = byteCount / type.blockByteCount
    var done = 0
    while done < total {
      let next = min(total, done + 1 << 12)
      let piece = try bytes(done * type.blockByteCount..<next * type.blockByteCount)
      let target = UnsafeMutableBufferPointer(rebasing: numbers[done * type.blockCount..<next * type.blockCount])
      piece.withUnsafeBytes { Dequantization.widen(type, $0, to: target) }
      done = next
    }
  }
}

/// A GGUF model: one file, or the parts of a split one.
public struct GGUFCheckpoint: Checkpoint {
  /// The first file.
  public let path: String
  /// What the first file says about the model.
  public let metadata: GGUFMetadata
  /// The tensors, part by part in the order of their bytes.
  public let tensors: [GGUFStoredTensor]
  private let positions: [JSONString: Int]

  /// Opens a file, and the other parts if it is the first of several, which lie beside it: `name-00001-of-00003.gguf`.
  ///
  /// - Throws: What opening a file throws; for split files `inconsistent` where the parts do not belong together or the
  ///   file is not the first, `notFound` where one is missing.
  public init(at path: String) throws(InputError) {
    let first = try GGUFFile(opening: path)
    var tensors = first.tensors.map { GGUFStoredTensor(entry: $0, file: first) }
    if let split = try GGUFSplit(first) {
      guard split.number == 0 else {
        throw InputError(
          .inconsistent, "is part \(split.number + 1) of \(split.count)", at: path, advice: "Give the first part.")
      }
      for number in 1..<max(split.count, 1) {
        let part = try split.open(number, of: first)
        tensors += part.tensors.map { GGUFStoredTensor(entry: $0, file: part) }
      }
      if let expected = split.tensorCount, expected != tensors.count {
        throw InputError(.inconsistent, "has \(tensors.count) tensors in its parts, not \(expected)", at: path)
      }
    }
    var positions: [JSONString: Int] = [:]
    for (position, tensor) in tensors.enumerated() {
      guard positions.updateValue(position, forKey: tensor.name) == nil else {
        throw InputError(.duplicate, "has the tensor \(tensor.name.quoted) in two parts", at: path)
      }
    }
    (self.path, metadata, self.tensors, self.positions) = (path, first.metadata, tensors, positions)
  }

  /// The tensor of this name, compared by bytes; nil when there is none.
  public func tensor(named name: JSONString) -> GGUFStoredTensor? { positions[name].map { tensors[$0] } }
}

/// What a file says about being a part of a split model.
private struct GGUFSplit {
  let number: Int
  let count: Int
  let tensorCount: Int?

  init?(_ file: GGUFFile) throws(InputError) {
    let metadata = file.metadata
    guard let countField = try metadata.optional("split.count") else { return nil }
    let count = try countField.int(in: 0...Int.max)
    guard 1...99_999 ~= count else {
      throw metadata.error(.inconsistent, "is \(count), but a model has at least one part", "split.count")
    }
    let number = try metadata.required("split.no").int(in: 0...Int.max)
    guard number < count else {
      throw metadata.error(.inconsistent, "is \(number), but there are \(count) parts, counted from 0", "split.no")
    }
    (self.number, self.count) = (number, count)
    tensorCount = try metadata.optional("split.tensors.count")?.int(in: 0...Int.max)
  }

  /// Opens another part.
  func open(_ number: Int, of first: GGUFFile) throws(InputError) -> GGUFFile {
    let ending = suffix(0)
    guard first.path.utf8.suffix(ending.utf8.count).elementsEqual(ending.utf8) else {
      throw InputError(
        .inconsistent, "is the first of \(count) parts, but its name does not end in \(ending)", at: first.path,
        advice: "Give the parts back the names under which they were published.")
    }
    let path = String(first.path.dropLast(ending.count)) + suffix(number)
    let part = try GGUFFile(opening: path)
    let split = try GGUFSplit(part)
    guard let split, split.number == number, split.count == count else {
      throw InputError(.inconsistent, "is not part \(number + 1) of \(count)", at: path)
    }
    // The first part alone has to describe the model; where another one does too, it must agree.
    for (key, value) in part.metadata.entries where !key.text.hasPrefix("split.") {
      guard let own = first.metadata[key.text], own == value else {
        throw InputError(.inconsistent, "says other than the first part", at: "\(path): \(key.quoted)")
      }
    }
    return part
  }

  private func suffix(_ number: Int) -> String { "-\(digits(number + 1))-of-\(digits(count)).gguf" }

  private func digits(_ number: Int) -> String {
    let digits = "\(number)"
    return String(repeating: "0", count: max(0, 5 - digits.utf8.count)) + digits
  }
}
