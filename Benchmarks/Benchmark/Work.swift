import Dispatch
import Formats
import Tensor

/// A piece of work that is timed.
struct Work {
  /// Does the work once and returns the seconds that count.
  let run: () -> Double
  /// How often it is timed unless the caller says.
  var repeats = 7
  /// How often it runs before the first timing.
  var warmUps = 2
  /// Floating-point operations of one run.
  var flops: Int?
  /// Bytes that one run must move at least.
  var bytes: Int?
  /// Tokens of one run.
  var tokens: Int?
  /// What else the work found out.
  var results: () -> [(String, JSONValue)] = { [] }

  /// Work that counts from its first to its last statement.
  init(_ body: @escaping () -> Void) {
    run = {
      let start = DispatchTime.now().uptimeNanoseconds
      body()
      return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    }
  }

  private init(run: @escaping () -> Double, repeats: Int) { (self.run, self.repeats) = (run, repeats) }

  /// Work that says itself how long the part took that counts.
  static func timing(_ run: @escaping () -> Double) -> Work { Work(run: run, repeats: 7) }

  /// The best and the median of some runs.
  func timed(repeats: Int) -> (best: Double, median: Double) {
    for _ in 0..<warmUps { _ = run() }
    let times = (0..<repeats).map { _ in run() }.sorted()
    return (times[0], times[times.count / 2])
  }

  /// The work of a name.
  static func named(_ name: String, text: String?) throws(InputError) -> Work {
    let parts = name.split(separator: ".").map(String.init)
    func sizes(_ index: Int, _ count: Int) throws(InputError) -> [Int] {
      let sizes = index < parts.count ? parts[index].split(separator: "x").compactMap { Int($0) } : []
      guard sizes.count == count, sizes.allSatisfy({ 1...1 << 24 ~= $0 }) else {
        throw InputError(
          .badValue, "\"\(name)\" does not name \(count) sizes", at: "WORK", advice: "See benchmark --help.")
      }
      return sizes
    }
    func part(_ index: Int) -> String { index < parts.count ? parts[index] : "" }
    switch (part(0), part(1)) {
    case ("ceiling", ""): return .ceiling()
    case ("bandwidth", "read"), ("bandwidth", ""): return .bandwidth(copying: false)
    case ("bandwidth", "copy"): return .bandwidth(copying: true)
    case ("matmul", "nn"), ("matmul", "nt"), ("matmul", "tn"), ("matmul", "tt"):
      return .product(part(1), try sizes(2, 3))
    case ("softmax", _), ("layernorm", _), ("gelu_tanh", _), ("gelu_erf", _):
      return .rows(part(0), try sizes(1, 2))
    case ("crossentropy", _): return .crossEntropy(try sizes(1, 3))
    case ("attention", "causal"), ("attention", "full"):
      return .attention(isCausal: part(1) == "causal", try sizes(2, 4), backward: part(3) == "backward")
    case ("gpt2", "prefill"): return .prefill(try sizes(2, 1)[0])
    case ("gpt2", "decode"):
      let formats: [String: StorageFormat] = ["f32": .float32, "": .float32, "bf16": .bfloat16, "f16": .float16]
      guard let format = formats[part(2)] else { break }
      return .decode(format)
    case ("gpt2", "train"):
      let shape = try sizes(2, 2)
      return .train(batch: shape[0], time: shape[1])
    case ("chargpt", "train"):
      return try .characters(steps: parts.count > 2 ? try sizes(2, 1)[0] : 2000, text: text)
    default: break
    }
    throw InputError(.badValue, "there is no work \"\(name)\"", at: "WORK", advice: "See benchmark --help.")
  }
}
