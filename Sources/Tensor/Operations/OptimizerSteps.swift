import Kernels

private struct AdamWWork: ParallelWork {
  let step: AdamWStep
  let gradient: Source
  let weights: Target
  let first: Target
  let second: Target
  let count: Int

  func run(task: Int, worker: Int) {
    let range = elements(ofTask: task, count: count), start = range.lowerBound
    kernels.adamW(step, gradient + start, weights + start, first + start, second + start, range.count)
  }
}

private struct AddScaledWork: ParallelWork {
  let x: Source
  let factor: Float
  let y: Target
  let count: Int

  func run(task: Int, worker: Int) {
    let range = elements(ofTask: task, count: count), start = range.lowerBound
    kernels.addScaled(factor, x + start, y + start, range.count)
  }
}

private struct ScaleWork: ParallelWork {
  let factor: Float
  let y: Target
  let count: Int

  func run(task: Int, worker: Int) {
    let range = elements(ofTask: task, count: count), y = y + range.lowerBound
    kernels.binaryScalar(.multiply, Source(y), factor, y, range.count)
  }
}

extension Tensor {
  /// One AdamW step of these weights and of their two moments, in place and in one pass over memory.
  ///
  /// Memory that another tensor shares is copied first; memory that is this tensor's own is not.
  package mutating func takeAdamWStep(
    _ step: AdamWStep, along gradient: Tensor, firstMoment: inout Tensor, secondMoment: inout Tensor
  ) {
    precondition(
      format == .float32 && firstMoment.format == .float32 && secondMoment.format == .float32,
      "AdamW: weights kept as \(format) cannot be trained; use kept(as: .float32) first")
    precondition(
      gradient.shape == shape && firstMoment.shape == shape && secondMoment.shape == shape,
      "AdamW: weights \(shape), gradient \(gradient.shape), moments \(firstMoment.shape) and \(secondMoment.shape)")
    makeExclusive()
    firstMoment.makeExclusive()
    secondMoment.makeExclusive()
    let gradient = gradient.widened, count = elementCount
    runInParallel(
      AdamWWork(
        step: step, gradient: gradient.source, weights: target, first: firstMoment.target,
        second: secondMoment.target, count: count),
      tasks: elementTasks(count))
    withExtendedLifetime(gradient) {}
  }

  /// Adds `factor * other`, in place.
  package mutating func add(_ other: Tensor, times factor: Float) {
    precondition(format == .float32 && other.shape == shape, "add(_:times:): \(shape) and \(other.shape)")
    makeExclusive()
    let other = other.widened, count = elementCount
    runInParallel(
      AddScaledWork(x: other.source, factor: factor, y: target, count: count), tasks: elementTasks(count))
    withExtendedLifetime(other) {}
  }

  /// Multiplies every element, in place.
  package mutating func scale(by factor: Float) {
    precondition(format == .float32, "scale(by:): a tensor kept as \(format)")
    makeExclusive()
    runInParallel(ScaleWork(factor: factor, y: target, count: elementCount), tasks: elementTasks(elementCount))
  }

  /// Whether no element is NaN or infinite.
  package var isFinite: Bool { withScalars { $0.allSatisfy { $0 - $0 == 0 } } }
}
