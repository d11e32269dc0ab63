/// Contiguous Float32 values that a kernel reads.
public typealias Source = UnsafePointer<Float>
/// Contiguous Float32 values that a kernel writes.
public typealias Target = UnsafeMutablePointer<Float>

/// A function of one element.
public enum UnaryFunction: Int, Sendable, CaseIterable {
  case negate, reciprocal, square, squareRoot, exp, log, tanh, sigmoid, erf
  case relu, silu
  /// `x * Phi(x)` with the error function.
  case gelu
  /// The tanh form of GELU: `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`.
  case geluTanh
}

/// A function of two elements.
public enum BinaryFunction: Int, Sendable, CaseIterable { case add, subtract, multiply, divide, maximum, minimum }

/// How kept values are laid out in memory; arithmetic is always Float32.
///
/// Grouped 8-bit and 4-bit formats will join this list.
public enum StorageFormat: UInt8, Sendable, CaseIterable {
  case float32, bfloat16, float16

  /// Bytes that `count` values take.
  @inlinable public func byteCount(of count: Int) -> Int { self == .float32 ? count * 4 : count * 2 }
}

/// What AdamW does to one parameter in one step (Loshchilov and Hutter 2019, algorithm 2).
public struct AdamWStep: Sendable {
  /// The size of the step.
  public var learningRate: Float
  /// How much of the first moment stays.
  public var beta1: Float
  /// How much of the second moment stays.
  public var beta2: Float
  /// Added to the root of the second moment.
  public var epsilon: Float
  /// The share, times the learning rate, that weights lose before the step.
  public var weightDecay: Float
  /// `1 / (1 - beta1^step)`.
  public var correction1: Float
  /// `1 / (1 - beta2^step)`.
  public var correction2: Float
  /// The gradient is multiplied by this first (clipping by global norm).
  public var gradientScale: Float
  /// A step from all its numbers.
  @inlinable public init(
    learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float, correction1: Float,
    correction2: Float, gradientScale: Float
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.correction1 = correction1
    self.correction2 = correction2
    self.gradientScale = gradientScale
  }
}

/// The kernels of one instruction set.
///
/// Every entry works on one thread and on memory that its caller has validated. Rows are independent: a row's result
/// does not depend on the other rows, on their number, or on the thread.
public struct KernelTable: Sendable {
  /// `baseline`, `avx2`, `avx512` or `amx`: the values of `ATTENTION_KERNELS`.
  public internal(set) var name: String
  /// Lanes of a vector.
  public let vectorWidth: Int
  /// Products of matrices.
  public internal(set) var matmul: MatmulKernels

  // One element at a time, over `count` elements. `y` may be one of the sources.
  /// `y = f(x)`
  public let unary: @Sendable (_ f: UnaryFunction, _ x: Source, _ y: Target, _ count: Int) -> Void
  /// `y = f(y + bias)` over `rows` rows of `width` elements that lie `stride` apart; bias and `f` may be absent.
  public let finishRows:
    @Sendable (_ bias: Source?, _ f: UnaryFunction?, _ y: Target, _ stride: Int, _ rows: Int, _ width: Int) -> Void
  /// `dx = dy * f'(x)`, from the input `x` of `f`.
  public let unaryGradient:
    @Sendable (_ f: UnaryFunction, _ x: Source, _ dy: Source, _ dx: Target, _ count: Int) -> Void
  /// `y = f(a, b)`
  public let binary: @Sendable (_ f: BinaryFunction, _ a: Source, _ b: Source, _ y: Target, _ count: Int) -> Void
  /// `y = f(a, s)`
  public let binaryScalar: @Sendable (_ f: BinaryFunction, _ a: Source, _ s: Float, _ y: Target, _ count: Int) -> Void
  /// `y += s * x`
  public let addScaled: @Sendable (_ s: Float, _ x: Source, _ y: Target, _ count: Int) -> Void
  /// Float32 from a kept format, exactly.
  public let widen: @Sendable (_ format: StorageFormat, _ x: UnsafeRawPointer, _ y: Target, _ count: Int) -> Void
  /// A kept format from Float32, to nearest, ties to even; NaN stays NaN, overflow becomes infinity.
  public let narrow:
    @Sendable (_ format: StorageFormat, _ x: Source, _ y: UnsafeMutableRawPointer, _ count: Int) -> Void
  /// One AdamW step over `count` elements: `w`, `m` and `v` are updated in place.
  public let adamW:
    @Sendable (_ step: AdamWStep, _ gradient: Source, _ w: Target, _ m: Target, _ v: Target, _ count: Int) -> Void

  // Reductions of `count` elements, in an order that `count` alone fixes.
  /// The sum.
  public let sum: @Sendable (_ x: Source, _ count: Int) -> Float
  /// The largest element; NaN if any is NaN, -infinity of none.
  public let largest: @Sendable (_ x: Source, _ count: Int) -> Float
  /// The sum of the products.
  public let dot: @Sendable (_ a: Source, _ b: Source, _ count: Int) -> Float
  /// `y[j] += sum over rows i of x[i, j]`, rows in order.
  public let addRowSums: @Sendable (_ x: Source, _ rows: Int, _ width: Int, _ y: Target) -> Void

  // Rows of `width` elements, one after the other; `rows` of them.
  /// `exp(x - largest) / sum`, row by row.
  public let softmax: @Sendable (_ x: Source, _ y: Target, _ rows: Int, _ width: Int) -> Void
  /// `x - largest - log(sum(exp(x - largest)))`, row by row.
  public let logSoftmax: @Sendable (_ x: Source, _ y: Target, _ rows: Int, _ width: Int) -> Void
  /// `dx = y * (dy - sum(y * dy))`, from the output `y` of softmax.
  public let softmaxGradient: @Sendable (_ y: Source, _ dy: Source, _ dx: Target, _ rows: Int, _ width: Int) -> Void
  /// `dx = dy - exp(y) * sum(dy)`, from the output `y` of log-softmax.
  public let logSoftmaxGradient: @Sendable (_ y: Source, _ dy: Source, _ dx: Target, _ rows: Int, _ width: Int) -> Void
  /// One step of the online softmax: rows of scores become `exp(scale * score - largest)`, with `largest` raised to what
  /// it was or the largest of the first `seen[row]`; the rest, up to `present`, becomes 0. `total` and `sums`, `width` of
  /// them for each row, are brought to the new `largest`, and the exponentials added to `total`. Rows are `stride` apart,
  /// with room for `present` in whole vectors: what lies beyond `present` in the last of these is lost. `scale` is above 0.
  /// NaN or +infinity among what a row sees makes its `largest`, `total` and `sums` NaN.
  public let attendRows:
    @Sendable (
      _ scores: Target, _ stride: Int, _ rows: Int, _ seen: UnsafePointer<Int32>, _ present: Int, _ scale: Float,
      _ largest: Target, _ total: Target, _ sums: Target, _ width: Int
    ) -> Void
  /// The same for the gradient of a row: scores become probabilities `exp(scale * score - logSumExp)`, and `gradients` of
  /// the probabilities become `factor * probability * (gradient - delta)`. -infinity gives exactly 0
  /// for both where the gradient is finite.
  public let attendGradient:
    @Sendable (
      _ scores: Target, _ scale: Float, _ logSumExp: Float, _ gradients: Target, _ delta: Float, _ factor: Float,
      _ count: Int
    ) -> Void
  /// `y = (x - mean) * inverseDeviation * weight + bias`; weight and bias may be absent. The statistics go to
  /// `mean[row]` and `inverseDeviation[row]`.
  public let layerNorm:
    @Sendable (
      _ x: Source, _ weight: Source?, _ bias: Source?, _ epsilon: Float, _ y: Target, _ mean: Target,
      _ inverseDeviation: Target, _ rows: Int, _ width: Int
    ) -> Void
  /// `dx`, and the rows' sums added to `dWeight` and `dBias` where these are given.
  public let layerNormGradient:
    @Sendable (
      _ x: Source, _ weight: Source?, _ mean: Source, _ inverseDeviation: Source, _ dy: Source, _ dx: Target,
      _ dWeight: Target?, _ dBias: Target?, _ rows: Int, _ width: Int
    ) -> Void
  /// `y = x * inverseRoot * weight` with `inverseRoot = 1 / sqrt(mean(x^2) + epsilon)`, kept per row.
  public let rmsNorm:
    @Sendable (
      _ x: Source, _ weight: Source?, _ epsilon: Float, _ y: Target, _ inverseRoot: Target, _ rows: Int, _ width: Int
    ) -> Void
  /// `dx`, and the rows' sums added to `dWeight` where it is given.
  public let rmsNormGradient:
    @Sendable (
      _ x: Source, _ weight: Source?, _ inverseRoot: Source, _ dy: Source, _ dx: Target, _ dWeight: Target?,
      _ rows: Int, _ width: Int
    ) -> Void
  /// `logSumExp[row]` and `loss[row] = logSumExp[row] - logits[row, target]`; a row whose target is negative gets 0.
  public let crossEntropy:
    @Sendable (
      _ logits: Source, _ targets: UnsafePointer<Int32>, _ loss: Target, _ logSumExp: Target, _ rows: Int,
      _ width: Int
    ) -> Void
  /// `dLogits = (softmax(logits) - onehot(target)) * scale`; zero for a negative target. May work in place.
  public let crossEntropyGradient:
    @Sendable (
      _ logits: Source, _ targets: UnsafePointer<Int32>, _ logSumExp: Source, _ scale: Float, _ dLogits: Target,
      _ rows: Int, _ width: Int
    ) -> Void
  /// Rotates the pairs (i, i + half) of every head: `y1 = x1 c - x2 s`, `y2 = x2 c + x1 s`, with `half` cosines and
  /// sines; `heads` vectors of `2 * half` lie one after the other.
  public let rotateHalves:
    @Sendable (_ x: Source, _ cosines: Source, _ sines: Source, _ y: Target, _ heads: Int, _ half: Int) -> Void
}
