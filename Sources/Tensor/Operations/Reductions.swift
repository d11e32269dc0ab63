import Kernels

private struct RowSumWork: ParallelWork {
  let x: Source
  let y: Target
  let rows: Int
  let width: Int
  let factor: Float
  let rowsPerTask: Int

  func run(task: Int, worker: Int) {
    let first = task * rowsPerTask
    for row in first..<min(first + rowsPerTask, rows) { y[row] = kernels.sum(x + row * width, width) * factor }
  }
}

/// Sums over a middle axis: a task is one outer index and one block of the summed axis.
private struct ColumnSumWork: ParallelWork {
  let x: Source
  let partial: Target
  let summed: Int
  let width: Int
  let blocks: Int
  let rowsPerBlock: Int

  func run(task: Int, worker: Int) {
    let (outer, block) = task.quotientAndRemainder(dividingBy: blocks)
    let first = block * rowsPerBlock, rows = min(rowsPerBlock, summed - first)
    let y = partial + task * width
    y.update(repeating: 0, count: width)
    kernels.addRowSums(x + (outer * summed + first) * width, rows, width, y)
  }
}

/// Adds blocks of partial sums, in order.
private struct PartialSumWork: ParallelWork {
  let partial: Source
  let y: Target
  let width: Int
  let blocks: Int
  let factor: Float

  func run(task: Int, worker: Int) {
    let y = y + task * width
    y.update(repeating: 0, count: width)
    kernels.addRowSums(partial + task * blocks * width, blocks, width, y)
    if factor != 1 { kernels.binaryScalar(.multiply, Source(y), factor, y, width) }
  }
}

/// Rows per block of partial sums: a function of the shape alone, so that threads do not reach the bits.
func rowsPerPartialSum(width: Int) -> Int { max(16, elementsPerTask / max(width, 1)) }

extension Tensor {
  /// The sum over one axis, which goes away; negative numbers count from the innermost.
  public func sum(axis: Int) -> Tensor { summed([shape.index(of: axis)], factor: 1) }

  /// The sum of all elements: a scalar.
  public func sum() -> Tensor { summed(Array(0..<rank), factor: 1) }

  /// The mean over one axis, which goes away. NaN where the axis is empty.
  public func mean(axis: Int) -> Tensor { summed([shape.index(of: axis)], factor: 1 / Float(shape[axis])) }

  /// The mean of all elements: a scalar. NaN where there are none.
  public func mean() -> Tensor { summed(Array(0..<rank), factor: 1 / Float(elementCount)) }

  /// The sum over `axes` (ascending) times `factor`; the axes go away.
  package func summed(_ axes: [Int], factor: Float) -> Tensor {
    var values = widened
    values.trace = nil
    if axes.isEmpty { return (values * factor).recorded(self, .scale(Link(self), factor)) }
    // Neighbouring axes are summed at once, the innermost group first; the last one multiplies.
    var groups: [Range<Int>] = []
    for axis in axes {
      if let last = groups.last, last.upperBound == axis {
        groups[groups.count - 1] = last.lowerBound..<axis + 1
      } else {
        groups.append(axis..<axis + 1)
      }
    }
    for (index, group) in groups.enumerated().reversed() {
      values = values.summedGroup(group, factor: index == 0 ? factor : 1)
    }
    return values.recorded(self, .sum(Link(self), axes: axes, factor: factor))
  }

  private func summedGroup(_ axes: Range<Int>, factor: Float) -> Tensor {
    let outer = shape.product(0..<axes.lowerBound), summed = shape.product(axes)
    let width = shape.product(axes.upperBound..<rank)
    let result = Tensor(uninitialized: Shape((0..<rank).filter { !axes.contains($0) }.map { shape[$0] }))
    if width == 1 {
      let rowsPerTask = max(1, elementsPerTask / max(summed, 1))
      runInParallel(
        RowSumWork(
          x: source, y: result.target, rows: outer, width: summed, factor: factor, rowsPerTask: rowsPerTask),
        tasks: (outer + rowsPerTask - 1) / rowsPerTask)
      return result
    }
    let rowsPerBlock = rowsPerPartialSum(width: width)
    let blocks = max(1, (summed + rowsPerBlock - 1) / rowsPerBlock)
    let partial = Tensor(uninitialized: Shape(outer * blocks, width))
    runInParallel(
      ColumnSumWork(
        x: source, partial: partial.target, summed: summed, width: width, blocks: blocks, rowsPerBlock: rowsPerBlock),
      tasks: outer * blocks)
    runInParallel(
      PartialSumWork(partial: partial.source, y: result.target, width: width, blocks: blocks, factor: factor),
      tasks: outer)
    withExtendedLifetime((self, partial)) {}
    return result
  }

  /// The sum of this broadcast value's copies: what a gradient of the result's shape is for an operand of `shape`.
  package func summed(to shape: Shape) -> Tensor {
    if self.shape == shape { return self }
    let missing = rank - shape.rank
    let axes = (0..<rank).filter { $0 < missing || (shape[$0 - missing] == 1 && self.shape[$0] != 1) }
    return summed(axes, factor: 1).reshaped(shape)
  }

  /// The largest element along the innermost axis, which goes away. NaN wins; of equal ones the first counts.
  public func largest() -> Tensor {
    precondition(rank > 0 && shape.width > 0, "largest: the shape \(shape) has no innermost elements")
    let positions = argmax()
    let result = Tensor(uninitialized: Shape(shape.array.dropLast()))
    let values = widened, width = shape.width
    for row in 0..<positions.count { result.target[row] = values.source[row * width + positions[row]] }
    withExtendedLifetime(values) {}
    return result.recorded(self, .largest(Link(self), positions: positions.map(Int32.init)))
  }

  /// The position of the largest element of every innermost row; NaN wins, of equal ones the first.
  public func argmax() -> [Int] {
    let values = widened, width = shape.width
    return withExtendedLifetime(values) {
      (0..<shape.rowCount).map { Tensor.position(ofLargestIn: values.source + $0 * width, count: width) }
    }
  }

  package static func position(ofLargestIn row: Source, count: Int) -> Int {
    precondition(count > 0, "argmax: an empty row")
    var best = 0
    for i in 0..<count {
      if row[i].isNaN { return i }
      if row[i] > row[best] { best = i }
    }
    return best
  }

  /// The sum of the squares of all elements: each task's part in Float32, the parts together in Double. The parts are cut
  /// by the number of elements alone.
  package var sumOfSquares: Double {
    let values = widened, count = elementCount, tasks = elementTasks(count)
    let partial = Pool.shared.take(tasks * 4)
    runInParallel(SquareSumWork(x: values.source, partial: partial.target, count: count), tasks: tasks)
    return withExtendedLifetime((values, partial)) {
      (0..<tasks).reduce(0.0) { $0 + Double(partial.target[$1]) }
    }
  }
}

private struct SquareSumWork: ParallelWork {
  let x: Source
  let partial: Target
  let count: Int
  func run(task: Int, worker: Int) {
    let range = elements(ofTask: task, count: count)
    partial[task] = kernels.dot(x + range.lowerBound, x + range.lowerBound, range.count)
  }
}
