import Tensor

/// A recorded computation that can be done again in Double, from other values of its leaves.
///
/// Every operation has one formula of plain scalar code in `DoubleFormulas.swift`, which shares nothing with the
/// kernels: it is the forward oracle of every operation and of every fused variant, and central differences of it are
/// the oracle of every derivative rule. What the computation did outside of tensor operations (elements that were read,
/// detached values) is a constant here, as it is for gradients.
///
/// Two operations are special. A custom operation has only its own Float32 forward, so that differences of it are
/// noisy: `isExact` is false. The body of a recomputed part is recorded once more and replayed as a computation of its
/// own.
package struct DoubleReplay: Sendable {
  /// Where an input of a step comes from.
  private enum Source: Sendable {
    case node(Int)
    case constant([Double])
  }

  private struct Step: Sendable {
    let operation: Operation
    let output: Int
    let sources: [Source]
    /// The body of a recomputed part.
    let body: DoubleReplay?

    func value(_ nodes: [[Double]]) -> [Double] {
      let inputs = sources.map { source in
        switch source {
        case .node(let index): nodes[index]
        case .constant(let value): value
        }
      }
      return doubleValue(of: operation, inputs, body: body)
    }
  }

  private let steps: [Step]
  private let nodeCount: Int
  private let result: Source
  /// Whether every formula is in Double: false where an operation is custom.
  package let isExact: Bool

  /// Takes the steps of a tape that keeps its inputs; its first nodes are the leaves.
  package init(of value: Tensor, on tape: Tape) {
    precondition(tape.keepsInputs, "DoubleReplay: the tape does not keep the inputs of its steps")
    let (steps, nodeCount) = tape.takeSteps()
    func source(_ value: Tensor, _ node: Int?) -> Source {
      if let node, 0..<nodeCount ~= node - tape.firstNode { return .node(node - tape.firstNode) }
      return .constant(value.scalars.map(Double.init))
    }
    self.nodeCount = nodeCount
    self.steps = steps.map { step in
      Step(
        operation: step.operation, output: step.output - tape.firstNode,
        sources: step.inputs.map { source($0.value, $0.node) }, body: DoubleReplay(ofBodyOf: step.operation))
    }
    result = source(value, value.trace?.node)
    isExact = self.steps.allSatisfy { step in
      if case .custom = step.operation { return false }
      return step.body?.isExact ?? true
    }
  }

  private init?(ofBodyOf operation: Operation) {
    guard case .recompute(let inputs, let body) = operation else { return nil }
    let tape = Tape(leafCount: inputs.count, keepsInputs: true)
    let value = body(
      inputs.enumerated().map { index, input in
        var leaf = input.value
        leaf.trace = Trace(tape: tape, leaf: index)
        return leaf
      })
    tape.close()
    self.init(of: value, on: tape)
  }

  /// The values of all nodes, from those of the leaves.
  package func nodes(leaves: [[Double]]) -> [[Double]] {
    var nodes = leaves + Array(repeating: [], count: nodeCount - leaves.count)
    for step in steps { nodes[step.output] = step.value(nodes) }
    return nodes
  }

  /// The value of the whole computation.
  package func value(leaves: [[Double]]) -> [Double] { value(in: nodes(leaves: leaves)) }

  /// The value of the whole computation, from the values of all nodes.
  package func value(in nodes: [[Double]]) -> [Double] {
    switch result {
    case .node(let index): nodes[index]
    case .constant(let value): value
    }
  }

  /// The value of the whole computation for other values of one leaf. Only what depends on the leaf is done again.
  ///
  /// - Parameter nodes: the values of all nodes for the first value of the leaf.
  package func values(of leaf: Int, _ candidates: some Sequence<[Double]>, in nodes: [[Double]]) -> [[Double]] {
    var isAffected = Array(repeating: false, count: nodeCount)
    isAffected[leaf] = true
    var affected: [Step] = []
    for step in steps where step.sources.contains(where: { if case .node(let i) = $0 { isAffected[i] } else { false } })
    {
      isAffected[step.output] = true
      affected.append(step)
    }
    return candidates.map { candidate in
      var changed = nodes
      changed[leaf] = candidate
      for step in affected { changed[step.output] = step.value(changed) }
      return value(in: changed)
    }
  }
}
