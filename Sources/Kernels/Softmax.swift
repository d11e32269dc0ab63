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

  /// The body of `KernelTable.attendRows`. Vectors are whole throughout, so that a row's bits do not depend on how many
  /// keys it does not see.
  @export(implementation) @inline(always) public static func attendRows<V: FloatVector>(
    _: V.Type, _ scores: Target, _ stride: Int, _ rows: Int, _ seen: UnsafePointer<Int32>, _ present: Int,
    _ scale: Float, _ largest: Target, _ total: Target, _ sums: Target, _ width: Int
  ) {
    var row = 0
    while row < rows {
      let s = scores + row &* stride, seen = Int(seen[row])
      let top = largestOfWholeVectors(V.self, s, seen) * scale
      var peak = top > largest[row] ? top : largest[row]
      // Nothing to see, or nothing but -infinity and the NaN that was passed over.
      if peak == -.infinity && Reductions.largest(V.self, s, seen).isNaN { peak = .nan }
      if seen == 0 || peak == -.infinity {
        zeroVectors(V.self, s, from: 0, present)
      } else {
        let sum = attend(V.self, s, scale, peak, seen)
        zeroVectors(V.self, s, from: (seen &+ V.width &- 1) / V.width &* V.width, present)
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
    let (scale, shift) = (V(repeating: scale), V(repeating: -peak))
    var total = V.zero
    var i = 0
    while i &+ V.width <= count {
      let e = Functions.expBounded(shift.adding(V.load(x + i), times: scale))
      e.store(x + i)
      total = total + e
      i &+= V.width
    }
    if i < count {
      let e = Functions.expBounded(shift.adding(V.load(x + i), times: scale))
      let kept = firstLanes(count &- i, e, else: V.zero)
      kept.store(x + i)
      total = total + kept
    }
    return total.sum()
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
