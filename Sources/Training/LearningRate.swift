import Foundation

/// The learning rate as a function of the step: a value, without state.
public enum LearningRate: Sendable, Equatable {
  /// The same rate at every step.
  case constant(Float)
  /// From one rate at step 0 to another at step `steps - 1` in equal steps, and that rate from then on.
  case linear(from: Float, to: Float, steps: Int)
  /// Rises to `peak` over `warmUp` steps and falls to `floor` at step `steps` along half a cosine (Loshchilov and Hutter
  /// 2017):
  ///
  ///     step < warmUp:    peak (step + 1) / (warmUp + 1)
  ///     step < steps:     floor + (peak - floor) (1 + cos(pi (step - warmUp) / (steps - warmUp))) / 2
  ///     afterwards:       floor
  case cosine(peak: Float, floor: Float, warmUp: Int, steps: Int)

  /// The rate of a step, counted from 0. Computed in Double.
  public func callAsFunction(_ step: Int) -> Float {
    switch self {
    case .constant(let rate): return rate
    case .linear(let from, let to, let steps):
      guard step < steps - 1 else { return to }
      return Float(Double(from) + (Double(to) - Double(from)) * Double(step) / Double(steps - 1))
    case .cosine(let peak, let floor, let warmUp, let steps):
      if step < warmUp { return Float(Double(peak) * Double(step + 1) / Double(warmUp + 1)) }
      guard step < steps else { return floor }
      let angle = Double.pi * Double(step - warmUp) / Double(steps - warmUp)
      return Float(Double(floor) + (Double(peak) - Double(floor)) * (1 + cos(angle)) / 2)
    }
  }
}

/// `1 / (1 - beta^time)`: what makes a moment that began at zero a mean.
func biasCorrection(_ beta: Float, _ time: Double) -> Float { Float(1 / (1 - pow(Double(beta), time))) }
