import Formats
import Generation
import Layers
import Models
import Synchronization
import Tensor
import Testing
import Tokenizers

/// The kind of the input error that `body` throws; nil if it throws none.
func kind(_ body: () throws -> Void) -> InputError.Kind? {
  do {
    try body()
    return nil
  } catch {
    return (error as? InputError)?.kind
  }
}

/// A GPT-2 with random weights. They are larger than a new model's, so that its scores differ clearly.
func tinyGPT2(context: Int = 24, vocabulary: Int = 61, seed: UInt64 = 1) -> GPT2 {
  GPT2(
    GPT2.Configuration(vocabularySize: vocabulary, contextLength: context, width: 24, layerCount: 2, headCount: 3),
    seed: seed
  ).enlarged
}

/// A Llama with random weights and grouped heads.
func tinyLlama(context: Int = 24, vocabulary: Int = 61, seed: UInt64 = 1) -> Llama {
  Llama(
    Llama.Configuration(
      vocabularySize: vocabulary, contextLength: context, width: 32, layerCount: 3, headCount: 4,
      keyValueHeadCount: 2, feedForwardWidth: 40), seed: seed
  ).enlarged
}

let tinyModels: [any LanguageModel] = [tinyGPT2(), tinyLlama()]

extension Module {
  /// The same with matrices eight times as large.
  var enlarged: Self {
    var copy = self
    copy.updateParameters { _, parameter in
      if parameter.rank == 2 { parameter = parameter * Tensor(8) }
    }
    return copy
  }
}

/// A model that gives scores by rule, and counts how often it is run.
struct ScriptedModel: LanguageModel {
  var vocabularySize = 8
  var contextLength = 64
  var layerCount = 1
  var keyValueWidth = 0
  var endTokens: [Int] = []
  /// The scores after each position.
  var scores: @Sendable (_ position: Int) -> [Float]
  let runs = RunCounter()

  final class RunCounter: Sendable {
    let count = Mutex(0)
    let body = Mutex<@Sendable () -> Void>({})
  }

  func hidden(_ tokens: TokenBatch, _ pass: inout Pass) -> Tensor {
    runs.count.withLock { $0 += 1 }
    runs.body.withLock { $0 }()
    let positions = (0..<tokens.batch).flatMap { _ in (0..<tokens.time).map { Float(pass.position + $0) } }
    pass.cache?.advance(by: tokens.time)
    return Tensor(positions, shape: Shape(tokens.batch, tokens.time, 1))
  }

  func logits(_ hidden: Tensor) -> Tensor {
    Tensor(
      hidden.scalars.flatMap { scores(Int($0)) }, shape: Shape(Array(hidden.shape.array.dropLast()) + [vocabularySize]))
  }

  mutating func visit(_ visitor: inout some ParameterVisitor) {}
}

/// A model that always gives `scores`.
func constantModel(_ scores: [Float], context: Int = 64) -> ScriptedModel {
  ScriptedModel(vocabularySize: scores.count, contextLength: context) { _ in scores }
}

/// All tokens of a stream.
func allTokens(_ stream: TokenStream) throws -> [Int] {
  var (stream, ids) = (stream, [Int]())
  while let id = try stream.next() { ids.append(id) }
  return ids
}
