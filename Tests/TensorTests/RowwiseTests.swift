import Foundation
import Tensor
import TestSupport
import Testing

/// Softmax, losses, norms, tables, rotations and dropout.
@Suite struct RowwiseTests {
  @Test(arguments: [1, 2, 3, 7, 8, 15, 16, 17, 33, 100, 1025])
  func softmaxAgainstDouble(_ width: Int) {
    let x = fineTensor(Shape(5, width), seed: width) * 20
    let scalars = x.scalars, found = x.softmax().scalars, logs = x.logSoftmax().scalars
    for row in 0..<5 {
      let values = scalars[row * width..<(row + 1) * width].map(Double.init)
      let largest = values.max() ?? 0
      let sum = values.reduce(0) { $0 + exp($1 - largest) }
      let expected = values.map { exp($0 - largest) / sum }
      let part = Array(found[row * width..<(row + 1) * width])
      #expect(zip(part, expected).allSatisfy { abs(Double($0) - $1) <= 4e-6 * $1 })  // up to 40 is taken off, rounded
      #expect(abs(part.reduce(0) { $0 + Double($1) } - 1) <= Double(width) * 0x1p-24)
      let logarithms = values.map { $0 - largest - log(sum) }
      #expect(worstError(Array(logs[row * width..<(row + 1) * width]), logarithms) < 1e-6)
    }
  }

  @Test func softmaxAtTheEnds() {
    let huge = Float.greatestFiniteMagnitude
    #expect(Tensor([huge, -huge]).softmax().scalars == [1, 0])
    #expect(Tensor([-huge, -huge]).softmax().scalars == [0.5, 0.5])
    #expect(Tensor([0, -.infinity]).softmax().scalars == [1, 0])
    #expect(Tensor([0, -.infinity]).logSoftmax().scalars == [0, -.infinity])
    #expect(Tensor([-.infinity, -.infinity]).softmax().scalars.allSatisfy { $0.isNaN })
    #expect(Tensor.zeros([0, 4]).softmax().shape == [0, 4])
  }

  @Test func crossEntropyCountsRowsWithATarget() {
    RuntimeSettings.unchanged {
      let logits = fineTensor([6, 50], seed: 1) * 10
      let targets: [Int32] = [0, 49, -1, 7, -100, 7]
      let scalars = logits.scalars
      var losses: [Double] = []
      for (row, target) in targets.enumerated() where target >= 0 {
        let values = scalars[row * 50..<(row + 1) * 50].map(Double.init)
        losses.append(log(values.reduce(0) { $0 + exp($1) }) - values[Int(target)])
      }
      let expected = losses.reduce(0, +) / 4
      #expect(abs(Double(logits.crossEntropy(targets: targets).scalar) - expected) < 1e-6 * expected)
      #expect(logits.crossEntropy(targets: [-1, -1, -1, -1, -1, -1]).scalar == 0)
      #expect(Tensor.zeros([0, 3]).crossEntropy(targets: []).scalar == 0)
      #expect(Tensor([1e4, 0], shape: [1, 2]).crossEntropy(targets: [0]).scalar == 0)
      #expect(Tensor([1e4, 0], shape: [1, 2]).crossEntropy(targets: [1]).scalar == 1e4)
      let three = logits.reshaped(2, 3, 50).crossEntropy(targets: targets).scalar
      #expect(three == logits.crossEntropy(targets: targets).scalar)
    }
  }

  @Test func crossEntropyFromHiddenStatesIsThatOfItsScores() {
    RuntimeSettings.unchanged {
      let x = fineTensor([2, 35, 40], seed: 1), bias = fineTensor([77], seed: 3)
      let targets: [Int32] = (0..<70).map { (row: Int32) -> Int32 in row % 9 == 4 ? -1 : row * 5 % 77 }
      for format in StorageFormat.allCases {
        for transposing in [false, true] {
          let weight = (fineTensor(transposing ? [77, 40] : [40, 77], seed: 2) * 4).kept(as: format)
          let expected = linear(x, weight, bias: bias, transposingWeight: transposing).crossEntropy(targets: targets)
          for mostScores in [1, 77 * 13, 77 * 70, 1 << 25] {
            for weight in [weight, weight.packedForProducts(transposed: transposing)] {
              let loss = linearCrossEntropy(
                x, weight, bias: bias, transposingWeight: transposing, targets: targets, mostScores: mostScores)
              #expect(abs(loss.scalar - expected.scalar) < 1e-6 * expected.scalar, "\(format) \(mostScores)")
            }
          }
        }
      }
      let none = Array(repeating: Int32(-1), count: 70)
      #expect(linearCrossEntropy(x, fineTensor([40, 77], seed: 2), targets: none).scalar == 0)
    }
  }

  @Test func normsAgainstDouble() {
    var rows: [(String, [Float])] = [
      ("one", [3]), ("two", [1, -1]), ("1e38", [1e38, -3e38, 2e38]), ("1e-38", [1e-38, -3e-38, 2e-38]),
      ("1e18", [1e18, -2e18, 5e17]), ("1e-18", [1e-18, -2e-18, 5e-19]),
    ]
    let noise = fineTensor([1000], seed: 2).scalars
    rows.append(("mean 1e4, deviation 1e-2", noise.map { 1e4 + 1e-2 * $0 }))
    rows.append(("long", fineTensor([100_000], seed: 3).scalars))
    rows.append(("17", fineTensor([17], seed: 4).scalars))
    for (name, row) in rows {
      for epsilon: Float in [1e-5, 1e-12] {
        let x = Tensor(row, shape: Shape(1, row.count)), n = Double(row.count), values = row.map(Double.init)
        let mean = values.reduce(0, +) / n
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
        let square = values.reduce(0) { $0 + $1 * $1 } / n
        let normal = values.map { ($0 - mean) / (variance + Double(epsilon)).squareRoot() }
        let scaled = values.map { $0 / (square + Double(epsilon)).squareRoot() }
        let largest = max(normal.map(abs).max() ?? 0, 1e-30), top = max(scaled.map(abs).max() ?? 0, 1e-30)
        let found = x.layerNorm(weight: nil, bias: nil, epsilon: epsilon).scalars
        let error = zip(found, normal).map { abs(Double($0) - $1) }.max() ?? 1
        #expect(error / largest < 2e-6, "layerNorm \(name) \(epsilon)")
        let rms = x.rmsNorm(weight: nil, epsilon: epsilon).scalars
        #expect((zip(rms, scaled).map { abs(Double($0) - $1) }.max() ?? 1) / top < 2e-6, "rmsNorm \(name) \(epsilon)")
      }
    }
    #expect(
      Tensor(repeating: 7, shape: [2, 33]).layerNorm(weight: nil, bias: nil, epsilon: 0.001).scalars.allSatisfy {
        $0 == 0
      })
  }

  @Test func normsScaleAndShift() {
    RuntimeSettings.unchanged {
      let x = fineTensor([9, 37], seed: 5), weight = fineTensor([37], seed: 6), bias = fineTensor([37], seed: 7)
      let plain = x.layerNorm(weight: nil, bias: nil, epsilon: 1e-5)
      #expect(sameBits(x.layerNorm(weight: weight, bias: nil, epsilon: 1e-5), plain * weight))
      #expect(sameBits(x.layerNorm(weight: weight, bias: bias, epsilon: 1e-5), plain * weight + bias))
      #expect(sameBits(x.layerNorm(weight: nil, bias: bias, epsilon: 1e-5), plain + bias))
      #expect(sameBits(x.rmsNorm(weight: weight, epsilon: 1e-5), x.rmsNorm(weight: nil, epsilon: 1e-5) * weight))
      let kept = weight.kept(as: .bfloat16)
      #expect(sameBits(x.rmsNorm(weight: kept, epsilon: 1e-5), x.rmsNorm(weight: kept.widened, epsilon: 1e-5)))
      // A row does not know the others.
      let row = x.slice(4..<5, axis: 0)
      #expect(
        sameBits(
          row.layerNorm(weight: weight, bias: bias, epsilon: 1e-5),
          x.layerNorm(weight: weight, bias: bias, epsilon: 1e-5).slice(4..<5, axis: 0)))
    }
  }

  @Test func rowsOfATableInEveryFormat() {
    let table = fineTensor([11, 37], seed: 8)
    let ids: [Int32] = [0, 10, 3, 3, 7]
    for format in StorageFormat.allCases {
      let kept = table.kept(as: format)
      let rows = kept.rows(at: ids)
      #expect(rows.shape == [5, 37] && rows.format == .float32)
      for (i, id) in ids.enumerated() {
        let row = kept.slice(Int(id)..<Int(id) + 1, axis: 0)
        #expect(sameBits(rows.slice(i..<i + 1, axis: 0), row))
      }
    }
    #expect(table.rows(at: []).shape == [0, 37])
  }

  @Test func addedRowsAreAddedInOrder() {
    for width in [1, 63, 64, 65, 200] {
      let ids: [Int32] = [4, 0, 4, 4, 2, 0]
      let dy = fineTensor(Shape(6, width), seed: width)
      var table = fineTensor(Shape(5, width), seed: 9), expected = table.scalars
      let copy = table
      table.addRows(dy, at: ids)
      let rows = dy.scalars
      for (i, id) in ids.enumerated() {
        for j in 0..<width { expected[Int(id) * width + j] += rows[i * width + j] }
      }
      #expect(table.scalars == expected)
      #expect(copy.scalars != expected, "the copy changed")
    }
  }

  @Test func rotationsOfHalves() {
    for half in [1, 3, 8, 16, 20] {
      let x = fineTensor(Shape(2, 5, 3, 2 * half), seed: half)
      let angles = fineTensor(Shape(5, half), seed: 10) * 3
      let (cosines, sines) = (
        Tensor(angles.scalars.map { Float(cos(Double($0))) }, shape: Shape(5, half)),
        Tensor(angles.scalars.map { Float(sin(Double($0))) }, shape: Shape(5, half))
      )
      let found = x.rotated(cosines: cosines, sines: sines).scalars, values = x.scalars, turns = angles.scalars
      var worst = 0.0
      for index in indices(x.shape) where index[3] < half {
        let at = position(index, x.shape)
        let (a, b) = (Double(values[at]), Double(values[at + half])), angle = Double(turns[index[1] * half + index[3]])
        worst = max(worst, abs(Double(found[at]) - (a * cos(angle) - b * sin(angle))))
        worst = max(worst, abs(Double(found[at + half]) - (b * cos(angle) + a * sin(angle))))
      }
      #expect(worst < 3e-7)
    }
  }

  @Test func dropoutIsAFunctionOfItsKey() {
    let x = Tensor.ones([200, 500]), random = Random(seed: 5)
    for probability: Float in [0.1, 0.5, 0.9] {
      let y = x.dropout(probability: probability, random: random)
      #expect(sameBits(y, x.dropout(probability: probability, random: random)))
      let kept = y.scalars.filter { $0 != 0 }
      #expect(kept.allSatisfy { $0 == 1 / (1 - probability) })
      let rate = 1 - Double(kept.count) / 100_000
      #expect(abs(rate - Double(probability)) < 5 * (Double(probability * (1 - probability)) / 100_000).squareRoot())
      let other = x.dropout(probability: probability, random: random.derived(1))
      #expect(!sameBits(y, other))
      // Element i does not know how many there are, nor what they hold.
      let few = Tensor.ones([1003]).dropout(probability: probability, random: random)
      #expect(few.scalars[...] == y.scalars[..<1003])
    }
    #expect(sameBits(x.dropout(probability: 0, random: random), x))
  }
}
