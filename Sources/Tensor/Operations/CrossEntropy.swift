import Kernels

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
    Tensor.computeCrossEntropy(
      logits.source, targets, 0, rows, width, losses: losses.target, logSumExp: logSumExp.target)
    withExtendedLifetime(logits) {}
    let counted = targets.lazy.filter { $0 >= 0 }.count
    return losses.summed([0], factor: 1 / Float(max(counted, 1)))
      .recorded(self, .crossEntropy(logits: Operand(self), targets: targets, logSumExp: logSumExp))
  }

  /// The pullback of `crossEntropy` for these logits.
  package func crossEntropyGradient(targets: [Int32], logSumExp: Tensor, scale: Float) -> Tensor {
    let logits = widened, result = Tensor(uninitialized: shape)
    let counted = targets.lazy.filter { $0 >= 0 }.count
    Tensor.computeCrossEntropyGradient(
      logits.source, targets, 0, shape.rowCount, shape.width, logSumExp: logSumExp.source,
      scale: scale / Float(max(counted, 1)), result.target)
    withExtendedLifetime((logits, logSumExp)) {}
    return result
  }

  /// The losses of rows `first..<first + count`, whose logits lie at `logits`.
  fileprivate static func computeCrossEntropy(
    _ logits: Source, _ targets: [Int32], _ first: Int, _ count: Int, _ width: Int, losses: Target, logSumExp: Target
  ) {
    let perTask = rowsPerTask(width: width)
    targets.withUnsafeBufferPointer { targets in
      guard let base = targets.baseAddress else { return }
      runInParallel(
        CrossEntropyWork(
          logits: logits, targets: base + first, loss: losses + first, logSumExp: logSumExp + first, rows: count,
          width: width), tasks: (count + perTask - 1) / perTask)
    }
  }

  /// The gradients of the logits of rows `first..<first + count`; they may take the place of the logits.
  fileprivate static func computeCrossEntropyGradient(
    _ logits: Source, _ targets: [Int32], _ first: Int, _ count: Int, _ width: Int, logSumExp: Source, scale: Float,
    _ dLogits: Target
  ) {
    let perTask = rowsPerTask(width: width)
    targets.withUnsafeBufferPointer { targets in
      guard let base = targets.baseAddress else { return }
      runInParallel(
        CrossEntropyGradientWork(
          logits: logits, targets: base + first, logSumExp: logSumExp + first, scale: scale, dLogits: dLogits,
          rows: count, width: width), tasks: (count + perTask - 1) / perTask)
    }
  }
}

// MARK: - From hidden states

/// What the derivative of `linearCrossEntropy` needs: the gradients, computed along with the loss.
package struct LinearCrossEntropyRecord: Sendable {
  /// Of the rows that count, `[counted, in]`.
  package fileprivate(set) var input: Tensor?
  /// Of the weight, in its shape.
  package fileprivate(set) var weight: Tensor?
  /// Of the bias, in its shape.
  package fileprivate(set) var bias: Tensor?
}

/// The mean cross-entropy of the scores `x @ weight + bias` against the index of the right class of each row, without
/// these scores ever being there as a whole.
///
/// It is `linear(x, weight, ...).crossEntropy(targets:)`, computed for some rows at a time (their scores take at most
/// 128 MB, or one row), and only for rows that have a target. Where a gradient is wanted it is computed along with the
/// loss, while the scores are at hand.
///
/// - Parameters:
///   - x: `[..., in]`
///   - weight: `[in, classes]`, or `[classes, in]` where transposed; kept in any format.
///   - bias: `[classes]`
///   - targets: for each row of `x` a class, or a negative number: such a row is left out of the sum and of the count.
/// - Returns: a scalar; 0 where no row has a target.
public func linearCrossEntropy(
  _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, transposingWeight: Bool = false, targets: [Int32]
) -> Tensor {
  linearCrossEntropy(
    x, weight, bias: bias, transposingWeight: transposingWeight, targets: targets, mostScores: 1 << 25)
}

/// The same with at most `mostScores` scores at a time.
package func linearCrossEntropy(
  _ x: Tensor, _ weight: Tensor, bias: Tensor?, transposingWeight: Bool, targets: [Int32], mostScores: Int
) -> Tensor {
  let (inner, classes) =
    weight.rank == 2
    ? (transposingWeight ? (weight.shape[1], weight.shape[0]) : (weight.shape[0], weight.shape[1])) : (-1, -1)
  precondition(
    x.rank >= 1 && x.shape[-1] == inner && (bias.map { $0.shape == Shape(classes) } ?? true),
    "linearCrossEntropy: x \(x.shape), weight \(weight.shape)\(transposingWeight ? " transposed" : ""), bias \(bias?.shape.description ?? "none") do not fit"
  )
  precondition(
    targets.count == x.shape.rowCount && targets.allSatisfy { Int($0) < classes },
    "linearCrossEntropy: x \(x.shape), \(classes) classes and \(targets.count) targets up to \(targets.max() ?? -1)")
  let counted = targets.indices.filter { targets[$0] >= 0 }.map(Int32.init(truncatingIfNeeded:))
  let rows = x.detached.widened.reshaped(targets.count, inner)
  let blocks = kernels.matmul
  let product = ChunkedCrossEntropy(
    blocks: blocks, input: counted.count == targets.count ? rows : rows.rows(at: counted),
    weight: weight.detached.rightSide(of: blocks, transposed: transposingWeight), bias: bias?.detached.widened,
    transposingWeight: transposingWeight, targets: targets.filter { $0 >= 0 }, mostScores: mostScores)
  let (loss, gradients) = product.run(
    wantingInput: x.trace != nil, wantingWeight: weight.trace != nil, wantingBias: bias?.trace != nil)
  return loss.recorded(
    x, weight, bias,
    .linearCrossEntropy(
      input: Operand(x), weight: Operand(weight), bias: bias.map(Link.init), transposingWeight: transposingWeight,
      targets: targets, counted: counted, gradients: gradients))
}

/// The loss of rows that all have a target, and its gradients.
private struct ChunkedCrossEntropy {
  /// The kernels of all its products, so that the weight is in the order that they want.
  let blocks: MatmulKernels
  /// `[rows, in]`
  let input: Tensor
  let weight: Tensor
  let bias: Tensor?
  let transposingWeight: Bool
  let targets: [Int32]
  /// Scores of one chunk, where that is more than a row.
  let mostScores: Int

  func run(
    wantingInput: Bool, wantingWeight: Bool, wantingBias: Bool
  ) -> (loss: Tensor, gradients: LinearCrossEntropyRecord) {
    let rows = targets.count, width = input.shape[1]
    let classes = weight.shape[transposingWeight ? 0 : 1]
    let losses = Tensor(uninitialized: Shape(rows)), logSumExp = Tensor(uninitialized: Shape(rows))
    var gradients = LinearCrossEntropyRecord(
      input: wantingInput ? Tensor(uninitialized: input.shape) : nil,
      weight: wantingWeight ? (rows == 0 ? .zeros(weight.shape) : Tensor(uninitialized: weight.shape)) : nil,
      bias: wantingBias ? .zeros(Shape(classes)) : nil)
    // Chunks of about the same size, none over the limit.
    let most = max(1, mostScores / max(1, classes)), chunks = max(1, (rows + most - 1) / most)
    let perChunk = max(1, (rows + chunks - 1) / chunks)
    let scores = Pool.shared.take(min(rows, perChunk) * classes * 4)
    let turned = wantingInput ? weight.rightSide(of: blocks, transposed: !transposingWeight) : weight
    for first in stride(from: 0, to: rows, by: perChunk) {
      let count = min(perChunk, rows - first)
      var forward = MatmulProblem(
        blocks, input.source + first * width, transposed: false, stride: width, weight, transposed: transposingWeight,
        scores.target, rows: count, columns: classes, depth: width)
      forward.bias = bias?.source
      forward.run()
      Tensor.computeCrossEntropy(
        Source(scores.target), targets, first, count, classes, losses: losses.target, logSumExp: logSumExp.target)
      if !wantingInput && !wantingWeight && !wantingBias { continue }
      Tensor.computeCrossEntropyGradient(
        Source(scores.target), targets, first, count, classes, logSumExp: logSumExp.source, scale: 1 / Float(rows),
        scores.target)
      if let target = gradients.input?.target {
        MatmulProblem(
          blocks, Source(scores.target), transposed: false, stride: classes, turned, transposed: !transposingWeight,
          target + first * width, rows: count, columns: width, depth: classes
        ).run()
      }
      if let target = gradients.weight?.target { addWeightGradient(scores, first, count, target) }
      if gradients.bias != nil {
        let sums = Tensor(shape: Shape(count, classes), format: .float32, storage: scores).sum(axis: 0)
        gradients.bias?.accumulate(sums)
      }
    }
    withExtendedLifetime((scores, input, weight, turned, bias, logSumExp)) {}
    return (losses.summed([0], factor: 1 / Float(max(rows, 1))), gradients)
  }

  /// Adds one chunk's outer products to the gradient of the weight; the first chunk's are written.
  private func addWeightGradient(_ scores: Storage, _ first: Int, _ count: Int, _ target: Target) {
    let width = input.shape[1], classes = weight.shape[transposingWeight ? 0 : 1]
    let states = Tensor(shape: Shape(count, width), format: .float32, storage: input.storage)
    let slopes = Tensor(shape: Shape(count, classes), format: .float32, storage: scores)
    let start = first * width * 4
    var problem =
      transposingWeight
      ? MatmulProblem(
        blocks, Source(scores.target), transposed: true, stride: classes, states, transposed: false, target,
        rows: classes, columns: width, depth: count)
      : MatmulProblem(
        blocks, input.source + first * width, transposed: true, stride: width, slopes, transposed: false, target,
        rows: width, columns: classes, depth: count)
    if transposingWeight { problem.right += start }
    problem.adds = first > 0
    problem.run()
    withExtendedLifetime((states, slopes)) {}
  }
}
