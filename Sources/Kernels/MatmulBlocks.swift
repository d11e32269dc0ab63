/// Rows times one panel, edges included: strips of whole tiles, then tiles of four rows and of one.
@usableFromInline enum MatmulBlocks {
  @inlinable @inline(always)
  static func wholePanel<V: FloatVector>(
    _ vector: V.Type, _ left: LeftRows, _ rows: Int, _ right: Source, _ rightStride: Int, _ depth: Int, _ c: Target,
    _ cStride: Int, _ accumulating: Bool
  ) {
    var strip = left.base, row = 0
    while row &+ V.tileRows <= rows {
      let target = c + row &* cStride
      if V.tileRows == 8 {
        MatmulTiles.tile8x3(vector, left.at(strip), right, rightStride, depth, target, cStride, accumulating)
      } else {
        MatmulTiles.tile4x3(vector, left.at(strip), right, rightStride, depth, target, cStride, accumulating)
      }
      row &+= V.tileRows
      strip += left.stripStep
    }
    if V.tileRows == 8 && row &+ 4 <= rows {
      MatmulTiles.tile4x3(vector, left.at(strip), right, rightStride, depth, c + row &* cStride, cStride, accumulating)
      row &+= 4
      strip += 4 &* left.rowStep
    }
    while row < rows {
      MatmulTiles.tile1x3(vector, left.at(strip), right, rightStride, depth, c + row &* cStride, cStride, accumulating)
      row &+= 1
      strip += left.rowStep
    }
  }

  /// A panel with missing columns: one vector of columns after the other, the last one through scratch memory.
  @inlinable @inline(always)
  static func partOfPanel<V: FloatVector>(
    _ vector: V.Type, _ left: LeftRows, _ rows: Int, _ right: Source, _ rightStride: Int, _ columns: Int,
    _ depth: Int, _ c: Target, _ cStride: Int, _ accumulating: Bool
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 8 &* V.width) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      var column = 0
      while column < columns {
        let present = Swift.min(V.width, columns &- column)
        let isWhole = present == V.width
        let right = right + column
        var strip = left.base, row = 0
        while row < rows {
          let count = row &+ V.tileRows <= rows ? V.tileRows : row &+ 4 <= rows ? 4 : 1
          let place = c + (row &* cStride &+ column)
          let (target, stride, adding) = isWhole ? (place, cStride, accumulating) : (scratch, V.width, false)
          if V.tileRows == 8 && count == 8 {
            MatmulTiles.tile8x1(vector, left.at(strip), right, rightStride, depth, target, stride, adding)
          } else if count == 4 {
            MatmulTiles.tile4x1(vector, left.at(strip), right, rightStride, depth, target, stride, adding)
          } else {
            MatmulTiles.tile1x1(vector, left.at(strip), right, rightStride, depth, target, stride, adding)
          }
          if !isWhole { copy(scratch, V.width, count, present, place, cStride, accumulating) }
          row &+= count
          strip += count == V.tileRows ? left.stripStep : count &* left.rowStep
        }
        column &+= V.width
      }
    }
  }

  /// Moves the columns that exist from scratch memory to `c`.
  @inlinable @inline(always)
  static func copy(
    _ scratch: Target, _ stride: Int, _ rows: Int, _ columns: Int, _ c: Target, _ cStride: Int, _ accumulating: Bool
  ) {
    var i = 0
    while i < rows {
      var j = 0
      while j < columns {
        let at = i &* cStride &+ j, value = scratch[i &* stride &+ j]
        c[at] = accumulating ? c[at] + value : value
        j &+= 1
      }
      i &+= 1
    }
  }

  /// One row times the columns of a column-major matrix, a vector of columns at a time, turned in registers.
  @inlinable @inline(always)
  static func row<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ row: Source, _ right: UnsafeRawPointer, _ start: Int, _ stride: Int,
    _ columns: Int, _ depth: Int, _ c: Target, _ accumulating: Bool
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: V.width) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      var column = 0
      while column < columns {
        let present = Swift.min(V.width, columns &- column)
        let first = start &+ column &* stride
        var sum = V.zero, p = 0
        if present == V.width {
          while p &+ V.width <= depth {
            if V.width == 16 {
              MatmulTranspose.dot16(vector, kept, row + p, right, first &+ p, stride, &sum)
            } else if V.width == 8 {
              MatmulTranspose.dot8(vector, kept, row + p, right, first &+ p, stride, &sum)
            } else {
              MatmulTranspose.dot4(vector, kept, row + p, right, first &+ p, stride, &sum)
            }
            p &+= V.width
          }
        }
        while p < depth {
          var j = 0
          while j < V.width {
            scratch[j] = j < present ? K.scalar(right, first &+ j &* stride &+ p) : 0
            j &+= 1
          }
          sum = sum.adding(V(repeating: row[p]), times: V.load(scratch))
          p &+= 1
        }
        if present == V.width {
          MatmulTiles.put1(sum, c + column, accumulating)
        } else {
          sum.store(scratch)
          copy(scratch, V.width, 1, present, c + column, 0, accumulating)
        }
        column &+= V.width
      }
    }
  }
}
