/// An operation on the tape, with what its derivative rule needs and the numbers that define it.
///
/// Whoever adds a case gets a compile error in the room of derivatives until the rule is there.
package indirect enum Operation: Sendable {
  case unary(UnaryFunction, Operand)
  /// Operands of shapes that broadcast to the output's.
  case add(Link, Link)
  case subtract(Link, Link)
  case multiply(Operand, Operand)
  case divide(Operand, Operand)
  case maximum(Operand, Operand)
  case minimum(Operand, Operand)
  case scale(Link, Float)
  /// A number added to every element.
  case offset(Link, Float)
  case matmul(Operand, Operand, transposingLeft: Bool, transposingRight: Bool)
  /// `input @ weight + bias`, the weight `[in, out]`, or `[out, in]` where transposed.
  case linear(input: Operand, weight: Operand, bias: Link?, transposingWeight: Bool)
  case reshape(Link)
  case permute(Link, [Int])
  case slice(Link, Range<Int>, axis: Int)
  case concatenate([Link], axis: Int)
  /// The sum over the given axes, times a factor (1 for sums, 1 / count for means).
  case sum(Link, axes: [Int], factor: Float)
  /// The largest element along the innermost axis, with its positions.
  case largest(Link, positions: [Int32])
  case softmax(Link, output: Tensor)
  case logSoftmax(Link, output: Tensor)
  case layerNorm(
    input: Operand, weight: Operand?, bias: Link?, epsilon: Float, mean: Tensor, inverseDeviation: Tensor)
  case rmsNorm(input: Operand, weight: Operand?, epsilon: Float, inverseRoot: Tensor)
  case embedding(Link, ids: [Int32])
  case rotate(Link, cosines: Tensor, sines: Tensor)
  case attention(AttentionRecord)
  /// Losses per row; rows with a negative target count nothing.
  case crossEntropy(logits: Operand, targets: [Int32], logSumExp: Tensor)
  /// The same from hidden states: the mean over the rows `counted`, with its gradients.
  case linearCrossEntropy(
    input: Operand, weight: Operand, bias: Link?, transposingWeight: Bool, targets: [Int32], counted: [Int32],
    gradients: LinearCrossEntropyRecord)
  /// Elementwise product with a mask that a key regenerates.
  case dropout(Link, probability: Float, random: Random)
  /// An operation with a pullback of its own.
  case custom(
    name: String, inputs: [Operand], forward: @Sendable ([Tensor]) -> Tensor,
    pullback: @Sendable (Tensor, [Tensor]) -> [Tensor?])
  /// A part that is computed again for its gradient.
  case recompute(inputs: [Operand], body: @Sendable ([Tensor]) -> Tensor)
}

/// What the derivative of fused attention needs.
package struct AttentionRecord: Sendable {
  package let query: Operand
  package let key: Operand
  package let value: Operand
  package let bias: Operand?
  package let geometry: AttentionGeometry
  package let output: Tensor
  package let logSumExp: Tensor
}
