/// The function after a map, as in a feed-forward: one element at a time.
public enum Activation: Sendable, Equatable, CaseIterable {
  /// `x`
  case identity
  /// `max(x, 0)`
  case relu
  /// `max(x, 0)^2` (So et al. 2021)
  case reluSquared
  /// `max(x, 0)`, at most 6
  case relu6
  /// `x`, below zero a hundredth of it
  case leakyReLU
  /// `x * sigmoid(x)`
  case silu
  /// `x * min(max(x + 3, 0), 6) / 6` (Howard et al. 2019)
  case hardSwish
  /// `x * Phi(x)` with the error function
  case gelu
  /// The tanh form of GELU, as GPT-2 has it
  case geluTanh
  /// `x * sigmoid(1.702 x)`
  case quickGELU
  /// GELU within -10 and 10
  case clippedGELU
  /// `x * tanh(log(1 + e^x))` (Misra 2019)
  case mish
  /// `Phi((x - 0.707107) / 0.282095)` (Ma et al. 2022)
  case laplace
  /// The hyperbolic tangent
  case tanh
  /// `1 / (1 + e^-x)`
  case sigmoid

  /// The kernel's function, which a map applies to its results while they are near; nil where there is none.
  var function: UnaryFunction? {
    switch self {
    case .relu: .relu
    case .silu: .silu
    case .gelu: .gelu
    case .geluTanh: .geluTanh
    case .tanh: .tanh
    case .sigmoid: .sigmoid
    case .identity, .reluSquared, .relu6, .leakyReLU, .hardSwish, .quickGELU, .clippedGELU, .mish, .laplace: nil
    }
  }

  /// The function of every element.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    switch self {
    case .identity: return x
    case .reluSquared: return x.relu().squared()
    case .relu6: return Tensor.minimum(x.relu(), Tensor(6))
    case .leakyReLU: return Tensor.maximum(x * 0.01, x)
    case .hardSwish: return x * Tensor.minimum((x + 3).relu(), Tensor(6)) / 6
    case .quickGELU: return x * (x * 1.702).sigmoid()
    case .clippedGELU: return Tensor.maximum(Tensor.minimum(x.gelu(), Tensor(10)), Tensor(-10))
    case .mish:
      // With the sigmoids s of x and c of -x, tanh(log(1 + e^x)) is s (1 + c) / (1 + c^2): nothing overflows.
      let c = (-x).sigmoid()
      return x * x.sigmoid() * (c + 1) / (c.squared() + 1)
    case .laplace: return (((x - 0.707107) / (0.282095 * Float(2).squareRoot())).erf() + 1) * 0.5
    case .relu, .silu, .gelu, .geluTanh, .tanh, .sigmoid: return function.map(x.applying) ?? x
    }
  }
}

/// `x W + b` as `linear` has it, and then an activation.
func affineMap(
  _ x: Tensor, _ weight: Tensor, bias: Tensor?, transposingWeight: Bool = false, activation: Activation?
) -> Tensor {
  let y = linear(x, weight, bias: bias, transposingWeight: transposingWeight, activation: activation?.function)
  guard let activation, activation.function == nil else { return y }
  return activation(y)
}
