import Kernels

/// How the elements of a tensor lie in memory.
enum Arrangement: Sendable, Equatable {
  case rowMajor
  /// A matrix in the order in which products read their right side: panels of `width` columns, each whole over the
  /// depth. The matrix is `[depth, columns]`, or `[columns, depth]` where transposed.
  case panels(width: Int, transposed: Bool)
}

extension Tensor {
  /// This matrix laid out for products with it on their right: what they would do with it each time is done once.
  ///
  /// Decoding then reads memory in long streams, and products of many rows need no copies. Every operation accepts a packed
  /// matrix and gives the same bits; those that are not such products put it back in order first, each time. The
  /// format stays; the memory grows by the columns that fill the last panel. A panel is as wide as the kernels in
  /// use want it: for others the matrix counts as not packed.
  ///
  /// - Parameter transposed: whether the products take the matrix as `[columns, depth]` (`transposingRight:`).
  /// - Returns: a constant of the same shape and format; the matrix itself where it has fewer columns than a panel.
  public func packedForProducts(transposed: Bool) -> Tensor {
    precondition(rank == 2, "packedForProducts: the shape \(shape) has not two axes")
    let blocks = kernels.matmul, width = blocks.vectorWidth
    let arrangement = Arrangement.panels(width: width, transposed: transposed)
    let (depth, columns) = transposed ? (shape[1], shape[0]) : (shape[0], shape[1])
    if self.arrangement == arrangement || columns < width || depth == 0 { return detached }
    let matrix = rowMajor, panels = (columns + width - 1) / width
    let result = Tensor(
      shape: shape, format: format, arrangement: arrangement,
      storage: Pool.shared.take(format.byteCount(of: panels * width * depth)))
    let threads = Crew.shared.threads
    let scratch = Pool.shared.take(format == .float32 ? 0 : threads * depth * width * 4)
    let work = PackWork(
      blocks: blocks, source: matrix.rawSource, format: format, layout: transposed ? .columnMajor : .rowMajor,
      stride: shape[1], columns: columns, depth: depth, panels: result.storage.base, scratch: scratch.target)
    runInParallel(work, tasks: panels, threads: threads)
    withExtendedLifetime((matrix, scratch)) {}
    return result
  }

  /// The elements that memory holds.
  var keptCount: Int {
    guard case .panels(let width, let transposed) = arrangement else { return elementCount }
    let (depth, columns) = transposed ? (shape[1], shape[0]) : (shape[0], shape[1])
    return (columns + width - 1) / width * width * depth
  }

  /// The same elements in row-major order: the tensor itself unless it is packed.
  var rowMajor: Tensor {
    guard case .panels(let width, let transposed) = arrangement else { return self }
    var result = Tensor(uninitialized: shape, format: format)
    result.trace = trace
    let work = UnpackWork(
      panels: rawSource, size: format.byteCount(of: 1), transposed: transposed, rows: shape[0], columns: shape[1],
      width: width, target: result.storage.base)
    runInParallel(work, tasks: shape[0])
    withExtendedLifetime(self) {}
    return result
  }

  /// This matrix as the right side of a product: packed if it is so for this product and these kernels, else row-major.
  func rightSide(of blocks: MatmulKernels, transposed: Bool) -> Tensor {
    arrangement == .panels(width: blocks.vectorWidth, transposed: transposed) ? self : rowMajor
  }
}

/// Packs a matrix: a task is a panel.
private struct PackWork: ParallelWork {
  let blocks: MatmulKernels
  let source: UnsafeRawPointer
  let format: StorageFormat
  let layout: MatrixLayout
  let stride: Int
  let columns: Int
  let depth: Int
  let panels: UnsafeMutableRawPointer
  /// Room for a widened panel for each thread; Float32 panels need none.
  let scratch: Target

  func run(task: Int, worker: Int) {
    let width = blocks.vectorWidth, column = task * width, count = depth * width
    let start = layout == .rowMajor ? column : column * stride
    let panel = panels + format.byteCount(of: task * count)
    let widened = format == .float32 ? panel.assumingMemoryBound(to: Float.self) : scratch + worker * count
    blocks.packRight(
      format, layout, source, start, stride, min(width, columns - column), depth, width, widened)
    // What was widened is narrowed to the same bits (but of signalling NaN).
    if format != .float32 { kernels.narrow(format, Source(widened), panel, count) }
  }
}

/// Puts a packed matrix back in order: a task is a row of the result.
private struct UnpackWork: ParallelWork {
  let panels: UnsafeRawPointer
  /// Bytes of an element.
  let size: Int
  let transposed: Bool
  let rows: Int
  let columns: Int
  let width: Int
  let target: UnsafeMutableRawPointer

  func run(task row: Int, worker: Int) {
    let target = target + row * columns * size
    if transposed {  // a row is a column of the panels
      let panel = panels + (row / width * columns * width + row % width) * size
      if size == 4 { gather(Float.self, panel, target) } else { gather(UInt16.self, panel, target) }
    } else {
      var column = 0
      while column < columns {
        let source = panels + (column / width * rows * width + row * width) * size
        (target + column * size).copyMemory(from: source, byteCount: min(width, columns - column) * size)
        column += width
      }
    }
  }

  private func gather<Element: BitwiseCopyable>(
    _: Element.Type, _ panel: UnsafeRawPointer, _ target: UnsafeMutableRawPointer
  ) {
    let source = panel.assumingMemoryBound(to: Element.self), target = target.assumingMemoryBound(to: Element.self)
    for p in 0..<columns { target[p] = source[p * width] }
  }
}
