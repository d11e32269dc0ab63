/// An operation with a derivative of its own.
///
/// `forward` computes the value from the inputs as constants; `pullback` takes the gradient of the value and the inputs
/// and returns a gradient for each input, nil where there is none. A value with a gradient that `forward` uses but is not
/// among the inputs stops the program: its gradient would be lost.
public func custom(
  _ name: String, _ inputs: [Tensor], forward: @escaping @Sendable ([Tensor]) -> Tensor,
  pullback: @escaping @Sendable (_ gradient: Tensor, _ inputs: [Tensor]) -> [Tensor?]
) -> Tensor {
  constant(forward(inputs.map(\.detached)), name).recorded(
    inputs, .custom(name: name, inputs: inputs.map(Operand.init), forward: forward, pullback: pullback))
}

/// A part of a computation whose intermediate values are not kept for the gradient but computed again
/// (Chen et al. 2016): memory for time.
///
/// `value` is what `body` computed from `inputs`. `body` must depend on nothing on a tape but its arguments, and compute
/// the same each time.
package func recomputed(
  _ value: Tensor, from inputs: [Tensor], body: @escaping @Sendable ([Tensor]) -> Tensor
) -> Tensor {
  constant(value, "recomputed").recorded(inputs, .recompute(inputs: inputs.map(Operand.init), body: body))
}

private func constant(_ value: Tensor, _ name: String) -> Tensor {
  precondition(
    value.trace == nil, "\(name): the body uses a value with a gradient that is not among its inputs. Make it one.")
  return value
}
