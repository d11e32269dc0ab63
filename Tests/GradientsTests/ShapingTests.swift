import Foundation
import Gradients
import Tensor
import TestSupport
import Testing

extension GradientTests {
  @Suite struct Shaping {
    @Test func reshapesAndPermutations() throws {
      try check("reshape", [6, 5]) { $0[0].reshaped(2, 3, 5).squared() }
      try check("reshape", [1]) { $0[0].reshaped(Shape()) }
      try check("reshape", [0, 3]) { $0[0].reshaped(3, 0) }
      for axes in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1], [0, 2, 1]] {
        try check("permute", [3, 5, 17]) { $0[0].permuted(axes) }
        try check("permute", [1, 4, 1]) { $0[0].permuted(axes) }
      }
      try check("permute", [2, 3, 4, 5]) { $0[0].permuted([3, 0, 2, 1]) }
      try check("permute", [0, 3]) { $0[0].transposed() }
      try check("permute", [16, 33]) { $0[0].transposed() }
    }

    @Test func slices() throws {
      let ranges = [(0..<2, 0), (1..<2, 0), (0..<3, 1), (2..<5, 1), (4..<5, 1), (3..<17, -1), (0..<17, 2), (2..<2, 1)]
      for (range, axis) in ranges {
        try check("slice", [2, 5, 17]) { $0[0].slice(range, axis: axis) }
      }
      try check("slice", [33]) { $0[0].slice(1..<32, axis: 0) + $0[0].slice(2..<33, axis: 0) }
    }

    @Test func concatenations() throws {
      for axis in 0..<3 {
        func shape(_ size: Int) -> Shape {
          var shape: Shape = [2, 3, 4]
          shape[axis] = size
          return shape
        }
        try check("concatenate", shape(1), shape(5), shape(0), shape(17)) { Tensor.concatenate($0, axis: axis) }
        try check("concatenate", shape(3)) { Tensor.concatenate([$0[0], $0[0], values(shape(2))], axis: axis - 3) }
      }
    }

    @Test func reductions() throws {
      for shape in [[1], [15], [16], [17], [33], [2, 1], [1, 7], [17, 33], [3, 5, 2], [40, 3, 1]] as [Shape] {
        try check("sum", shape) { $0[0].sum() }
        try check("mean", shape) { $0[0].mean() * 3 }
        for axis in -shape.rank..<shape.rank {
          try check("sum", shape) { $0[0].sum(axis: axis) }
          try check("mean", shape) { $0[0].mean(axis: axis).squared() }
        }
        try check("largest", shape) { $0[0].largest() }
      }
      try check("sum", [2, 3, 4, 5]) { $0[0].summed([0, 2], factor: 0.5) }
      try check("sum", [2, 3, 4, 5]) { $0[0].summed([1, 3], factor: 2) }
      try check("sum", [2, 3, 4, 5]) { $0[0].summed([0, 1, 3], factor: 1) }
      try check("sum", [2, 3]) { $0[0].summed([], factor: 3) }
      try check("sum", Shape()) { $0[0].sum() }
      try check("sum", [0, 3]) { $0[0].sum(axis: 0) }
      try check("sum", [3, 0]) { $0[0].sum(axis: 1) }
      try check("sum", [0]) { $0[0].sum() }
    }

    @Test func embeddings() throws {
      for width in [1, 15, 16, 17, 33, 65, 130] {
        try check("embedding", [7, width]) { $0[0].rows(at: [6, 0, 3, 3, 3, 6]) }
      }
      try check("embedding", [7, 3]) { $0[0].rows(at: []) }
      try check("embedding", [1, 1]) { $0[0].rows(at: [0, 0]) }
    }

    @Test func rotations() throws {
      for (batch, time, heads, width) in [(1, 1, 1, 2), (2, 3, 2, 4), (1, 5, 3, 30), (2, 2, 1, 34), (1, 7, 2, 66)] {
        let angles = values([time, width / 2], in: -9...9)
        let (cosines, sines) = (
          Tensor(angles.scalars.map(cosine), shape: angles.shape), Tensor(angles.scalars.map(sine), shape: angles.shape)
        )
        try check("rotate", [batch, time, heads, width]) { $0[0].rotated(cosines: cosines, sines: sines) }
      }
    }

    @Test func softmaxes() throws {
      for shape in [[1], [15], [1, 16], [3, 17], [2, 3, 33], [5, 1], [0, 4], [130, 3]] as [Shape] {
        for range in [-1...1, -9...9] as [ClosedRange<Float>] {
          try check("softmax", [values(shape, in: range)]) { $0[0].softmax() }
          try check("logSoftmax", [values(shape, in: range)]) { $0[0].logSoftmax() }
        }
      }
    }

    @Test func crossEntropies() throws {
      for width in [1, 2, 15, 16, 17, 33, 130] {
        let last = Int32(width - 1)
        let cases: [[Int32]] = [[0], [-1, 0], [0, last, -5], [-1, -1], Array(repeating: last / 2, count: 17)]
        for targets in cases {
          try check("crossEntropy", [values([targets.count, width], in: -5...5)]) {
            $0[0].crossEntropy(targets: targets) * 2
          }
        }
      }
      try check("crossEntropy", [2, 3, 5]) { $0[0].crossEntropy(targets: [0, 4, -1, 2, 2, 1]) }
      try check("crossEntropy", [0, 5]) { $0[0].crossEntropy(targets: []) }
    }

    /// Whole and in chunks of a few rows, with all inputs on the tape and with each alone.
    @Test func crossEntropiesFromHiddenStates() throws {
      for (width, classes) in [(1, 1), (3, 2), (17, 33)] {
        let last = Int32(classes - 1)
        let cases: [[Int32]] = [[0], [-1, -1], [-1, 0, last, 0, last / 2, -1, last]]
        for (index, targets) in cases.enumerated() {
          let (x, bias) = (values([targets.count, width]), values([classes], seed: 3))
          for transposing in [false, true] {
            let weight = values(transposing ? [classes, width] : [width, classes], seed: 2)
            for mostScores in [3 * classes, 1 << 25] {
              try check("linearCrossEntropy", [x, weight, bias], sampleSize: 4) {
                linearCrossEntropy(
                  $0[0], $0[1], bias: $0[2], transposingWeight: transposing, targets: targets, mostScores: mostScores)
                  * 2
              }
            }
            if index < cases.count - 1 { continue }
            try check("linearCrossEntropy", [x], sampleSize: 4) {
              linearCrossEntropy($0[0], weight, bias: bias, transposingWeight: transposing, targets: targets)
            }
            try check("linearCrossEntropy", [weight], sampleSize: 4) {
              linearCrossEntropy(x, $0[0], bias: bias, transposingWeight: transposing, targets: targets)
            }
            try check("linearCrossEntropy", [bias], sampleSize: 4) {
              linearCrossEntropy(x, weight, bias: $0[0], transposingWeight: transposing, targets: targets)
            }
          }
        }
      }
      try check("linearCrossEntropy", [values([2, 3, 4]), values([4, 5], seed: 2)]) {
        linearCrossEntropy($0[0], $0[1], targets: [0, 4, -1, 2, 2, 1])
      }
      try check("linearCrossEntropy", [values([0, 4]), values([4, 5], seed: 2)]) {
        linearCrossEntropy($0[0], $0[1], targets: [])
      }
      // Weights of other formats, and packed: constants, as they lie when a model is run.
      let panel = Runtime.kernels.matmul.panelWidth
      let x = values([9, panel + 3]), targets = (0..<9).map { Int32($0 * 7 % (panel + 5)) }
      for format in StorageFormat.allCases {
        for transposing in [false, true] {
          let shape: Shape = transposing ? [panel + 5, panel + 3] : [panel + 3, panel + 5]
          let weight = values(shape, seed: 2).kept(as: format)
          for weight in [weight, weight.packedForProducts(transposed: transposing)] {
            try check("linearCrossEntropy", [x], sampleSize: 4) {
              linearCrossEntropy($0[0], weight, transposingWeight: transposing, targets: targets)
            }
          }
        }
      }
      // A table that gives rows and scores: both gradients come together.
      try check("linearCrossEntropy", [values([9, 6])]) {
        linearCrossEntropy($0[0].rows(at: [3, 1, 1]), $0[0], transposingWeight: true, targets: [1, 8, -1])
      }
    }

    @Test func norms() throws {
      for shape in [[1, 5], [3, 15], [2, 16], [2, 3, 17], [33], [20, 33], [0, 5], [2, 257]] as [Shape] {
        let width = Shape(shape[-1])
        for epsilon in [1e-5, 0.1] as [Float] {
          try check("layerNorm", shape, width, width, sampleSize: 6) {
            $0[0].layerNorm(weight: $0[1], bias: $0[2], epsilon: epsilon)
          }
          try check("rmsNorm", shape, width) { $0[0].rmsNorm(weight: $0[1], epsilon: epsilon) }
        }
        try check("layerNorm", shape) { $0[0].layerNorm(weight: nil, bias: nil, epsilon: 1e-5) }
        try check("layerNorm", shape, width) { $0[0].layerNorm(weight: $0[1], bias: nil, epsilon: 1e-5) }
        try check("layerNorm", shape, width) { $0[0].layerNorm(weight: nil, bias: $0[1], epsilon: 1e-5) }
        try check("rmsNorm", shape) { $0[0].rmsNorm(weight: nil, epsilon: 1e-5) }
        let constant = values(shape, seed: 8)
        try check("layerNorm", width, width) { constant.layerNorm(weight: $0[0], bias: $0[1], epsilon: 1e-5) }
        try check("rmsNorm", width) { constant.rmsNorm(weight: $0[0], epsilon: 1e-5) }
      }
      // Far from 0, and of widely different sizes.
      try check("layerNorm", [values([4, 33], in: 99...101)], forwardTolerance: 1e-4) {
        $0[0].layerNorm(weight: nil, bias: nil, epsilon: 1e-5)
      }
      try check("rmsNorm", [values([4, 33], in: -1e3...1e3)]) { $0[0].rmsNorm(weight: nil, epsilon: 1e-5) }
      // Two elements are always a deviation away from their mean: of the gradient, little but rounding remains.
      try check("layerNorm, width 2", [3, 2], [2], [2], tolerance: 1e-2) {
        $0[0].layerNorm(weight: $0[1], bias: $0[2], epsilon: 1e-5)
      }
      // One element has no deviation: the value is the bias and the gradient zero.
      try check("layerNorm, width 1", [3, 1], [1], [1]) { $0[0].layerNorm(weight: $0[1], bias: $0[2], epsilon: 1e-5) }
    }
  }
}

private func cosine(_ x: Float) -> Float { Float(cos(Double(x))) }
private func sine(_ x: Float) -> Float { Float(sin(Double(x))) }
