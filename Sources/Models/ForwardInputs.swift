import Checkpoints
import Formats
import Layers
import Tensor

/// The tensors that a model is run on, under the names of Hugging Face's `forward`: `input_ids`, `attention_mask`, ...
public struct ForwardInputs: Sendable {
  private let file: SafetensorsFile

  /// Opens a safetensors file of inputs.
  ///
  /// - Throws: what opening the file throws.
  public init(opening path: String) throws(InputError) { file = try SafetensorsFile(opening: path) }

  /// The file's path.
  var path: String { file.path }

  /// Whether there is a tensor of this name.
  public func has(_ name: String) -> Bool { file.entry(named: name) != nil }

  /// How many axes a tensor has; nil where it is absent.
  public func axisCount(of name: String) -> Int? { file.entry(named: name)?.shape.count }

  /// Where a tensor is, for errors.
  func place(of name: String) -> String { "\(file.path): \(name)" }

  /// Refuses tensors that the model would not read.
  public func refuse(except names: [String]) throws(InputError) {
    for entry in file.entries where !names.contains(entry.name.text) {
      throw InputError(
        .unsupported, "the model takes no input of this name", at: place(of: entry.name.text),
        advice: "It takes \(names.joined(separator: ", ")).")
    }
  }

  /// Ids in `0..<limit`, of a tensor with this number of axes. Of three axes, `[batch, choices, time]`, the first two
  /// become rows.
  public func tokens(
    _ name: String, below limit: Int, axes: Int
  ) throws(InputError) -> (tokens: TokenBatch, shape: [Int]) {
    guard let entry = file.entry(named: name) else {
      throw InputError(.missing, "holds no tensor \"\(name)\"", at: file.path)
    }
    guard entry.shape.count == axes, !entry.shape.contains(0) else {
      let expected = axes == 3 ? "[batch, choices, time]" : "[batch, time]"
      throw InputError(.badValue, "is of the shape \(entry.shape), but must be \(expected)", at: place(of: name))
    }
    return (try tokens(name, below: limit, like: entry.shape), entry.shape)
  }

  /// Refuses texts that are longer than a model's context.
  public func check(_ tokens: TokenBatch, _ name: String = "input_ids", contextLength: Int) throws(InputError) {
    guard tokens.time <= contextLength else {
      throw InputError(
        .tooLarge, "\(tokens.time) tokens are more than the model's context of \(contextLength)",
        at: place(of: name), advice: "Shorten the texts.")
    }
  }

  /// Ids in `0..<limit`, of a tensor of the given shape.
  public func tokens(_ name: String, below limit: Int, like shape: [Int]) throws(InputError) -> TokenBatch {
    let time = shape.last ?? 1
    var ids: [Int32] = []
    for (index, value) in try integers(name, like: shape).enumerated() {
      guard value >= 0, value < Int64(limit), let id = Int32(exactly: value) else {
        throw InputError(
          .badValue, "element \(index) is \(value), outside the \(limit) that the model knows", at: place(of: name))
      }
      ids.append(id)
    }
    return TokenBatch(ids, batch: ids.count / time, time: time)
  }

  /// Which tokens are no padding: those whose mark is not 0, whatever else it is, as in Hugging Face; all of them where the
  /// tensor is absent. Marks may be numbers of any kind. Of more than two axes, all but the last become rows.
  public func mask(_ name: String, like shape: [Int]) throws(InputError) -> AttentionMask {
    guard let entry = file.entry(named: name) else { return .none }
    let marks: [Bool]
    switch entry.dtype {
    case .float32, .float64, .float16, .bfloat16:
      try check(entry, like: shape)
      marks = try values(name).scalars.map { $0 != 0 }
    default: marks = try integers(name, like: shape).map { $0 != 0 }
    }
    let time = max(shape.last ?? 1, 1)
    return .keeping(stride(from: 0, to: marks.count, by: time).map { Array(marks[$0..<$0 + time]) })
  }

  /// `position_ids` in `0..<limit`, of the given shape or `[1, time]` for all rows; nil where the tensor is absent.
  public func positions(like shape: [Int], below limit: Int) throws(InputError) -> TextPositions? {
    let name = "position_ids"
    guard let entry = file.entry(named: name) else { return nil }
    guard let time = shape.last, shape.count == 2, entry.shape == [1, time] else {
      return TextPositions(try tokens(name, below: limit, like: shape))
    }
    let row = try tokens(name, below: limit, like: entry.shape)
    return TextPositions(
      TokenBatch((0..<shape[0]).flatMap { _ in row.ids }, batch: shape[0], time: time))
  }

  /// Numbers of any shape.
  public func values(_ name: String) throws(InputError) -> Tensor {
    guard let entry = file.entry(named: name) else {
      throw InputError(.missing, "holds no tensor \"\(name)\"", at: file.path)
    }
    guard entry.byteRange.count <= 1 << 30 else {
      throw InputError(.tooLarge, "takes \(entry.byteRange.count) bytes", at: place(of: name))
    }
    return try CheckpointTensor(entry: entry, file: file).read(as: .float32)
  }

  private func check(_ entry: SafetensorsEntry, like shape: [Int]) throws(InputError) {
    guard entry.shape == shape else {
      throw InputError(
        .sizeMismatch, "is of the shape \(entry.shape), but must be \(shape)", at: place(of: entry.name.text))
    }
  }

  private func integers(_ name: String, like shape: [Int]) throws(InputError) -> [Int64] {
    guard let entry = file.entry(named: name) else {
      throw InputError(.missing, "holds no tensor \"\(name)\"", at: file.path)
    }
    try check(entry, like: shape)
    let bytes = try file.bytes(of: entry, budget: 1 << 28)
    func widened<Integer: FixedWidthInteger>(_ type: Integer.Type) -> [Int64] {
      bytes.withUnsafeBytes { raw in
        (0..<raw.count / MemoryLayout<Integer>.size).map {
          let value = raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Integer>.size, as: type)
          return Int64(clamping: Integer(littleEndian: value))
        }
      }
    }
    switch entry.dtype {
    case .int64: return widened(Int64.self)
    case .int32: return widened(Int32.self)
    case .int16: return widened(Int16.self)
    case .int8: return widened(Int8.self)
    case .uint8, .bool: return widened(UInt8.self)
    default:
      throw InputError(
        .unsupported, "is kept as \(entry.dtype.rawValue), but must hold integers", at: place(of: name),
        advice: "Save it as I64, I32, I16, I8, U8 or BOOL.")
    }
  }
}
