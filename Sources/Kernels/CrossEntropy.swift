/// Cross-entropy of rows of logits against one class each.
///
/// The loss is accurate for logits of any size; the gradient reads the kept `logSumExp`, whose rounding reaches the
/// probabilities in proportion to its size (a relative 2^-25 of it).
public enum CrossEntropy {
  /// The body of `KernelTable.crossEntropy`.
  @export(implementation) @inline(always) public static func loss<V: FloatVector>(
    _: V.Type, _ logits: Source, _ targets: UnsafePointer<Int32>, _ loss: Target, _ logSumExp: Target, _ rows: Int,
    _ width: Int
  ) {
    var row = 0
    while row < rows {
      let x = logits + row &* width
      let (largest, logSum) = Softmax.logSum(V.self, x, width)
      logSumExp[row] = largest + logSum
      // From the largest element's point of view nothing large cancels.
      let target = Int(targets[row])
      loss[row] = target < 0 ? 0 : logSum - (x[target] - largest)
      row &+= 1
    }
  }

  /// The body of `KernelTable.crossEntropyGradient`.
  @export(implementation) @inline(always) public static func gradient<V: FloatVector>(
    _: V.Type, _ logits: Source, _ targets: UnsafePointer<Int32>, _ logSumExp: Source, _ scale: Float,
    _ dLogits: Target, _ rows: Int, _ width: Int
  ) {
    let factor = V(repeating: scale)
    var row = 0
    while row < rows {
      let (x, dx) = (logits + row &* width, dLogits + row &* width)
      let target = Int(targets[row])
      if target < 0 {
        @inline(always) func body(_ chunk: Chunk<V>) { chunk.store(V.zero, to: dx) }
        Sweep.each(V.self, width, body)
      } else {
        let shift = V(repeating: logSumExp[row])
        @inline(always) func body(_ chunk: Chunk<V>) {
          chunk.store(Functions.expBounded(chunk.load(x) - shift) * factor, to: dx)
        }
        Sweep.each(V.self, width, body)
        dx[target] -= scale
      }
      row &+= 1
    }
  }
}
