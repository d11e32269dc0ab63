/// Copies of matrix blocks in the order in which the tiles read them.
@usableFromInline enum MatmulPacking {
  /// `rows` rows of a column-major left matrix, strip after strip: for each depth, `tileRows` values. What a last strip
  /// lacks is left as it is.
  @inlinable @inline(always)
  static func packLeft<V: FloatVector>(
    _ vector: V.Type, _ source: Source, _ stride: Int, _ rows: Int, _ depth: Int, _ target: Target
  ) {
    // Several strips at once, so that each visit to a depth reads whole cache lines.
    let tileRows = V.tileRows, together = 8 &* tileRows
    var first = 0
    while first < rows {
      let last = Swift.min(rows, first &+ together)
      var p = 0
      while p < depth {
        let from = source + p &* stride
        var row = first
        while row &+ tileRows <= last {
          let to = target + (row &* depth &+ p &* tileRows)
          Lanes4.load(from + row).store(to)
          if tileRows == 8 { Lanes4.load(from + (row &+ 4)).store(to + 4) }
          row &+= tileRows
        }
        let to = target + (row &* depth &+ p &* tileRows)
        var i = 0
        while row &+ i < last {
          to[i] = from[row &+ i]
          i &+= 1
        }
        p &+= 1
      }
      first = last
    }
  }

  /// As `packLeft`, of a row-major left matrix: a vector of rows at a time, turned in registers.
  @inlinable @inline(always)
  static func packLeftRows<V: FloatVector>(
    _ vector: V.Type, _ source: Source, _ stride: Int, _ rows: Int, _ depth: Int, _ target: Target
  ) {
    // A vector holds rows of one strip or of two; or a strip takes two vectors.
    let tileRows = V.tileRows, lanes = Swift.min(V.width, tileRows)
    var row = 0
    while row < rows {
      let present = Swift.min(V.width, rows &- row)
      let from = source + row &* stride
      let to = target + (row / tileRows &* tileRows &* depth &+ row % tileRows)
      var p = 0
      if present == V.width {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 8 &* V.width) { scratch in
          guard let scratch = scratch.baseAddress else { return }
          while p &+ 8 <= depth {
            let t: EightVectors<V> = KeptFloat32.turned(from, p, stride)
            t.0.store(scratch)
            t.1.store(scratch + V.width)
            t.2.store(scratch + 2 &* V.width)
            t.3.store(scratch + 3 &* V.width)
            t.4.store(scratch + 4 &* V.width)
            t.5.store(scratch + 5 &* V.width)
            t.6.store(scratch + 6 &* V.width)
            t.7.store(scratch + 7 &* V.width)
            var lane = 0
            while lane < V.width {
              let place = to + (lane &* depth &+ p &* tileRows)
              var i = 0
              while i < 8 {
                let part = scratch + (i &* V.width &+ lane)
                Lanes4.load(part).store(place + i &* tileRows)
                if lanes == 8 { Lanes4.load(part + 4).store(place + (i &* tileRows &+ 4)) }
                i &+= 1
              }
              lane &+= lanes
            }
            p &+= 8
          }
        }
      }
      while p < depth {
        var i = 0
        while i < present {
          to[i / lanes &* lanes &* depth &+ p &* tileRows &+ i % lanes] = from[i &* stride &+ p]
          i &+= 1
        }
        p &+= 1
      }
      row &+= present
    }
  }

  /// `columns` columns of the right matrix: for each depth, `width` values (whole vectors), zeros beyond `columns`.
  @inlinable @inline(always)
  static func packPanel<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ layout: MatrixLayout, _ source: UnsafeRawPointer, _ start: Int,
    _ stride: Int, _ columns: Int, _ depth: Int, _ width: Int, _ target: Target
  ) {
    // In one pass: the rows may lie pages apart.
    if layout == .rowMajor && columns == width && columns == 3 &* V.width {
      var p = 0
      while p < depth {
        let from = start &+ p &* stride, to = target + p &* columns
        (K.vector(source, from) as V).store(to)
        (K.vector(source, from &+ V.width) as V).store(to + V.width)
        (K.vector(source, from &+ 2 &* V.width) as V).store(to + 2 &* V.width)
        p &+= 1
      }
      return
    }
    var first = 0
    while first < width {
      let present = Swift.max(0, Swift.min(V.width, columns &- first))
      let target = target + first
      switch layout {
      case .rowMajor:
        packRows(vector, kept, source, start &+ first, stride, present, depth, width, target)
      case .columnMajor:
        packColumns(vector, kept, source, start &+ first &* stride, stride, present, depth, width, target)
      case .panels:
        let panel = start &+ first / V.width &* stride
        packRows(vector, kept, source, panel, V.width, present == 0 ? 0 : V.width, depth, width, target)
      }
      first &+= V.width
    }
  }

  /// One vector's worth of columns whose depths lie `stride` apart.
  @inlinable @inline(always)
  static func packRows<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ present: Int,
    _ depth: Int, _ width: Int, _ target: Target
  ) {
    var p = 0
    if present == V.width {
      while p < depth {
        (K.vector(source, start &+ p &* stride) as V).store(target + p &* width)
        p &+= 1
      }
      return
    }
    while p < depth {
      var j = 0
      while j < V.width {
        target[p &* width &+ j] = j < present ? K.scalar(source, start &+ p &* stride &+ j) : 0
        j &+= 1
      }
      p &+= 1
    }
  }

  /// One vector's worth of columns, each contiguous over depth, `stride` apart.
  @inlinable @inline(always)
  static func packColumns<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ present: Int,
    _ depth: Int, _ width: Int, _ target: Target
  ) {
    var p = 0
    if present == V.width {
      while p &+ 8 <= depth {
        let t: EightVectors<V> = K.turned(source, start &+ p, stride)
        let to = target + p &* width
        t.0.store(to)
        t.1.store(to + width)
        t.2.store(to + 2 &* width)
        t.3.store(to + 3 &* width)
        t.4.store(to + 4 &* width)
        t.5.store(to + 5 &* width)
        t.6.store(to + 6 &* width)
        t.7.store(to + 7 &* width)
        p &+= 8
      }
    }
    while p < depth {
      var j = 0
      while j < V.width {
        target[p &* width &+ j] = j < present ? K.scalar(source, start &+ j &* stride &+ p) : 0
        j &+= 1
      }
      p &+= 1
    }
  }
}
