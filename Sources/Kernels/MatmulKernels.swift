/// How a matrix lies in memory.
public enum MatrixLayout: UInt8, Sendable, CaseIterable {
  /// Element (row, column) at `row * stride + column`.
  case rowMajor
  /// Element (row, column) at `column * stride + row`.
  case columnMajor
  /// A right matrix in panels of one vector's columns, each whole over the depth, `stride` from one to the next; zeros
  /// where columns are missing.
  case panels
}

/// The rows of a left matrix as the tiles read them: element (row, depth) of a strip at
/// `row * rowStep + depth * depthStep`, the next strip `stripStep` further on.
public struct LeftRows {
  /// Element (0, 0).
  public var base: Source
  /// From a row to the next of the same strip.
  public let rowStep: Int
  /// From a depth to the next.
  public let depthStep: Int
  /// From a strip to the next.
  public let stripStep: Int

  @inlinable @inline(always)
  init(_ base: Source, rowStep: Int, depthStep: Int, stripStep: Int) {
    (self.base, self.rowStep, self.depthStep, self.stripStep) = (base, rowStep, depthStep, stripStep)
  }

  /// The same rows from another place on.
  @inlinable @inline(always)
  func at(_ base: Source) -> LeftRows {
    LeftRows(base, rowStep: rowStep, depthStep: depthStep, stripStep: stripStep)
  }
}

/// The columns of a right matrix as the tiles read them: element (depth, column) of a vector of columns at
/// `depth * depthStep + column`, the next vector `vectorStep` further on.
public struct RightColumns {
  /// Element (0, 0).
  public let base: Source
  /// From a depth to the next.
  public let depthStep: Int
  /// From a vector of columns to the next.
  public let vectorStep: Int
}

/// The matmul kernels of one instruction set: packing, and blocks multiplied.
///
/// `c = left * right`. The left matrix is read where it lies, or packed in strips of `tileRows` rows; the right one is
/// packed in panels of `panelWidth` columns. Both are cut into blocks of at most `depthBlock` along the summed axis. Each
/// element of `c` is, per depth block, one chain of multiply-adds in order of depth; blocks are added in order. Nothing
/// else decides its bits, but where `tiles` compute it.
public struct MatmulKernels: Sendable {
  /// Rows of a strip.
  public let tileRows: Int
  /// Columns of a vector, and of a panel of a matrix that is packed once.
  public let vectorWidth: Int
  /// Columns of the panels that a product packs for itself: three vectors, as wide as a tile.
  public var panelWidth: Int { 3 &* vectorWidth }
  /// The largest depth of one block: a panel of it stays in the second-level cache.
  public var depthBlock: Int { 1024 }

  /// Packs `rows` rows of a left matrix, strip after strip, `tileRows * depth` values each.
  public let packLeft:
    @Sendable (_ layout: MatrixLayout, _ source: Source, _ stride: Int, _ rows: Int, _ depth: Int, _ target: Target) ->
      Void
  /// Packs one panel of `columns` columns into `depth * width` values, zeros beyond `columns`; `width` is `panelWidth` or
  /// `vectorWidth`. `start` and `stride` count elements.
  public let packRight:
    @Sendable (
      _ format: StorageFormat, _ layout: MatrixLayout, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int,
      _ columns: Int, _ depth: Int, _ width: Int, _ target: Target
    ) -> Void
  /// `c[0..<rows, 0..<columns] (+)= left * right` for at most `panelWidth` columns. The right side is a packed panel, or
  /// lies in place: packed vectors, or rows of a matrix when `columns` are whole vectors.
  public let multiply:
    @Sendable (
      _ left: LeftRows, _ rows: Int, _ right: RightColumns, _ columns: Int, _ depth: Int, _ c: Target,
      _ cStride: Int, _ accumulating: Bool
    ) -> Void
  /// `c[0..<columns] (+)= row * right` for one row and a right matrix that is read once, where it lies. The bits are
  /// those of `multiply`. Of panels, `start` lies in the first of them. With `sums` the product is added to `c`: scratch memory for
  /// `columns` values, which only a row-major matrix uses.
  public let multiplyRow:
    @Sendable (
      _ row: Source, _ format: StorageFormat, _ layout: MatrixLayout, _ right: UnsafeRawPointer, _ start: Int,
      _ stride: Int, _ columns: Int, _ depth: Int, _ c: Target, _ sums: Target?
    ) -> Void

  /// Products of large matrices in tile registers, where the processor has them.
  public internal(set) var tiles: TileKernels?

  /// The kernels of one instruction set, from closures around the bodies below.
  package init(
    tileRows: Int, vectorWidth: Int,
    packLeft: @escaping @Sendable (MatrixLayout, Source, Int, Int, Int, Target) -> Void,
    packRight:
      @escaping @Sendable (StorageFormat, MatrixLayout, UnsafeRawPointer, Int, Int, Int, Int, Int, Target) -> Void,
    multiply: @escaping @Sendable (LeftRows, Int, RightColumns, Int, Int, Target, Int, Bool) -> Void,
    multiplyRow:
      @escaping @Sendable (
        Source, StorageFormat, MatrixLayout, UnsafeRawPointer, Int, Int, Int, Int, Target, Target?
      ) -> Void
  ) {
    self.tileRows = tileRows
    self.vectorWidth = vectorWidth
    self.packLeft = packLeft
    self.packRight = packRight
    self.multiply = multiply
    self.multiplyRow = multiplyRow
  }

  /// Panels that `columns` columns are cut into.
  public func panelCount(of columns: Int) -> Int { (columns + panelWidth - 1) / panelWidth }

  /// The columns of panel `index` among `columns`: whole panels, but rather two of two vectors at the end than one of
  /// three and one of one, which would leave the multipliers waiting.
  public func panel(_ index: Int, of columns: Int) -> Range<Int> {
    let vector = vectorWidth, vectors = (columns + vector - 1) / vector
    let beforeLast = vectors / 3 - 1  // where one vector is left over
    guard vectors % 3 == 1, index >= beforeLast, vectors > 1 else {
      return index * panelWidth..<min(columns, (index + 1) * panelWidth)
    }
    let middle = beforeLast * panelWidth + 2 * vector
    return index == beforeLast ? beforeLast * panelWidth..<middle : middle..<columns
  }

  /// A row-major left matrix, read where it lies.
  public func rowMajor(_ base: Source, stride: Int) -> LeftRows {
    LeftRows(base, rowStep: stride, depthStep: 1, stripStep: tileRows * stride)
  }
  /// A column-major left matrix, read where it lies: for matrices that a cache holds.
  public func columnMajor(_ base: Source, stride: Int) -> LeftRows {
    LeftRows(base, rowStep: 1, depthStep: stride, stripStep: tileRows)
  }
  /// What `packLeft` has written.
  public func packed(_ base: Source, depth: Int) -> LeftRows {
    LeftRows(base, rowStep: 1, depthStep: tileRows, stripStep: tileRows * depth)
  }

  /// A panel that `packRight` has written, three vectors wide.
  public func packed(_ panel: Source) -> RightColumns {
    RightColumns(base: panel, depthStep: panelWidth, vectorStep: vectorWidth)
  }
  /// Columns of a row-major right matrix, read where they lie.
  public func columns(_ base: Source, stride: Int) -> RightColumns {
    RightColumns(base: base, depthStep: stride, vectorStep: vectorWidth)
  }
  /// Panels of one vector's columns, `step` from one to the next, read where they lie.
  public func panels(_ base: Source, step: Int) -> RightColumns {
    RightColumns(base: base, depthStep: vectorWidth, vectorStep: step)
  }

  /// The body of `packLeft`.
  @inlinable @inline(always)
  public static func packLeft<V: FloatVector>(
    _ vector: V.Type, _ layout: MatrixLayout, _ source: Source, _ stride: Int, _ rows: Int, _ depth: Int,
    _ target: Target
  ) {
    switch layout {
    case .rowMajor: MatmulPacking.packLeftRows(vector, source, stride, rows, depth, target)
    case .columnMajor, .panels: MatmulPacking.packLeft(vector, source, stride, rows, depth, target)
    }
  }

  /// The body of `packRight`.
  @inlinable @inline(always)
  public static func packRight<V: FloatVector>(
    _ vector: V.Type, _ format: StorageFormat, _ layout: MatrixLayout, _ source: UnsafeRawPointer, _ start: Int,
    _ stride: Int, _ columns: Int, _ depth: Int, _ width: Int, _ target: Target
  ) {
    switch format {
    case .float32:
      MatmulPacking.packPanel(vector, KeptFloat32.self, layout, source, start, stride, columns, depth, width, target)
    case .bfloat16:
      MatmulPacking.packPanel(vector, KeptBFloat16.self, layout, source, start, stride, columns, depth, width, target)
    case .float16:
      MatmulPacking.packPanel(vector, KeptFloat16.self, layout, source, start, stride, columns, depth, width, target)
    }
  }

  /// The body of `multiply`.
  @inlinable @inline(always)
  public static func multiply<V: FloatVector>(
    _ vector: V.Type, _ left: LeftRows, _ rows: Int, _ right: RightColumns, _ columns: Int, _ depth: Int, _ c: Target,
    _ cStride: Int, _ accumulating: Bool
  ) {
    if columns > 2 &* V.width {
      MatmulBlocks.panel(
        vector, vectors: 3, left, rows, right, columns, depth, c, cStride, accumulating)
    } else if columns > V.width {
      MatmulBlocks.panel(
        vector, vectors: 2, left, rows, right, columns, depth, c, cStride, accumulating)
    } else {
      MatmulBlocks.panel(
        vector, vectors: 1, left, rows, right, columns, depth, c, cStride, accumulating)
    }
  }

  /// The body of `multiplyRow`.
  @inlinable @inline(always)
  public static func multiplyRow<V: FloatVector>(
    _ vector: V.Type, _ row: Source, _ format: StorageFormat, _ layout: MatrixLayout, _ right: UnsafeRawPointer,
    _ start: Int, _ stride: Int, _ columns: Int, _ depth: Int, _ c: Target, _ sums: Target?
  ) {
    switch format {
    case .float32:
      MatmulRow.multiply(vector, KeptFloat32.self, row, layout, right, start, stride, columns, depth, c, sums)
    case .bfloat16:
      MatmulRow.multiply(vector, KeptBFloat16.self, row, layout, right, start, stride, columns, depth, c, sums)
    case .float16:
      MatmulRow.multiply(vector, KeptFloat16.self, row, layout, right, start, stride, columns, depth, c, sums)
    }
  }
}
