import Kernels

/// Elements per task of element-wise work: below this a region costs more than it saves.
let elementsPerTask = 1 << 14

/// The elements of task `task` of `count` elements.
func elements(ofTask task: Int, count: Int) -> Range<Int> {
  let start = task * elementsPerTask
  return start..<min(count, start + elementsPerTask)
}

/// How many tasks `count` elements make.
func elementTasks(_ count: Int) -> Int { (count + elementsPerTask - 1) / elementsPerTask }

private struct UnaryWork: ParallelWork {
  let function: UnaryFunction
  let x: Source
  let dy: Source?
  let y: Target
  let count: Int
  var profileName: String { "\(function)" + (dy == nil ? "" : " gradient") }

  func run(task: Int, worker: Int) {
    let range = elements(ofTask: task, count: count)
    let (x, y) = (x + range.lowerBound, y + range.lowerBound)
    if let dy {
      kernels.unaryGradient(function, x, dy + range.lowerBound, y, range.count)
    } else {
      kernels.unary(function, x, y, range.count)
    }
  }
}

/// Where the elements of broadcast operands lie: axes merged as far as their steps allow. Kept without heap memory.
struct BroadcastPlan {
  private(set) var shape: Shape
  // The merged axes, innermost first: sizes, and how far a step along them goes in each operand. The innermost is a run.
  private var sizes = SIMD8<Int>(repeating: 1)
  private var leftSteps = SIMD8<Int>(repeating: 0)
  private var rightSteps = SIMD8<Int>(repeating: 0)
  private var count = 0

  /// The plan for two shapes, axes aligned at the innermost; nil where a pair of sizes is neither equal nor 1.
  init?(_ left: Shape, _ right: Shape) {
    shape = left.rank >= right.rank ? left : right
    var (leftStep, rightStep) = (1, 1)
    for i in 0..<shape.rank {
      let l = i < left.rank ? left[-1 - i] : 1, r = i < right.rank ? right[-1 - i] : 1
      guard l == r || l == 1 || r == 1 else { return nil }
      let size = l == 1 ? r : l
      shape[-1 - i] = size
      let (leftAxis, rightAxis) = (l == 1 ? 0 : leftStep, r == 1 ? 0 : rightStep)
      leftStep *= l
      rightStep *= r
      if size == 1 { continue }
      let last = count - 1
      if last >= 0, leftAxis == leftSteps[last] * sizes[last], rightAxis == rightSteps[last] * sizes[last] {
        sizes[last] *= size
      } else {
        (sizes[count], leftSteps[count], rightSteps[count]) = (size, leftAxis, rightAxis)
        count += 1
      }
    }
  }

  /// The innermost run: its length and whether each operand advances along it.
  var run: Int { sizes[0] }
  var leftAdvances: Bool { leftSteps[0] != 0 }
  var rightAdvances: Bool { rightSteps[0] != 0 }
  /// How many runs there are.
  var rows: Int { (1..<max(count, 1)).reduce(1) { $0 * sizes[$1] } }

  /// Where row `row` begins in each operand.
  func start(of row: Int) -> (left: Int, right: Int) {
    var (row, left, right) = (row, 0, 0)
    for axis in 1..<max(count, 1) {
      let index = row % sizes[axis]
      row /= sizes[axis]
      left += index * leftSteps[axis]
      right += index * rightSteps[axis]
    }
    return (left, right)
  }
}

private struct BinaryWork: ParallelWork {
  let function: BinaryFunction
  let a: Source
  let b: Source
  let y: Target
  let count: Int
  var profileName: String { "\(function)" }

  func run(task: Int, worker: Int) {
    let range = elements(ofTask: task, count: count), start = range.lowerBound
    kernels.binary(function, a + start, b + start, y + start, range.count)
  }
}

private struct BroadcastWork: ParallelWork {
  let function: BinaryFunction
  let plan: BroadcastPlan
  let a: Source
  let b: Source
  let y: Target
  let rowsPerTask: Int
  var profileName: String { "\(function), broadcast" }

  func run(task: Int, worker: Int) {
    let first = task * rowsPerTask
    for row in first..<min(first + rowsPerTask, plan.rows) {
      let start = plan.start(of: row)
      let (a, b, y) = (a + start.left, b + start.right, y + row * plan.run)
      switch (plan.leftAdvances, plan.rightAdvances) {
      case (true, true): kernels.binary(function, a, b, y, plan.run)
      case (true, false): kernels.binaryScalar(function, a, b[0], y, plan.run)
      case (false, _):
        y.update(repeating: a[0], count: plan.run)
        if plan.rightAdvances {
          kernels.binary(function, Source(y), b, y, plan.run)
        } else {
          kernels.binaryScalar(function, Source(y), b[0], y, plan.run)
        }
      }
    }
  }
}

extension Tensor {
  /// `f` of every element.
  public func applying(_ function: UnaryFunction) -> Tensor {
    let x = widened, result = Tensor(uninitialized: shape), count = elementCount
    runInParallel(
      UnaryWork(function: function, x: x.source, dy: nil, y: result.target, count: count), tasks: elementTasks(count))
    withExtendedLifetime(x) {}
    return result.recorded(self, .unary(function, Operand(self)))
  }

  /// `dy * f'(self)`: the pullback of `applying`.
  package func unaryGradient(_ function: UnaryFunction, _ dy: Tensor) -> Tensor {
    let x = widened, result = Tensor(uninitialized: shape), count = elementCount
    runInParallel(
      UnaryWork(function: function, x: x.source, dy: dy.source, y: result.target, count: count),
      tasks: elementTasks(count))
    withExtendedLifetime((x, dy)) {}
    return result
  }

  static func binary(_ function: BinaryFunction, _ a: Tensor, _ b: Tensor, _ name: String) -> Tensor {
    let (left, right) = (a.widened, b.widened)
    defer { withExtendedLifetime((left, right)) {} }
    if a.shape == b.shape {
      let result = Tensor(uninitialized: a.shape), count = a.elementCount
      runInParallel(
        BinaryWork(function: function, a: left.source, b: right.source, y: result.target, count: count),
        tasks: elementTasks(count))
      return result
    }
    guard let plan = BroadcastPlan(a.shape, b.shape) else {
      preconditionFailure("\(name): shapes \(a.shape) and \(b.shape) do not broadcast")
    }
    let result = Tensor(uninitialized: plan.shape)
    if result.elementCount == 0 { return result }
    let rowsPerTask = max(1, elementsPerTask / plan.run)
    runInParallel(
      BroadcastWork(
        function: function, plan: plan, a: left.source, b: right.source, y: result.target, rowsPerTask: rowsPerTask),
      tasks: (plan.rows + rowsPerTask - 1) / rowsPerTask)
    return result
  }

  /// The sum. Axes of size 1 and missing outer axes are repeated to fit, as in NumPy.
  public static func + (a: Tensor, b: Tensor) -> Tensor {
    binary(.add, a, b, "+").recorded(a, b, .add(Link(a), Link(b)))
  }
  /// The difference, broadcast as the sum.
  public static func - (a: Tensor, b: Tensor) -> Tensor {
    binary(.subtract, a, b, "-").recorded(a, b, .subtract(Link(a), Link(b)))
  }
  /// The element-wise product, broadcast as the sum.
  public static func * (a: Tensor, b: Tensor) -> Tensor {
    binary(.multiply, a, b, "*").recorded(a, b, .multiply(Operand(a), Operand(b)))
  }
  /// The quotient, broadcast as the sum.
  public static func / (a: Tensor, b: Tensor) -> Tensor {
    binary(.divide, a, b, "/").recorded(a, b, .divide(Operand(a), Operand(b)))
  }
  /// The larger of each pair of elements, broadcast as the sum. A tie's gradient goes to `a`.
  public static func maximum(_ a: Tensor, _ b: Tensor) -> Tensor {
    binary(.maximum, a, b, "maximum").recorded(a, b, .maximum(Operand(a), Operand(b)))
  }
  /// The smaller of each pair of elements, broadcast as the sum. A tie's gradient goes to `a`.
  public static func minimum(_ a: Tensor, _ b: Tensor) -> Tensor {
    binary(.minimum, a, b, "minimum").recorded(a, b, .minimum(Operand(a), Operand(b)))
  }

  private func withScalar(_ function: BinaryFunction, _ s: Float) -> Tensor {
    let x = widened, result = Tensor(uninitialized: shape)
    kernels.binaryScalar(function, x.source, s, result.target, elementCount)
    withExtendedLifetime(x) {}
    return result
  }

  /// Every element times `s`.
  public static func * (a: Tensor, s: Float) -> Tensor {
    a.withScalar(.multiply, s).recorded(a, .scale(Link(a), s))
  }
  /// Every element times `s`.
  public static func * (s: Float, a: Tensor) -> Tensor { a * s }
  /// Every element divided by `s`.
  public static func / (a: Tensor, s: Float) -> Tensor {
    a.withScalar(.divide, s).recorded(a, .scale(Link(a), 1 / s))
  }
  /// `s` added to every element.
  public static func + (a: Tensor, s: Float) -> Tensor { a.withScalar(.add, s).recorded(a, .offset(Link(a), s)) }
  /// `s` taken from every element.
  public static func - (a: Tensor, s: Float) -> Tensor { a + (-s) }
  /// Every element negated.
  public static prefix func - (a: Tensor) -> Tensor { a * -1 }

  /// Adds `other`, of the same shape, in place. Never recorded: for gradients and optimizers.
  package mutating func accumulate(_ other: Tensor) {
    precondition(shape == other.shape, "accumulate: shapes \(shape) and \(other.shape)")
    makeExclusive()
    let count = elementCount
    runInParallel(
      BinaryWork(function: .add, a: source, b: other.source, y: target, count: count), tasks: elementTasks(count))
    withExtendedLifetime(other) {}
  }
}

// The functions by the names under which the field knows them.
extension Tensor {
  /// `e^x`
  public func exp() -> Tensor { applying(.exp) }
  /// The natural logarithm.
  public func log() -> Tensor { applying(.log) }
  /// The hyperbolic tangent.
  public func tanh() -> Tensor { applying(.tanh) }
  /// `1 / (1 + e^-x)`
  public func sigmoid() -> Tensor { applying(.sigmoid) }
  /// The error function.
  public func erf() -> Tensor { applying(.erf) }
  /// `max(x, 0)`
  public func relu() -> Tensor { applying(.relu) }
  /// `x * sigmoid(x)` (Elfwing et al. 2018)
  public func silu() -> Tensor { applying(.silu) }
  /// `x * Phi(x)` with the error function (Hendrycks and Gimpel 2016)
  public func gelu() -> Tensor { applying(.gelu) }
  /// The tanh form of GELU, as GPT-2 has it.
  public func geluTanh() -> Tensor { applying(.geluTanh) }
  /// The square root.
  public func squareRoot() -> Tensor { applying(.squareRoot) }
  /// `x * x`
  public func squared() -> Tensor { applying(.square) }
}
