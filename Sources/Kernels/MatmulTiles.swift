/// The innermost loops of matmul: tiles of `c` whose accumulators stay in registers over the whole depth block.
///
/// Every element is one chain of products in order of depth, started from zero and then stored or added to `c`. All
/// tile sizes run the same chain, so a row's result does not depend on the rows beside it.
@usableFromInline enum MatmulTiles {
  @inlinable @inline(always)
  static func put1<V: FloatVector>(_ x: V, _ c: Target, _ accumulating: Bool) {
    (accumulating ? V.load(c) + x : x).store(c)
  }

  @inlinable @inline(always)
  static func put3<V: FloatVector>(_ x: V, _ y: V, _ z: V, _ c: Target, _ accumulating: Bool) {
    put1(x, c, accumulating)
    put1(y, c + V.width, accumulating)
    put1(z, c + 2 &* V.width, accumulating)
  }

  /// 8 rows by 3 vectors.
  @inlinable @inline(always)
  static func tile8x3<V: FloatVector>(
    _ vector: V.Type, _ left: LeftRows, _ right: Source, _ rightStride: Int, _ depth: Int, _ c: Target,
    _ cStride: Int, _ accumulating: Bool
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
    var a = left.base, b = right, p = depth
    while p > 0 {
      let b0 = V.load(b), b1 = V.load(b + V.width), b2 = V.load(b + 2 &* V.width)
      let a0 = V(repeating: a[0])
      c00 = c00.adding(a0, times: b0)
      c01 = c01.adding(a0, times: b1)
      c02 = c02.adding(a0, times: b2)
      let a1 = V(repeating: a[step])
      c10 = c10.adding(a1, times: b0)
      c11 = c11.adding(a1, times: b1)
      c12 = c12.adding(a1, times: b2)
      let a2 = V(repeating: a[2 &* step])
      c20 = c20.adding(a2, times: b0)
      c21 = c21.adding(a2, times: b1)
      c22 = c22.adding(a2, times: b2)
      let a3 = V(repeating: a[3 &* step])
      c30 = c30.adding(a3, times: b0)
      c31 = c31.adding(a3, times: b1)
      c32 = c32.adding(a3, times: b2)
      let a4 = V(repeating: a[4 &* step])
      c40 = c40.adding(a4, times: b0)
      c41 = c41.adding(a4, times: b1)
      c42 = c42.adding(a4, times: b2)
      let a5 = V(repeating: a[5 &* step])
      c50 = c50.adding(a5, times: b0)
      c51 = c51.adding(a5, times: b1)
      c52 = c52.adding(a5, times: b2)
      let a6 = V(repeating: a[6 &* step])
      c60 = c60.adding(a6, times: b0)
      c61 = c61.adding(a6, times: b1)
      c62 = c62.adding(a6, times: b2)
      let a7 = V(repeating: a[7 &* step])
      c70 = c70.adding(a7, times: b0)
      c71 = c71.adding(a7, times: b1)
      c72 = c72.adding(a7, times: b2)
      a += left.depthStep
      b += rightStride
      p &-= 1
    }
    put3(c00, c01, c02, c, accumulating)
    put3(c10, c11, c12, c + cStride, accumulating)
    put3(c20, c21, c22, c + 2 &* cStride, accumulating)
    put3(c30, c31, c32, c + 3 &* cStride, accumulating)
    put3(c40, c41, c42, c + 4 &* cStride, accumulating)
    put3(c50, c51, c52, c + 5 &* cStride, accumulating)
    put3(c60, c61, c62, c + 6 &* cStride, accumulating)
    put3(c70, c71, c72, c + 7 &* cStride, accumulating)
  }

  /// 4 rows by 3 vectors.
  @inlinable @inline(always)
  static func tile4x3<V: FloatVector>(
    _ vector: V.Type, _ left: LeftRows, _ right: Source, _ rightStride: Int, _ depth: Int, _ c: Target,
    _ cStride: Int, _ accumulating: Bool
  ) {
    var c00 = V.zero, c01 = V.zero, c02 = V.zero
    var c10 = V.zero, c11 = V.zero, c12 = V.zero
    var c20 = V.zero, c21 = V.zero, c22 = V.zero
    var c30 = V.zero, c31 = V.zero, c32 = V.zero
    let step = left.rowStep
    var a = left.base, b = right, p = depth
    while p > 0 {
      let b0 = V.load(b), b1 = V.load(b + V.width), b2 = V.load(b + 2 &* V.width)
      let a0 = V(repeating: a[0])
      c00 = c00.adding(a0, times: b0)
      c01 = c01.adding(a0, times: b1)
      c02 = c02.adding(a0, times: b2)
      let a1 = V(repeating: a[step])
      c10 = c10.adding(a1, times: b0)
      c11 = c11.adding(a1, times: b1)
      c12 = c12.adding(a1, times: b2)
      let a2 = V(repeating: a[2 &* step])
      c20 = c20.adding(a2, times: b0)
      c21 = c21.adding(a2, times: b1)
      c22 = c22.adding(a2, times: b2)
      let a3 = V(repeating: a[3 &* step])
      c30 = c30.adding(a3, times: b0)
      c31 = c31.adding(a3, times: b1)
      c32 = c32.adding(a3, times: b2)
      a += left.depthStep
      b += rightStride
      p &-= 1
    }
    put3(c00, c01, c02, c, accumulating)
    put3(c10, c11, c12, c + cStride, accumulating)
    put3(c20, c21, c22, c + 2 &* cStride, accumulating)
    put3(c30, c31, c32, c + 3 &* cStride, accumulating)
  }

  /// 1 row by 3 vectors.
  @inlinable @inline(always)
  static func tile1x3<V: FloatVector>(
    _ vector: V.Type, _ left: LeftRows, _ right: Source, _ rightStride: Int, _ depth: Int, _ c: Target,
    _ cStride: Int, _ accumulating: Bool
  ) {
    var c00 = V.zero, c01 = V.zero, c02 = V.zero
    var a = left.base, b = right, p = depth
    while p > 0 {
      let b0 = V.load(b), b1 = V.load(b + V.width), b2 = V.load(b + 2 &* V.width)
      let a0 = V(repeating: a[0])
      c00 = c00.adding(a0, times: b0)
      c01 = c01.adding(a0, times: b1)
      c02 = c02.adding(a0, times: b2)
      a += left.depthStep
      b += rightStride
      p &-= 1
    }
    put3(c00, c01, c02, c, accumulating)
  }

  /// 8 rows by 1 vector.
  @inlinable @inline(always)
  static func tile8x1<V: FloatVector>(
    _ vector: V.Type, _ left: LeftRows, _ right: Source, _ rightStride: Int, _ depth: Int, _ c: Target,
    _ cStride: Int, _ accumulating: Bool
  ) {
    var c00 = V.zero
    var c10 = V.zero
    var c20 = V.zero
    var c30 = V.zero
    var c40 = V.zero
    var c50 = V.zero
    var c60 = V.zero
    var c70 = V.zero
    let step = left.rowStep
    var a = left.base, b = right, p = depth
    while p > 0 {
      let b0 = V.load(b)
      let a0 = V(repeating: a[0])
      c00 = c00.adding(a0, times: b0)
      let a1 = V(repeating: a[step])
      c10 = c10.adding(a1, times: b0)
      let a2 = V(repeating: a[2 &* step])
      c20 = c20.adding(a2, times: b0)
      let a3 = V(repeating: a[3 &* step])
      c30 = c30.adding(a3, times: b0)
      let a4 = V(repeating: a[4 &* step])
      c40 = c40.adding(a4, times: b0)
      let a5 = V(repeating: a[5 &* step])
      c50 = c50.adding(a5, times: b0)
      let a6 = V(repeating: a[6 &* step])
      c60 = c60.adding(a6, times: b0)
      let a7 = V(repeating: a[7 &* step])
      c70 = c70.adding(a7, times: b0)
      a += left.depthStep
      b += rightStride
      p &-= 1
    }
    put1(c00, c, accumulating)
    put1(c10, c + cStride, accumulating)
    put1(c20, c + 2 &* cStride, accumulating)
    put1(c30, c + 3 &* cStride, accumulating)
    put1(c40, c + 4 &* cStride, accumulating)
    put1(c50, c + 5 &* cStride, accumulating)
    put1(c60, c + 6 &* cStride, accumulating)
    put1(c70, c + 7 &* cStride, accumulating)
  }

  /// 4 rows by 1 vector.
  @inlinable @inline(always)
  static func tile4x1<V: FloatVector>(
    _ vector: V.Type, _ left: LeftRows, _ right: Source, _ rightStride: Int, _ depth: Int, _ c: Target,
    _ cStride: Int, _ accumulating: Bool
  ) {
    var c00 = V.zero
    var c10 = V.zero
    var c20 = V.zero
    var c30 = V.zero
    let step = left.rowStep
    var a = left.base, b = right, p = depth
    while p > 0 {
      let b0 = V.load(b)
      let a0 = V(repeating: a[0])
      c00 = c00.adding(a0, times: b0)
      let a1 = V(repeating: a[step])
      c10 = c10.adding(a1, times: b0)
      let a2 = V(repeating: a[2 &* step])
      c20 = c20.adding(a2, times: b0)
      let a3 = V(repeating: a[3 &* step])
      c30 = c30.adding(a3, times: b0)
      a += left.depthStep
      b += rightStride
      p &-= 1
    }
    put1(c00, c, accumulating)
    put1(c10, c + cStride, accumulating)
    put1(c20, c + 2 &* cStride, accumulating)
    put1(c30, c + 3 &* cStride, accumulating)
  }

  /// 1 row by 1 vector.
  @inlinable @inline(always)
  static func tile1x1<V: FloatVector>(
    _ vector: V.Type, _ left: LeftRows, _ right: Source, _ rightStride: Int, _ depth: Int, _ c: Target,
    _ cStride: Int, _ accumulating: Bool
  ) {
    var c00 = V.zero
    var a = left.base, b = right, p = depth
    while p > 0 {
      let b0 = V.load(b)
      let a0 = V(repeating: a[0])
      c00 = c00.adding(a0, times: b0)
      a += left.depthStep
      b += rightStride
      p &-= 1
    }
    put1(c00, c, accumulating)
  }
}
