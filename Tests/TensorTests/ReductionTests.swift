import Foundation
import Tensor
import TestSupport
import Testing

@Suite struct ReductionTests {
  static let shapes: [Shape] = [
    [1], [7], [1000], [3, 5], [5, 1], [1, 9], [2, 3, 4], [4, 17, 33], [2, 300, 3], [3, 2, 1, 5], [2, 3, 2, 3, 2, 3],
    [20000], [150, 130], [0], [0, 3], [3, 0], [2, 0, 3],
  ]

  @Test(arguments: shapes) func sumsOverAnAxis(_ shape: Shape) {
    RuntimeSettings.unchanged {
      let x = fineTensor(shape, seed: 1), scalars = x.scalars
      for axis in 0..<shape.rank {
        var rest = shape.array
        let size = rest.remove(at: axis)
        let inner = shape.array[(axis + 1)...].reduce(1, *), outer = shape.array[..<axis].reduce(1, *)
        let magnitude = Double(max(0, size - 1)) * 0.5
        let expected = (0..<outer).flatMap { o in
          Reference.addRowSums(
            Array(scalars[o * size * inner..<(o + 1) * size * inner]), rows: size,
            to: [Float](repeating: 0, count: inner))
        }
        let found = x.sum(axis: axis)
        #expect(found.shape == Shape(rest) && x.sum(axis: axis - shape.rank).scalars == found.scalars)
        #expect(zip(found.scalars, expected).allSatisfy { abs(Double($0) - $1) <= 1e-6 * (1 + magnitude) }, "\(axis)")
        if size > 0 {
          #expect(worstError(x.mean(axis: axis).scalars, expected.map { $0 / Double(size) }) < 1e-6)
        } else {
          #expect(x.mean(axis: axis).scalars.allSatisfy { $0.isNaN })
        }
      }
      let (total, squares) = (Reference.sum(scalars), Reference.dot(scalars, scalars))
      #expect(x.sum().shape == [] && abs(Double(x.sum().scalar) - total) < 1e-6 * Double(scalars.count + 1))
      #expect(x.sumOfSquares.isFinite)
      #expect(abs(x.sumOfSquares - squares) <= 1e-6 * squares)
    }
  }

  @Test func severalAxesAtOnce() {
    let x = wholeTensor([2, 3, 4, 5], seed: 2)
    for axes in [[0], [3], [0, 1], [1, 2], [2, 3], [0, 2], [1, 3], [0, 3], [0, 1, 3], [0, 1, 2, 3], [0, 2, 3]] {
      var expected = x
      for axis in axes.reversed() { expected = expected.sum(axis: axis) }
      #expect(sameBits(x.summed(axes, factor: 1), expected), "\(axes)")
      #expect(x.summed(axes, factor: 0.5).scalars == expected.scalars.map { $0 / 2 }, "\(axes)")
    }
    #expect(Tensor(3).sum().scalar == 3 && Tensor(3).mean().scalar == 3)
    // What a gradient of a broadcast operand is.
    #expect(x.summed(to: [3, 1, 5]).shape == [3, 1, 5])
    #expect(sameBits(x.summed(to: [3, 1, 5]).reshaped(3, 5), x.sum(axis: 0).sum(axis: 1)))
    #expect(x.summed(to: []).scalar == x.sum().scalar)
  }

  @Test func theLargestAndItsPlace() {
    let x = Tensor([3, 9, 9, 1, -.infinity, -.infinity, -5, -4, -4], shape: [3, 3])
    #expect(x.argmax() == [1, 0, 2] || x.argmax() == [1, 0, 1])
    #expect(x.argmax() == [1, 0, 1])
    #expect(x.largest().scalars == [9, 1, -4] && x.largest().shape == [3])
    #expect(Tensor([1, .nan, .infinity]).argmax() == [1])
    #expect(Tensor.zeros([0, 3]).argmax().isEmpty)
  }

  @Test func threadsDoNotReachTheBits() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        let x = fineTensor([37, 700, 3], seed: 3), wide = fineTensor([900, 70], seed: 4)
        let operations: [(String, () -> Tensor)] = [
          ("sum 0", { x.sum(axis: 0) }), ("sum 1", { x.sum(axis: 1) }), ("sum 2", { x.sum(axis: 2) }),
          ("sum", { x.sum() }), ("columns", { wide.sum(axis: 0) }), ("softmax", { wide.softmax() }),
          ("squares", { Tensor(Float(wide.sumOfSquares)) }),
          ("layerNorm", { wide.layerNorm(weight: nil, bias: nil, epsilon: 1e-5) }),
          ("rmsNorm", { wide.rmsNorm(weight: nil, epsilon: 1e-5) }),
          ("crossEntropy", { wide.crossEntropy(targets: (0..<900).map { Int32($0 % 70) }) }),
          ("gelu", { wide.gelu() }), ("dropout", { wide.dropout(probability: 0.3, random: Random(seed: 1)) }),
        ]
        for (name, operation) in operations {
          let results = withThreadCounts(operation)
          #expect(results.allSatisfy { sameBits($0, results[0]) }, "\(set) \(name)")
        }
      }
    }
  }
}
