/// The innermost loop of matmul: a tile of `c` whose accumulators stay in registers over the whole depth block.
///
/// Every element is one chain of products in order of depth, started from zero and then stored or added to `c`. All
/// tile sizes run the same chain, so a row's result does not depend on the rows beside it.
@usableFromInline enum MatmulTiles {
  /// A tile of `rows` (8, 4 or 1) rows by `vectors` (1, 2 or 3) vectors; both are literals where this is called, and
  /// what they rule out is not compiled.
  ///
  /// The last vector goes to `last`, whose rows lie `lastStride` apart: elsewhere than in `c` where columns are missing.
  @inlinable @inline(always)
  static func tile<V: FloatVector>(
    _ vector: V.Type, rows: Int, vectors: Int, _ left: LeftRows, _ right: RightColumns, _ depth: Int,
    _ c: TileTarget
  ) {
    var c00 = V.zero, c01 = V.zero, c02 = V.zero
    var c10 = V.zero, c11 = V.zero, c12 = V.zero
    var c20 = V.zero, c21 = V.zero, c22 = V.zero
    var c30 = V.zero, c31 = V.zero, c32 = V.zero
    var c40 = V.zero, c41 = V.zero, c42 = V.zero
    var c50 = V.zero, c51 = V.zero, c52 = V.zero
    var c60 = V.zero, c61 = V.zero, c62 = V.zero
    var c70 = V.zero, c71 = V.zero, c72 = V.zero
    let step = left.rowStep
    var a = left.base, b = right.base, p = depth
    while p > 0 {
      let b0 = V.load(b)
      let b1 = vectors > 1 ? V.load(b + right.vectorStep) : b0
      let b2 = vectors > 2 ? V.load(b + 2 &* right.vectorStep) : b0
      let a0 = V(repeating: a[0])
      c00 = c00.adding(a0, times: b0)
      if vectors > 1 { c01 = c01.adding(a0, times: b1) }
      if vectors > 2 { c02 = c02.adding(a0, times: b2) }
      if rows > 1 {
        let a1 = V(repeating: a[step])
        c10 = c10.adding(a1, times: b0)
        if vectors > 1 { c11 = c11.adding(a1, times: b1) }
        if vectors > 2 { c12 = c12.adding(a1, times: b2) }
        let a2 = V(repeating: a[2 &* step])
        c20 = c20.adding(a2, times: b0)
        if vectors > 1 { c21 = c21.adding(a2, times: b1) }
        if vectors > 2 { c22 = c22.adding(a2, times: b2) }
        let a3 = V(repeating: a[3 &* step])
        c30 = c30.adding(a3, times: b0)
        if vectors > 1 { c31 = c31.adding(a3, times: b1) }
        if vectors > 2 { c32 = c32.adding(a3, times: b2) }
      }
      if rows > 4 {
        let a4 = V(repeating: a[4 &* step])
        c40 = c40.adding(a4, times: b0)
        if vectors > 1 { c41 = c41.adding(a4, times: b1) }
        if vectors > 2 { c42 = c42.adding(a4, times: b2) }
        let a5 = V(repeating: a[5 &* step])
        c50 = c50.adding(a5, times: b0)
        if vectors > 1 { c51 = c51.adding(a5, times: b1) }
        if vectors > 2 { c52 = c52.adding(a5, times: b2) }
        let a6 = V(repeating: a[6 &* step])
        c60 = c60.adding(a6, times: b0)
        if vectors > 1 { c61 = c61.adding(a6, times: b1) }
        if vectors > 2 { c62 = c62.adding(a6, times: b2) }
        let a7 = V(repeating: a[7 &* step])
        c70 = c70.adding(a7, times: b0)
        if vectors > 1 { c71 = c71.adding(a7, times: b1) }
        if vectors > 2 { c72 = c72.adding(a7, times: b2) }
      }
      a += left.depthStep
      b += right.depthStep
      p &-= 1
    }
    c.put(0, c00, c01, c02, vectors)
    if rows > 1 {
      c.put(1, c10, c11, c12, vectors)
      c.put(2, c20, c21, c22, vectors)
      c.put(3, c30, c31, c32, vectors)
    }
    if rows > 4 {
      c.put(4, c40, c41, c42, vectors)
      c.put(5, c50, c51, c52, vectors)
      c.put(6, c60, c61, c62, vectors)
      c.put(7, c70, c71, c72, vectors)
    }
  }
}

/// Where a tile is stored.
@usableFromInline struct TileTarget {
  @usableFromInline let c: Target
  @usableFromInline let stride: Int
  /// Where the last vector of each row goes: to `c` too, or to scratch memory.
  @usableFromInline let last: Target
  @usableFromInline let lastStride: Int
  /// Whether sums are added to what `c` holds.
  @usableFromInline let accumulating: Bool
  @usableFromInline let lastAccumulating: Bool

  @inlinable @inline(always)
  init(_ c: Target, _ stride: Int, last: Target, _ lastStride: Int, _ accumulating: Bool, lastAccumulating: Bool) {
    (self.c, self.stride, self.last, self.lastStride) = (c, stride, last, lastStride)
    (self.accumulating, self.lastAccumulating) = (accumulating, lastAccumulating)
  }

  /// Stores row `row`: its first `vectors` vectors.
  @inlinable @inline(always)
  func put<V: FloatVector>(_ row: Int, _ x: V, _ y: V, _ z: V, _ vectors: Int) {
    let c = c + row &* stride, last = last + row &* lastStride
    if vectors > 1 { TileTarget.put(x, c, accumulating) }
    if vectors > 2 { TileTarget.put(y, c + V.width, accumulating) }
    TileTarget.put(vectors > 2 ? z : vectors > 1 ? y : x, last, lastAccumulating)
  }

  @inlinable @inline(always)
  static func put<V: FloatVector>(_ x: V, _ c: Target, _ accumulating: Bool) {
    (accumulating ? V.load(c) + x : x).store(c)
  }
}
