import Kernels

private struct SoftmaxWork: ParallelWork {
  enum Kind { case softmax, logSoftmax, softmaxGradient, logSoftmaxGradient }
  let kind: Kind
  let x: Source
  let dy: Source?
  let y: Target
  let rows: Int
  let width: Int

  func run(task: Int, worker: Int) {
    let count = rowsPerTask(width: width), first = task * count, start = first * width
    let present = min(count, rows - first)
    let (x, y) = (x + start, y + start)
    switch (kind, dy) {
    case (.softmax, _): kernels.softmax(x, y, present, width)
    case (.logSoftmax, _): kernels.logSoftmax(x, y, present, width)
    case (.softmaxGradient, let dy?): kernels.softmaxGradient(x, dy + start, y, present, width)
    case (.logSoftmaxGradient, let dy?): kernels.logSoftmaxGradient(x, dy + start, y, present, width)
    case (.softmaxGradient, nil), (.logSoftmaxGradient, nil): break
    }
  }
}

extension Tensor {
  private func rows(_ kind: SoftmaxWork.Kind, _ dy: Tensor? = nil) -> Tensor {
    let x = widened, result = Tensor(uninitialized: shape), rows = shape.rowCount, width = shape.width
    let perTask = rowsPerTask(width: width)
    runInParallel(
      SoftmaxWork(kind: kind, x: x.source, dy: dy?.source, y: result.target, rows: rows, width: width),
      tasks: (rows + perTask - 1) / perTask)
    withExtendedLifetime((x, dy)) {}
    return result
  }

  /// `exp(x) / sum(exp(x))` over the innermost axis, the largest element subtracted first. A row of -infinity is NaN.
  public func softmax() -> Tensor {
    let result = rows(.softmax)
    return result.recorded(self, .softmax(Link(self), output: result))
  }

  /// The logarithm of `softmax`, computed without it.
  public func logSoftmax() -> Tensor {
    let result = rows(.logSoftmax)
    return result.recorded(self, .logSoftmax(Link(self), output: result))
  }

  /// The pullback of softmax, from its output.
  package func softmaxGradient(_ dy: Tensor) -> Tensor { rows(.softmaxGradient, dy) }
  /// The pullback of log-softmax, from its output.
  package func logSoftmaxGradient(_ dy: Tensor) -> Tensor { rows(.logSoftmaxGradient, dy) }
}
