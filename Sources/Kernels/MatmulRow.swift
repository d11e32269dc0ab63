/// One row times a matrix that is read once, where it lies: what decoding does with every weight.
///
/// Each element is the same chain of multiply-adds that the tiles run, so a row alone has the bits of a row among others.
@usableFromInline enum MatmulRow {
  /// How many vectors of each stream ahead memory is asked for.
  @export(implementation) @inline(always) static var vectorsAhead: Int { 16 }

  @inlinable @inline(always)
  static func multiply<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ row: Source, _ layout: MatrixLayout, _ right: UnsafeRawPointer, _ start: Int,
    _ stride: Int, _ columns: Int, _ depth: Int, _ c: Target, _ sums: Target?
  ) {
    switch layout {
    case .rowMajor:
      byRows(vector, kept, row, right, start, stride, columns, depth, sums ?? c)
      if let sums {
        var j = 0
        while j &+ V.width <= columns {
          (V.load(c + j) + V.load(sums + j)).store(c + j)
          j &+= V.width
        }
        while j < columns {
          c[j] += sums[j]
          j &+= 1
        }
      }
    case .columnMajor:
      byColumns(vector, kept, row, right, start, stride, columns, depth, c, sums != nil)
    case .panels:
      byPanels(vector, kept, row, right, start, stride, columns, depth, c, sums != nil)
    }
  }

  /// `c (+)= row * right` for panels that lie `step` apart: eight at a time and a line of each in turn, since memory gives
  /// more the more streams it is read in.
  @inlinable @inline(always)
  static func byPanels<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ row: Source, _ right: UnsafeRawPointer, _ start: Int, _ step: Int,
    _ columns: Int, _ depth: Int, _ c: Target, _ accumulating: Bool
  ) {
    var column = 0, panel = start
    while column < columns {
      let whole = (columns &- column) / V.width, count: Int
      if whole >= 8 {
        panels(8, vector, kept, row, right, panel, step, depth, c + column, accumulating)
        count = 8
      } else if whole >= 4 {
        panels(4, vector, kept, row, right, panel, step, depth, c + column, accumulating)
        count = 4
      } else if whole >= 1 {
        panels(1, vector, kept, row, right, panel, step, depth, c + column, accumulating)
        count = 1
      } else {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: V.width) { scratch in
          guard let scratch = scratch.baseAddress else { return }
          panels(1, vector, kept, row, right, panel, step, depth, scratch, false)
          MatmulBlocks.copy(scratch, 0, 1, columns &- column, c + column, 0, accumulating)
        }
        count = 1
      }
      column &+= count &* V.width
      panel &+= count &* step
    }
  }

  /// `count` (8, 4 or 1) panels. It is a literal where this is called, and what it rules out is not compiled.
  @inlinable @inline(always)
  static func panels<V: FloatVector, K: KeptElement>(
    _ count: Int, _ vector: V.Type, _ kept: K.Type, _ row: Source, _ right: UnsafeRawPointer, _ start: Int,
    _ step: Int, _ depth: Int, _ c: Target, _ accumulating: Bool
  ) {
    var s0 = V.zero, s1 = V.zero, s2 = V.zero, s3 = V.zero, s4 = V.zero, s5 = V.zero, s6 = V.zero, s7 = V.zero
    var p = 0, at = start
    while p < depth {
      if p & (Swift.max(1, 64 / (V.width &* K.byteCount)) &- 1) == 0 {  // once a line
        // Behind the end of these panels the next ones begin.
        let ahead = at &+ vectorsAhead &* V.width &+ (p &+ vectorsAhead < depth ? 0 : (count &- 1) &* step)
        var panel = 0
        while panel < count {
          prefetch(right + (ahead &+ panel &* step) &* K.byteCount)
          panel &+= 1
        }
      }
      let x = V(repeating: row[p])
      s0 = s0.adding(x, times: K.vector(right, at))
      if count > 1 {
        s1 = s1.adding(x, times: K.vector(right, at &+ step))
        s2 = s2.adding(x, times: K.vector(right, at &+ 2 &* step))
        s3 = s3.adding(x, times: K.vector(right, at &+ 3 &* step))
      }
      if count > 4 {
        s4 = s4.adding(x, times: K.vector(right, at &+ 4 &* step))
        s5 = s5.adding(x, times: K.vector(right, at &+ 5 &* step))
        s6 = s6.adding(x, times: K.vector(right, at &+ 6 &* step))
        s7 = s7.adding(x, times: K.vector(right, at &+ 7 &* step))
      }
      at &+= V.width
      p &+= 1
    }
    TileTarget.put(s0, c, accumulating)
    if count > 1 {
      TileTarget.put(s1, c + V.width, accumulating)
      TileTarget.put(s2, c + 2 &* V.width, accumulating)
      TileTarget.put(s3, c + 3 &* V.width, accumulating)
    }
    if count > 4 {
      TileTarget.put(s4, c + 4 &* V.width, accumulating)
      TileTarget.put(s5, c + 5 &* V.width, accumulating)
      TileTarget.put(s6, c + 6 &* V.width, accumulating)
      TileTarget.put(s7, c + 7 &* V.width, accumulating)
    }
  }

  /// `sums = row * right` for a row-major matrix: eight of its rows at a time run along the sums, which a near cache
  /// holds, so that memory is read in long streams.
  @inlinable @inline(always)
  static func byRows<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ row: Source, _ right: UnsafeRawPointer, _ start: Int, _ stride: Int,
    _ columns: Int, _ depth: Int, _ sums: Target
  ) {
    sums.update(repeating: 0, count: columns)
    var p = 0
    while p &+ 8 <= depth {
      let r0 = start &+ p &* stride, r1 = r0 &+ stride, r2 = r1 &+ stride, r3 = r2 &+ stride
      let r4 = r3 &+ stride, r5 = r4 &+ stride, r6 = r5 &+ stride, r7 = r6 &+ stride
      let x = row + p
      let x0 = V(repeating: x[0]), x1 = V(repeating: x[1]), x2 = V(repeating: x[2]), x3 = V(repeating: x[3])
      let x4 = V(repeating: x[4]), x5 = V(repeating: x[5]), x6 = V(repeating: x[6]), x7 = V(repeating: x[7])
      var j = 0
      while j &+ V.width <= columns {
        var sum = V.load(sums + j)
        sum = sum.adding(x0, times: K.vector(right, r0 &+ j))
        sum = sum.adding(x1, times: K.vector(right, r1 &+ j))
        sum = sum.adding(x2, times: K.vector(right, r2 &+ j))
        sum = sum.adding(x3, times: K.vector(right, r3 &+ j))
        sum = sum.adding(x4, times: K.vector(right, r4 &+ j))
        sum = sum.adding(x5, times: K.vector(right, r5 &+ j))
        sum = sum.adding(x6, times: K.vector(right, r6 &+ j))
        sum = sum.adding(x7, times: K.vector(right, r7 &+ j))
        sum.store(sums + j)
        j &+= V.width
      }
      p &+= 8
    }
    while p < depth {
      let x = V(repeating: row[p]), r = start &+ p &* stride
      var j = 0
      while j &+ V.width <= columns {
        V.load(sums + j).adding(x, times: K.vector(right, r &+ j)).store(sums + j)
        j &+= V.width
      }
      p &+= 1
    }
    let whole = columns &- columns % V.width
    if whole == columns { return }
    // The columns that fill no vector, in the lanes of one, so that rounding is that of the others.
    withUnsafeTemporaryAllocation(of: Float.self, capacity: V.width) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      var sum = V.zero, p = 0
      while p < depth {
        var j = 0
        while j < V.width {
          scratch[j] = whole &+ j < columns ? K.scalar(right, start &+ p &* stride &+ whole &+ j) : 0
          j &+= 1
        }
        sum = sum.adding(V(repeating: row[p]), times: V.load(scratch))
        p &+= 1
      }
      sum.store(scratch)
      var j = whole
      while j < columns {
        sums[j] = scratch[j &- whole]
        j &+= 1
      }
    }
  }

  /// `c (+)= row * right` for a column-major matrix: a vector of columns at a time, turned in registers.
  @inlinable @inline(always)
  static func byColumns<V: FloatVector, K: KeptElement>(
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
          while p &+ 8 <= depth {
            // A part of the columns for each eight depths of a line; behind their end the next ones begin.
            let inNext = (depth < 128 ? p : p &+ 128 &- depth) &+ V.width &* stride
            let ahead = p &+ 128 < depth ? p &+ 128 : inNext
            let parts = 8 / K.byteCount
            var j = p / 8 % parts &* (V.width / parts)
            let end = j &+ V.width / parts
            while j < end {
              prefetch(right + (first &+ ahead &+ j &* stride) &* K.byteCount)
              j &+= 1
            }
            let t: EightVectors<V> = K.turned(right, first &+ p, stride)
            sum = sum.adding(V(repeating: row[p]), times: t.0)
            sum = sum.adding(V(repeating: row[p &+ 1]), times: t.1)
            sum = sum.adding(V(repeating: row[p &+ 2]), times: t.2)
            sum = sum.adding(V(repeating: row[p &+ 3]), times: t.3)
            sum = sum.adding(V(repeating: row[p &+ 4]), times: t.4)
            sum = sum.adding(V(repeating: row[p &+ 5]), times: t.5)
            sum = sum.adding(V(repeating: row[p &+ 6]), times: t.6)
            sum = sum.adding(V(repeating: row[p &+ 7]), times: t.7)
            p &+= 8
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
          TileTarget.put(sum, c + column, accumulating)
        } else {
          sum.store(scratch)
          MatmulBlocks.copy(scratch, V.width, 1, present, c + column, 0, accumulating)
        }
        column &+= V.width
      }
    }
  }
}
