import Formats

/// `model.safetensors.index.json`: the file that holds each tensor.
struct ShardIndex {
  /// By tensor name, the plain name of a file.
  private(set) var shards: [JSONString: JSONString] = [:]
  private var totalSize: JSONValue?

  init(_ path: String) throws(InputError) {
    let bytes = try InputFile.contents(of: path, atMost: 1 << 26)
    do throws(InputError) { try parse(bytes) } catch { throw error.inside(path) }
  }

  private mutating func parse(_ bytes: [UInt8]) throws(InputError) {
    var parser = try JSONParser(bytes, depthLimit: 64)
    var shards: [JSONString: JSONString]?
    var totalSize: JSONValue?
    guard try parser.peek() == .object else {
      try parser.skip()
      try parser.end()
      throw InputError(.wrongType, "is JSON, but not an object")
    }
    try parser.object { (key, parser) throws(InputError) in
      switch key {
      case "weight_map": shards = try Self.weightMap(&parser)
      case "metadata": totalSize = try Self.totalSize(&parser)
      default: try parser.skip()
      }
    }
    try parser.end()
    guard let shards else { throw InputError(.missing, "has no weight_map") }
    (self.shards, self.totalSize) = (shards, totalSize)
  }

  private static func weightMap(_ parser: inout JSONParser) throws(InputError) -> [JSONString: JSONString] {
    guard try parser.peek() == .object else { throw InputError(.wrongType, "must be an object", at: "weight_map") }
    var shards: [JSONString: JSONString] = [:]
    try parser.object { (name, parser) throws(InputError) in
      do throws(InputError) {
        guard try parser.peek() == .string else { throw InputError(.wrongType, "must be a string") }
        let shard = try parser.string()
        try checkPlainFileName(shard.text)
        let pickleEndings = [".bin", ".pt", ".pth", ".ckpt", ".pkl"]
        if pickleEndings.contains(where: { shard.utf8.reversed().starts(with: $0.utf8.reversed()) }) {
          throw pickle(shard.quoted)
        }
        shards[name] = shard
        guard shards.count <= 1 << 19 else { throw InputError(.tooLarge, "is one of more than \(1 << 19) tensors") }
      } catch { throw error.inside("weight_map: \(name.quoted)") }
    }
    return shards
  }

  private static func totalSize(_ parser: inout JSONParser) throws(InputError) -> JSONValue? {
    guard try parser.peek() == .object else { throw InputError(.wrongType, "must be an object", at: "metadata") }
    var size: JSONValue?
    try parser.object { (key, parser) throws(InputError) in
      guard key == "total_size" else { return try parser.skip() }
      guard try parser.peek() == .number else {
        throw InputError(.wrongType, "must be a number", at: "metadata.total_size")
      }
      size = try parser.number()
    }
    return size
  }

  /// A complaint when `total_size` is given and is not the sum.
  func sizeWarning(_ byteCounts: [Int]) -> InputError? {
    let sum = byteCounts.reduce(0.0) { $0 + Double($1) }
    let claimed: Double
    switch totalSize {
    case .integer(let size): claimed = Double(size)
    case .number(let size): claimed = size
    default: return nil
    }
    if claimed == sum { return nil }
    return InputError(
      .inconsistent, "claims \(claimed) bytes, but the shards hold \(sum)", at: "metadata.total_size")
  }

  static func pickle(_ what: String) -> InputError {
    InputError(
      .unsupported, "\(what) is a pickle file, which can run any code when it is loaded",
      advice: "Convert it to safetensors where it is trusted, or fetch the safetensors files of the model.")
  }
}
