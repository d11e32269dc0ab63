import Synchronization

/// The place of a value on a tape.
package struct Trace: Sendable {
  package let tape: Tape
  /// The value's number, which no node of another tape has: where gradients are nested, values of the outer tape are
  /// constants of the inner one.
  package let node: Int

  fileprivate init(tape: Tape, node: Int) { (self.tape, self.node) = (tape, node) }

  /// The place of one of the tape's leaves.
  package init(tape: Tape, leaf: Int) { self.init(tape: tape, node: tape.firstNode + leaf) }
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

  private static let count = Atomic<Int>(0)

  /// The number of the first node: a range of numbers for each tape, greater for newer ones.
  package let firstNode = Tape.count.add(1, ordering: .relaxed).newValue << 32

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

  /// Whether operations are recorded.
  var isOpen: Bool { state.withLock { $0.isOpen } }

  /// The tape on which an operation on two values is recorded: the newer one if it still records.
  fileprivate static func recording(_ a: Tape?, _ b: Tape?) -> Tape? {
    guard let a else { return b }
    guard let b, a !== b else { return a }
    let (older, newer) = a.firstNode < b.firstNode ? (a, b) : (b, a)
    return newer.isOpen ? newer : older
  }

  fileprivate func record(_ operation: Operation, _ inputs: [Operand]) -> Trace? {
    state.withLock { state in
      guard state.isOpen else { return nil }
      let node = firstNode + state.nodeCount
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
    guard let tape = Tape.recording(a.trace?.tape, b.trace?.tape) else { return self }
    return recorded(on: tape, operation(), inputs: tape.keepsInputs ? [Operand(a), Operand(b)] : [])
  }

  /// Puts this result on the tape of its inputs, if any of them is on one.
  func recorded(_ a: Tensor, _ b: Tensor?, _ c: Tensor?, _ operation: @autoclosure () -> Operation) -> Tensor {
    guard let tape = Tape.recording(Tape.recording(a.trace?.tape, b?.trace?.tape), c?.trace?.tape) else {
      return self
    }
    return recorded(
      on: tape, operation(), inputs: tape.keepsInputs ? [a, b, c].compactMap { $0 }.map(Operand.init) : [])
  }

  /// Puts this result on the tape of its inputs, if any of them is on one.
  func recorded(_ inputs: [Tensor], _ operation: @autoclosure () -> Operation) -> Tensor {
    guard let tape = inputs.reduce(nil, { Tape.recording($0, $1.trace?.tape) }) else { return self }
    return recorded(on: tape, operation(), inputs: tape.keepsInputs ? inputs.map(Operand.init) : [])
  }

  private func recorded(on tape: Tape, _ operation: Operation, inputs: [Operand]) -> Tensor {
    var result = self
    result.trace = tape.record(operation, inputs)
    return result
  }
}
