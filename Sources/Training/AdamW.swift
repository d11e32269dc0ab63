@_exported import Gradients
import Tensor

/// AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).
///
/// For the gradient `g` of update `t`, multiplied by `min(1, clippingNorm / (norm + 1e-6))` where a clipping norm is
/// set, and the learning rate `r`:
///
///     m = beta1 m + (1 - beta1) g            M = m / (1 - beta1^t)
///     v = beta2 v + (1 - beta2) g^2          V = v / (1 - beta2^t)
///     w = w (1 - r weightDecay) - r M / (sqrt(V) + epsilon)
///
/// as in `torch.optim.AdamW`, in Float32; differences to it are of rounding. Weights and moments are changed in place, in
/// one pass over memory, and the same bits come out for any number of threads.
///
///     var optimizer = AdamW(weightDecay: 0.1, clippingNorm: 1)
///     for step in 0..<1000 {
///       let (loss, gradient) = valueAndGradient(at: model) { $0.loss(tokens, targets: targets) }
///       try optimizer.update(&model, along: gradient, loss: loss, learningRate: schedule(step))
///     }
public struct AdamW: Sendable {
  /// How slowly the mean of the gradients follows them: 0 to below 1.
  public let beta1: Float
  /// How slowly the mean of their squares follows them: 0 to below 1.
  public let beta2: Float
  /// Added to the root of the second moment.
  public let epsilon: Float
  /// How much of the decayed weights goes away in each update, in units of the learning rate.
  public let weightDecay: Float
  /// The parameters that decay.
  public let decayed: ParameterSelection
  /// The largest norm of the whole gradient; nil for none.
  public let clippingNorm: Float?

  /// How many updates were made.
  public internal(set) var updateCount = 0
  /// The moments of every parameter, in the model's order; empty before the first update. Frozen parameters have
  /// placeholders.
  package var moments: [Moments] = []

  package struct Moments: Sendable {
    package let name: String
    package let decays: Bool
    package var first: Tensor
    package var second: Tensor
    var isFrozen: Bool { first.isPlaceholder }

    mutating func step(_ step: AdamWStep, _ weights: inout Tensor, along gradient: Tensor) {
      weights.takeAdamWStep(step, along: gradient, firstMoment: &first, secondMoment: &second)
    }
  }

  /// An optimizer that has made no update yet.
  public init(
    beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8, weightDecay: Float = 0.01,
    decaying decayed: ParameterSelection = .matrices, clippingNorm: Float? = nil
  ) {
    precondition(0..<1 ~= beta1 && 0..<1 ~= beta2, "AdamW: the betas \(beta1) and \(beta2) are not both in 0..<1")
    precondition(epsilon > 0 && weightDecay >= 0, "AdamW: epsilon \(epsilon), weight decay \(weightDecay)")
    precondition(clippingNorm ?? 1 > 0, "AdamW: a clipping norm of \(clippingNorm ?? 0)")
    (self.beta1, self.beta2, self.epsilon) = (beta1, beta2, epsilon)
    (self.weightDecay, self.decayed, self.clippingNorm) = (weightDecay, decayed, clippingNorm)
  }

  /// Moves the model's parameters against the gradient. Frozen parameters stay as they are.
  ///
  /// An optimizer serves one model: its moments are those of the parameters of the first update.
  ///
  /// - Parameters:
  ///   - gradient: as `valueAndGradient` gives it, placeholders for frozen parameters.
  ///   - loss: the value that the gradient belongs to; where it is given, it must be finite too.
  ///   - learningRate: for this update; at least 0.
  /// - Returns: the norm of the whole gradient, before clipping.
  /// - Throws: `TrainingDiverged` where the loss or the gradient's norm is NaN or infinite; neither the model nor the
  ///   optimizer is then changed.
  @discardableResult
  public mutating func update<Model: Module>(
    _ model: inout Model, along gradient: Model, loss: Float? = nil, learningRate: Float
  ) throws(TrainingDiverged) -> Float {
    precondition(learningRate >= 0 && learningRate.isFinite, "AdamW: a learning rate of \(learningRate)")
    let gradients = gradient.parameters
    let norm = gradients.reduce(0.0) { $0 + ($1.value.isPlaceholder ? 0 : $1.value.sumOfSquares) }.squareRoot()
    guard norm.isFinite, loss?.isFinite ?? true else {
      let culprit = gradients.first { !$0.value.isPlaceholder && !$0.value.isFinite }
      throw TrainingDiverged(step: updateCount, loss: loss, gradientNorm: Float(norm), parameter: culprit?.name)
    }
    if moments.isEmpty { moments = makeMoments(of: model, along: gradients) }
    precondition(
      moments.count == gradients.count, "AdamW: \(moments.count) parameters at first, \(gradients.count) now")
    let steps = self.steps(learningRate: learningRate, norm: norm)
    var index = 0
    model.updateParameters { name, weights in
      defer { index += 1 }
      let gradient = gradients[index].value
      precondition(
        moments[index].name == name && moments[index].isFrozen == gradient.isPlaceholder,
        "AdamW: the parameter \(name) was \(moments[index].name) at first, or is frozen at one time only")
      guard !gradient.isPlaceholder else { return }
      moments[index].step(moments[index].decays ? steps.decaying : steps.plain, &weights, along: gradient)
    }
    updateCount += 1
    return Float(norm)
  }

  private func makeMoments(of model: some Module, along gradients: [(name: String, value: Tensor)]) -> [Moments] {
    zip(model.parameters, gradients).map { parameter, gradient in
      let (name, weights) = parameter
      let zeros: () -> Tensor = { gradient.value.isPlaceholder ? .placeholder(weights.shape) : .zeros(weights.shape) }
      return Moments(name: name, decays: decayed(name, weights), first: zeros(), second: zeros())
    }
  }

  /// This update's numbers for the parameters that decay and for the others.
  private func steps(learningRate: Float, norm: Double) -> (decaying: AdamWStep, plain: AdamWStep) {
    let time = Double(updateCount + 1)
    var step = AdamWStep(
      learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay,
      correction1: biasCorrection(beta1, time), correction2: biasCorrection(beta2, time),
      gradientScale: clippingNorm.map { min(1, Float(Double($0) / (norm + 1e-6))) } ?? 1)
    let decaying = step
    step.weightDecay = 0
    return (decaying, step)
  }
}
