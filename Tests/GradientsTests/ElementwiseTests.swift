import Gradients
import Tensor
import TestSupport
import Testing

extension GradientTests {
  @Suite struct Elementwise {
    @Test(arguments: UnaryFunction.allCases) func unary(_ function: UnaryFunction) throws {
      let isPositive = [.reciprocal, .squareRoot, .log].contains(function)
      for size in [1, 2, 15, 16, 17, 33] {
        for (seed, range) in (isPositive ? [0.5...2, 2...90] : [-1...1, -4...4, -12...12] as [ClosedRange<Float>])
          .enumerated()
        {
          try check(
            "\(function)", [values([size], in: range, seed: size + seed)],
            forwardTolerance: 2e-6, sampleSize: 33
          ) { $0[0].applying(function) }
        }
      }
      try check("\(function)", [Tensor([], shape: [0])]) { $0[0].applying(function) }
    }

    /// Pairs of shapes that broadcast, in each direction.
    static let pairs: [(Shape, Shape)] = [
      ([17], [17]), ([1], [1]), ([], []), ([], [5]), ([5], []), ([3, 5], [5]), ([5], [3, 5]), ([3, 5], [3, 1]),
      ([3, 1], [3, 5]), ([3, 1], [1, 5]), ([2, 1, 33], [2, 3, 1]), ([2, 3, 1], [2, 1, 33]), ([1, 1, 1], [16]),
      ([2, 3, 5, 7], [3, 1, 7]), ([0, 3], [3]), ([3], [0, 3]), ([4, 0], [4, 1]), ([1, 15], [4, 15]),
    ]

    @Test(arguments: pairs.indices) func binary(_ pair: Int) throws {
      let (a, b) = (values(Self.pairs[pair].0, seed: 1), values(Self.pairs[pair].1, seed: 2))
      let divisor = values(b.shape, in: 0.5...2, seed: 3)
      try check("add", [a, b]) { $0[0] + $0[1] }
      try check("subtract", [a, b]) { $0[0] - $0[1] }
      try check("multiply", [a, b]) { $0[0] * $0[1] }
      try check("divide", [a, divisor]) { $0[0] / $0[1] }
      try check("divide", [a, -divisor]) { $0[0] / $0[1] }
      try check("maximum", [a, b]) { Tensor.maximum($0[0], $0[1]) }
      try check("minimum", [a, b]) { Tensor.minimum($0[0], $0[1]) }
    }

    @Test func constantsOnEitherSide() throws {
      let constant = values([3, 5], in: 0.5...2, seed: 7)
      try check("add", [5]) { $0[0] + constant }
      try check("subtract", [5]) { constant - $0[0] }
      try check("multiply", [5]) { constant * $0[0] }
      try check("divide", [3, 1]) { $0[0] / constant }
      try check("divide", [values([5], in: 0.5...2)]) { constant / $0[0] }
      try check("maximum", [5]) { Tensor.maximum(constant, $0[0]) }
    }

    @Test func scalars() throws {
      for size in [1, 15, 16, 17, 33] {
        try check("scale", [size]) { $0[0] * 1.75 }
        try check("scale", [size]) { 0.3 * $0[0] / 7 }
        try check("offset", [size]) { $0[0] + 1.75 }
        try check("offset", [size]) { ($0[0] - 0.3).squared() }
        try check("negate", [size]) { -$0[0] }
      }
      try check("scale", Shape()) { $0[0] * 0 }
    }

    /// Of equal elements the left one gets the whole gradient.
    @Test func ties() throws {
      let x = Tensor([1, 2, 3])
      for function in [Tensor.maximum, Tensor.minimum] {
        let gradient = try differentiate(at: Inputs([x, x])) { function($0[0], $0[1]).sum() }.gradient
        #expect(gradient[0].scalars == [1, 1, 1] && gradient[1].scalars == [0, 0, 0])
      }
    }

    @Test func dropout() throws {
      for (size, probability) in [(1, 0.5), (15, 0.1), (16, 0.9), (17, 0.5), (33, 0.25)] as [(Int, Float)] {
        for key in 0..<4 {
          try check("dropout", [3, size]) {
            $0[0].dropout(probability: probability, random: Random(seed: UInt64(key)))
          }
        }
      }
      try check("dropout", [5]) { $0[0].dropout(probability: 0, random: Random(seed: 1)) }
    }

    /// A value that several operations use gets the sum of their gradients, and none of them changes another's.
    @Test func severalConsumers() throws {
      try check("several consumers", [3, 5], [3, 5]) { x in
        let sum = x[0] + x[1]  // both get the same gradient, and then more
        return sum * 3 + x[0] - x[1].reshaped(3, 5) + x[0].squared() + sum.exp() * x[1] + sum
      }
      try check("several consumers", [4, 4]) { x in
        let y = x[0].reshaped([16]).reshaped(4, 4)
        return y + y + matmul(y, y) + y.transposed() * x[0] + x[0]
      }
      try check("several consumers", [7, 5]) { x in
        x[0].rows(at: [1, 1, 6]) + x[0].slice(2..<5, axis: 0) + x[0].rows(at: [6, 0, 1]).squared()
      }
    }
  }
}
