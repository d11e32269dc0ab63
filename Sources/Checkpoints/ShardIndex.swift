import Formats

/// `model.safetensors.index.json`: the file that holds each tensor.
struct ShardIndex {
  /// The plain names of the files, in order.
  private(set) var shards: [JSONString] = []
  /// The index's own path.
  let path: String
  private let weightMap: JSONField
  private let totalSize: Double?

  /// The most files that a model may be spread over; each is open while it is used.
  static let shardLimit = 512
  private static let tensorLimit = 1 << 19

  private static let byteLimit = 1 << 26

  init(_ path: String) throws(InputError) {
    try self.init(parsing: try InputFile.contents(of: path, atMost: Self.byteLimit), at: path)
  }

  private init(parsing bytes: [UInt8], at path: String) throws(InputError) {
    self.path = path
    let root = try JSONField(parsing: bytes, at: path)
    weightMap = try root.required("weight_map")
    let metadata = try root.has("metadata") ? try root.required("metadata") : nil
    totalSize = try metadata?.has("total_size") ?? false ? try metadata?.required("total_size").double() : nil
    var names: Set<JSONString> = []
    try forEachTensor { (_, shard, field) throws(InputError) in
      guard names.insert(shard).inserted else { return }
      do throws(InputError) { try Self.checkShard(shard) } catch { throw error.inside(field.path) }
      guard names.count <= Self.shardLimit else {
        throw weightMap.error(.tooLarge, "names more than \(Self.shardLimit) shards")
      }
    }
    shards = names.sorted()
  }

  /// Calls `body` with the name of each tensor, that of its file, and the place of that.
  func forEachTensor(
    _ body: (_ name: JSONString, _ shard: JSONString, _ field: JSONField) throws(InputError) -> Void
  ) throws(InputError) {
    for (name, shard) in try weightMap.object(atMost: Self.tensorLimit) {
      try body(name, try shard.jsonString(), shard)
    }
  }

  private static func checkShard(_ shard: JSONString) throws(InputError) {
    try checkPlainFileName(shard.text)
    let pickleEndings = [".bin", ".pt", ".pth", ".ckpt", ".pkl"]
    if pickleEndings.contains(where: { shard.utf8.reversed().starts(with: $0.utf8.reversed()) }) {
      throw pickle(shard.quoted)
    }
  }

  /// A complaint when `total_size` is given and is not the sum.
  func sizeWarning(_ byteCounts: [Int]) -> InputError? {
    let sum = byteCounts.reduce(0.0) { $0 + Double($1) }
    guard let claimed = totalSize, claimed != sum else { return nil }
    return InputError(
      .inconsistent, "claims \(claimed) bytes, but the shards hold \(sum)", at: "metadata.total_size")
  }

  /// The text of an index, laid out as transformers writes it: names in the order of their bytes, a line for each.
  /// Characters beyond ASCII stand as they are, where transformers escapes them; to a reader of JSON that is the same.
  ///
  /// - Parameters:
  ///   - shards: the plain name of the file that holds each tensor.
  ///   - elementCount: how many elements all tensors have together.
  ///   - path: where the index will stand, for errors.
  /// - Throws: what the reader would refuse.
  static func encoded(
    _ shards: [(tensor: JSONString, file: String)], byteCount: Int, elementCount: Int, at path: String
  ) throws(InputError) -> [UInt8] {
    let map = shards.sorted { $0.tensor < $1.tensor }.map { JSONMember($0.tensor, .string(JSONString($0.file))) }
    let index: JSONValue = [
      "metadata": ["total_parameters": .integer(elementCount), "total_size": .integer(byteCount)],
      "weight_map": .object(map),
    ]
    do throws(InputError) {
      let bytes = try index.encoded(pretty: true) + [UInt8(ascii: "\n")]
      guard bytes.count <= byteLimit else { throw InputError(.tooLarge, "would have more than \(byteLimit) bytes") }
      _ = try ShardIndex(parsing: bytes, at: "")
      return bytes
    } catch { throw error.inside(path) }
  }

  static func pickle(_ what: String) -> InputError {
    InputError(
      .unsupported, "\(what) is a pickle file, which can run any code when it is loaded",
      advice: "Convert it to safetensors where it is trusted, or fetch the safetensors files of the model.")
  }
}
