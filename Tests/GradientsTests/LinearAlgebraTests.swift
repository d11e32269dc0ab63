import Gradients
import Tensor
import TestSupport
import Testing

extension GradientTests {
  @Suite struct LinearAlgebra {
    static let sizes: [[Int]] = [
      [1, 1, 1], [2, 3, 5], [17, 1, 16], [1, 33, 15], [7, 17, 33], [16, 16, 16], [3, 129, 2],
    ]

    /// The outer axes of both operands.
    static let outerAxes: [([Int], [Int])] = [
      ([], []), ([3], []), ([3], [3]), ([2, 3], [2, 3]), ([2, 2], []), ([1], []),
    ]

    @Test(arguments: [false, true], [false, true]) func matmuls(_ left: Bool, _ right: Bool) throws {
      func shape(_ outer: [Int], _ rows: Int, _ columns: Int, _ isTransposed: Bool) -> Shape {
        Shape(outer + (isTransposed ? [columns, rows] : [rows, columns]))
      }
      let name = "matmul" + (left ? ", left transposed" : "") + (right ? ", right transposed" : "")
      for size in Self.sizes {
        let (m, k, n) = (size[0], size[1], size[2])
        let isSmall = m * k * n < 300
        for (outer, rightOuter) in isSmall ? Self.outerAxes : Array(Self.outerAxes.prefix(2)) {
          try check(name, shape(outer, m, k, left), shape(rightOuter, k, n, right), sampleSize: 6) {
            matmul($0[0], $0[1], transposingLeft: left, transposingRight: right)
          }
        }
      }
      for (m, k, n) in [(0, 3, 2), (2, 0, 3), (2, 3, 0)] {
        try check(name, shape([], m, k, left), shape([], k, n, right)) {
          matmul($0[0], $0[1], transposingLeft: left, transposingRight: right)
        }
        try check(name, shape([2], m, k, left), shape([2], k, n, right)) {
          matmul($0[0], $0[1], transposingLeft: left, transposingRight: right)
        }
      }
    }

    @Test(arguments: [false, true]) func linears(_ isTransposed: Bool) throws {
      for size in Self.sizes + [[0, 3, 2], [2, 0, 3], [2, 3, 0]] {
        let (rows, inner, outer) = (size[0], size[1], size[2])
        let weight = isTransposed ? Shape(outer, inner) : Shape(inner, outer)
        for x in [Shape(rows, inner), Shape(2, rows, inner)] {
          try check("linear", x, weight, sampleSize: 6) { linear($0[0], $0[1], transposingWeight: isTransposed) }
          try check("linear", x, weight, Shape(outer), sampleSize: 6) {
            linear($0[0], $0[1], bias: $0[2], transposingWeight: isTransposed)
          }
          for activation in [UnaryFunction.geluTanh, .silu] {
            try check("linear, activation", x, weight, Shape(outer), sampleSize: 3) {
              linear($0[0], $0[1], bias: $0[2], transposingWeight: isTransposed, activation: activation)
            }
          }
        }
      }
      try check("linear", [5], [5, 3]) { linear($0[0], $0[1]) }
    }

    /// The activation of a fused linear map has the same bits whether it is recorded or not.
    @Test func activationOffTheTape() throws {
      let (x, weight, bias) = (values([5, 17]), values([17, 33], seed: 2), values([33], seed: 3))
      for set in Runtime.availableKernels {
        try RuntimeSettings.with(set, threads: 2) {
          for activation in UnaryFunction.allCases where ![.log, .squareRoot].contains(activation) {
            let tape = Tape(leafCount: 1)
            var leaf = x
            leaf.trace = Trace(tape: tape, leaf: 0)
            let recorded = linear(leaf, weight, bias: bias, activation: activation)
            #expect(recorded.scalars == linear(x, weight, bias: bias, activation: activation).scalars)
          }
        }
      }
    }

    @Test(arguments: [StorageFormat.bfloat16, .float16]) func keptWeights(_ format: StorageFormat) throws {
      for (inner, outer) in [(1, 1), (15, 17), (33, 16)] {
        let kept = values([outer, inner], seed: 5).kept(as: format)
        let other = values([inner, outer], seed: 6).kept(as: format)
        try check("linear, \(format)", [3, inner], [outer]) {
          linear($0[0], kept, bias: $0[1], transposingWeight: true, activation: .silu)
        }
        try check("linear, \(format)", [3, inner]) { linear($0[0], other) }
        try check("matmul, \(format)", [2, 3, inner]) { matmul($0[0], other) }
        try check("matmul, \(format)", [2, inner]) {
          matmul(other, $0[0], transposingLeft: true, transposingRight: true)
        }
      }
    }

    /// Parameters that are kept in a narrow format get the gradient of what they stand for.
    @Test(arguments: [StorageFormat.bfloat16, .float16]) func keptParameters(_ format: StorageFormat) throws {
      let x = values([3, 17])
      let kept = [values([17, 5], seed: 2).kept(as: format), values([5], seed: 3).kept(as: format)]
      try check("linear, \(format)", kept) { linear(x, $0[0], bias: $0[1]) }
      try check("multiply, \(format)", kept) { ($0[0] * $0[1]).gelu() + $0[1] }
      try check("embedding, \(format)", [kept[0]]) { $0[0].rows(at: [3, 16, 3]) }
      try check("layerNorm, \(format)", [kept[0], kept[1]]) { $0[0].layerNorm(weight: $0[1], bias: nil, epsilon: 1e-5) }
    }
  }
}
