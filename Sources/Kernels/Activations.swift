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

  /// The standard normal distribution function, from its lower half: `2^(|x| q - 1)` with a polynomial `q`. Below -6
  /// (where it is under 1e-9) it is 0.
  @export(implementation) @inline(always) static func normalDistribution<V: FloatVector>(_ x: V) -> V {
    let a = x.magnitude
    let q = V(repeating: -4.594544e-08).times(a, plus: 1.1933296e-06).times(a, plus: -1.3641538e-05)
      .times(a, plus: 8.769638e-05).times(a, plus: -0.0003062053).times(a, plus: 3.4772787e-05)
      .times(a, plus: 0.0069239377).times(a, plus: -0.052435905).times(a, plus: -0.45922014)
      .times(a, plus: -1.1511045)
    // The magic number that rounds, plus the bias of an exponent: the low bits of `k` are the power's.
    let magic: Float = 12_582_912 + 127
    let k = V(repeating: magic - 1).adding(a, times: q)
    let r = (V(repeating: magic - 1) - k).adding(a, times: q)  // |x| q - 1 less its nearest whole number
    let p = V(repeating: 0.00015353343).times(r, plus: 0.001339888).times(r, plus: 0.009618438)
      .times(r, plus: 0.055503324).times(r, plus: 0.24022648).times(r, plus: 0.6931472).times(r, plus: 1)
    let tail = V.select(V(repeating: 6), lessThan: a, V.zero, else: p * k.bitsShiftedLeft(by: 23))
    return V.select(x, lessThan: V.zero, tail, else: V(repeating: 1) - tail)
  }

  /// -infinity as the lowest finite value: times zero it is zero, as the limit of the activations wants.
  @export(implementation) @inline(always) static func boundedBelow<V: FloatVector>(_ x: V) -> V {
    x.maximum(V(repeating: -Float.greatestFiniteMagnitude))
  }

  /// `x * Phi(x)` (Hendrycks and Gimpel 2016), within 2.2 ULP, and 0.45 below -1; -0 below -6.
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
