/// Softmax and its logarithm over rows, with the row's largest element subtracted first.
///
/// A row of -infinity, or with NaN or +infinity in it, gives NaN throughout. Probabilities below 2.7e-38 are 0. The
/// rounding of `x - largest` reaches a result in proportion to that difference. `y` may be `x`.
public enum Softmax {
  /// The body of `KernelTable.exponentials`.
  @export(implementation) @inline(always) public static func exponentials<V: FloatVector>(
    _: V.Type, _ x: Source, _ scale: Float, _ shift: Float, _ y: Target, _ count: Int
  ) -> Float {
    exponentials(V.self, x, scale, shift, y, count) { Functions.expFlushed($0) }
  }

  @export(implementation) @inline(always) static func exponentials<V: FloatVector>(
    _: V.Type, _ x: Source, _ scale: Float, _ shift: Float, _ y: Target, _ count: Int, _ exp: (V) -> V
  ) -> Float {
    let (scale, shift) = (V(repeating: scale), V(repeating: -shift))
    @inline(always) func add(_ total: inout V, _ chunk: Chunk<V>) {
      let e = exp(shift.adding(chunk.load(x), times: scale))
      chunk.store(e, to: y)
      total = total + chunk.kept(e)
    }
    return Float(Sweep.sum(V.self, count, add))
  }

  /// The body of `KernelTable.attendRows`.
  @export(implementation) @inline(always) public static func attendRows<V: FloatVector>(
    _: V.Type, _ scores: Target, _ stride: Int, _ rows: Int, _ seen: Int, _ present: Int, _ scale: Float,
    _ largest: Target, _ total: Target, _ sums: Target, _ width: Int
  ) {
    var row = 0
    while row < rows {
      let s = scores + row &* stride
      let top = seen == 0 ? -Float.infinity : Reductions.largest(V.self, s, seen) * scale
      let peak = top.isNaN || top > largest[row] ? top : largest[row]
      if seen == 0 || peak == -.infinity {
        zero(V.self, s, present)
      } else {
        let sum = exponentials(V.self, s, scale, peak, s, seen) { Functions.expBounded($0) }
        zero(V.self, s + seen, present &- seen)
        if peak == largest[row] {
          total[row] += sum
        } else {
          let correction = Functions.expBounded(V(repeating: largest[row] - peak))
          let sums = sums + row &* width
          Sweep.map(V.self, Source(sums), sums, width) { $0 * correction }
          total[row] = total[row] * correction.first + sum
          largest[row] = peak
        }
      }
      row &+= 1
    }
  }

  /// The body of `KernelTable.attendGradient`.
  @export(implementation) @inline(always) public static func attendGradient<V: FloatVector>(
    _: V.Type, _ scores: Target, _ scale: Float, _ logSumExp: Float, _ gradients: Target, _ delta: Float,
    _ factor: Float, _ count: Int
  ) {
    let (scale, shift) = (V(repeating: scale), V(repeating: -logSumExp))
    let (delta, factor) = (V(repeating: delta), V(repeating: factor))
    @inline(always) func body(_ chunk: Chunk<V>) {
      let probability = Functions.expFlushed(shift.adding(chunk.load(scores), times: scale))
      let gradient = (chunk.load(gradients) - delta) * probability * factor
      chunk.store(probability, to: scores)
      chunk.store(gradient, to: gradients)
    }
    Sweep.each(V.self, count, body)
  }

  @export(implementation) @inline(always) static func zero<V: FloatVector>(_: V.Type, _ x: Target, _ count: Int) {
    @inline(always) func body(_ chunk: Chunk<V>) { chunk.store(V.zero, to: x) }
    Sweep.each(V.self, count, body)
  }

  /// The body of `KernelTable.softmax`.
  @export(implementation) @inline(always) public static func softmax<V: FloatVector>(
    _: V.Type, _ x: Source, _ y: Target, _ rows: Int, _ width: Int
  ) {
    var row = 0
    while row < rows {
      let (x, y) = (x + row &* width, y + row &* width)
      let largest = V(repeating: Reductions.largestNumber(V.self, x, width))
      @inline(always) func add(_ total: inout V, _ chunk: Chunk<V>) {
        let e = Functions.expBounded(chunk.load(x) - largest)
        chunk.store(e, to: y)
        total = total + chunk.kept(e)
      }
      let sum = Sweep.sum(V.self, width, add)
      let inverse = V(repeating: Float(1 / sum))
      @inline(always) func body(_ chunk: Chunk<V>) { chunk.store(chunk.load(y) * inverse, to: y) }
      Sweep.each(V.self, width, body)
      row &+= 1
    }
  }

  /// The largest element of a row and the logarithm of the sum of `exp(x - largest)`.
  @export(implementation) @inline(always) static func logSum<V: FloatVector>(
    _: V.Type, _ x: Source, _ width: Int
  ) -> (largest: Float, logSum: Float) {
    let largest = Reductions.largestNumber(V.self, x, width)
    let shift = V(repeating: largest)
    @inline(always) func add(_ total: inout V, _ chunk: Chunk<V>) {
      total = total + chunk.kept(Functions.expBounded(chunk.load(x) - shift))
    }
    let sum = Sweep.sum(V.self, width, add)
    return (largest, Functions.log(V(repeating: Float(sum))).first)
  }

  /// The body of `KernelTable.logSoftmax`.
  @export(implementation) @inline(always) public static func logSoftmax<V: FloatVector>(
    _: V.Type, _ x: Source, _ y: Target, _ rows: Int, _ width: Int
  ) {
    var row = 0
    while row < rows {
      let (x, y) = (x + row &* width, y + row &* width)
      let (largest, logSum) = logSum(V.self, x, width)
      let (shift, rest) = (V(repeating: largest), V(repeating: logSum))
      @inline(always) func body(_ chunk: Chunk<V>) { chunk.store((chunk.load(x) - shift) - rest, to: y) }
      Sweep.each(V.self, width, body)
      row &+= 1
    }
  }

  /// The body of `KernelTable.softmaxGradient`.
  @export(implementation) @inline(always) public static func softmaxGradient<V: FloatVector>(
    _: V.Type, _ y: Source, _ dy: Source, _ dx: Target, _ rows: Int, _ width: Int
  ) {
    var row = 0
    while row < rows {
      let (y, dy, dx) = (y + row &* width, dy + row &* width, dx + row &* width)
      let total = V(repeating: Reductions.dot(V.self, y, dy, width))
      @inline(always) func body(_ chunk: Chunk<V>) { chunk.store(chunk.load(y) * (chunk.load(dy) - total), to: dx) }
      Sweep.each(V.self, width, body)
      row &+= 1
    }
  }

  /// The body of `KernelTable.logSoftmaxGradient`.
  @export(implementation) @inline(always) public static func logSoftmaxGradient<V: FloatVector>(
    _: V.Type, _ y: Source, _ dy: Source, _ dx: Target, _ rows: Int, _ width: Int
  ) {
    var row = 0
    while row < rows {
      let (y, dy, dx) = (y + row &* width, dy + row &* width, dx + row &* width)
      let total = V(repeating: -Reductions.sum(V.self, dy, width))
      @inline(always) func body(_ chunk: Chunk<V>) {
        chunk.store(chunk.load(dy).adding(Functions.expBounded(chunk.load(y)), times: total), to: dx)
      }
      Sweep.each(V.self, width, body)
      row &+= 1
    }
  }
}
