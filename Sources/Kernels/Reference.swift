#if canImport(Glibc)
  private import Glibc
#elseif canImport(Musl)
  private import Musl
#elseif canImport(Darwin)
  private import Darwin
#endif

/// Every kernel as plain scalar code in Double: what the formulas are, and what the tests hold the kernels against.
///
/// Inputs are what a kernel reads; results are not rounded.
public enum Reference {
  /// `f(x)`. The activations have their limits at the infinities: `silu`, `gelu` and `geluTanh` are -0 at -infinity.
  public static func unary(_ f: UnaryFunction, _ x: Double) -> Double {
    switch f {
    case .negate: -x
    case .reciprocal: 1 / x
    case .square: x * x
    case .squareRoot: x.squareRoot()
    case .exp: exp(x)
    case .log: log(x)
    case .tanh: tanh(x)
    case .sigmoid: sigmoid(x)
    case .erf: erf(x)
    case .relu: x < 0 ? 0 : x
    case .silu: x == -.infinity ? -0.0 : x * sigmoid(x)
    case .gelu: x == -.infinity ? -0.0 : x * 0.5 * erfc(-x * 0.5.squareRoot())
    case .geluTanh: x == -.infinity ? -0.0 : x * sigmoid(2 * geluTanhArgument(x))
    }
  }

  /// `f'(x)`. `relu'` is 0 at zero; a limit is taken at the infinities.
  public static func unaryDerivative(_ f: UnaryFunction, _ x: Double) -> Double {
    switch f {
    case .negate: return -1
    case .reciprocal: return -1 / (x * x)
    case .square: return 2 * x
    case .squareRoot: return 0.5 / x.squareRoot()
    case .exp: return exp(x)
    case .log: return 1 / x
    case .tanh: return 1 / (cosh(x) * cosh(x))
    case .sigmoid: return sigmoid(x) * sigmoid(-x)
    case .erf: return 2 / Double.pi.squareRoot() * exp(-x * x)
    case .relu: return x > 0 ? 1 : x.isNaN ? x : 0
    case .silu:
      if x.isInfinite { return x < 0 ? 0 : 1 }
      return sigmoid(x) + x * sigmoid(x) * sigmoid(-x)
    case .gelu:
      if x.isInfinite { return x < 0 ? 0 : 1 }
      return 0.5 * erfc(-x * 0.5.squareRoot()) + x * exp(-0.5 * x * x) / (2 * Double.pi).squareRoot()
    case .geluTanh:
      if abs(x) > 1e3 { return x < 0 ? 0 : 1 }
      let u = 2 * geluTanhArgument(x)
      let slope = 2 * (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x)
      return sigmoid(u) + x * sigmoid(u) * sigmoid(-u) * slope
    }
  }

  /// `1 / (1 + e^-x)`, without the loss of `1 - ...` at either end.
  public static func sigmoid(_ x: Double) -> Double {
    x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x))
  }

  private static func geluTanhArgument(_ x: Double) -> Double {
    (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
  }

  /// `f(a, b)`. The larger or smaller of a number and NaN is NaN.
  public static func binary(_ f: BinaryFunction, _ a: Double, _ b: Double) -> Double {
    switch f {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .maximum: a.isNaN || b.isNaN ? .nan : a < b ? b : a
    case .minimum: a.isNaN || b.isNaN ? .nan : b < a ? b : a
    }
  }

  /// The new `(w, m, v)`.
  public static func adamW(
    _ s: AdamWStep, gradient: Double, w: Double, m: Double, v: Double
  ) -> (w: Double, m: Double, v: Double) {
    let g = gradient * Double(s.gradientScale)
    let m = Double(s.beta1) * m + Double(1 - s.beta1) * g
    let v = Double(s.beta2) * v + Double(1 - s.beta2) * g * g
    let direction = m * Double(s.correction1) / ((v * Double(s.correction2)).squareRoot() + Double(s.epsilon))
    return (w - Double(s.learningRate) * (direction + Double(s.weightDecay) * w), m, v)
  }

  /// The value of a kept element's bits, by the format's definition.
  public static func widened(_ format: StorageFormat, bits: UInt32) -> Double {
    switch format {
    case .float32: return Double(Float(bitPattern: bits))
    case .bfloat16: return Double(Float(bitPattern: bits << 16))
    case .float16:
      let (exponent, fraction) = (Int(bits >> 10 & 31), Double(bits & 1023))
      let sign = bits & 0x8000 == 0 ? 1.0 : -1.0
      if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
      return exponent == 0 ? sign * scalbn(fraction, -24) : sign * scalbn(1024 + fraction, exponent - 25)
    }
  }

  /// The bits of the kept element nearest to `x`, ties to even: `x` in units of the format's last place, rounded.
  public static func narrowed(_ format: StorageFormat, _ x: Float) -> UInt32 {
    guard format != .float32 else { return x.bitPattern }
    let (fractionBits, lowest, highest) = format == .bfloat16 ? (7, -126, 127) : (10, -14, 15)
    let sign: UInt32 = x.sign == .minus ? 0x8000 : 0
    let infinity = UInt32(highest - lowest + 2) << UInt32(fractionBits)
    if x.isNaN { return sign | infinity | 1 << UInt32(fractionBits - 1) }
    if x.isInfinite { return sign | infinity }
    let exponent = x == 0 ? lowest : max(Int(x.exponent), lowest)
    let units = scalbn(Double(x.magnitude), fractionBits - exponent).rounded(.toNearestOrEven)
    // Of a number of units past the fraction's range the carry moves into the exponent, and out of it into infinity.
    let bits = UInt32(exponent - lowest) << UInt32(fractionBits) + UInt32(units)
    return sign | min(bits, infinity)
  }
}
