import Formats
import Foundation
import Models
import Tensor
import TestSupport
import Training

/// The kind of the error that `body` throws; nil when it throws none.
func errorKind<T>(_ body: () throws(InputError) -> T) -> InputError.Kind? {
  do {
    _ = try body()
    return nil
  } catch { return error.kind }
}

/// Runs `body` with a new empty folder, which is removed afterwards, while no test changes the kernels.
func withFolder<R>(_ body: (String) throws -> R) throws -> R {
  try RuntimeSettings.unchanged { try withTemporaryFolder(body) }
}

/// Runs `body` with a new empty folder, which is removed afterwards.
func withTemporaryFolder<R>(_ body: (String) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("training-" + UUID().uuidString)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder.path)
}

/// A matrix that decays and a vector that does not.
struct Pair: Module {
  var matrix: Tensor
  var vector: Tensor

  mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("matrix", &matrix)
    visitor("vector", &vector)
  }
}

/// A GPT-2 that trains in no time.
func tinyModel(seed: UInt64 = 3, width: Int = 16, layers: Int = 2, vocabulary: Int = 11, context: Int = 8) -> GPT2 {
  var configuration = GPT2.Configuration(
    vocabularySize: vocabulary, contextLength: context, width: width, layerCount: layers, headCount: 2)
  configuration.hasBiases = false
  return GPT2(configuration, seed: seed)
}

/// A text with a pattern that can be learned: windows of 8 tokens.
func tinyData() throws -> TokenDataset {
  try TokenDataset((0..<400).map { ($0 * $0 + $0 / 7) % 11 }, vocabularySize: 11, windowsOf: 8)
}

/// The checksum of tensors: for comparing bits, with messages of bearable length.
func digest(_ tensors: [Tensor]) -> String {
  var hash = SHA256()
  for tensor in tensors { tensor.withBytes { hash.add($0) } }
  return hash.finish()
}

/// A run of a tiny model, step by step.
struct TinyRun {
  var model = tinyModel()
  var optimizer = AdamW(beta2: 0.99, weightDecay: 0.1, clippingNorm: 1)
  var losses: [Float] = []
  let data: TokenDataset
  let recipe = Recipe(seed: 3, settings: [("rate", .number(0.003)), ("rows", 3)], tokenizer: [1], data: [2])

  init() throws { data = try tinyData() }

  mutating func train(_ steps: Range<Int>) throws {
    let random = Random(seed: recipe.seed)
    for step in steps {
      let (tokens, targets) = data.training.batch(rows: 3, random: random.derived(step))
      let (loss, gradient) = valueAndGradient(at: model) { $0.loss(tokens, targets: targets) }
      try optimizer.update(&model, along: gradient, loss: loss, learningRate: 3e-3)
      losses.append(loss)
    }
  }

  /// The checksum of the weights and of both moments, bit by bit.
  var bits: String { digest(model.parameters.map(\.value) + optimizer.moments.flatMap { [$0.first, $0.second] }) }

  func save(to path: String, keepingReplaced: Bool = true, shardSize: ShardSize? = nil) throws(InputError) {
    let folder = try TrainingCheckpoint.folder(replacing: path, keepingReplaced: keepingReplaced)
    try model.save(to: folder, shardSize: shardSize)
    try TrainingCheckpoint.write(model, optimizer, of: recipe, to: folder)
    try folder.commit()
  }
}
