import Kernels

/// Rows per task of row-wise work.
func rowsPerTask(width: Int) -> Int { max(1, elementsPerTask / max(width, 1)) }

private struct LayerNormWork: ParallelWork {
  let x: Source
  let weight: Source?
  let bias: Source?
  let epsilon: Float
  let y: Target
  let mean: Target
  let inverseDeviation: Target
  let rows: Int
  let width: Int

  func run(task: Int, worker: Int) {
    let count = rowsPerTask(width: width), first = task * count, start = first * width
    kernels.layerNorm(
      x + start, weight, bias, epsilon, y + start, mean + first, inverseDeviation + first, min(count, rows - first),
      width)
  }
}

private struct RMSNormWork: ParallelWork {
  let x: Source
  let weight: Source?
  let epsilon: Float
  let y: Target
  let inverseRoot: Target
  let rows: Int
  let width: Int

  func run(task: Int, worker: Int) {
    let count = rowsPerTask(width: width), first = task * count, start = first * width
    kernels.rmsNorm(x + start, weight, epsilon, y + start, inverseRoot + first, min(count, rows - first), width)
  }
}

/// The gradients of both norms. The sums for weight and bias are kept per task and added in order afterwards.
private struct NormGradientWork: ParallelWork {
  let x: Source
  let weight: Source?
  /// Absent for RMS norm.
  let mean: Source?
  let scale: Source
  let dy: Source
  let dx: Target
  let dWeight: Target?
  let dBias: Target?
  let rows: Int
  let width: Int

  func run(task: Int, worker: Int) {
    let count = rowsPerTask(width: width), first = task * count, start = first * width
    let present = min(count, rows - first)
    let dWeight = dWeight.map { $0 + task * width }, dBias = dBias.map { $0 + task * width }
    dWeight?.update(repeating: 0, count: width)
    dBias?.update(repeating: 0, count: width)
    if let mean {
      kernels.layerNormGradient(
        x + start, weight, mean + first, scale + first, dy + start, dx + start, dWeight, dBias, present, width)
    } else {
      kernels.rmsNormGradient(x + start, weight, scale + first, dy + start, dx + start, dWeight, present, width)
    }
  }
}

extension Tensor {
  private func checkNorm(_ name: String, _ weight: Tensor?, _ bias: Tensor?) {
    let expected = Shape(shape.width)
    precondition(
      rank > 0 && (weight.map { $0.shape == expected } ?? true) && (bias.map { $0.shape == expected } ?? true),
      "\(name): x \(shape), weight \(weight?.shape.description ?? "none"), bias \(bias?.shape.description ?? "none")")
  }

  /// Layer normalisation of the innermost axis (Ba et al. 2016):
  /// `(x - mean) / sqrt(variance + epsilon) * weight + bias`, the variance over `n`.
  ///
  /// - Parameters:
  ///   - weight: `[width]`; 1 where absent.
  ///   - bias: `[width]`; 0 where absent.
  public func layerNorm(weight: Tensor?, bias: Tensor?, epsilon: Float) -> Tensor {
    checkNorm("layerNorm", weight, bias)
    let rows = shape.rowCount, width = shape.width
    let x = widened, w = weight?.widened, b = bias?.widened
    let result = Tensor(uninitialized: shape)
    let mean = Tensor(uninitialized: Shape(rows)), inverseDeviation = Tensor(uninitialized: Shape(rows))
    let perTask = rowsPerTask(width: width)
    runInParallel(
      LayerNormWork(
        x: x.source, weight: w?.source, bias: b?.source, epsilon: epsilon, y: result.target, mean: mean.target,
        inverseDeviation: inverseDeviation.target, rows: rows, width: width),
      tasks: (rows + perTask - 1) / perTask)
    withExtendedLifetime((x, w, b, mean, inverseDeviation)) {}
    return result.recorded(
      self, weight, bias,
      .layerNorm(
        input: Operand(self), weight: weight.map(Operand.init), bias: bias.map(Link.init), epsilon: epsilon,
        mean: mean, inverseDeviation: inverseDeviation))
  }

  /// Root-mean-square normalisation of the innermost axis (Zhang and Sennrich 2019):
  /// `x / sqrt(mean(x^2) + epsilon) * weight`.
  public func rmsNorm(weight: Tensor?, epsilon: Float) -> Tensor {
    checkNorm("rmsNorm", weight, nil)
    let rows = shape.rowCount, width = shape.width
    let x = widened, w = weight?.widened
    let result = Tensor(uninitialized: shape), inverseRoot = Tensor(uninitialized: Shape(rows))
    let perTask = rowsPerTask(width: width)
    runInParallel(
      RMSNormWork(
        x: x.source, weight: w?.source, epsilon: epsilon, y: result.target, inverseRoot: inverseRoot.target,
        rows: rows, width: width), tasks: (rows + perTask - 1) / perTask)
    withExtendedLifetime((x, w, inverseRoot)) {}
    return result.recorded(
      self, weight, nil,
      .rmsNorm(input: Operand(self), weight: weight.map(Operand.init), epsilon: epsilon, inverseRoot: inverseRoot))
  }

  /// The pullback of both norms (`mean` absent: RMS): gradients for input, weight and bias.
  package func normGradient(
    weight: Tensor?, mean: Tensor?, scale: Tensor, _ dy: Tensor, wantingWeight: Bool, wantingBias: Bool
  ) -> (input: Tensor, weight: Tensor?, bias: Tensor?) {
    let rows = shape.rowCount, width = shape.width, perTask = rowsPerTask(width: width)
    let tasks = (rows + perTask - 1) / perTask
    let x = widened, w = weight?.widened
    let dx = Tensor(uninitialized: shape)
    let dWeight = wantingWeight ? Tensor(uninitialized: Shape(tasks, width)) : nil
    let dBias = wantingBias ? Tensor(uninitialized: Shape(tasks, width)) : nil
    runInParallel(
      NormGradientWork(
        x: x.source, weight: w?.source, mean: mean?.source, scale: scale.source, dy: dy.source, dx: dx.target,
        dWeight: dWeight?.target, dBias: dBias?.target, rows: rows, width: width), tasks: tasks)
    withExtendedLifetime((x, w, dy)) {}
    return (dx, dWeight?.sum(axis: 0), dBias?.sum(axis: 0))
  }
}
