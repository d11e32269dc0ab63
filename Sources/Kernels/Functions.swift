/// The elementary functions on vectors, without a C library and without a branch.
///
/// Each is a range reduction and a polynomial whose coefficients were fitted for this file: minimax in the weight that
/// counts, each coefficient rounded to Float32 before the next was fitted. Where the last rounding alone must not
/// suffice for one ULP, sums and quotients carry their rounding error along in a second vector.
///
/// The errors given were measured against Double, in units of the last place of the result, over every 97th of all
/// Float32 patterns, with a fused multiply-add (AVX2, AVX-512) and without (baseline x86-64). NaN gives NaN everywhere.
@usableFromInline enum Functions {
  /// `e^x = (high + low) * 2^n` with `high` in about [0.7, 1.42] and `low` its rounding error, for |x| up to 2^7.
  @export(implementation) @inline(always)
  static func exponentialParts<V: FloatVector>(_ x: V) -> (high: V, low: V, n: V) {
    let n = x.times(V(repeating: 1.44269502), plus: 12_582_912) - V(repeating: 12_582_912)
    // ln 2 in two parts; the first has 15 bits, so its product with n is exact.
    let a = x.adding(n, times: V(repeating: -0.693145752))
    let b = n * V(repeating: 1.42860677e-06)
    let r = a - b
    let lost = (a - r) - b
    let p = V(repeating: 0.000197411675).times(r, plus: 0.00139355217).times(r, plus: 0.00833357032)
      .times(r, plus: 0.0416664593).times(r, plus: 0.166666657).times(r, plus: 0.5)
    let s = V(repeating: 1) + r
    let tail = ((V(repeating: 1) - s) + r) + lost.adding(r * r, times: p)
    let high = s + tail
    return (high, (s - high) + tail, n)
  }

  /// `value * 2^n` for integral `n` in -252...254, in two steps, so that subnormal results are rounded once.
  @export(implementation) @inline(always)
  static func scaled<V: FloatVector>(_ value: V, byPowerOfTwo n: V) -> V {
    let half = (n * V(repeating: 0.5)).roundedSmall()
    return value.scaledByPowerOfTwo(half).scaledByPowerOfTwo(n - half)
  }

  /// `e^x`, within 0.67 ULP, and 0.75 where the result is subnormal (none is flushed); infinity from 88.7229 on, zero
  /// below -103.97.
  @export(implementation) @inline(always) static func exp<V: FloatVector>(_ x: V) -> V {
    let parts = exponentialParts(x.maximum(V(repeating: -104)).minimum(V(repeating: 89)))
    return scaled(parts.high, byPowerOfTwo: parts.n)
  }

  /// `e^x` in fewer steps, within 1 ULP; exactly 0 below -86.5 (where `e^x` < 2.7e-38), so that masked scores cost
  /// no subnormal arithmetic.
  @export(implementation) @inline(always) static func expFlushed<V: FloatVector>(_ x: V) -> V {
    let c = x.maximum(V(repeating: -87)).minimum(V(repeating: 89))
    // The magic number that rounds, plus the bias of an exponent less one: the low bits of `k` are the power's.
    let magic = V(repeating: 12_582_912 + 126)
    let k = magic.adding(c, times: V(repeating: 1.44269502))
    let n = k - magic
    let r = c.adding(n, times: V(repeating: -0.693145752)).adding(n, times: V(repeating: -1.42860677e-06))
    let p = V(repeating: 0.00138629682).times(r, plus: 0.00836781692).times(r, plus: 0.0416672565)
      .times(r, plus: 0.166665316).times(r, plus: 0.5)
    let y = V(repeating: 1) + r.adding(r * r, times: p)
    let result = (y + y) * k.bitsShiftedLeft(by: 23)
    return V.select(x, lessThan: V(repeating: -86.5), V.zero, else: result)
  }

  /// `expFlushed` in fewer steps still, for x up to 80: sums of exponentials have the largest x taken away.
  @export(implementation) @inline(always) static func expBounded<V: FloatVector>(_ x: V) -> V {
    // Far below, all this is garbage, NaN even, until the last step.
    let magic = V(repeating: 12_582_912 + 127)
    let k = magic.adding(x, times: V(repeating: 1.44269502))
    let n = k - magic
    let r = x.adding(n, times: V(repeating: -0.693145752)).adding(n, times: V(repeating: -1.42860677e-06))
    let p = V(repeating: 0.00138629682).times(r, plus: 0.00836781692).times(r, plus: 0.0416672565)
      .times(r, plus: 0.166665316).times(r, plus: 0.5)
    let y = V(repeating: 1) + r.adding(r * r, times: p)
    return V.select(x, lessThan: V(repeating: -86.5), V.zero, else: y * k.bitsShiftedLeft(by: 23))
  }

  /// The natural logarithm, within 0.78 ULP, of subnormal numbers too. Zero gives -infinity, anything less NaN.
  @export(implementation) @inline(always) static func log<V: FloatVector>(_ x: V) -> V {
    let (zero, infinity) = (V.zero, V(repeating: .infinity))
    let smallest = V(repeating: 0x1p-126)
    let normal = V.select(x, lessThan: smallest, x * V(repeating: 33_554_432), else: x)
    let parts = normal.splitExponent()
    let n = V.select(x, lessThan: smallest, parts.exponent - V(repeating: 25), else: parts.exponent)
    let f = parts.fraction - V(repeating: 1)
    // n ln 2 + f as a sum and its rounding error, then the rest of the series.
    let a = n * V(repeating: 0.693145752)
    let s = a + f
    let lost = (a - s) + f
    let square = f * f
    let p = V(repeating: 0.067495726).times(f, plus: -0.116701998).times(f, plus: 0.118834689)
      .times(f, plus: -0.124062069).times(f, plus: 0.142203629).times(f, plus: -0.166679904)
      .times(f, plus: 0.200020716).times(f, plus: -0.250000089).times(f, plus: 0.333333135)
    let tail = (n * V(repeating: 1.42860677e-06)).adding(square * f, times: p) - square * V(repeating: 0.5)
    let outside = V.select(x, lessThan: zero, V(repeating: .nan), else: -infinity)
    let result = V.select(zero, lessThan: x, s + (lost + tail), else: outside)
    return V.select(x, lessThan: infinity, result, else: x)
  }

  /// `numerator / (high + low)` as a quotient of 12 bits and what it lacks; `low` is at most an ULP of `high`.
  @export(implementation) @inline(always)
  static func quotient<V: FloatVector>(_ numerator: Float, _ high: V, _ low: V) -> (high: V, low: V) {
    let inverse = V(repeating: 1) / high
    let q = (V(repeating: numerator) * inverse).leadingBits
    let h = high.leadingBits
    let rest = ((V(repeating: numerator) - q * h) - q * (high - h)) - q * low
    return (q, rest * inverse)
  }

  /// The hyperbolic tangent, `1 - 2 / (e^(2|x|) + 1)` with x's sign, within 0.59 ULP (0.61 without fusing).
  @export(implementation) @inline(always) static func tanh<V: FloatVector>(_ x: V) -> V {
    let one = V(repeating: 1)
    let a = x.magnitude.minimum(V(repeating: 10))
    let u = a * a
    let p = V(repeating: -0.00702787377).times(u, plus: 0.0214875564).times(u, plus: -0.0539315604)
      .times(u, plus: 0.133331805).times(u, plus: -0.333333313)
    let small = a.adding(a, times: u * p)

    let parts = exponentialParts(a + a)
    let e = parts.high.scaledByPowerOfTwo(parts.n)
    let high = e + one
    let low = ((e - high) + one) + parts.low.scaledByPowerOfTwo(parts.n)
    let q = quotient(2, high, low)
    let d = one - q.high
    let large = d + (((one - d) - q.high) - q.low)
    return V.select(a, lessThan: V(repeating: 0.45), small, else: large).withSign(of: x)
  }

  /// The logistic function, `1 / (1 + e^-x)`; for negative x it is `e^x / (1 + e^x)`, down to subnormal results.
  /// Within 0.67 ULP, and 0.75 where the result is subnormal.
  @export(implementation) @inline(always) static func sigmoid<V: FloatVector>(_ x: V) -> V {
    let (zero, one) = (V.zero, V(repeating: 1))
    let parts = exponentialParts(-x.magnitude.minimum(V(repeating: 104)))
    let bounded = parts.n.maximum(V(repeating: -60))  // below, e^-|x| adds nothing to 1
    let e = parts.high.scaledByPowerOfTwo(bounded)
    let high = one + e
    let low = ((one - high) + e) + parts.low.scaledByPowerOfTwo(bounded)
    let q = quotient(1, high, low)

    let a = V.select(x, lessThan: zero, parts.high, else: one)
    let b = V.select(x, lessThan: zero, parts.low, else: zero)
    let n = V.select(x, lessThan: zero, parts.n, else: zero)
    let h = a.leadingBits
    let rest = (q.low * a).adding(q.high, times: b).adding(q.high, times: a - h)
    return scaled((q.high * h) + rest, byPowerOfTwo: n)
  }

  /// The error function: a series near zero, else `1 - e^p` with a polynomial for the logarithm of `erfc`, about a
  /// point near 0.95 so that few rounding errors reach `p` where `e^p` is large. Within 0.95 ULP over all inputs.
  @export(implementation) @inline(always) static func erf<V: FloatVector>(_ x: V) -> V {
    let a = x.magnitude.minimum(V(repeating: 4))
    let u = a * a
    let s = V(repeating: 7.94310836e-05).times(u, plus: -0.00080397533).times(u, plus: 0.00519175315)
      .times(u, plus: -0.02685556).times(u, plus: 0.112836242).times(u, plus: -0.376126289)
      .times(u, plus: 0.128379166)
    let small = a.adding(a, times: s)
    let d = a - V(repeating: 0.9453125)
    let p = V(repeating: 0.000199021117).times(d, plus: -0.00194459129).times(d, plus: 0.0104880724)
      .times(d, plus: -0.0437824503).times(d, plus: -0.836108983).times(d, plus: -2.54713225)
      .times(d, plus: -1.70780158)
    let large = V(repeating: 1) - expFlushed(p)
    return V.select(a, lessThan: V(repeating: 0.9), small, else: large).withSign(of: x)
  }

  /// The square root, within 0.5 ULP, of subnormal numbers too: Newton's steps, then the remainder of an exact square.
  @export(implementation) @inline(always) static func squareRoot<V: FloatVector>(_ x: V) -> V {
    let (zero, infinity, tiny) = (V.zero, V(repeating: .infinity), V(repeating: 0x1p-80))
    let v = V.select(x, lessThan: tiny, x * V(repeating: 0x1p96), else: x)
    let unscale = V.select(x, lessThan: tiny, V(repeating: 0x1p-48), else: V(repeating: 1))
    var r = V(bits: 0x5f37_59df).bitsMinus(v.bitsShiftedRight(by: 1))
    let half = v * V(repeating: 0.5), threeHalves = V(repeating: 1.5)
    r = r * (threeHalves - half * r * r)
    r = r * (threeHalves - half * r * r)
    r = r * (threeHalves - half * r * r)
    let s = v * r
    let h = s.leadingBits
    let l = s - h
    let rest = ((v - h * h) - (h + h) * l) - l * l
    let root = s.adding(r * V(repeating: 0.5), times: rest) * unscale
    let result = V.select(zero, lessThan: x, root, else: x)
    return V.select(x, lessThan: infinity, V.select(x, lessThan: zero, V(repeating: .nan), else: result), else: x)
  }
}
