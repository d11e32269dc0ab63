@_exported import Gradients
import Tensor

/// The mean loss and gradient of several micro-batches, weighted by their tokens.
///
/// The mean over the tokens of all micro-batches is that of one big batch of the same tokens. (The mean of the
/// micro-batches' means is not, where their numbers of tokens differ.) A single micro-batch comes out unchanged.
///
///     var mean = GradientMean<GPT2>()
///     for (tokens, targets) in microBatches {
///       let (loss, gradient) = valueAndGradient(at: model) { $0.loss(tokens, targets: targets) }
///       mean.add(loss, gradient, tokens: targets.countedTargets)
///     }
///     let (loss, gradient) = mean.take()
public struct GradientMean<Model: Module>: Sendable {
  private var sum: Model?
  private var loss = 0.0
  /// The tokens so far, and those of the first micro-batch, whose weight in the sum is 1.
  private var tokens = 0
  private var firstTokens = 0

  /// The mean of nothing yet.
  public init() {}

  /// Adds one micro-batch's mean loss and gradient. One without tokens counts nothing.
  ///
  /// - Parameter tokens: how many targets the mean was taken over.
  public mutating func add(_ loss: Float, _ gradient: consuming Model, tokens count: Int) {
    precondition(count >= 0, "GradientMean: \(count) tokens")
    guard count > 0 else { return }
    self.loss += Double(loss) * Double(count)
    tokens += count
    guard sum != nil else {
      (sum, firstTokens) = (gradient, count)
      return
    }
    let weight = Float(Double(count) / Double(firstTokens))
    let parts = gradient.parameters
    var index = 0
    sum?.updateParameters { _, total in
      if !total.isPlaceholder { total.add(parts[index].value, times: weight) }
      index += 1
    }
  }

  /// The mean so far; the next micro-batch begins a new one.
  public mutating func take() -> (loss: Float, gradient: Model) {
    guard var gradient = sum else { preconditionFailure("GradientMean.take: no tokens were added") }
    sum = nil
    if tokens != firstTokens {
      let factor = Float(Double(firstTokens) / Double(tokens))
      gradient.updateParameters { _, total in
        if !total.isPlaceholder { total.scale(by: factor) }
      }
    }
    defer { (loss, tokens, firstTokens) = (0, 0, 0) }
    return (Float(loss / Double(tokens)), gradient)
  }
}

extension TokenBatch {
  /// How many of these targets count in a loss: the negative ones do not.
  public var countedTargets: Int { ids.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) } }
}
