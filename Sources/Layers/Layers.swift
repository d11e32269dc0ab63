/// Makes the first values of parameters, or placeholders for a checkpoint to fill.
public struct Initializer: Sendable {
  private var random: Random?
  private var count = 0

  private init(_ random: Random?) { self.random = random }

  /// Random values from a seed: each parameter gets numbers of its own, in the order of construction.
  public static func random(seed: UInt64) -> Initializer { Initializer(Random(seed: seed)) }
  /// Shapes without values: loading fills them.
  public static var placeholders: Initializer { Initializer(nil) }

  /// Normally distributed values with mean 0.
  public mutating func normal(_ shape: Shape, standardDeviation: Float) -> Tensor {
    guard let random else { return .placeholder(shape) }
    count += 1
    return .normal(shape, standardDeviation: standardDeviation, random: random.derived(count))
  }
  /// Zeros.
  public func zeros(_ shape: Shape) -> Tensor { random == nil ? .placeholder(shape) : .zeros(shape) }
  /// Ones.
  public func ones(_ shape: Shape) -> Tensor { random == nil ? .placeholder(shape) : .ones(shape) }
}

/// An affine map of the innermost axis: `x W^T + b`, the weight kept `[out, in]`.
public struct Linear: Module {
  /// `[out, in]`
  public var weight: Tensor
  /// `[out]`
  public var bias: Tensor?

  /// A map from `inputWidth` to `outputWidth` with normally distributed weights and a zero bias.
  public init(
    _ inputWidth: Int, _ outputWidth: Int, bias: Bool, standardDeviation: Float = 0.02,
    _ initializer: inout Initializer
  ) {
    weight = initializer.normal(Shape(outputWidth, inputWidth), standardDeviation: standardDeviation)
    self.bias = bias ? initializer.zeros(Shape(outputWidth)) : nil
  }

  /// - Parameters:
  ///   - x: `[..., in]`
  ///   - activation: applied to the result.
  /// - Returns: `[..., out]`
  public func callAsFunction(_ x: Tensor, activation: Activation? = nil) -> Tensor {
    affineMap(x, weight, bias: bias, transposingWeight: true, activation: activation)
  }

  /// The mean cross-entropy of the results as scores, `linearCrossEntropy`: they are never there as a whole.
  public func crossEntropy(_ x: Tensor, targets: [Int32]) -> Tensor {
    linearCrossEntropy(x, weight, bias: bias, transposingWeight: true, targets: targets)
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("weight", &weight, productTransposes: true)
    visitor("bias", &bias)
  }
}

/// GPT-2's affine map: `x W + b`, the weight kept `[in, out]`.
public struct Conv1D: Module {
  /// `[in, out]`
  public var weight: Tensor
  /// `[out]`
  public var bias: Tensor?

  /// A map from `inputWidth` to `outputWidth` with normally distributed weights and a zero bias.
  public init(
    _ inputWidth: Int, _ outputWidth: Int, bias: Bool, standardDeviation: Float = 0.02,
    _ initializer: inout Initializer
  ) {
    weight = initializer.normal(Shape(inputWidth, outputWidth), standardDeviation: standardDeviation)
    self.bias = bias ? initializer.zeros(Shape(outputWidth)) : nil
  }

  /// - Parameters:
  ///   - x: `[..., in]`
  ///   - activation: applied to the result.
  /// - Returns: `[..., out]`
  public func callAsFunction(_ x: Tensor, activation: Activation? = nil) -> Tensor {
    affineMap(x, weight, bias: bias, activation: activation)
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("weight", &weight, productTransposes: false)
    visitor("bias", &bias)
  }
}

/// A table of vectors, one for each id.
public struct Embedding: Module {
  /// `[ids, width]`
  public var weight: Tensor
  /// Whether the table also gives scores: the output is tied to it.
  public let givesScores: Bool

  /// A table of normally distributed vectors.
  public init(
    count: Int, width: Int, givesScores: Bool = false, standardDeviation: Float = 0.02,
    _ initializer: inout Initializer
  ) {
    self.givesScores = givesScores
    weight = initializer.normal(Shape(count, width), standardDeviation: standardDeviation)
  }

  /// The vectors of `ids`, which must be in the table: `[batch, time, width]`.
  public func callAsFunction(_ ids: TokenBatch) -> Tensor {
    weight.rows(at: ids.ids).reshaped(ids.batch, ids.time, weight.shape[1])
  }

  /// The table used as a linear map to one score for each id (tied output): `[..., width]` to `[..., ids]`.
  public func scores(_ x: Tensor) -> Tensor { linear(x, weight, transposingWeight: true) }

  /// The mean cross-entropy of the scores, `linearCrossEntropy`: they are never there as a whole.
  public func crossEntropy(_ x: Tensor, targets: [Int32]) -> Tensor {
    linearCrossEntropy(x, weight, transposingWeight: true, targets: targets)
  }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    if givesScores { visitor("weight", &weight, productTransposes: true) } else { visitor("weight", &weight) }
  }
}

/// Layer normalisation with a learned scale and shift (Ba et al. 2016).
public struct LayerNorm: Module {
  /// `[width]`
  public var weight: Tensor
  /// `[width]`
  public var bias: Tensor?
  /// Added to the variance.
  public let epsilon: Float

  /// A norm that begins as plain normalisation.
  public init(width: Int, epsilon: Float, bias: Bool = true, _ initializer: inout Initializer) {
    weight = initializer.ones(Shape(width))
    self.bias = bias ? initializer.zeros(Shape(width)) : nil
    self.epsilon = epsilon
  }

  /// - Parameter x: `[..., width]`
  public func callAsFunction(_ x: Tensor) -> Tensor { x.layerNorm(weight: weight, bias: bias, epsilon: epsilon) }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) {
    visitor("weight", &weight)
    visitor("bias", &bias)
  }
}

/// Root-mean-square normalisation with a learned scale (Zhang and Sennrich 2019).
public struct RMSNorm: Module {
  /// `[width]`
  public var weight: Tensor
  /// Added to the mean square.
  public let epsilon: Float

  /// A norm that begins as plain normalisation.
  public init(width: Int, epsilon: Float, _ initializer: inout Initializer) {
    weight = initializer.ones(Shape(width))
    self.epsilon = epsilon
  }

  /// - Parameter x: `[..., width]`
  public func callAsFunction(_ x: Tensor) -> Tensor { x.rmsNorm(weight: weight, epsilon: epsilon) }

  /// Shows the parameters under the names of the files.
  public mutating func visit(_ visitor: inout some ParameterVisitor) { visitor("weight", &weight) }
}

/// Dropout in training passes; nothing otherwise.
public struct Dropout: Sendable {
  /// The chance of an element to be dropped.
  public let probability: Float
  /// Dropout with a probability below 1.
  public init(_ probability: Float) { self.probability = probability }

  /// The elements that stay, scaled up; `x` itself where the pass is not for training.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    guard pass.isTraining, probability > 0 else { return x }
    return x.dropout(probability: probability, random: pass.nextRandom())
  }
}

/// Token ids of a batch: `batch` rows of `time` tokens, row after row.
public struct TokenBatch: Sendable, Equatable {
  /// The ids, `batch * time` of them.
  public var ids: [Int32]
  /// The number of rows.
  public let batch: Int
  /// The number of tokens of each row.
  public let time: Int

  /// Rows laid out one after the other.
  public init(_ ids: [Int32], batch: Int, time: Int) {
    precondition(ids.count == batch * time, "TokenBatch: \(ids.count) ids for \(batch) rows of \(time) tokens")
    (self.ids, self.batch, self.time) = (ids, batch, time)
  }

  /// One row, of ids that fit 32 bits: those that a model has checked do.
  public init(_ ids: [Int]) {
    let narrow = ids.map { id in
      guard let narrow = Int32(exactly: id) else {
        preconditionFailure("TokenBatch: the id \(id) does not fit 32 bits")
      }
      return narrow
    }
    self.init(narrow, batch: 1, time: ids.count)
  }
}
