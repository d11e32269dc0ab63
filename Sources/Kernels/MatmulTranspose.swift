/// Copies of matrix blocks in the order in which the tiles read them.
@usableFromInline enum MatmulPacking {

  @export(implementation) @inline(always)
  static func stage4<V: FloatVector>(
    _ x: (V, V, V, V)
  ) -> (V, V, V, V) {
    (
      V.interleaveLow(x.0, x.2), V.interleaveHigh(x.0, x.2),
      V.interleaveLow(x.1, x.3), V.interleaveHigh(x.1, x.3)
    )
  }

  @export(implementation) @inline(always)
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

  @export(implementation) @inline(always)
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

  /// 4 rows by `V.width` depths, transposed: 4 vectors, `step` apart.
  @export(implementation) @inline(always)
  static func transpose4<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ stride: Int, _ p: Int, _ target: Target,
    _ step: Int
  ) {
    let rows: (V, V, V, V) =
      (
        K.vector(source, p), K.vector(source, stride &+ p),
        K.vector(source, 2 &* stride &+ p), K.vector(source, 3 &* stride &+ p)
      )
    let t = stage4(stage4(rows))
    t.0.store(target)
    t.1.store(target + step)
    t.2.store(target + 2 &* step)
    t.3.store(target + 3 &* step)
  }

  /// 8 rows by `V.width` depths, transposed: 8 vectors, `step` apart.
  @export(implementation) @inline(always)
  static func transpose8<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ stride: Int, _ p: Int, _ target: Target,
    _ step: Int
  ) {
    let rows: (V, V, V, V, V, V, V, V) =
      (
        K.vector(source, p), K.vector(source, stride &+ p),
        K.vector(source, 2 &* stride &+ p), K.vector(source, 3 &* stride &+ p),
        K.vector(source, 4 &* stride &+ p), K.vector(source, 5 &* stride &+ p),
        K.vector(source, 6 &* stride &+ p), K.vector(source, 7 &* stride &+ p)
      )
    let t = stage8(stage8(stage8(rows)))
    t.0.store(target)
    t.1.store(target + step)
    t.2.store(target + 2 &* step)
    t.3.store(target + 3 &* step)
    t.4.store(target + 4 &* step)
    t.5.store(target + 5 &* step)
    t.6.store(target + 6 &* step)
    t.7.store(target + 7 &* step)
  }

  /// 16 rows by `V.width` depths, transposed: 16 vectors, `step` apart.
  @export(implementation) @inline(always)
  static func transpose16<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ stride: Int, _ p: Int, _ target: Target,
    _ step: Int
  ) {
    let rows: (V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V) =
      (
        K.vector(source, p), K.vector(source, stride &+ p),
        K.vector(source, 2 &* stride &+ p), K.vector(source, 3 &* stride &+ p),
        K.vector(source, 4 &* stride &+ p), K.vector(source, 5 &* stride &+ p),
        K.vector(source, 6 &* stride &+ p), K.vector(source, 7 &* stride &+ p),
        K.vector(source, 8 &* stride &+ p), K.vector(source, 9 &* stride &+ p),
        K.vector(source, 10 &* stride &+ p), K.vector(source, 11 &* stride &+ p),
        K.vector(source, 12 &* stride &+ p), K.vector(source, 13 &* stride &+ p),
        K.vector(source, 14 &* stride &+ p), K.vector(source, 15 &* stride &+ p)
      )
    let t = stage16(stage16(stage16(stage16(rows))))
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
}
