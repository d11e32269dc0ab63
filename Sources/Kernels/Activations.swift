/// The activation functions of networks and their derivatives.
///
/// The errors given were measured as in `Functions`. Below -1, where a function approaches zero from below, they are
/// given relative to x, in units of 2^-24.
@usableFromInline enum Activations {
  /// The standard normal distribution's density at `x`.
  @export(implementation) @inline(always) static func normalDensity<V: FloatVector>(_ x: V) -> V {
    gaussian(x.magnitude.minimum(V(repeating: 14)) * V(repeating: 0.707106769)) * V(repeating: 0.398942292)
  }

  /// `e^(-a^2)`, with the rounding error of the square put back; for |a| up to 20.
  @export(implementation) @inline(always) static func gaussian<V: FloatVector>(_ a: V) -> V {
    let square = a * a
    let h = a.leadingBits
    let l = a - h
    let rest = ((h * h - square) + (h + h) * l) + l * l
    let e = Functions.expFlushed(-square)
    return e - e * rest
  }

  /// The standard normal distribution function: a series near zero, else `e^p` with a polynomial for its logarithm.
  /// Below -6 (where it is under 1e-9) it is 0.
  @export(implementation) @inline(always) static func normalDistribution<V: FloatVector>(_ x: V) -> V {
    let a = x.magnitude
    let u = a * a
    let s = V(repeating: -9.65597428e-06).times(u, plus: 0.000118175289).times(u, plus: -0.00119035831)
      .times(u, plus: 0.00997485965).times(u, plus: -0.0664906055).times(u, plus: 0.398942292)
    let small = V(repeating: 0.5).adding(x, times: s)
    let p = V(repeating: 3.11435429e-08).times(a, plus: -7.55057556e-07).times(a, plus: 6.110713e-06)
      .times(a, plus: 6.17761089e-06).times(a, plus: -0.000554691069).times(a, plus: 0.00582849979)
      .times(a, plus: -0.0375576429).times(a, plus: -0.317402959).times(a, plus: -0.798271)
      .times(a, plus: -0.693075418)
    let tail = Functions.expFlushed(V.select(V(repeating: 6), lessThan: a, V(repeating: -100), else: p))
    let large = V.select(x, lessThan: V.zero, tail, else: V(repeating: 1) - tail)
    return V.select(a, lessThan: V(repeating: 0.9), small, else: large)
  }

  /// -infinity as the lowest finite value: times zero it is zero, as the limit of the activations wants.
  @export(implementation) @inline(always) static func boundedBelow<V: FloatVector>(_ x: V) -> V {
    x.maximum(V(repeating: -Float.greatestFiniteMagnitude))
  }

  /// `x * Phi(x)` (Hendrycks and Gimpel 2016), within 2.3 ULP (2.4 without fusing), and 0.6
  /// (0.8) below -1; -0 below -6.
  @export(implementation) @inline(always) static func gelu<V: FloatVector>(_ x: V) -> V {
    boundedBelow(x) * normalDistribution(x)
  }

  /// `x / (1 + e^-x)`, within 2 ULP, and 0.55 below -1.
  @export(implementation) @inline(always) static func silu<V: FloatVector>(_ x: V) -> V {
    boundedBelow(x) / (V(repeating: 1) + Functions.expFlushed(-x))
  }

  /// `x / (1 + e^(-2u))`, which is `0.5 x (1 + tanh u)`, with `u = sqrt(2/pi) (x + 0.044715 x^3)`; within
  /// 2.5 ULP, and 0.6 below -1.
  @export(implementation) @inline(always) static func geluTanh<V: FloatVector>(_ x: V) -> V {
    boundedBelow(x) / (V(repeating: 1) + Functions.expFlushed(-twiceTanhArgument(x)))
  }

  @export(implementation) @inline(always) static func twiceTanhArgument<V: FloatVector>(_ x: V) -> V {
    x * (x * x).times(V(repeating: 0.0713548139), plus: 1.59576917)
  }

  /// `sigmoid(x)` and `sigmoid(-x)`, both with a small relative error.
  @export(implementation) @inline(always) static func sigmoids<V: FloatVector>(_ x: V) -> (V, V) {
    let e = Functions.expFlushed(-x.magnitude)
    let larger = V(repeating: 1) / (V(repeating: 1) + e)
    let smaller = e * larger
    return (
      V.select(x, lessThan: V.zero, smaller, else: larger), V.select(x, lessThan: V.zero, larger, else: smaller)
    )
  }

  /// `x` within -bound...bound; NaN stays.
  @export(implementation) @inline(always) static func bounded<V: FloatVector>(_ x: V, by bound: Float) -> V {
    x.maximum(V(repeating: -bound)).minimum(V(repeating: bound))
  }

  @export(implementation) @inline(always) static func geluDerivative<V: FloatVector>(_ x: V) -> V {
    normalDistribution(x).adding(bounded(x, by: 14), times: normalDensity(x))
  }

  @export(implementation) @inline(always) static func siluDerivative<V: FloatVector>(_ x: V) -> V {
    let (s, c) = sigmoids(x)
    return s.adding(bounded(x, by: 100) * s, times: c)
  }

  @export(implementation) @inline(always) static func geluTanhDerivative<V: FloatVector>(_ x: V) -> V {
    let b = bounded(x, by: 20)
    let (s, c) = sigmoids(twiceTanhArgument(b))
    let slope = (b * b).times(V(repeating: 3 * 0.0713548139), plus: 1.59576917)
    return s.adding(b * s * c, times: slope)
  }
}
