import Formats
import Models
import Tensor

/// The name of a work, taken apart: words and sizes, separated by dots.
private struct WorkName {
  let text: String
  let parts: [String]

  init(_ text: String) {
    self.text = text
    parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
  }

  var unknown: InputError { error(.badValue, "there is no work \"\(text)\"", "See benchmark --help.") }

  func error(_ kind: InputError.Kind, _ what: String, _ advice: String) -> InputError {
    InputError(kind, what, at: "WORK", advice: advice)
  }

  /// The sizes that a part holds, as in `4x64`.
  func sizes(_ index: Int, _ count: Int) throws(InputError) -> [Int] {
    let sizes = parts[index].split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard sizes.count == count, sizes.allSatisfy({ 1...1 << 24 ~= $0 }) else {
      throw error(
        .badValue, "\"\(parts[index])\" of \"\(text)\" is not \(count) sizes from 1 to \(1 << 24)",
        "See benchmark --help.")
    }
    return sizes
  }

  /// Checks a number of positions against the model's context.
  func requireContext(_ time: Int, atLeast least: Int = 1) throws(InputError) {
    let most = GPT2.Configuration.small.contextLength
    guard least...most ~= time else {
      throw error(
        .badValue, "\"\(text)\": GPT-2 has \(least) to \(most) positions, not \(time)", "Use one of these lengths.")
    }
  }

  /// Checks that the work's tensors fit into memory: about so many numbers, some of them products of sizes.
  func requireRoom(_ numbers: Double...) throws(InputError) {
    let bytes = 4 * numbers.reduce(0, +)
    guard bytes < 0x1p60, Memory.hasRoom(for: Int(bytes)) else {
      throw error(
        .budget,
        "\"\(text)\" needs about \(Int(min(bytes / 1e6, 1e15))) MB, more than the \(Memory.limit / 1_000_000) there are",
        "Use smaller sizes.")
    }
  }
}

extension Work {
  /// The work of a name.
  ///
  /// - Throws: `badValue` for a name that is no work's, to the last part; `budget` for sizes that memory does not hold.
  static func named(_ text: String, reading file: String?) throws(InputError) -> Work {
    let name = WorkName(text)
    let parts = name.parts
    guard file == nil || parts[0] == "chargpt" else {
      throw InputError(.badValue, "\"\(text)\" reads no text", at: "--text", advice: "See benchmark --help.")
    }
    switch (parts[0], parts.count) {
    case ("ceiling", 1): return .ceiling()
    case ("bandwidth", 2):
      guard ["read", "copy"].contains(parts[1]) else { throw name.unknown }
      return .bandwidth(copying: parts[1] == "copy")
    case ("matmul", 3):
      guard ["nn", "nt", "np", "tn", "tt", "tp"].contains(parts[1]) else { throw name.unknown }
      let sizes = try name.sizes(2, 3), (m, k, n) = (Double(sizes[0]), Double(sizes[1]), Double(sizes[2]))
      try name.requireRoom(2 * m * k, 2 * k * n, 2 * m * n)
      return .product(parts[1], sizes)
    case ("softmax", 2), ("layernorm", 2), ("gelu_tanh", 2), ("gelu_erf", 2):
      let sizes = try name.sizes(1, 2)
      try name.requireRoom(3 * Double(sizes[0]) * Double(sizes[1]))
      return .rows(parts[0], sizes)
    case ("crossentropy", 2):
      let sizes = try name.sizes(1, 3)
      let (time, width, vocabulary) = (Double(sizes[0]), Double(sizes[1]), Double(sizes[2]))
      try name.requireRoom(3 * time * width, 3 * vocabulary * width, 3 * time * vocabulary)
      return .crossEntropy(sizes)
    case ("attention", 3), ("attention", 4):
      let backward = parts.count == 4
      guard ["causal", "full"].contains(parts[1]), !backward || parts[3] == "backward" else { throw name.unknown }
      let sizes = try name.sizes(2, 4)
      try name.requireRoom((backward ? 12 : 6) * sizes.reduce(1) { $0 * Double($1) })
      return .attention(isCausal: parts[1] == "causal", sizes, backward: backward)
    case ("overhead", 3):
      guard ["add", "matmul", "softmax"].contains(parts[1]) else { throw name.unknown }
      let count = try name.sizes(2, 1)[0]
      try name.requireRoom(Double(count) * Double(count + 4))
      return .overhead(parts[1], count: count)
    case ("gpt2", 3): return try ofGPT2(name)
    case ("bert_base", 2):
      let sizes = try name.sizes(1, 2)
      guard sizes[1] <= 512 else {
        throw name.error(
          .badValue, "\"\(text)\": BERT has 512 positions, not \(sizes[1])", "Use one of these lengths.")
      }
      try name.requireRoom(1.2e8, Double(sizes[0]) * Double(sizes[1]) * 12 * 768)
      return .bertBase(batch: sizes[0], time: sizes[1])
    case ("vit_b16", 2):
      let batch = try name.sizes(1, 1)[0]
      try name.requireRoom(0.9e8, Double(batch) * (197 * 12 * 768 + 4 * 3 * 224 * 224))
      return .vitBase(batch: batch)
    case ("chargpt", 3):
      guard parts[1] == "train" else { throw name.unknown }
      return try .characters(steps: try name.sizes(2, 1)[0], text: file)
    default: throw name.unknown
    }
  }

  private static func ofGPT2(_ name: WorkName) throws(InputError) -> Work {
    let small = GPT2.Configuration.small
    var placeholders = Initializer.placeholders
    let parameters = Double(GPT2(small, &placeholders).parameterCount)
    // What is kept of a token for the gradient, as about, and its scores.
    let activations = Double(24 * small.width * small.layerCount), scores = Double(small.vocabularySize)
    switch name.parts[1] {
    case "prefill":
      let time = try name.sizes(2, 1)[0]
      try name.requireContext(time)
      try name.requireRoom(parameters, Double(time) * (2 * scores + Double(24 * small.width)))
      return .prefill(time)
    case "decode":
      let formats: [String: StorageFormat] = ["f32": .float32, "bf16": .bfloat16, "f16": .float16]
      guard let format = formats[name.parts[2]] else { throw name.unknown }
      try name.requireRoom(2 * parameters)
      return .decode(format)
    case "train":
      let shape = try name.sizes(2, 2)
      // The last token of a row has no target.
      try name.requireContext(shape[1], atLeast: 2)
      try name.requireRoom(4 * parameters, Double(shape[0]) * Double(shape[1]) * (activations + 3 * scores))
      return .train(batch: shape[0], time: shape[1])
    default: throw name.unknown
    }
  }
}
