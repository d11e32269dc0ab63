/// How a matrix lies in memory: element (row, column) at `row * stride + column` or at `column * stride + row`.
public enum MatrixLayout: UInt8, Sendable, CaseIterable { case rowMajor, columnMajor }

/// The matmul kernels of one instruction set: packing, and packed blocks multiplied.
///
/// `c = left * right`. The left matrix is packed in strips of `tileRows` rows, the right one in panels of `panelWidth`
/// columns, in blocks of at most `depthBlock` along the summed axis. Each element of `c` is, per depth block, one chain
/// of multiply-adds in order of depth; blocks are added in order. Nothing else decides its bits.
public struct MatmulKernels: Sendable {
  /// Rows of a strip.
  public let tileRows: Int
  /// Columns of a panel: three vectors.
  public let panelWidth: Int
  /// The largest depth of one packed block.
  public var depthBlock: Int { 512 }

  /// Packs `rows` rows, strip after strip, each `tileRows * depth` values (`depth` values where the last strip has one
  /// row).
  public let packLeft:
    @Sendable (
      _ layout: MatrixLayout, _ source: Source, _ stride: Int, _ rows: Int, _ depth: Int, _ target: Target
    ) -> Void
  /// Packs one panel of `columns` columns into `depth * panelWidth` values. `start` and `stride` count elements.
  public let packRight:
    @Sendable (
      _ format: StorageFormat, _ layout: MatrixLayout, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int,
      _ columns: Int, _ depth: Int, _ target: Target
    ) -> Void
  /// `c[0..<rows, 0..<columns] (+)= left strips * panel`. The panel's depths lie `rightStride` apart, which lets a
  /// row-major right matrix be read in place when `columns` is the whole panel width.
  public let multiply:
    @Sendable (
      _ left: Source, _ rows: Int, _ right: Source, _ rightStride: Int, _ columns: Int, _ depth: Int, _ c: Target,
      _ cStride: Int, _ accumulating: Bool
    ) -> Void

  /// The kernels of one instruction set, from closures around the bodies below.
  package init(
    tileRows: Int, panelWidth: Int,
    packLeft: @escaping @Sendable (MatrixLayout, Source, Int, Int, Int, Target) -> Void,
    packRight:
      @escaping @Sendable (StorageFormat, MatrixLayout, UnsafeRawPointer, Int, Int, Int, Int, Target) -> Void,
    multiply: @escaping @Sendable (Source, Int, Source, Int, Int, Int, Target, Int, Bool) -> Void
  ) {
    self.tileRows = tileRows
    self.panelWidth = panelWidth
    self.packLeft = packLeft
    self.packRight = packRight
    self.multiply = multiply
  }

  /// Columns of a panel: three vectors.
  @export(implementation) @inline(always)
  public static func panelWidth<V: FloatVector>(_ vector: V.Type) -> Int { 3 &* V.width }

  /// The body of `packLeft`.
  @export(implementation) @inline(always)
  public static func packLeft<V: FloatVector>(
    _ vector: V.Type, _ layout: MatrixLayout, _ source: Source, _ stride: Int, _ rows: Int, _ depth: Int,
    _ target: Target
  ) {
    let tileRows = V.tileRows, step = layout == .rowMajor ? stride : 1
    var row = 0
    while row < rows {
      MatmulPacking.packStrip(
        vector, layout, source + row &* step, stride, Swift.min(tileRows, rows &- row), depth, target + row &* depth)
      row &+= tileRows
    }
  }

  /// The body of `packRight`.
  @export(implementation) @inline(always)
  public static func packRight<V: FloatVector>(
    _ vector: V.Type, _ format: StorageFormat, _ layout: MatrixLayout, _ source: UnsafeRawPointer, _ start: Int,
    _ stride: Int, _ columns: Int, _ depth: Int, _ target: Target
  ) {
    switch format {
    case .float32:
      MatmulPacking.packPanel(vector, KeptFloat32.self, layout, source, start, stride, columns, depth, target)
    case .bfloat16:
      MatmulPacking.packPanel(vector, KeptBFloat16.self, layout, source, start, stride, columns, depth, target)
    case .float16:
      MatmulPacking.packPanel(vector, KeptFloat16.self, layout, source, start, stride, columns, depth, target)
    }
  }

  /// The body of `multiply`.
  @export(implementation) @inline(always)
  public static func multiply<V: FloatVector>(
    _ vector: V.Type, _ left: Source, _ rows: Int, _ right: Source, _ rightStride: Int, _ columns: Int, _ depth: Int,
    _ c: Target, _ cStride: Int, _ accumulating: Bool
  ) {
    MatmulBlocks.multiply(vector, left, rows, right, rightStride, columns, depth, c, cStride, accumulating)
  }
}

/// Strips times one panel, edges included.
@usableFromInline enum MatmulBlocks {
  @export(implementation) @inline(always)
  static func multiply<V: FloatVector>(
    _ vector: V.Type, _ left: Source, _ rows: Int, _ right: Source, _ rightStride: Int, _ columns: Int, _ depth: Int,
    _ c: Target, _ cStride: Int, _ accumulating: Bool
  ) {
    let tileRows = V.tileRows
    var row = 0
    while row < rows {
      let present = Swift.min(tileRows, rows &- row)
      let strip = left + row &* depth, target = c + row &* cStride
      if present == tileRows && columns == 3 &* V.width {
        if tileRows == 8 {
          MatmulTiles.tile8x3(vector, strip, 8, right, rightStride, depth, target, cStride, accumulating)
        } else {
          MatmulTiles.tile4x3(vector, strip, 4, right, rightStride, depth, target, cStride, accumulating)
        }
      } else {
        edge(vector, strip, present, right, rightStride, columns, depth, target, cStride, accumulating)
      }
      row &+= tileRows
    }
  }

  /// A strip with missing rows or a panel with missing columns.
  @export(implementation) @inline(always)
  static func edge<V: FloatVector>(
    _ vector: V.Type, _ strip: Source, _ rows: Int, _ right: Source, _ rightStride: Int, _ columns: Int, _ depth: Int,
    _ c: Target, _ cStride: Int, _ accumulating: Bool
  ) {
    if columns == 3 &* V.width && rows == 1 {
      MatmulTiles.tile1x3(vector, strip, 1, right, rightStride, depth, c, cStride, accumulating)
      return
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 8 &* V.width) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      var column = 0
      while column < columns {
        let width = Swift.min(V.width, columns &- column)
        let right = right + column, c = c + column
        let whole = width == V.width && (rows == V.tileRows || rows == 1)
        let (target, stride, adding) = whole ? (c, cStride, accumulating) : (scratch, V.width, false)
        if rows == 1 {
          MatmulTiles.tile1x1(vector, strip, 1, right, rightStride, depth, target, stride, adding)
        } else if V.tileRows == 8 && rows > 4 {
          MatmulTiles.tile8x1(vector, strip, 8, right, rightStride, depth, target, stride, adding)
        } else {
          MatmulTiles.tile4x1(vector, strip, V.tileRows, right, rightStride, depth, target, stride, adding)
        }
        if !whole {
          var i = 0
          while i < rows {
            var j = 0
            while j < width {
              let at = i &* cStride &+ j
              c[at] = accumulating ? c[at] + scratch[i &* V.width &+ j] : scratch[i &* V.width &+ j]
              j &+= 1
            }
            i &+= 1
          }
        }
        column &+= V.width
      }
    }
  }
}
