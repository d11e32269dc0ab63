/// One row times a matrix that is read once, where it lies: what decoding does with every weight.
///
/// Each element is the same chain of multiply-adds that the tiles run, so a row alone has the bits of a row among others.
@usableFromInline enum MatmulRow {
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

  /// `c (+)= row * right` for panels that lie `step` apart: four at a time, so that memory is read in as many streams.
  @inlinable @inline(always)
  static func byPanels<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ row: Source, _ right: UnsafeRawPointer, _ start: Int, _ step: Int,
    _ columns: Int, _ depth: Int, _ c: Target, _ accumulating: Bool
  ) {
    let width = 3 &* V.width
    var column = 0, panel = start
    while column &+ 4 &* width <= columns {
      var s0 = PanelSums<V>(panel), s1 = PanelSums<V>(panel &+ step)
      var s2 = PanelSums<V>(panel &+ 2 &* step), s3 = PanelSums<V>(panel &+ 3 &* step)
      var p = 0
      while p < depth {
        let x = V(repeating: row[p])
        s0.add(kept, x, right)
        s1.add(kept, x, right)
        s2.add(kept, x, right)
        s3.add(kept, x, right)
        p &+= 1
      }
      s0.put(c + column, accumulating)
      s1.put(c + (column &+ width), accumulating)
      s2.put(c + (column &+ 2 &* width), accumulating)
      s3.put(c + (column &+ 3 &* width), accumulating)
      column &+= 4 &* width
      panel &+= 4 &* step
    }
    while column < columns {
      var sums = PanelSums<V>(panel), p = 0
      while p < depth {
        sums.add(kept, V(repeating: row[p]), right)
        p &+= 1
      }
      if column &+ width <= columns {
        sums.put(c + column, accumulating)
      } else {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { scratch in
          guard let scratch = scratch.baseAddress else { return }
          sums.put(scratch, false)
          MatmulBlocks.copy(scratch, 0, 1, columns &- column, c + column, 0, accumulating)
        }
      }
      column &+= width
      panel &+= step
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

/// A panel's sums, in registers while its rows come by.
@usableFromInline struct PanelSums<V: FloatVector> {
  @usableFromInline var a = V.zero, b = V.zero, c = V.zero
  /// Where the next row of the panel lies.
  @usableFromInline var next: Int

  @inlinable @inline(always) init(_ start: Int) { next = start }

  @inlinable @inline(always)
  mutating func add<K: KeptElement>(_ kept: K.Type, _ x: V, _ right: UnsafeRawPointer) {
    a = a.adding(x, times: K.vector(right, next))
    b = b.adding(x, times: K.vector(right, next &+ V.width))
    c = c.adding(x, times: K.vector(right, next &+ 2 &* V.width))
    next &+= 3 &* V.width
  }

  @inlinable @inline(always)
  func put(_ target: Target, _ accumulating: Bool) {
    TileTarget.put(a, target, accumulating)
    TileTarget.put(b, target + V.width, accumulating)
    TileTarget.put(c, target + 2 &* V.width, accumulating)
  }
}
