extension MatmulPacking {
  /// `rows` (at most `tileRows`) rows of the left matrix: for each depth, `tileRows` values, zeros beyond `rows`.
  ///
  /// A strip of a single row is kept without padding: its stride is 1.
  @export(implementation) @inline(always)
  static func packStrip<V: FloatVector>(
    _ vector: V.Type, _ layout: MatrixLayout, _ source: Source, _ stride: Int, _ rows: Int, _ depth: Int,
    _ target: Target
  ) {
    let tileRows = V.tileRows
    var p = 0
    if rows == 1 {
      let step = layout == .rowMajor ? 1 : stride
      while p < depth {
        target[p] = source[p &* step]
        p &+= 1
      }
      return
    }
    if rows == tileRows {
      switch layout {
      case .rowMajor:
        while p &+ V.width <= depth {
          if tileRows == 8 {
            transpose8(vector, KeptFloat32.self, UnsafeRawPointer(source), stride, p, target + p &* 8, V.width)
          } else {
            transpose4(vector, KeptFloat32.self, UnsafeRawPointer(source), stride, p, target + p &* 4, V.width)
          }
          p &+= V.width
        }
      case .columnMajor:
        while p < depth {
          let from = source + p &* stride, to = target + p &* tileRows
          Lanes4.load(from).store(to)
          if tileRows == 8 { Lanes4.load(from + 4).store(to + 4) }
          p &+= 1
        }
      }
    }
    let (rowStep, depthStep) = layout == .rowMajor ? (stride, 1) : (1, stride)
    while p < depth {
      var i = 0
      while i < tileRows {
        target[p &* tileRows &+ i] = i < rows ? source[i &* rowStep &+ p &* depthStep] : 0
        i &+= 1
      }
      p &+= 1
    }
  }

  /// `columns` (at most three vectors) columns of the right matrix: for each depth, three vectors, zeros beyond
  /// `columns`.
  @export(implementation) @inline(always)
  static func packPanel<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ layout: MatrixLayout, _ source: UnsafeRawPointer, _ start: Int,
    _ stride: Int, _ columns: Int, _ depth: Int, _ target: Target
  ) {
    var group = 0
    while group < 3 {
      let first = group &* V.width
      let present = Swift.max(0, Swift.min(V.width, columns &- first))
      let target = target + first
      switch layout {
      case .rowMajor:
        packRows(vector, kept, source, start &+ first, stride, present, depth, target)
      case .columnMajor:
        packColumns(vector, kept, source, start &+ first &* stride, stride, present, depth, target)
      }
      group &+= 1
    }
  }

  /// One vector's worth of columns whose depths lie `stride` apart.
  @export(implementation) @inline(always)
  static func packRows<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ present: Int,
    _ depth: Int, _ target: Target
  ) {
    let panel = 3 &* V.width
    var p = 0
    if present == V.width {
      while p < depth {
        (K.vector(source, start &+ p &* stride) as V).store(target + p &* panel)
        p &+= 1
      }
      return
    }
    while p < depth {
      var j = 0
      while j < V.width {
        target[p &* panel &+ j] = j < present ? K.scalar(source, start &+ p &* stride &+ j) : 0
        j &+= 1
      }
      p &+= 1
    }
  }

  /// One vector's worth of columns, each contiguous over depth, `stride` apart.
  @export(implementation) @inline(always)
  static func packColumns<V: FloatVector, K: KeptElement>(
    _ vector: V.Type, _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ present: Int,
    _ depth: Int, _ target: Target
  ) {
    let panel = 3 &* V.width
    var p = 0
    if present == V.width {
      while p &+ V.width <= depth {
        let to = target + p &* panel
        if V.width == 16 {
          transpose16(vector, kept, source, stride, start &+ p, to, panel)
        } else if V.width == 8 {
          transpose8(vector, kept, source, stride, start &+ p, to, panel)
        } else {
          transpose4(vector, kept, source, stride, start &+ p, to, panel)
        }
        p &+= V.width
      }
    }
    while p < depth {
      var j = 0
      while j < V.width {
        target[p &* panel &+ j] = j < present ? K.scalar(source, start &+ j &* stride &+ p) : 0
        j &+= 1
      }
      p &+= 1
    }
  }
}
