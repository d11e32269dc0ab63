import Foundation
import Models
import Tensor

/// The kind of the error that `body` throws; nil when it throws none.
func errorKind<T>(_ body: () throws(InputError) -> T) -> InputError.Kind? {
  do {
    _ = try body()
    return nil
  } catch { return error.kind }
}

/// Runs `body` with a new empty folder, which is removed afterwards.
func withFolder<R>(_ body: (String) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("models-" + UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}

/// Whether two tensors hold the same bits.
func sameBits(_ a: Tensor, _ b: Tensor) -> Bool {
  guard a.shape == b.shape, a.format == b.format else { return false }
  return a.withBytes { left in
    b.withBytes { right in
      left.count == 0 || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0
    }
  }
}

/// The parameters that the reference values were computed with: a function of name and position.
func formulaTensor(_ name: String, _ shape: Shape) -> Tensor {
  let phase = Double(name.utf8.reduce(0) { $0 + Int($1) })
  var result = Tensor.zeros(shape)
  result.withMutableScalars { scalars in
    for i in 0..<scalars.count {
      let x = sin(0.37 * Double(i) + 0.0113 * Double(i) * Double(i) + phase)
      scalars[i] = Float(shape.rank > 1 ? 0.3 * x : name.hasSuffix("bias") ? 0.1 * x : 1 + 0.2 * x)
    }
  }
  return result
}

extension LanguageModel {
  /// The same model with the parameters of the formula.
  func withFormula() -> Self {
    var copy = self
    copy.updateParameters { name, parameter in parameter = formulaTensor(name, parameter.shape) }
    return copy
  }

  /// The scores of a pass without a cache.
  func scores(_ tokens: TokenBatch) -> Tensor {
    var pass = Pass()
    return self(tokens, &pass)
  }
}

/// Two rows of tokens, as the reference had them.
func formulaTokens(time: Int, vocabulary: Int = 61, rows: Int = 2) -> TokenBatch {
  let ids = (0..<rows).flatMap { row in (0..<time).map { Int32(($0 * $0 * 7 + $0 * 3 + row * 11 + 5) % vocabulary) } }
  return TokenBatch(ids, batch: rows, time: time)
}

/// A folder as Hugging Face has it.
struct TestFolder {
  var configuration: String
  var tensors: [(name: String, value: Tensor)]
  /// Shards, if more than one file.
  var shards = 1
  var generation: String?

  func write(to folder: String) throws {
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: folder + "/config.json"))
    if let generation {
      try Data(generation.utf8).write(to: URL(fileURLWithPath: folder + "/generation_config.json"))
    }
    if shards == 1 { return try TestFolder.write(tensors, folder + "/model.safetensors") }
    var index: [String] = []
    for shard in 0..<shards {
      let name = "model-0000\(shard + 1)-of-0000\(shards).safetensors"
      let part = tensors.indices.filter { $0 % shards == shard }.map { tensors[$0] }
      try TestFolder.write(part, "\(folder)/\(name)")
      index += part.map { "\"\($0.name)\": \"\(name)\"" }
    }
    let json = "{\"metadata\": {}, \"weight_map\": {\(index.joined(separator: ", "))}}"
    try Data(json.utf8).write(to: URL(fileURLWithPath: folder + "/model.safetensors.index.json"))
  }

  private static func write(_ tensors: [(name: String, value: Tensor)], _ path: String) throws {
    try saveParameters(of: NamedTensors(tensors), to: path)
  }
}

/// Tensors under any names, as a module.
struct NamedTensors: Module {
  var names: [String]
  var values: [Tensor]

  init(_ tensors: [(name: String, value: Tensor)]) {
    (names, values) = (tensors.map(\.name), tensors.map(\.value))
  }

  mutating func visit(_ visitor: inout some ParameterVisitor) {
    for i in names.indices { visitor(names[i], &values[i]) }
  }
}
