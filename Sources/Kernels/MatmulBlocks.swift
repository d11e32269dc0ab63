/// Rows times one panel, edges included: strips of whole tiles, then a tile of four rows and tiles of one.
@usableFromInline enum MatmulBlocks {
  /// A panel of `vectors` vectors of columns, the last of which may lack some.
  @inlinable @inline(always)
  static func panel<V: FloatVector>(
    _ vector: V.Type, vectors: Int, _ left: LeftRows, _ rows: Int, _ right: RightColumns, _ columns: Int,
    _ depth: Int, _ c: Target, _ cStride: Int, _ accumulating: Bool
  ) {
    let lastColumn = (vectors &- 1) &* V.width, present = columns &- lastColumn
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 8 &* V.width) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      var strip = left.base, row = 0
      while row < rows {
        let place = c + row &* cStride
        let isWhole = present == V.width
        let target = TileTarget(
          place, cStride, last: isWhole ? place + lastColumn : scratch, isWhole ? cStride : V.width, accumulating,
          lastAccumulating: isWhole && accumulating)
        let count: Int
        if V.tileRows == 8 && row &+ 8 <= rows {
          MatmulTiles.tile(vector, rows: 8, vectors: vectors, left.at(strip), right, depth, target)
          count = 8
        } else if row &+ 4 <= rows {
          MatmulTiles.tile(vector, rows: 4, vectors: vectors, left.at(strip), right, depth, target)
          count = 4
        } else {
          MatmulTiles.tile(vector, rows: 1, vectors: vectors, left.at(strip), right, depth, target)
          count = 1
        }
        if !isWhole { copy(scratch, V.width, count, present, place + lastColumn, cStride, accumulating) }
        row &+= count
        strip += count == V.tileRows ? left.stripStep : count &* left.rowStep
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
}
