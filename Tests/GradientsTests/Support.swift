import Gradients
import Synchronization
import Tensor
import TestSupport
import Testing

/// All tests of gradients: one after the other, for they change the process's kernels and threads.
@Suite(.serialized) struct GradientTests {}

/// Parameters without a meaning.
struct Inputs: Module {
  var values: [Tensor]
  init(_ values: [Tensor]) { self.values = values }
  mutating func visit(_ visitor: inout some ParameterVisitor) {
    for index in values.indices { visitor("\(index)", &values[index]) }
  }
  subscript(index: Int) -> Tensor { values[index] }
}

/// A tensor of reproducible numbers, none of them within 0.05 of 0.
func values(_ shape: Shape, in range: ClosedRange<Float> = -1...1, seed: Int = 1) -> Tensor {
  let x = Tensor.uniform(shape, in: range, random: Random(seed: UInt64(seed)))
  return Tensor(x.scalars.map { abs($0) < 0.05 ? $0 + ($0 < 0 ? -0.05 : 0.05) : $0 }, shape: shape)
}

/// The worst errors so far, for the report at the end.
private let worstErrors = Mutex<[String: (value: Double, gradient: Double)]>([:])

/// The worst errors so far, by name.
var foundErrors: [String: (value: Double, gradient: Double)] { worstErrors.withLock { $0 } }

/// Keeps the errors of a check, if they are the worst.
func note(_ name: String, valueError: Double, _ report: GradientCheck.Report) {
  worstErrors.withLock { errors in
    let old = errors[name] ?? (0, 0)
    errors[name] = (
      max(old.value, valueError), max(old.gradient, report.worst?.worst.error ?? 0, report.direction.error)
    )
  }
}

/// Checks an operation: its value against the replay in Double, its gradient against central differences, with every
/// kernel set, and that the number of threads does not change a bit of the gradient.
///
/// The loss is the sum of the result's elements, each times a number of its own.
func check(
  _ name: String, _ inputs: [Tensor], forwardTolerance: Double = 1e-5, tolerance: Double = 1e-4, sampleSize: Int = 10,
  sourceLocation: SourceLocation = #_sourceLocation, _ operation: ([Tensor]) -> Tensor
) throws {
  let model = Inputs(inputs)
  func loss(_ model: Inputs) -> Tensor {
    let y = operation(model.values)
    return (y * testTensor(y.shape, seed: 99)).sum()
  }
  for set in Runtime.availableKernels {
    let (forward, report) = try RuntimeSettings.with(set, threads: 2) {
      (
        forwardError(inputs, operation),
        GradientCheck.run(
          at: model, tolerance: tolerance, sampleSize: set == .baseline ? sampleSize : min(sampleSize, 4), of: loss)
      )
    }
    let shapes = inputs.map(\.shape.description).joined(separator: " ")
    #expect(forward <= forwardTolerance, "\(name) of \(shapes), \(set): the value", sourceLocation: sourceLocation)
    #expect(report.passed, "\(name) of \(shapes), \(set): \(report)", sourceLocation: sourceLocation)
    note(name, valueError: forward, report)
  }
  try checkThreads(name, inputs, sourceLocation: sourceLocation, operation)
}

/// As `check`, of inputs between -1 and 1.
func check(
  _ name: String, _ shapes: Shape..., forwardTolerance: Double = 1e-5, tolerance: Double = 1e-4, sampleSize: Int = 10,
  sourceLocation: SourceLocation = #_sourceLocation, _ operation: ([Tensor]) -> Tensor
) throws {
  try check(
    name, shapes.enumerated().map { values($1, seed: $0 + 1) }, forwardTolerance: forwardTolerance,
    tolerance: tolerance, sampleSize: sampleSize, sourceLocation: sourceLocation, operation)
}

/// Checks that the gradient's bits are the same with one, two, three and eight threads.
func checkThreads(
  _ name: String, _ inputs: [Tensor], sourceLocation: SourceLocation = #_sourceLocation,
  _ operation: ([Tensor]) -> Tensor
) throws {
  for set in Runtime.availableKernels {
    let gradients = try [1, 2, 3, 8].map { threads in
      try RuntimeSettings.with(set, threads: threads) {
        try differentiate(at: Inputs(inputs)) { model in
          let y = operation(model.values)
          return (y * testTensor(y.shape, seed: 99)).sum()
        }.gradient.bits
      }
    }
    #expect(
      gradients.allSatisfy { $0 == gradients[0] }, "\(name), \(set): bits of 1, 2, 3, 8 threads",
      sourceLocation: sourceLocation)
  }
}

/// The largest difference of the operation's value from the replay in Double, relative to the larger of 1 and it.
private func forwardError(_ inputs: [Tensor], _ operation: ([Tensor]) -> Tensor) -> Double {
  let tape = Tape(leafCount: inputs.count, keepsInputs: true)
  let value = operation(
    inputs.enumerated().map { index, input in
      var leaf = input
      leaf.trace = Trace(tape: tape, leaf: index)
      return leaf
    })
  tape.close()
  let replay = DoubleReplay(of: value, on: tape)
  return worstError(value.scalars, replay.value(leaves: inputs.map { $0.scalars.map(Double.init) }))
}

extension Module {
  /// The bits of every parameter.
  var bits: [[UInt32]] { parameters.map { $0.value.scalars.map(\.bitPattern) } }
}

/// Counts calls from closures that may run anywhere.
final class Counter: Sendable {
  private let count = Mutex(0)
  var value: Int { count.withLock { $0 } }
  func increment() { count.withLock { $0 += 1 } }
}
