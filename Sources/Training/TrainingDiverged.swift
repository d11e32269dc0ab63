/// The loss or its gradient is NaN or infinite: going on would destroy the weights.
public struct TrainingDiverged: Error, Sendable, Equatable, CustomStringConvertible {
  /// How many updates had been made before.
  public let step: Int
  /// The loss, if it is known.
  public let loss: Float?
  /// The norm of the whole gradient.
  public let gradientNorm: Float
  /// The first parameter whose gradient has an element that is NaN or infinite; nil where all elements are finite.
  public let parameter: String?

  /// The loss, the norm, the parameter, and what to do, in one line.
  public var description: String {
    let loss = self.loss.map { "the loss is \($0) and " } ?? ""
    let place = parameter.map { ", first in the parameter \($0)" } ?? ""
    return "step \(step): \(loss)the gradient's norm is \(gradientNorm)\(place) [nonFinite]. "
      + "The model was not changed. Lower the learning rate, or clip the gradient, and go on from a checkpoint."
  }
}
