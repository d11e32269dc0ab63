import Foundation
import Tensor

/// Compares gradients with central differences.
///
/// For any loss over any module, layers of your own and custom operations included:
///
///     let report = GradientCheck.run(at: layer) { ($0(input) * weights).sum() }
///     precondition(report.passed, report.description)
///
/// The gradient is that of `valueAndGradient`. The differences are taken of the same computation replayed in Double by
/// plain scalar code that shares nothing with the kernels, so that their own error is far below Float32's.
///
/// What it cannot see:
/// - Where the loss has a kink (relu, maximum, largest) within the step of a difference, both answers are right and
///   differ. Keep test values away from kinks.
/// - A gradient that is a small rest of large terms carries their Float32 rounding. The error's floors (see
///   `Comparison`) forgive the usual amount of it.
/// - What the loss does outside of tensor operations (elements that it reads, detached values) is constant for
///   gradients and differences alike.
/// - Differences of custom operations are those of their Float32 forward: steps are larger there, and three or four
///   digits can be expected.
public enum GradientCheck {
  /// A partial derivative, found in two ways.
  public struct Comparison: Sendable, Equatable {
    /// What `valueAndGradient` says.
    public let gradient: Double
    /// What central differences say.
    public let difference: Double
    /// `|gradient - difference| / max(|gradient|, |difference|, floor)`; infinite where either is NaN.
    ///
    /// For one element of a parameter the floor is the greater of 1/100 of the parameter's largest partial derivative
    /// and 1/10000 of the largest of all. For a direction it is 1/100 of the gradient's length.
    public let error: Double

    init(gradient: Double, difference: Double, floor: Double) {
      (self.gradient, self.difference) = (gradient, difference)
      let distance = abs(gradient - difference)
      let error = distance == 0 ? 0 : distance / max(abs(gradient), abs(difference), floor)
      self.error = error.isNaN ? .infinity : error
    }
  }

  /// The worst element of one parameter.
  public struct Parameter: Sendable {
    /// The parameter's name.
    public let name: String
    /// The parameter's shape.
    public let shape: Shape
    /// How many of its elements were compared.
    public let comparedCount: Int
    /// Where the worst element is, an index for each axis.
    public let position: [Int]
    /// The worst element's derivatives.
    public let worst: Comparison
  }

  /// What a check found.
  public struct Report: Sendable {
    /// Each parameter's worst element, in the order of the module's listing. Empty and unreached parameters have none.
    public let parameters: [Parameter]
    /// The parameters that the loss does not depend on, though they are not frozen.
    public let unreached: [String]
    /// The derivative along one random direction of all parameters at once.
    public let direction: Comparison
    /// The loss in Float32.
    public let loss: Float
    /// The loss in Double.
    public let replayedLoss: Double
    /// The largest error that passes.
    public let tolerance: Double

    /// The difference of the two losses, relative to the larger of 1 and the loss.
    public var lossError: Double {
      let error = abs(Double(loss) - replayedLoss) / max(1, abs(replayedLoss))
      return error.isNaN ? .infinity : error
    }

    /// The parameter with the largest error.
    public var worst: Parameter? { parameters.max { $0.worst.error < $1.worst.error } }

    /// Whether every parameter was reached and every error, that of the loss included, is within the tolerance.
    public var passed: Bool {
      unreached.isEmpty && max(worst?.worst.error ?? 0, direction.error, lossError) <= tolerance
    }
  }

  /// Checks the gradient of a loss at a model.
  ///
  /// The loss runs twice and must compute the same each time.
  ///
  /// - Parameters:
  ///   - model: where the gradient is taken.
  ///   - frozen: parameters to leave out.
  ///   - tolerance: the largest relative error that passes.
  ///   - sampleSize: how many elements of each parameter are compared; all of them where it has no more.
  ///   - seed: chooses the elements and the random direction.
  ///   - loss: computes a scalar from the model it is given.
  public static func run<Model: Module>(
    at model: Model, frozen: ParameterSelection = .none, tolerance: Double = 1e-3, sampleSize: Int = 24,
    seed: UInt64 = 0, of loss: (Model) -> Tensor
  ) -> Report {
    let recorded = Recorded(model, frozen: frozen, keepsInputs: false, of: loss)
    let gradients = recorded.gradients().map { $0?.scalars.map(Double.init) }
    let kept = Recorded(model, frozen: frozen, keepsInputs: true, of: loss)
    let differences = CentralDifferences(
      DoubleReplay(of: kept.value, on: kept.tape), at: kept.leaves.map { $0.value.scalars.map(Double.init) })

    let random = Random(seed: seed)
    let largest = gradients.map { largestMagnitude($0 ?? []) }
    let largestOfAll = largestMagnitude(largest)
    var parameters: [Parameter] = []
    for (index, leaf) in recorded.leaves.enumerated() {
      guard let gradient = gradients[index], !gradient.isEmpty else { continue }
      let elements = sample(min(sampleSize, gradient.count), of: gradient.count, random.derived(index))
      let floor = max(largest[index] / 100, largestOfAll / 10000)
      let compared = zip(elements, differences.partial(of: index, elements)).map { element, difference in
        (element, Comparison(gradient: gradient[element], difference: difference, floor: floor))
      }
      guard let (element, worst) = compared.max(by: { $0.1.error < $1.1.error }) else { continue }
      parameters.append(
        Parameter(
          name: leaf.name, shape: leaf.value.shape, comparedCount: elements.count,
          position: leaf.value.shape.position(of: element), worst: worst))
    }
    return Report(
      parameters: parameters,
      unreached: zip(recorded.leaves, gradients).filter { $0.1 == nil }.map(\.0.name),
      direction: directional(gradients, differences, random.derived("direction")),
      loss: recorded.value.scalar, replayedLoss: differences.value, tolerance: tolerance)
  }

  private static func directional(
    _ gradients: [[Double]?], _ differences: CentralDifferences, _ random: Random
  ) -> Comparison {
    var direction = differences.leaves.enumerated().map { index, leaf in
      leaf.indices.map { Double(random.derived(index).normal($0)) }
    }
    let length = direction.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
    direction = direction.map { $0.map { $0 / max(length, .leastNormalMagnitude) } }
    let along = zip(gradients, direction).reduce(0) { sum, pair in
      zip(pair.0 ?? [], pair.1).reduce(sum) { $0 + $1.0 * $1.1 }
    }
    let gradientLength = gradients.compactMap { $0 }.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
    return Comparison(
      gradient: along, difference: differences.derivative(along: direction), floor: gradientLength / 100)
  }

  /// Distinct positions below `count`, ascending: all of them, or a random sample.
  private static func sample(_ size: Int, of count: Int, _ random: Random) -> [Int] {
    if size >= count { return Array(0..<count) }
    var chosen: Set<Int> = []
    var draw = 0
    while chosen.count < size {
      chosen.insert(random.integer(draw, below: count))
      draw += 1
    }
    return chosen.sorted()
  }

  private static func largestMagnitude(_ values: [Double]) -> Double { values.reduce(0) { max($0, abs($1)) } }
}

/// Derivatives of a replayed computation, as differences of its values on both sides of a point.
private struct CentralDifferences {
  let replay: DoubleReplay
  let leaves: [[Double]]
  let nodes: [[Double]]
  /// The step, relative to the larger of 1 and the element.
  let step: Double
  /// What the difference of the values 1, 2, ... steps to both sides counts.
  let weights: [Double]

  init(_ replay: DoubleReplay, at leaves: [[Double]]) {
    (self.replay, self.leaves, nodes) = (replay, leaves, replay.nodes(leaves: leaves))
    // In Double, rounding and the third derivative's share are both near 1e-8 of usual values. Through Float32,
    // rounding asks for a large step, and that for a formula without the third derivative.
    (step, weights) = replay.isExact ? (1e-4, [1 / 2]) : (2e-2, [2 / 3, -1 / 12])
  }

  var value: Double { replay.value(in: nodes)[0] }

  func partial(of leaf: Int, _ elements: [Int]) -> [Double] {
    let point = leaves[leaf]
    let steps = elements.map { step * max(1, abs(point[$0])) }
    let candidates = zip(elements, steps).flatMap { element, step in
      distances.map { distance in
        var candidate = point
        candidate[element] += distance * step
        return candidate
      }
    }
    let values = replay.values(of: leaf, candidates, in: nodes).map { $0[0] }
    return steps.enumerated().map { index, step in
      derivative(Array(values[index * distances.count..<(index + 1) * distances.count])) / step
    }
  }

  func derivative(along direction: [[Double]]) -> Double {
    derivative(
      distances.map { distance in
        replay.value(leaves: zip(leaves, direction).map { zip($0, $1).map { $0 + distance * step * $1 } })[0]
      }) / step
  }

  /// Where values are needed, in steps: at 1, -1, 2, -2, ...
  private var distances: [Double] { (1...weights.count).flatMap { [Double($0), -Double($0)] } }

  /// The derivative by the distance, from the values there.
  private func derivative(_ values: [Double]) -> Double {
    weights.indices.reduce(0) { $0 + weights[$1] * (values[2 * $1] - values[2 * $1 + 1]) }
  }
}

extension Shape {
  fileprivate func position(of element: Int) -> [Int] {
    var rest = element
    return array.reversed().map { size in
      defer { rest /= size }
      return rest % size
    }.reversed()
  }
}

extension GradientCheck.Report: CustomStringConvertible {
  /// The verdict, the worst element or every parameter that fails, and what the errors are.
  public var description: String {
    func number(_ value: Double) -> String { String(format: "%.6g", value) }
    func line(_ p: GradientCheck.Parameter) -> String {
      "\(p.name)\(p.position): gradient \(number(p.worst.gradient)), central difference \(number(p.worst.difference)), "
        + "error \(String(format: "%.1e", p.worst.error))"
    }
    let compared = parameters.reduce(0) { $0 + $1.comparedCount }
    let verdict = passed ? "passed" : "failed"
    var lines = ["gradient check \(verdict): \(compared) elements of \(parameters.count) parameters"]
    if passed {
      if let worst { lines.append("worst: " + line(worst)) }
    } else {
      if !unreached.isEmpty { lines.append("the loss does not reach " + unreached.joined(separator: ", ")) }
      let failing = parameters.filter { $0.worst.error > tolerance }.sorted { $0.worst.error > $1.worst.error }
      lines += failing.map(line)
    }
    lines.append(
      "along a random direction: gradient \(number(direction.gradient)), "
        + "central difference \(number(direction.difference)), error \(String(format: "%.1e", direction.error))")
    lines.append("loss \(loss), in Double \(number(replayedLoss)), error \(String(format: "%.1e", lossError))")
    lines.append("tolerance \(tolerance)")
    return lines.joined(separator: "\n")
  }
}
