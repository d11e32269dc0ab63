/// Softmax and its logarithm over rows, with the row's largest element subtracted first.
///
/// A row of -infinity, or with NaN or +infinity in it, gives NaN throughout. Probabilities below 2.7e-38 are 0. The
/// rounding of `x - largest` reaches a result in proportion to that difference. `y` may be `x`.
public enum Softmax {
  /// The body of `KernelTable.attendRows`. Vectors are whole throughout, so that a row's bits do not depend on how many
  /// keys it does not see.
  @export(implementation) @inline(always) public static func attendRows<V: FloatVector>(
    _: V.Type, _ scores: Target, _ stride: Int, _ rows: Int, _ seen: UnsafePointer<Int32>, _ present: Int,
    _ scale: Float, _ largest: Target, _ total: Target, _ sums: Target, _ width: Int
  ) {
    attendRows(V.self, scores, stride, rows, seen, scale, largest, total, sums, width) { _, scores, peak, seen in
      let sum = attend(V.self, scores, scale, peak, seen)
      zeroVectors(V.self, scores, from: (seen &+ V.width &- 1) / V.width &* V.width, present)
      return sum
    }
  }

  /// The same with `exponentials` for the last step: of a row's number, its scores, the largest of them and how many it
  /// sees it makes the exponentials, and zeros of the rest, and returns their sum.
  @export(implementation) @inline(always) static func attendRows<V: FloatVector>(
    _: V.Type, _ scores: Target, _ stride: Int, _ rows: Int, _ seen: UnsafePointer<Int32>, _ scale: Float,
    _ largest: Target, _ total: Target, _ sums: Target, _ width: Int,
    _ exponentials: (_ row: Int, _ scores: Target, _ peak: Float, _ seen: Int) -> Float
  ) {
    var row = 0
    while row < rows {
      let s = scores + row &* stride, inSight = Int(seen[row])
      let top = largestOfWholeVectors(V.self, s, inSight) * scale
      var peak = top > largest[row] ? top : largest[row]
      // Nothing to see, or nothing but -infinity and the NaN that was passed over.
      if peak == -.infinity && Reductions.largest(V.self, s, inSight).isNaN { peak = .nan }
      let seesAny = inSight > 0 && peak != -.infinity
      let sum = exponentials(row, s, peak, seesAny ? inSight : 0)
      if seesAny {
        // A NaN among the scores was passed over until here.
        let after = sum.isNaN ? sum : peak
        if after == largest[row] {
          total[row] += sum
        } else {
          let correction = Functions.expBounded(V(repeating: largest[row] - after))
          let sums = sums + row &* width
          Sweep.map(V.self, Source(sums), sums, width) { $0 * correction }
          total[row] = total[row] * correction.first + sum
          largest[row] = after
        }
      }
      row &+= 1
    }
  }

  /// The largest of the first `count` elements, of which any may be NaN and passed over; -infinity where there are none.
  /// Reads to the end of the last vector.
  @export(implementation) @inline(always) static func largestOfWholeVectors<V: FloatVector>(
    _: V.Type, _ x: Target, _ count: Int
  ) -> Float {
    let lowest = V(repeating: -.infinity)
    var largest = lowest
    var i = 0
    while i &+ V.width <= count {
      largest = largest.maximum(V.load(x + i))
      i &+= V.width
    }
    if i < count { largest = largest.maximum(firstLanes(count &- i, V.load(x + i), else: lowest)) }
    return largest.largest()
  }

  /// The first `count` elements become `exp(scale * x - peak)`, the rest of the last vector 0; returns their sum.
  @export(implementation) @inline(always) static func attend<V: FloatVector>(
    _: V.Type, _ x: Target, _ scale: Float, _ peak: Float, _ count: Int
  ) -> Float {
    let (scale, peak) = (V(repeating: scale), V(repeating: peak))
    var total = V.zero
    var i = 0
    while i &+ V.width <= count {
      let e = exponential(V.load(x + i), scale, peak)
      e.store(x + i)
      total = total + e
      i &+= V.width
    }
    if i < count {
      let e = firstLanes(count &- i, exponential(V.load(x + i), scale, peak), else: V.zero)
      e.store(x + i)
      total = total + e
    }
    return total.sum()
  }

  /// `exp(scale * x - peak)`, where `peak` is the largest of all `scale * x`, each rounded: so no difference is above 0,
  /// however large these are. The rounding of `scale * x` reaches a result in proportion to that product.
  @export(implementation) @inline(always)
  static func exponential<V: FloatVector>(_ x: V, _ scale: V, _ peak: V) -> V {
    Functions.expBounded(x * scale - peak)
  }

  @export(implementation) @inline(always) static func firstLanes<V: FloatVector>(_ count: Int, _ x: V, else other: V)
    -> V
  {
    V.select(V.laneNumbers, lessThan: V(repeating: Float(count)), x, else: other)
  }

  /// Whole vectors of zeros from `start` until `count` elements are covered.
  @export(implementation) @inline(always) static func zeroVectors<V: FloatVector>(
    _: V.Type, _ x: Target, from start: Int, _ count: Int
  ) {
    var i = start
    while i < count {
      V.zero.store(x + i)
      i &+= V.width
    }
  }

  /// The body of `KernelTable.attendGradient`.
  @export(implementation) @inline(always) public static func attendGradient<V: FloatVector>(
    _: V.Type, _ scores: Target, _ scale: Float, _ logSumExp: Float, _ gradients: Target, _ delta: Float,
    _ factor: Float, _ count: Int
  ) {
    let (scale, logSumExp) = (V(repeating: scale), V(repeating: logSumExp))
    let (delta, factor) = (V(repeating: delta), V(repeating: factor))
    @inline(always) func body(_ chunk: Chunk<V>) {
      // Not fused, as in `exponential`: the logarithm is no less than the largest of what it is taken from.
      let probability = Functions.expFlushed(chunk.load(scores) * scale - logSumExp)
      let gradient = (chunk.load(gradients) - delta) * probability * factor
      chunk.store(probability, to: scores)
      chunk.store(gradient, to: gradients)
    }
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
