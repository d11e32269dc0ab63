/// Layer normalisation and root-mean-square normalisation of rows.
public enum Norms {
  /// `1 / sqrt(v)` by Newton's steps, to about Double's precision.
  @export(implementation) @inline(always) static func inverseRoot(_ v: Double) -> Double {
    if v == 0 { return .infinity }
    if v == .infinity { return 0 }
    var r = Double(bitPattern: 0x5fe6_eb50_c7b5_37a9 &- (v.bitPattern >> 1))
    r = r * (1.5 - 0.5 * v * r * r)
    r = r * (1.5 - 0.5 * v * r * r)
    r = r * (1.5 - 0.5 * v * r * r)
    r = r * (1.5 - 0.5 * v * r * r)
    return r * (1.5 - 0.5 * v * r * r)
  }

  /// Whether a mean square that was summed in Float32 can be trusted: no overflow, and no underflow that would count.
  @export(implementation) @inline(always) static func isTrustworthy(_ meanSquare: Double, _ epsilon: Float) -> Bool {
    meanSquare < 1e37 && (meanSquare > 1e-28 || epsilon > 1e-20)
  }

  /// One row: its mean is found from the first element on and then corrected, so that a large mean costs no precision
  /// and a constant row gives exactly zero.
  @export(implementation) @inline(always) public static func layerNorm<V: FloatVector>(
    _: V.Type, _ x: Source, _ weight: Source?, _ bias: Source?, _ epsilon: Float, _ y: Target, _ mean: Target,
    _ inverseDeviation: Target, _ rows: Int, _ width: Int
  ) {
    if width == 0 { return }
    let n = Double(width)
    var row = 0
    while row < rows {
      let (x, y) = (x + row &* width, y + row &* width)
      let first = V(repeating: x[0])
      @inline(always) func add(_ total: inout V, _ chunk: Chunk<V>) {
        total = total + chunk.kept(chunk.load(x) - first)
      }
      let sum = Sweep.sumQuickly(V.self, width, add)
      let near = Float(Double(x[0]) + sum / n)
      let shift = V(repeating: near)
      @inline(always) func add(_ total: inout V, _ squares: inout V, _ chunk: Chunk<V>) {
        let d = chunk.kept(chunk.load(x) - shift)
        total = total + d
        squares = squares.adding(d, times: d)
      }
      let (rest, squares) = Sweep.sums(V.self, width, add)
      let correction = rest / n
      let variance = squares / n - correction * correction
      if isTrustworthy(squares / n, epsilon) {
        let inverse = Float(inverseRoot((variance > 0 ? variance : 0) + Double(epsilon)))
        mean[row] = Float(Double(near) + correction)
        inverseDeviation[row] = inverse
        let (offset, factor) = (V(repeating: Float(correction)), V(repeating: inverse))
        @inline(always) func body(_ chunk: Chunk<V>) {
          var r = ((chunk.load(x) - shift) - offset) * factor
          if let weight { r = r * chunk.load(weight) }
          if let bias { r = r + chunk.load(bias) }
          chunk.store(r, to: y)
        }
        Sweep.each(V.self, width, body)
      } else {
        layerNormInDouble(x, weight, bias, epsilon, y, mean + row, inverseDeviation + row, width)
      }
      row &+= 1
    }
  }

  /// A row whose squares leave the range of Float32, or that holds NaN or infinity.
  @usableFromInline static func layerNormInDouble(
    _ x: Source, _ weight: Source?, _ bias: Source?, _ epsilon: Float, _ y: Target, _ mean: Target,
    _ inverseDeviation: Target, _ width: Int
  ) {
    var (sum, squares) = (0.0, 0.0)
    var i = 0
    while i < width {
      sum += Double(x[i])
      i &+= 1
    }
    let m = sum / Double(width)
    i = 0
    while i < width {
      let d = Double(x[i]) - m
      squares += d * d
      i &+= 1
    }
    let inverse = inverseRoot(squares / Double(width) + Double(epsilon))
    mean.pointee = Float(m)
    inverseDeviation.pointee = Float(inverse)
    i = 0
    while i < width {
      var r = (Double(x[i]) - m) * inverse
      if let weight { r *= Double(weight[i]) }
      if let bias { r += Double(bias[i]) }
      y[i] = Float(r)
      i &+= 1
    }
  }

  /// `dx = inverse * (g - mean(g) - h * mean(g * h))` with `g = dy * weight` and the normalised row `h`.
  @export(implementation) @inline(always) public static func layerNormGradient<V: FloatVector>(
    _: V.Type, _ x: Source, _ weight: Source?, _ mean: Source, _ inverseDeviation: Source, _ dy: Source,
    _ dx: Target, _ dWeight: Target?, _ dBias: Target?, _ rows: Int, _ width: Int
  ) {
    if width == 0 { return }
    let n = Double(width)
    var row = 0
    while row < rows {
      let (x, dy, dx) = (x + row &* width, dy + row &* width, dx + row &* width)
      let (shift, factor) = (V(repeating: mean[row]), V(repeating: inverseDeviation[row]))
      // What the rounding of the kept mean left over.
      @inline(always) func add(_ total: inout V, _ chunk: Chunk<V>) {
        total = total + chunk.kept(chunk.load(x) - shift)
      }
      let left = Float(Sweep.sumQuickly(V.self, width, add) / n)
      let offset = V(repeating: left.isFinite ? left : 0)
      @inline(always) func add(_ sum: inout V, _ product: inout V, _ chunk: Chunk<V>) {
        var g = chunk.load(dy)
        if let weight { g = g * chunk.load(weight) }
        g = chunk.kept(g)
        sum = sum + g
        product = product.adding(g, times: chunk.kept(((chunk.load(x) - shift) - offset) * factor))
      }
      let (sum, product) = Sweep.sums(V.self, width, add)
      let (meanG, meanGH) = (V(repeating: Float(sum / n)), V(repeating: Float(product / n)))
      @inline(always) func body(_ chunk: Chunk<V>) {
        let d = chunk.load(dy)
        let h = ((chunk.load(x) - shift) - offset) * factor
        var g = d
        if let weight { g = g * chunk.load(weight) }
        if let dWeight { chunk.store(chunk.load(dWeight).adding(d, times: h), to: dWeight) }
        if let dBias { chunk.store(chunk.load(dBias) + d, to: dBias) }
        chunk.store(((g - meanG) - h * meanGH) * factor, to: dx)
      }
      Sweep.each(V.self, width, body)
      row &+= 1
    }
  }

  /// The body of `KernelTable.rmsNorm`.
  @export(implementation) @inline(always) public static func rmsNorm<V: FloatVector>(
    _: V.Type, _ x: Source, _ weight: Source?, _ epsilon: Float, _ y: Target, _ inverseRoots: Target, _ rows: Int,
    _ width: Int
  ) {
    if width == 0 { return }
    let n = Double(width)
    var row = 0
    while row < rows {
      let (x, y) = (x + row &* width, y + row &* width)
      @inline(always) func add(_ total: inout V, _ chunk: Chunk<V>) {
        let v = chunk.kept(chunk.load(x))
        total = total.adding(v, times: v)
      }
      let meanSquare =
        Sweep.sumQuickly(V.self, width, add) / n
      if isTrustworthy(meanSquare, epsilon) {
        let inverse = Float(inverseRoot(meanSquare + Double(epsilon)))
        inverseRoots[row] = inverse
        let factor = V(repeating: inverse)
        @inline(always) func body(_ chunk: Chunk<V>) {
          var r = chunk.load(x) * factor
          if let weight { r = r * chunk.load(weight) }
          chunk.store(r, to: y)
        }
        Sweep.each(V.self, width, body)
      } else {
        rmsNormInDouble(x, weight, epsilon, y, inverseRoots + row, width)
      }
      row &+= 1
    }
  }

  /// A row whose squares leave the range of Float32, or that holds NaN or infinity.
  @usableFromInline static func rmsNormInDouble(
    _ x: Source, _ weight: Source?, _ epsilon: Float, _ y: Target, _ inverseRoots: Target, _ width: Int
  ) {
    var squares = 0.0
    var i = 0
    while i < width {
      squares += Double(x[i]) * Double(x[i])
      i &+= 1
    }
    let inverse = inverseRoot(squares / Double(width) + Double(epsilon))
    inverseRoots.pointee = Float(inverse)
    i = 0
    while i < width {
      var r = Double(x[i]) * inverse
      if let weight { r *= Double(weight[i]) }
      y[i] = Float(r)
      i &+= 1
    }
  }

  /// `dx = inverse * (g - h * mean(g * h))` with `g = dy * weight` and `h = x * inverse`.
  @export(implementation) @inline(always) public static func rmsNormGradient<V: FloatVector>(
    _: V.Type, _ x: Source, _ weight: Source?, _ inverseRoots: Source, _ dy: Source, _ dx: Target,
    _ dWeight: Target?, _ rows: Int, _ width: Int
  ) {
    if width == 0 { return }
    let n = Double(width)
    var row = 0
    while row < rows {
      let (x, dy, dx) = (x + row &* width, dy + row &* width, dx + row &* width)
      let factor = V(repeating: inverseRoots[row])
      @inline(always) func add(_ total: inout V, _ chunk: Chunk<V>) {
        var g = chunk.load(dy)
        if let weight { g = g * chunk.load(weight) }
        total = total.adding(chunk.kept(g), times: chunk.kept(chunk.load(x) * factor))
      }
      let product = Sweep.sumQuickly(V.self, width, add)
      let meanGH = V(repeating: Float(product / n))
      @inline(always) func body(_ chunk: Chunk<V>) {
        let d = chunk.load(dy)
        let h = chunk.load(x) * factor
        var g = d
        if let weight { g = g * chunk.load(weight) }
        if let dWeight { chunk.store(chunk.load(dWeight).adding(d, times: h), to: dWeight) }
        chunk.store((g - h * meanGH) * factor, to: dx)
      }
      Sweep.each(V.self, width, body)
      row &+= 1
    }
  }
}
