import Formats
import Tensor

/// The sizes of a model in llama2.c's format.
public struct Llama2CSizes: Sendable, Equatable {
  /// The version of the format: 0 (no magic), 1 or 2 (eight bits).
  public let version: Int
  /// The width of the hidden states.
  public let width: Int
  /// The inner width of the feed-forward.
  public let feedForwardWidth: Int
  /// The number of blocks.
  public let layerCount: Int
  /// The number of query heads.
  public let headCount: Int
  /// The number of key-value heads.
  public let keyValueHeadCount: Int
  /// How many tokens there are.
  public let vocabularySize: Int
  /// The most positions.
  public let contextLength: Int
  /// Whether the output uses the embedding's matrix.
  public let tiesHead: Bool
  /// The numbers that share a scale, in version 2; 1 otherwise.
  public let groupSize: Int

  /// Reads the header, whose length depends on the version.
  init(_ reader: inout ByteReader) throws(InputError) {
    let place = reader.place
    let first: Int32 = try reader.integer()
    let isPlain = UInt32(bitPattern: first) != 0x616B_3432
    var version = 0
    if !isPlain {
      version = Int(try reader.integer(Int32.self))
      guard 1...2 ~= version else {
        throw InputError(.badVersion, "is of version \(version) of the format", at: reader.place)
      }
    }
    func size(_ value: Int32, _ name: String, _ limit: Int) throws(InputError) -> Int {
      guard value > 0, value <= limit else {
        throw InputError(.badValue, "\(name) is \(value), but must be from 1 to \(limit)", at: place)
      }
      return Int(value)
    }
    var numbers: [Int32] = isPlain ? [first] : []
    while numbers.count < 7 { numbers.append(try reader.integer()) }
    width = try size(numbers[0], "dim", 1 << 20)
    feedForwardWidth = try size(numbers[1], "hidden_dim", 1 << 20)
    layerCount = try size(numbers[2], "n_layers", 1 << 10)
    headCount = try size(numbers[3], "n_heads", 1 << 16)
    keyValueHeadCount = try size(numbers[4], "n_kv_heads", 1 << 16)
    // In the oldest version the sign says whether the head is a matrix of its own.
    guard numbers[5] != .min else { throw InputError(.badValue, "vocab_size is \(numbers[5])", at: place) }
    vocabularySize = try size(isPlain ? abs(numbers[5]) : numbers[5], "vocab_size", 1 << 26)
    contextLength = try size(numbers[6], "seq_len", 1 << 26)
    guard width % headCount == 0, headCount % keyValueHeadCount == 0, width / headCount % 2 == 0 else {
      throw InputError(
        .badValue, "\(headCount) heads and \(keyValueHeadCount) key-value heads do not fit a width of \(width)",
        at: place)
    }
    (self.version, tiesHead, groupSize) = try Self.rest(&reader, version, isPlain ? numbers[5] > 0 : nil)
    guard version < 2 || width % groupSize == 0 && feedForwardWidth % groupSize == 0 else {
      throw InputError(.badValue, "groups of \(groupSize) do not fit the widths", at: place)
    }
  }

  private static func rest(
    _ reader: inout ByteReader, _ version: Int, _ tiesHead: Bool?
  ) throws(InputError) -> (Int, Bool, Int) {
    if let tiesHead { return (version, tiesHead, 1) }
    let shared: UInt8 = try reader.integer()
    guard shared <= 1 else { throw InputError(.badValue, "holds the Boolean \(shared)", at: "byte 36") }
    var group: Int32 = 1
    if version == 2 {
      group = try reader.integer()
      guard group > 0 else { throw InputError(.badValue, "has groups of \(group) numbers", at: "byte 37") }
    }
    // The header of the newer versions is as long as a page of old terminals was tall: 256 bytes, whatever is in it.
    let padding = try reader.bytes(min(reader.remaining, 256 - reader.offset))
    guard reader.offset == 256 else { throw InputError(.truncated, "ends within its header", at: reader.place) }
    guard padding.allSatisfy({ $0 == 0 }) else {
      throw InputError(.badValue, "holds something where its header is empty", at: "byte \(256 - padding.count)")
    }
    return (version, shared == 1, Int(group))
  }
}

/// A tensor of a llama2.c file: all of one of its arrays, or one layer's part.
public struct Llama2CTensor: StoredTensor {
  /// Its name: Meta's of the parameter.
  public let name: JSONString
  /// The length of each axis, the slowest first.
  public let shape: [Int]
  /// The array of the file that it is a part of.
  public let partOf: String?
  /// Where its bytes lie in the file.
  let byteRange: Range<Int>
  /// The numbers that share a scale; nil for Float32.
  let groupSize: Int?
  fileprivate let file: InputFile

  /// The file that holds it.
  public var path: String { file.path }
  /// The bytes that it takes in the file.
  public var byteCount: Int { byteRange.count }
  /// Float32; nil for eight bits with scales.
  public var elementType: SafetensorsDType? { groupSize == nil ? .float32 : nil }
  /// `F32` or `Q8`.
  public var typeName: String { groupSize == nil ? "F32" : "Q8" }
  /// Float32, to which groups are widened.
  public var storageFormat: StorageFormat? { .float32 }

  /// Reads a part of its bytes.
  public func read(_ part: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(InputError) {
    try file.read(at: byteRange.lowerBound + part.lowerBound, into: buffer)
  }

  /// The tensor; groups are widened.
  public func read() throws(InputError) -> Tensor {
    var tensor = Tensor(uninitialized: Shape(shape))
    let count = elementCount
    try tensor.withMutableBytes { (bytes) throws(InputError) in
      guard let groupSize else {
        if bytes.count > 0 { try read(0..<bytes.count, into: bytes) }
        return
      }
      // All eight-bit numbers come first, then all scales.
      let whole = try self.bytes(0..<count)
      var scales = ByteReader(try self.bytes(count..<byteCount))
      let numbers = bytes.assumingMemoryBound(to: Float.self)
      for group in 0..<count / groupSize {
        let scale = try scales.float()
        for index in group * groupSize..<(group + 1) * groupSize {
          numbers[index] = Float(Int8(bitPattern: whole[index])) * scale
        }
      }
    }
    return tensor
  }
}

/// A model in the format of llama2.c (`stories15M.bin`), of its versions 0 and 1 (Float32) and 2 (eight bits).
///
/// The file holds one array for each kind of parameter, with all layers in it; here every layer's part is a tensor. Queries
/// and keys lie as Meta has them: `TensorLayout.rotaryPairs`.
public struct Llama2CCheckpoint: Checkpoint {
  /// The file.
  public let path: String
  /// What its header says.
  public let sizes: Llama2CSizes
  /// The tensors, in the order of their bytes.
  public let tensors: [Llama2CTensor]
  private let positions: [JSONString: Int]

  /// Opens and checks a file.
  ///
  /// - Throws: `badValue` and `badVersion` for a header that describes no model, `overflow`, `truncated`, `sizeMismatch`
  ///   where the file is longer or shorter than its arrays, `unsupported` or `badMagic` where it is of another known
  ///   format, and what opening it throws.
  public init(at path: String) throws(InputError) {
    let file = try InputFile(opening: path)
    let start = try file.read(at: 0, count: min(file.byteCount, 64))
    do throws(InputError) {
      if let foreign = foreignFormat(start) { throw foreign }
      var reader = ByteReader(file)
      sizes = try Llama2CSizes(&reader)
      tensors = try Self.tensors(sizes, file, from: reader.offset)
    } catch { throw error.inside(path) }
    self.path = path
    var positions: [JSONString: Int] = [:]
    for (position, tensor) in tensors.enumerated() { positions[tensor.name] = position }
    self.positions = positions
  }

  /// The tensor of this name, compared by bytes; nil when there is none.
  public func tensor(named name: JSONString) -> Llama2CTensor? { positions[name].map { tensors[$0] } }

  private struct Array {
    var name: String
    var parameter: String
    /// Of one layer.
    var shape: [Int]
    var isLayered = true
  }

  private static func arrays(_ s: Llama2CSizes) -> [Array] {
    let keyWidth = s.width / s.headCount * s.keyValueHeadCount
    let table = Array(
      name: "token_embedding_table", parameter: "tok_embeddings", shape: [s.vocabularySize, s.width], isLayered: false)
    let head = Array(name: "wcls", parameter: "output", shape: [s.vocabularySize, s.width], isLayered: false)
    let attentionNorm = Array(name: "rms_att_weight", parameter: "attention_norm", shape: [s.width])
    let feedForwardNorm = Array(name: "rms_ffn_weight", parameter: "ffn_norm", shape: [s.width])
    let finalNorm = Array(name: "rms_final_weight", parameter: "norm", shape: [s.width], isLayered: false)
    let attention = [
      Array(name: "wq", parameter: "attention.wq", shape: [s.width, s.width]),
      Array(name: "wk", parameter: "attention.wk", shape: [keyWidth, s.width]),
      Array(name: "wv", parameter: "attention.wv", shape: [keyWidth, s.width]),
      Array(name: "wo", parameter: "attention.wo", shape: [s.width, s.width]),
    ]
    let feedForward = [
      Array(name: "w1", parameter: "feed_forward.w1", shape: [s.feedForwardWidth, s.width]),
      Array(name: "w2", parameter: "feed_forward.w2", shape: [s.width, s.feedForwardWidth]),
      Array(name: "w3", parameter: "feed_forward.w3", shape: [s.feedForwardWidth, s.width]),
    ]
    let ending = s.tiesHead ? [] : [head]
    guard s.version == 0 else {
      return [attentionNorm, feedForwardNorm, finalNorm, table] + attention + feedForward + ending
    }
    let half = s.width / s.headCount / 2
    // Tables of cosines and sines, which readers compute by themselves today.
    let tables = ["real", "imag"].map {
      Array(name: "freq_cis_\($0)", parameter: "freqs_\($0)", shape: [s.contextLength, half], isLayered: false)
    }
    return [table, attentionNorm] + attention + [feedForwardNorm] + feedForward + [finalNorm] + tables + ending
  }

  private static func tensors(
    _ sizes: Llama2CSizes, _ file: InputFile, from start: Int
  ) throws(InputError) -> [Llama2CTensor] {
    var tensors: [Llama2CTensor] = []
    var end = start
    for array in arrays(sizes) {
      let isGrouped = sizes.version == 2 && array.shape.count == 2
      let count = try SafetensorsDType.float32.byteCount(of: array.shape) / 4
      let bytes = isGrouped ? count + count / sizes.groupSize * 4 : count * 4
      for layer in 0..<(array.isLayered ? sizes.layerCount : 1) {
        let (next, overflows) = end.addingReportingOverflow(bytes)
        guard !overflows else { throw InputError(.overflow, "the arrays have more bytes than 64 bits can count") }
        guard next <= file.byteCount else {
          throw InputError(
            .sizeMismatch, "has \(file.byteCount) bytes, but \(array.name) ends at \(next) or later",
            advice: "The file is cut short, or is no llama2.c model.")
        }
        let prefix = array.isLayered ? "layers.\(layer)." : ""
        // The oldest format has a name of its own for nothing but tables.
        let name = array.parameter.hasPrefix("freqs") ? array.parameter : "\(prefix)\(array.parameter).weight"
        tensors.append(
          Llama2CTensor(
            name: JSONString(name), shape: array.shape, partOf: array.isLayered ? array.name : nil,
            byteRange: end..<next, groupSize: isGrouped ? sizes.groupSize : nil, file: file))
        end = next
      }
    }
    guard end == file.byteCount else {
      throw InputError(.sizeMismatch, "has \(file.byteCount - end) bytes after its last array")
    }
    return tensors
  }
}
