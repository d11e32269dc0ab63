import Kernels

private struct CopyRowsWork: ParallelWork {
  let source: Source
  let target: Target
  let rows: Int
  let width: Int
  let sourceStride: Int
  let targetStride: Int
  var rowsPerTask: Int { max(1, elementsPerTask / max(1, width)) }
  var tasks: Int { (rows + rowsPerTask - 1) / rowsPerTask }

  func run(task: Int, worker: Int) {
    let first = task * rowsPerTask
    for row in first..<min(first + rowsPerTask, rows) {
      (target + row * targetStride).update(from: source + row * sourceStride, count: width)
    }
  }
}

extension Tensor {
  /// The same elements under another shape; nothing is copied, but of a packed matrix.
  public func reshaped(_ shape: Shape) -> Tensor {
    precondition(
      shape.elementCount == elementCount, "reshaped: \(self.shape) and \(shape) have different numbers of elements")
    return Tensor(shape: shape, format: format, storage: rowMajor.storage).recorded(self, .reshape(Link(self)))
  }
  /// The same elements under the shape of the given sizes.
  public func reshaped(_ a: Int, _ b: Int) -> Tensor { reshaped(Shape(a, b)) }
  /// The same elements under the shape of the given sizes.
  public func reshaped(_ a: Int, _ b: Int, _ c: Int) -> Tensor { reshaped(Shape(a, b, c)) }
  /// The same elements under the shape of the given sizes.
  public func reshaped(_ a: Int, _ b: Int, _ c: Int, _ d: Int) -> Tensor { reshaped(Shape(a, b, c, d)) }

  /// The two innermost axes exchanged.
  public func transposed() -> Tensor {
    precondition(rank >= 2, "transposed: the shape \(shape) has fewer than two axes")
    return permuted(Array(0..<rank - 2) + [rank - 1, rank - 2])
  }

  /// The axes in the order `axes`: axis `i` of the result is axis `axes[i]` of this tensor.
  public func permuted(_ axes: [Int]) -> Tensor {
    precondition(axes.sorted() == Array(0..<rank), "permuted: \(axes) is no order of the axes of \(shape)")
    let values = widened
    let result = Tensor(uninitialized: Shape(axes.map { shape[$0] }))
    var steps = [Int](repeating: 1, count: rank)
    for axis in (0..<max(rank - 1, 0)).reversed() { steps[axis] = steps[axis + 1] * shape[axis + 1] }
    let order = axes.map { (size: shape[$0], step: steps[$0]) }
    let source = values.source, target = result.target
    // An axis that stays the innermost is copied in runs.
    let isRun = axes.last == rank - 1, run = isRun ? shape[rank - 1] : 1
    var index = [Int](repeating: 0, count: rank)
    var from = 0
    for to in stride(from: 0, to: elementCount, by: max(run, 1)) {
      if isRun { (target + to).update(from: source + from, count: run) } else { target[to] = source[from] }
      var axis = isRun ? rank - 2 : rank - 1
      while axis >= 0 {
        index[axis] += 1
        from += order[axis].step
        if index[axis] < order[axis].size { break }
        from -= order[axis].step * order[axis].size
        index[axis] = 0
        axis -= 1
      }
    }
    withExtendedLifetime(values) {}
    return result.recorded(self, .permute(Link(self), axes))
  }

  /// The part of the tensor where axis `axis` is in `range`.
  public func slice(_ range: Range<Int>, axis: Int) -> Tensor {
    let axis = shape.index(of: axis)
    precondition(
      range.lowerBound >= 0 && range.upperBound <= shape[axis], "slice: \(range) of axis \(axis) of \(shape)")
    var resultShape = shape
    resultShape[axis] = range.count
    let values = widened, result = Tensor(uninitialized: resultShape)
    let inner = shape.product(axis + 1..<rank), rows = shape.product(0..<axis)
    let work = CopyRowsWork(
      source: values.source + range.lowerBound * inner, target: result.target, rows: rows, width: range.count * inner,
      sourceStride: shape[axis] * inner, targetStride: range.count * inner)
    runInParallel(work, tasks: work.tasks)
    withExtendedLifetime(values) {}
    return result.recorded(self, .slice(Link(self), range, axis: axis))
  }

  /// Tensors one after the other along `axis`; the other axes are equal.
  public static func concatenate(_ parts: [Tensor], axis: Int) -> Tensor {
    guard let first = parts.first else { preconditionFailure("concatenate: no tensors") }
    let axis = first.shape.index(of: axis)
    var shape = first.shape
    shape[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
    let inner = shape.product(axis + 1..<shape.rank), rows = shape.product(0..<axis)
    let result = Tensor(uninitialized: shape)
    var start = 0
    for part in parts {
      var fitting = part.shape
      precondition(part.rank == shape.rank, "concatenate: shapes \(first.shape) and \(part.shape)")
      fitting[axis] = shape[axis]
      precondition(fitting == shape, "concatenate along axis \(axis): shapes \(first.shape) and \(part.shape)")
      let values = part.widened, width = part.shape[axis] * inner
      let work = CopyRowsWork(
        source: values.source, target: result.target + start, rows: rows, width: width, sourceStride: width,
        targetStride: shape[axis] * inner)
      runInParallel(work, tasks: work.tasks)
      withExtendedLifetime(values) {}
      start += width
    }
    return result.recorded(parts, .concatenate(parts.map(Link.init), axis: axis))
  }

  /// A tensor of `shape` that is zero but where axis `axis` begins at `start`: there it is this one.
  package func placed(in shape: Shape, axis: Int, start: Int) -> Tensor {
    let result = Tensor.zeros(shape)
    let inner = shape.product(axis + 1..<shape.rank), width = self.shape[axis] * inner
    let work = CopyRowsWork(
      source: source, target: result.target + start * inner, rows: shape.product(0..<axis), width: width,
      sourceStride: width, targetStride: shape[axis] * inner)
    runInParallel(work, tasks: work.tasks)
    return result
  }

  /// This tensor repeated along the axes that `shape` has more of.
  package func broadcast(to shape: Shape) -> Tensor {
    self.shape == shape ? self : Tensor.binary(.add, Tensor.zeros(shape), self, "broadcast")
  }
}

extension Tensor {
  /// Writes `part`, or some positions of its axis 1, over the positions of axis 1 from `start` on, in place; the other
  /// axes are equal. Never recorded.
  package mutating func write(_ part: Tensor, positions: Range<Int>? = nil, at start: Int) {
    precondition(rank == part.rank && rank >= 2, "write: \(part.shape) into \(shape)")
    let positions = positions ?? 0..<part.shape[1]
    precondition(
      format == .float32 && start >= 0 && start + positions.count <= shape[1] && positions.lowerBound >= 0
        && positions.upperBound <= part.shape[1] && (0..<rank).allSatisfy { $0 == 1 || shape[$0] == part.shape[$0] },
      "write: \(positions) of \(part.shape) into \(shape) at \(start)")
    makeExclusive()
    let inner = shape.product(2..<rank), values = part.widened
    for row in 0..<shape[0] {
      (target + (row * shape[1] + start) * inner).update(
        from: values.source + (row * part.shape[1] + positions.lowerBound) * inner, count: positions.count * inner)
    }
    withExtendedLifetime(values) {}
  }

  /// Moves some positions of axis 1 to its beginning, in place; what stands behind them is undefined then. Never recorded.
  package mutating func moveToFront(_ positions: Range<Int>) {
    precondition(
      format == .float32 && rank >= 2 && positions.lowerBound >= 0 && positions.upperBound <= shape[1],
      "moveToFront: \(positions) of \(shape)")
    makeExclusive()
    let inner = shape.product(2..<rank)
    for row in 0..<shape[0] {
      let start = target + row * shape[1] * inner
      start.update(from: start + positions.lowerBound * inner, count: positions.count * inner)
    }
  }

  /// Rows of axis 0, in any order and any number of times, of which only the first `positions` of axis 1 are copied; the
  /// others are undefined. Never recorded.
  package func selecting(rows: [Int], positions: Int) -> Tensor {
    precondition(
      format == .float32 && rank >= 2 && 0...shape[1] ~= positions && rows.allSatisfy { 0..<shape[0] ~= $0 },
      "selecting: rows \(rows) and \(positions) positions of \(shape)")
    var selected = shape
    selected[0] = rows.count
    let result = Tensor(uninitialized: selected), inner = shape.product(2..<rank)
    for (to, from) in rows.enumerated() {
      (result.target + to * shape[1] * inner).update(from: source + from * shape[1] * inner, count: positions * inner)
    }
    return result
  }
}
