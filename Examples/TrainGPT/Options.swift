import CommandLineTool
import Models
import Tensor
import Training

/// What the command line asks for, checked: nothing is read or written for it.
struct Options {
  let text: String
  let out: String
  let steps: Int
  let layers: Int
  let heads: Int
  let width: Int
  let block: Int
  let rows: Int
  let learningRate: Float
  let microBatches: Int
  let seed: Int
  let checkpointInterval: Int
  let resumes: Bool

  static let all: [CommandLineTool.Option] =
    [
      .init("text", "FILE", "the text to learn, UTF-8; its last tenth is held back for validation (needed)"),
      .init(
        "out", "DIR",
        "the folder to save to: a Hugging Face GPT-2, its tokenizer, the run's state (needed); DIR.previous is the save before"
      ),
      .init("steps", "N", "updates of the weights (default: 2000)"),
      .init("layers", "N", "blocks of the model (default: 4)"),
      .init("heads", "N", "attention heads (default: 4)"),
      .init("width", "N", "width of the hidden states, a multiple of the heads (default: 128)"),
      .init("block", "N", "characters that the model sees at once (default: 64)"),
      .init("batch", "N", "rows of a batch (default: 12)"),
      .init("learning-rate", "X", "the highest learning rate; the lowest is a tenth of it (default: 2e-3)"),
      .init("accumulate", "N", "batches whose mean gradient makes one update (default: 1)"),
      .init("seed", "N", "of the first weights and of the batches (default: 1337)"),
      .init("checkpoint-every", "N", "steps between two saves; the last step is always saved (default: 250)"),
      .init("resume", nil, "go on from the run saved in the folder; begin where there is none"),
    ] + CommandLineTool.runtimeOptions

  init(_ tool: CommandLineTool) throws(InputError) {
    func needed(_ name: String) throws(InputError) -> String {
      if let value = tool.string(name), !value.isEmpty { return value }
      throw InputError(.missing, "--\(name) is needed", at: "train-gpt", advice: "See train-gpt --help.")
    }
    text = try needed("text")
    out = try needed("out")
    steps = try tool.int("steps", in: 1...100_000_000) ?? 2000
    layers = try tool.int("layers", in: 1...1024) ?? 4
    heads = try tool.int("heads", in: 1...1024) ?? 4
    width = try tool.int("width", in: 1...65536) ?? 128
    block = try tool.int("block", in: 1...1 << 20) ?? 64
    rows = try tool.int("batch", in: 1...65536) ?? 12
    learningRate = Float(try tool.double("learning-rate", in: 1e-9...1) ?? 2e-3)
    microBatches = try tool.int("accumulate", in: 1...65536) ?? 1
    seed = try tool.int("seed", in: 0 ... .max) ?? 1337
    checkpointInterval = try tool.int("checkpoint-every", in: 1...100_000_000) ?? 250
    resumes = tool.has("resume")
    guard width % heads == 0 else {
      throw InputError(.badValue, "the width \(width) is not a multiple of \(heads) heads", at: "--width")
    }
  }

  /// nanoGPT's small model: no biases, no dropout, the output tied to the embedding, GELU with the error function.
  func configuration(vocabularySize: Int) -> GPT2.Configuration {
    var configuration = GPT2.Configuration(
      vocabularySize: vocabularySize, contextLength: block, width: width, layerCount: layers, headCount: heads)
    configuration.activation = .gelu
    configuration.hasBiases = false
    return configuration
  }

  /// Checks that a step's memory is there: weights, gradients and moments, and about what is kept of every token for the
  /// gradient.
  func requireMemory(_ configuration: GPT2.Configuration) throws(InputError) {
    var placeholders = Initializer.placeholders
    let parameters = Double(GPT2(configuration, &placeholders).parameterCount)
    let perToken = Double(24 * width * layers + 4 * configuration.vocabularySize)
    let bytes = 4 * (4 * parameters + Double(rows) * Double(block) * perToken)
    guard bytes < Double(Memory.limit) else {
      throw InputError(
        .budget,
        "a step needs about \(Int(min(bytes / 1e6, 1e15))) MB, more than the \(Memory.limit / 1_000_000) there are",
        at: "train-gpt", advice: "Use a smaller model, a smaller batch or a shorter block.")
    }
  }

  /// Warms up over 100 steps and falls to a tenth.
  var schedule: LearningRate {
    .cosine(peak: learningRate, floor: learningRate / 10, warmUp: 100, steps: steps)
  }

  /// What must be the same for a run to go on.
  func recipe(_ configuration: GPT2.Configuration, tokenizer: [UInt8], text: [UInt8]) -> Recipe {
    Recipe(
      seed: UInt64(seed),
      settings: [
        ("model", configuration.json()), ("biases", .bool(configuration.hasBiases)), ("steps", .integer(steps)),
        ("batch", .integer(rows)), ("accumulate", .integer(microBatches)),
        ("learning_rate", .number(Double("\(learningRate)") ?? 0)), ("warm_up", .integer(100)),
      ], tokenizer: tokenizer, data: text)
  }
}
