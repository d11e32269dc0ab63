import Synchronization

/// The place of a value on a tape.
package struct Trace: Sendable {
  package let tape: Tape
  package let node: Int
  package init(tape: Tape, node: Int) { (self.tape, self.node) = (tape, node) }
}

/// An input of a recorded operation whose elements the derivative rule needs.
package struct Operand: Sendable {
  /// The value, off the tape.
  package let value: Tensor
  /// Its place on the tape; nil for a constant.
  package let node: Int?

  init(_ tensor: Tensor) { (value, node) = (tensor.detached, tensor.trace?.node) }
}

/// An input of a recorded operation of which the rule needs only the shape.
package struct Link: Sendable {
  /// The input's shape.
  package let shape: Shape
  /// Its place on the tape; nil for a constant.
  package let node: Int?

  init(_ tensor: Tensor) { (shape, node) = (tensor.shape, tensor.trace?.node) }
}

/// What was computed, in order, from the values that a gradient is wanted for.
///
/// This is all that the tensor library knows of derivatives: a list of operations with what their rules need.
package final class Tape: Sendable {
  package struct Step: Sendable {
    package let operation: Operation
    /// The node of the result.
    package let output: Int
    /// The values of all inputs, in the order of the operation's; only where the tape keeps them.
    package let inputs: [Operand]
  }

  private struct State {
    var steps: [Step] = []
    var nodeCount: Int
    var isOpen = true
  }

  private let state: Mutex<State>
  /// Whether every step keeps the values of its inputs, so that the whole computation can be done again.
  package let keepsInputs: Bool

  /// A tape whose first nodes are `leafCount` leaves.
  package init(leafCount: Int, keepsInputs: Bool = false) {
    state = Mutex(State(nodeCount: leafCount))
    self.keepsInputs = keepsInputs
  }

  /// Stops recording: later operations on the tape's values are not recorded.
  package func close() { state.withLock { $0.isOpen = false } }

  /// The steps so far and the number of nodes.
  package func takeSteps() -> (steps: [Step], nodeCount: Int) {
    state.withLock { state in
      defer { state.steps = [] }
      return (state.steps, state.nodeCount)
    }
  }

  fileprivate func record(_ operation: Operation, _ inputs: [Operand]) -> Trace? {
    state.withLock { state in
      guard state.isOpen else { return nil }
      let node = state.nodeCount
      state.nodeCount += 1
      state.steps.append(Step(operation: operation, output: node, inputs: inputs))
      return Trace(tape: self, node: node)
    }
  }
}

extension Tensor {
  /// Puts this result on the tape of its input, if that is on one.
  func recorded(_ a: Tensor, _ operation: @autoclosure () -> Operation) -> Tensor {
    guard let tape = a.trace?.tape else { return self }
    return recorded(on: tape, operation(), inputs: tape.keepsInputs ? [Operand(a)] : [])
  }

  /// Puts this result on the tape of its inputs, if any of them is on one.
  func recorded(_ a: Tensor, _ b: Tensor, _ operation: @autoclosure () -> Operation) -> Tensor {
    guard let tape = a.trace?.tape ?? b.trace?.tape else { return self }
    return recorded(on: tape, operation(), inputs: tape.keepsInputs ? [Operand(a), Operand(b)] : [])
  }

  /// Puts this result on the tape of its inputs, if any of them is on one.
  func recorded(_ a: Tensor, _ b: Tensor?, _ c: Tensor?, _ operation: @autoclosure () -> Operation) -> Tensor {
    guard let tape = a.trace?.tape ?? b?.trace?.tape ?? c?.trace?.tape else { return self }
    return recorded(
      on: tape, operation(), inputs: tape.keepsInputs ? [a, b, c].compactMap { $0 }.map(Operand.init) : [])
  }

  /// Puts this result on the tape of its inputs, if any of them is on one.
  func recorded(_ inputs: [Tensor], _ operation: @autoclosure () -> Operation) -> Tensor {
    guard let tape = inputs.lazy.compactMap(\.trace?.tape).first else { return self }
    return recorded(on: tape, operation(), inputs: tape.keepsInputs ? inputs.map(Operand.init) : [])
  }

  private func recorded(on tape: Tape, _ operation: Operation, inputs: [Operand]) -> Tensor {
    var result = self
    result.trace = tape.record(operation, inputs)
    return result
  }
}
