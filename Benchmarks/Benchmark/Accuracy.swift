import Formats
import Tensor

/// The worst error of one elementary function over all 2^32 Float32 patterns, against Double.
///
/// Errors are in units of the last place of the result. The activations have another measure below -1, where they
/// approach zero: units of 2^-24 of the input.
struct Accuracy {
  private let function: UnaryFunction
  private var worst = Worst()
  private var worstBelow = Worst()

  /// The largest error of some inputs, and the input.
  private struct Worst {
    var error = 0.0
    var input: Float = 0

    mutating func note(_ error: Double, _ x: Float) {
      if error > self.error || error.isNaN { (self.error, input) = (error.isNaN ? .infinity : error, x) }
    }
  }

  /// Measures the function of a name, with the kernels in use.
  ///
  /// - Throws: `badValue` for a name that is no function's.
  init(of name: String) throws(InputError) {
    guard let function = UnaryFunction.allCases.first(where: { "\($0)" == name }) else {
      throw InputError(
        .badValue, "there is no function \"\(name)\"", at: "FUNCTION",
        advice: "Use one of \(UnaryFunction.allCases.map { "\($0)" }.joined(separator: ", ")).")
    }
    self.function = function
    let tasks = AccuracyWork.tasks
    var found = [(Worst, Worst)](repeating: (Worst(), Worst()), count: tasks)
    found.withUnsafeMutableBufferPointer { found in
      guard let base = found.baseAddress else { return }
      runInParallel(AccuracyWork(function: function, found: base), tasks: tasks)
    }
    for (high, low) in found {
      worst.note(high.error, high.input)
      worstBelow.note(low.error, low.input)
    }
  }

  private struct AccuracyWork: ParallelWork {
    let function: UnaryFunction
    let found: UnsafeMutablePointer<(Worst, Worst)>
    static let tasks = 1 << 12

    func run(task: Int, worker: Int) {
      let count = (1 << 32) / AccuracyWork.tasks
      let x = [Float](unsafeUninitializedCapacity: count) { x, initialized in
        for i in 0..<count { x[i] = Float(bitPattern: UInt32(task * count + i)) }
        initialized = count
      }
      let y = [Float](unsafeUninitializedCapacity: count) { y, initialized in
        if let target = y.baseAddress { x.withUnsafeBufferPointer { evaluate($0, target) } }
        initialized = count
      }
      let isActivation = [.silu, .gelu, .geluTanh].contains(function)
      for (x, y) in zip(x, y) {
        let expected = Reference.unary(function, Double(x))
        if isActivation && x < -1 {
          let error = x == -.infinity ? (y == 0 ? 0 : .infinity) : abs(Double(y) - expected) / Double(x.magnitude)
          found[task].1.note(error * 0x1p24, x)
        } else {
          found[task].0.note(Self.ulps(y, expected), x)
        }
      }
    }

    private func evaluate(_ x: UnsafeBufferPointer<Float>, _ y: UnsafeMutablePointer<Float>) {
      if let source = x.baseAddress { Runtime.kernels.unary(function, source, y, x.count) }
    }

    /// Agreeing NaN, infinities and overflow are no error; a disagreement about them is an infinite one.
    private static func ulps(_ value: Float, _ expected: Double) -> Double {
      let nearest = Float(expected)
      if nearest.isNaN || value.isNaN { return nearest.isNaN && value.isNaN ? 0 : .infinity }
      if nearest.isInfinite || value.isInfinite { return nearest == value ? 0 : .infinity }
      return abs(Double(value) - expected) / Double(nearest.ulp)
    }
  }

  /// The members of the JSON line.
  var members: [(String, JSONValue)] {
    var members: [(String, JSONValue)] = [
      ("function", .string(JSONString("\(function)"))),
      ("kernels", .string(JSONString(Runtime.kernelSet.rawValue))), ("inputs", .integer(1 << 32)),
      ("worst_ulps", .number(worst.error)), ("at", .string(JSONString("\(worst.input)"))),
    ]
    if worstBelow.error > 0 {
      members += [
        ("worst_below_minus_one", .number(worstBelow.error)),
        ("below_at", .string(JSONString("\(worstBelow.input)"))),
      ]
    }
    return members
  }
}
