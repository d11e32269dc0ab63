/// Blocks of matrices turned in registers, by perfect shuffles: interleaving the halves of the rows rotates the bits of
/// an element's position, and as many rotations as a row's number has bits exchange rows and columns.
@usableFromInline enum MatmulTranspose {

  @inlinable @inline(always)
  static func stage4<V: FloatVector>(
    _ x: (V, V, V, V)
  ) -> (V, V, V, V) {
    (
      V.interleaveLow(x.0, x.2), V.interleaveHigh(x.0, x.2),
      V.interleaveLow(x.1, x.3), V.interleaveHigh(x.1, x.3)
    )
  }

  @inlinable @inline(always)
  static func stage8<V: FloatVector>(
    _ x: (V, V, V, V, V, V, V, V)
  ) -> (V, V, V, V, V, V, V, V) {
    (
      V.interleaveLow(x.0, x.4), V.interleaveHigh(x.0, x.4),
      V.interleaveLow(x.1, x.5), V.interleaveHigh(x.1, x.5),
      V.interleaveLow(x.2, x.6), V.interleaveHigh(x.2, x.6),
      V.interleaveLow(x.3, x.7), V.interleaveHigh(x.3, x.7)
    )
  }

  @inlinable @inline(always)
  static func stage16<V: FloatVector>(
    _ x: (V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V)
  ) -> (V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V) {
    (
      V.interleaveLow(x.0, x.8), V.interleaveHigh(x.0, x.8),
      V.interleaveLow(x.1, x.9), V.interleaveHigh(x.1, x.9),
      V.interleaveLow(x.2, x.10), V.interleaveHigh(x.2, x.10),
      V.interleaveLow(x.3, x.11), V.interleaveHigh(x.3, x.11),
      V.interleaveLow(x.4, x.12), V.interleaveHigh(x.4, x.12),
      V.interleaveLow(x.5, x.13), V.interleaveHigh(x.5, x.13),
      V.interleaveLow(x.6, x.14), V.interleaveHigh(x.6, x.14),
      V.interleaveLow(x.7, x.15), V.interleaveHigh(x.7, x.15)
    )
  }

  /// 4 contiguous runs of `V.width` values, `stride` apart, transposed: vector `p` has value `p` of every run.
  @inlinable @inline(always)
  static func transposed4<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int
  ) -> (V, V, V, V) {
    let runs: (V, V, V, V) =
      (
        K.vector(source, start), K.vector(source, stride &+ start),
        K.vector(source, 2 &* stride &+ start), K.vector(source, 3 &* stride &+ start)
      )
    return stage4(stage4(runs))
  }

  /// 8 contiguous runs of `V.width` values, `stride` apart, transposed: vector `p` has value `p` of every run.
  @inlinable @inline(always)
  static func transposed8<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int
  ) -> (V, V, V, V, V, V, V, V) {
    let runs: (V, V, V, V, V, V, V, V) =
      (
        K.vector(source, start), K.vector(source, stride &+ start),
        K.vector(source, 2 &* stride &+ start), K.vector(source, 3 &* stride &+ start),
        K.vector(source, 4 &* stride &+ start), K.vector(source, 5 &* stride &+ start),
        K.vector(source, 6 &* stride &+ start), K.vector(source, 7 &* stride &+ start)
      )
    return stage8(stage8(stage8(runs)))
  }

  /// 16 contiguous runs of `V.width` values, `stride` apart, transposed: vector `p` has value `p` of every run.
  @inlinable @inline(always)
  static func transposed16<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int
  ) -> (V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V) {
    let runs: (V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V) =
      (
        K.vector(source, start), K.vector(source, stride &+ start),
        K.vector(source, 2 &* stride &+ start), K.vector(source, 3 &* stride &+ start),
        K.vector(source, 4 &* stride &+ start), K.vector(source, 5 &* stride &+ start),
        K.vector(source, 6 &* stride &+ start), K.vector(source, 7 &* stride &+ start),
        K.vector(source, 8 &* stride &+ start), K.vector(source, 9 &* stride &+ start),
        K.vector(source, 10 &* stride &+ start), K.vector(source, 11 &* stride &+ start),
        K.vector(source, 12 &* stride &+ start), K.vector(source, 13 &* stride &+ start),
        K.vector(source, 14 &* stride &+ start), K.vector(source, 15 &* stride &+ start)
      )
    return stage16(stage16(stage16(stage16(runs))))
  }

  /// Stores what `transposed4` gives, vectors `step` apart.
  @inlinable @inline(always)
  static func transpose4<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ target: Target,
    _ step: Int
  ) {
    let t = transposed4(vector, kept, source, start, stride)
    t.0.store(target)
    t.1.store(target + step)
    t.2.store(target + 2 &* step)
    t.3.store(target + 3 &* step)
  }

  /// Stores what `transposed8` gives, vectors `step` apart.
  @inlinable @inline(always)
  static func transpose8<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ target: Target,
    _ step: Int
  ) {
    let t = transposed8(vector, kept, source, start, stride)
    t.0.store(target)
    t.1.store(target + step)
    t.2.store(target + 2 &* step)
    t.3.store(target + 3 &* step)
    t.4.store(target + 4 &* step)
    t.5.store(target + 5 &* step)
    t.6.store(target + 6 &* step)
    t.7.store(target + 7 &* step)
  }

  /// Stores what `transposed16` gives, vectors `step` apart.
  @inlinable @inline(always)
  static func transpose16<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ target: Target,
    _ step: Int
  ) {
    let t = transposed16(vector, kept, source, start, stride)
    t.0.store(target)
    t.1.store(target + step)
    t.2.store(target + 2 &* step)
    t.3.store(target + 3 &* step)
    t.4.store(target + 4 &* step)
    t.5.store(target + 5 &* step)
    t.6.store(target + 6 &* step)
    t.7.store(target + 7 &* step)
    t.8.store(target + 8 &* step)
    t.9.store(target + 9 &* step)
    t.10.store(target + 10 &* step)
    t.11.store(target + 11 &* step)
    t.12.store(target + 12 &* step)
    t.13.store(target + 13 &* step)
    t.14.store(target + 14 &* step)
    t.15.store(target + 15 &* step)
  }

  /// Adds the products of 4 depths, in order, for 4 columns.
  @inlinable @inline(always)
  static func dot4<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ a: Source, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int,
    _ sum: inout V
  ) {
    let t = transposed4(vector, kept, source, start, stride)
    sum = sum.adding(V(repeating: a[0]), times: t.0)
    sum = sum.adding(V(repeating: a[1]), times: t.1)
    sum = sum.adding(V(repeating: a[2]), times: t.2)
    sum = sum.adding(V(repeating: a[3]), times: t.3)
  }

  /// Adds the products of 8 depths, in order, for 8 columns.
  @inlinable @inline(always)
  static func dot8<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ a: Source, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int,
    _ sum: inout V
  ) {
    let t = transposed8(vector, kept, source, start, stride)
    sum = sum.adding(V(repeating: a[0]), times: t.0)
    sum = sum.adding(V(repeating: a[1]), times: t.1)
    sum = sum.adding(V(repeating: a[2]), times: t.2)
    sum = sum.adding(V(repeating: a[3]), times: t.3)
    sum = sum.adding(V(repeating: a[4]), times: t.4)
    sum = sum.adding(V(repeating: a[5]), times: t.5)
    sum = sum.adding(V(repeating: a[6]), times: t.6)
    sum = sum.adding(V(repeating: a[7]), times: t.7)
  }

  /// Adds the products of 16 depths, in order, for 16 columns.
  @inlinable @inline(always)
  static func dot16<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ a: Source, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int,
    _ sum: inout V
  ) {
    let t = transposed16(vector, kept, source, start, stride)
    sum = sum.adding(V(repeating: a[0]), times: t.0)
    sum = sum.adding(V(repeating: a[1]), times: t.1)
    sum = sum.adding(V(repeating: a[2]), times: t.2)
    sum = sum.adding(V(repeating: a[3]), times: t.3)
    sum = sum.adding(V(repeating: a[4]), times: t.4)
    sum = sum.adding(V(repeating: a[5]), times: t.5)
    sum = sum.adding(V(repeating: a[6]), times: t.6)
    sum = sum.adding(V(repeating: a[7]), times: t.7)
    sum = sum.adding(V(repeating: a[8]), times: t.8)
    sum = sum.adding(V(repeating: a[9]), times: t.9)
    sum = sum.adding(V(repeating: a[10]), times: t.10)
    sum = sum.adding(V(repeating: a[11]), times: t.11)
    sum = sum.adding(V(repeating: a[12]), times: t.12)
    sum = sum.adding(V(repeating: a[13]), times: t.13)
    sum = sum.adding(V(repeating: a[14]), times: t.14)
    sum = sum.adding(V(repeating: a[15]), times: t.15)
  }
}
