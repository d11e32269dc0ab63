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

// MARK: - Cross-entropy

private struct CrossEntropyWork: ParallelWork {
  let logits: Source
  let targets: UnsafePointer<Int32>
  let loss: Target
  let logSumExp: Target
  let rows: Int
  let width: Int

  func run(task: Int, worker: Int) {
    let count = rowsPerTask(width: width), first = task * count
    kernels.crossEntropy(
      logits + first * width, targets + first, loss + first, logSumExp + first, min(count, rows - first), width)
  }
}

private struct CrossEntropyGradientWork: ParallelWork {
  let logits: Source
  let targets: UnsafePointer<Int32>
  let logSumExp: Source
  let scale: Float
  let dLogits: Target
  let rows: Int
  let width: Int

  func run(task: Int, worker: Int) {
    let count = rowsPerTask(width: width), first = task * count
    kernels.crossEntropyGradient(
      logits + first * width, targets + first, logSumExp + first, scale, dLogits + first * width,
      min(count, rows - first), width)
  }
}

extension Tensor {
  /// The mean cross-entropy of rows of logits `[..., classes]` against the index of the right class of each row.
  ///
  /// Rows whose target is negative are left out of the sum and of the count; without any row the loss is 0.
  public func crossEntropy(targets: [Int32]) -> Tensor {
    let rows = shape.rowCount, width = shape.width
    precondition(
      targets.count == rows && targets.allSatisfy { Int($0) < width },
      "crossEntropy: logits \(shape) and \(targets.count) targets up to \(targets.max() ?? -1)")
    let logits = widened, losses = Tensor(uninitialized: Shape(rows)), logSumExp = Tensor(uninitialized: Shape(rows))
    let perTask = rowsPerTask(width: width)
    targets.withUnsafeBufferPointer { targets in
      guard let base = targets.baseAddress else { return }
      runInParallel(
        CrossEntropyWork(
          logits: logits.source, targets: base, loss: losses.target, logSumExp: logSumExp.target, rows: rows,
          width: width), tasks: (rows + perTask - 1) / perTask)
    }
    withExtendedLifetime(logits) {}
    let counted = targets.lazy.filter { $0 >= 0 }.count
    return losses.summed([0], factor: 1 / Float(max(counted, 1)))
      .recorded(self, .crossEntropy(logits: Operand(self), targets: targets, logSumExp: logSumExp))
  }

  /// The pullback of `crossEntropy` for these logits.
  package func crossEntropyGradient(targets: [Int32], logSumExp: Tensor, scale: Float) -> Tensor {
    let rows = shape.rowCount, width = shape.width, perTask = rowsPerTask(width: width)
    let logits = widened, result = Tensor(uninitialized: shape)
    let counted = targets.lazy.filter { $0 >= 0 }.count
    targets.withUnsafeBufferPointer { targets in
      guard let base = targets.baseAddress else { return }
      runInParallel(
        CrossEntropyGradientWork(
          logits: logits.source, targets: base, logSumExp: logSumExp.source, scale: scale / Float(max(counted, 1)),
          dLogits: result.target, rows: rows, width: width), tasks: (rows + perTask - 1) / perTask)
    }
    withExtendedLifetime((logits, logSumExp)) {}
    return result
  }
}
