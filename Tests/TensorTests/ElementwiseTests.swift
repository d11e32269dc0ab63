import Foundation
import Tensor
import TestSupport
import Testing

@Suite struct ElementwiseTests {
  static let shapes: [(Shape, Shape)] = [
    ([], []), ([], [3]), ([4], []), ([1], [5]), ([2, 3], [3]), ([2, 3], [2, 1]), ([2, 1], [1, 3]),
    ([3, 1, 5], [4, 1]),
    ([2, 3, 4], [1, 3, 1]), ([2, 1, 4], [3, 4]), ([1, 1, 1], [2, 2]), ([2, 1, 3, 1], [4, 1, 5]), ([17], [17]),
    ([2, 2, 2, 2, 2, 2], [2, 1, 2, 1, 2, 1]), ([7, 33], [7, 33]), ([0, 3], [3]), ([2, 0], [1, 1]), ([3, 1], [1, 0]),
    ([5, 16, 4], [5, 1, 4]), ([300, 170], [170]), ([300, 170], [300, 1]), ([170], [300, 170]), ([3, 50000], [3, 1]),
  ]

  @Test(arguments: shapes) func binaryFunctionsBroadcast(_ left: Shape, _ right: Shape) {
    let a = fineTensor(left, seed: 1), b = fineTensor(right, seed: 2)
    let pairs = expectedPairs(a, b)
    func check(_ result: Tensor, _ name: String, _ f: (Float, Float) -> Float) {
      #expect(result.shape == pairs.shape, "\(name)")
      var wrong = 0
      for (found, pair) in zip(result.scalars, pairs.values) where found != f(pair.0, pair.1) { wrong += 1 }
      #expect(wrong == 0, "\(name) of \(left) and \(right)")
    }
    check(a + b, "+") { $0 + $1 }
    check(a - b, "-") { $0 - $1 }
    check(a * b, "*") { $0 * $1 }
    check(a / b, "/") { $0 / $1 }
    check(.maximum(a, b), "maximum") { max($0, $1) }
    check(.minimum(a, b), "minimum") { min($0, $1) }
  }

  @Test func scalarsOnEitherSide() {
    let x = fineTensor([3, 37], seed: 3), values = x.scalars
    #expect((x * 3).scalars == values.map { $0 * 3 })
    #expect((0.1 * x).scalars == values.map { 0.1 * $0 })
    #expect((x / 3).scalars == values.map { $0 / 3 })
    #expect((x + 0.7).scalars == values.map { $0 + 0.7 })
    #expect((x - 0.7).scalars == values.map { $0 - 0.7 })
    #expect((-x).scalars == values.map { -$0 })
    // The reciprocal of a subnormal number is infinite, the quotient is not.
    let subnormal = Float.leastNonzeroMagnitude * 1000
    #expect((Tensor([1e-38]) / subnormal).scalars == [1e-38 / subnormal])
    #expect((Tensor([0, 1]) / 0).scalars[1] == .infinity)
  }

  @Test func everyFormatIsWidened() {
    RuntimeSettings.unchanged {
      let x = fineTensor([5, 19], seed: 4), y = fineTensor([19], seed: 5)
      for format in StorageFormat.allCases {
        for other in StorageFormat.allCases {
          let (a, b) = (x.kept(as: format), y.kept(as: other))
          #expect(sameBits(a + b, a.widened + b.widened))
          #expect((a + b).format == .float32)
        }
        let a = x.kept(as: format)
        #expect(sameBits(a.geluTanh(), a.widened.geluTanh()))
        #expect(sameBits(a * 3, a.widened * 3))
      }
    }
  }

  @Test func functionsOfOneElement() {
    let points: [Float] = [-30, -5, -2.5, -1, -0.5, -1e-3, 0, 1e-6, 0.25, 0.9, 1.5, 3, 8, 40]
    let x = Tensor(points + points + points)
    func check(_ result: Tensor, _ name: String, _ f: (Double) -> Double) {
      let expected = (points + points + points).map { f(Double($0)) }
      let worst = zip(result.scalars, expected).map { abs(Double($0) - $1) / max(abs($1), 1e-3) }.max() ?? 1
      #expect(worst < 1e-6, "\(name): \(worst)")
    }
    func logistic(_ x: Double) -> Double { 1 / (1 + Foundation.exp(-x)) }
    check(x.exp(), "exp") { Foundation.exp($0) }
    check((x * x + 0.5).log(), "log") { Foundation.log($0 * $0 + 0.5) }
    check(x.tanh(), "tanh") { Foundation.tanh($0) }
    check(x.sigmoid(), "sigmoid", logistic)
    check(x.erf(), "erf") { Foundation.erf($0) }
    check(x.relu(), "relu") { max($0, 0) }
    check(x.silu(), "silu") { $0 * logistic($0) }
    check(x.gelu(), "gelu") { 0.5 * $0 * Foundation.erfc(-$0 / 2.0.squareRoot()) }
    check(x.geluTanh(), "geluTanh") {
      0.5 * $0 * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
    }
    check((x * x).squareRoot(), "squareRoot") { abs($0) }
    check(x.squared(), "squared") { $0 * $0 }
    check(x.applying(.negate), "negate") { -$0 }
    check((x + 0.1).applying(.reciprocal), "reciprocal") { 1 / Double(Float($0) + 0.1) }
  }

  @Test func nanComesThroughEverything() {
    let x = Tensor([1, .nan, 2, 3, .nan]), one = Tensor.ones([5])
    for f in UnaryFunction.allCases {
      let result = x.applying(f).scalars
      #expect(result[1].isNaN && result[4].isNaN && !result[0].isNaN, "\(f)")
    }
    let all: [(String, Tensor)] = [
      ("+", x + one), ("-", one - x), ("*", x * one), ("/", one / x), ("maximum", .maximum(x, one)),
      ("maximum", .maximum(one, x)), ("minimum", .minimum(x, one)), ("minimum", .minimum(one, x)), ("* s", x * 0),
      ("+ s", x + 1), ("/ s", x / 2), ("broadcast", .maximum(x, Tensor([2]))), ("broadcast", .minimum(Tensor([2]), x)),
    ]
    for (name, result) in all { #expect(result.scalars[1].isNaN && result.scalars[4].isNaN, "\(name)") }
    #expect(x.softmax().scalars.allSatisfy { $0.isNaN })
    #expect(x.logSoftmax().scalars.allSatisfy { $0.isNaN })
    #expect(x.sum().scalar.isNaN && x.mean().scalar.isNaN && x.largest().scalar.isNaN && x.argmax() == [1])
    #expect(x.layerNorm(weight: nil, bias: nil, epsilon: 1e-5).scalars.allSatisfy { $0.isNaN })
    #expect(x.rmsNorm(weight: nil, epsilon: 1e-5).scalars[1].isNaN)
    #expect(x.reshaped(1, 5).crossEntropy(targets: [0]).scalar.isNaN)
    #expect(x.sumOfSquares.isNaN)
  }

  /// The pairs that a broadcast operation meets, by the definition: sizes aligned at the innermost, 1 repeats.
  private func expectedPairs(_ a: Tensor, _ b: Tensor) -> (shape: Shape, values: [(Float, Float)]) {
    let rank = max(a.rank, b.rank)
    func padded(_ shape: Shape) -> [Int] { [Int](repeating: 1, count: rank - shape.rank) + shape.array }
    let (left, right) = (padded(a.shape), padded(b.shape))
    let shape = Shape(zip(left, right).map { $0 == 1 ? $1 : $0 })
    let (x, y) = (a.scalars, b.scalars)
    var values: [(Float, Float)] = []
    var index = [Int](repeating: 0, count: rank)
    for _ in 0..<shape.elementCount {
      var (i, j) = (0, 0)
      for axis in 0..<rank {
        i = i * left[axis] + (left[axis] == 1 ? 0 : index[axis])
        j = j * right[axis] + (right[axis] == 1 ? 0 : index[axis])
      }
      values.append((x[i], y[j]))
      var axis = rank - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < shape[axis] { break }
        index[axis] = 0
        axis -= 1
      }
    }
    return (shape, values)
  }
}
