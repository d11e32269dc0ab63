@_exported import Layers
import Tensor

/// Parameters that the loss does not depend on.
public struct UnreachedParameters: Error, Sendable, Equatable, CustomStringConvertible {
  /// Their names.
  public let names: [String]

  package init(names: [String]) { self.names = names }

  /// The names, and what to do.
  public var description: String {
    "the loss does not reach \(names.count == 1 ? "the parameter" : "\(names.count) parameters:") "
      + names.prefix(12).joined(separator: ", ") + (names.count > 12 ? ", ..." : "")
      + ". Use them in the loss, or name them in `frozen:`."
  }
}

/// The value of a loss and its gradient with respect to every parameter of a model.
///
/// Operations on the model's parameters are recorded while `loss` runs, and only then. The gradient has the model's own
/// type: its parameters are the partial derivatives, its other properties are the model's. Frozen parameters are
/// constants; their gradients are placeholders without memory.
///
/// A parameter that is neither frozen nor reached stops the program with a message that names it: silence there would
/// be a layer that never learns. `differentiate` throws instead.
///
/// - Parameters:
///   - model: where the gradient is taken.
///   - frozen: parameters to leave out.
///   - loss: computes a scalar from the model it is given.
public func valueAndGradient<Model: Module>(
  at model: Model, frozen: ParameterSelection = .none, of loss: (Model) -> Tensor
) -> (value: Float, gradient: Model) {
  do throws(UnreachedParameters) {
    return try differentiate(at: model, frozen: frozen, of: loss)
  } catch {
    preconditionFailure("valueAndGradient: \(error)")
  }
}

/// As `valueAndGradient`, but parameters that the loss does not reach are an error that can be caught.
///
/// - Throws: `UnreachedParameters`, with all their names.
public func differentiate<Model: Module>(
  at model: Model, frozen: ParameterSelection = .none, of loss: (Model) -> Tensor
) throws(UnreachedParameters) -> (value: Float, gradient: Model) {
  let recorded = Recorded(model, frozen: frozen, keepsInputs: false, of: loss)
  let gradients = recorded.gradients()
  return try (recorded.value.scalar, recorded.modelOfGradients(gradients))
}

/// A loss with the tape of its computation.
struct Recorded<Model: Module> {
  let model: Model
  /// The names of the leaves, which are the tape's first nodes.
  let leaves: [(name: String, value: Tensor)]
  let tape: Tape
  let value: Tensor

  init(_ model: Model, frozen: ParameterSelection, keepsInputs: Bool, of loss: (Model) -> Tensor) {
    let leaves = model.parameters.filter { !frozen($0.name, $0.value) }
    let tape = Tape(leafCount: leaves.count, keepsInputs: keepsInputs)
    var traced = model
    var node = 0
    traced.updateParameters { name, parameter in
      guard !frozen(name, parameter) else { return }
      parameter.trace = Trace(tape: tape, leaf: node)
      node += 1
    }
    let value = loss(traced)
    tape.close()
    precondition(value.elementCount == 1, "valueAndGradient: the loss has the shape \(value.shape), not one element")
    (self.model, self.leaves, self.tape, self.value) = (model, leaves, tape, value)
  }

  /// The gradients of the leaves; nil where the loss does not depend on one.
  func gradients() -> [Tensor?] {
    guard let node = value.trace?.node else {
      _ = tape.takeSteps()  // frees what the steps hold
      return Array(repeating: nil, count: leaves.count)
    }
    return backpropagate(Tensor.ones(value.shape), from: node, through: tape, leafCount: leaves.count)
  }

  func modelOfGradients(_ gradients: [Tensor?]) throws(UnreachedParameters) -> Model {
    let unreached = zip(leaves, gradients).filter { $0.1 == nil }.map(\.0.name)
    if !unreached.isEmpty { throw UnreachedParameters(names: unreached) }
    var result = model
    var next = 0
    let names = leaves.map(\.name)
    result.updateParameters { name, parameter in
      if next < names.count, names[next] == name, let gradient = gradients[next] {
        parameter = gradient.reshaped(parameter.shape)
        next += 1
      } else {
        parameter = .placeholder(parameter.shape)
      }
    }
    return result
  }
}

/// Runs the tape backwards from node `node`, whose gradient is `gradient`; the gradients of the first `leafCount` nodes.
func backpropagate(_ gradient: Tensor, from node: Int, through tape: Tape, leafCount: Int) -> [Tensor?] {
  var (steps, nodeCount) = tape.takeSteps()
  var sums = GradientSums(firstNode: tape.firstNode, count: nodeCount)
  sums.add(node) { gradient }
  while let step = steps.popLast() {  // what a step holds is freed as soon as its rule has run
    guard let gradient = sums.take(step.output) else { continue }
    propagate(gradient, through: step.operation, into: &sums)
  }
  return sums.leaves(leafCount)
}

/// The gradients that have arrived at each node so far.
struct GradientSums {
  private let firstNode: Int
  private var sums: [Tensor?]

  init(firstNode: Int, count: Int) { (self.firstNode, sums) = (firstNode, Array(repeating: nil, count: count)) }

  /// Where the sum of a node is; nil for constants, which nodes of other tapes are too.
  private func index(_ node: Int?) -> Int? {
    guard let node, sums.indices.contains(node - firstNode) else { return nil }
    return node - firstNode
  }

  /// Adds a gradient to a node; for a constant (nil) it is not computed.
  mutating func add(_ node: Int?, _ gradient: () -> Tensor) {
    guard let index = index(node) else { return }
    let gradient = gradient()
    guard var sum = sums[index] else {
      sums[index] = gradient
      return
    }
    sums[index] = nil  // so that the sum is in place
    sum.accumulate(gradient)
    sums[index] = sum
  }

  /// Adds rows to the gradient of a table.
  mutating func addRows(_ node: Int?, _ shape: Shape, _ gradient: Tensor, at ids: [Int32]) {
    guard let index = index(node) else { return }
    var sum = sums[index] ?? .zeros(shape)
    sums[index] = nil
    sum.addRows(gradient, at: ids)
    sums[index] = sum
  }

  mutating func take(_ node: Int) -> Tensor? {
    guard let index = index(node) else { return nil }
    defer { sums[index] = nil }
    return sums[index]
  }

  func leaves(_ count: Int) -> [Tensor?] { Array(sums.prefix(count)) }
}
