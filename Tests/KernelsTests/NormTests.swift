import Kernels
import Testing

@Suite struct NormTests {
  struct Row: CustomStringConvertible, Sendable {
    var description: String
    var x: [Float]
    var epsilon: Float = 1e-5
  }

  static let rows: [Row] = {
    var numbers = Numbers(13)
    var rows = RowTests.widths.map { Row(description: "length \($0)", x: numbers.array($0, 3)) }
    rows += [1, 17, 64, 1000].flatMap { count in
      [0, 1, -0.1, 1e4, 1e18, -1e38].map {
        Row(description: "\(count) of \($0)", x: Array(repeating: $0, count: count))
      }
    }
    for count in [7, 64, 1001] {
      rows.append(Row(description: "mean 1e4", x: numbers.array(count).map { 1e4 + 0.0173 * $0 }))
      rows.append(Row(description: "outlier first", x: [1e4] + numbers.array(count)))
      for scale: Float in [1e18, 1e-18, 3e38, 1e-38, 1e30, 1e-30] {
        rows.append(Row(description: "scale \(scale)", x: numbers.array(count, scale)))
        rows.append(Row(description: "scale \(scale), tiny epsilon", x: numbers.array(count, scale), epsilon: 1e-37))
      }
    }
    rows.append(Row(description: "100000 long", x: numbers.array(100_000).map { $0 + 3 }))
    return rows
  }()

  @Test(arguments: rows) func layerNorm(_ row: Row) {
    var numbers = Numbers(14)
    let (x, n) = (row.x, row.x.count)
    let (weight, bias) = (numbers.array(n), numbers.array(n))
    for table in tables {
      var y = [Float](repeating: .nan, count: n), plain = y
      var (mean, inverse): ([Float], [Float]) = ([.nan], [.nan])
      table.layerNorm(x, weight, bias, row.epsilon, &y, &mean, &inverse, 1, n)
      table.layerNorm(x, nil, nil, row.epsilon, &plain, &mean, &inverse, 1, n)
      let moments = Reference.moments(x, epsilon: row.epsilon)
      #expect(ulps(mean[0], moments.mean) < 2 || abs(Double(mean[0]) - moments.mean) * moments.inverseDeviation < 1e-6)
      #expect(
        abs(Double(inverse[0]) / moments.inverseDeviation - 1) < 2e-6 || ulps(inverse[0], moments.inverseDeviation) < 2)
      let expected = Reference.layerNorm(x, weight: nil, bias: nil, epsilon: row.epsilon)
      let largest = expected.map { abs($0) }.max() ?? 0
      let worst = worstError(plain, expected, floor: max(0.1 * largest, 1e-30))
      #expect(worst.error < 2e-6, "\(table.name), \(row): \(worst)")
      let affine = worstError(
        y, Reference.layerNorm(x, weight: weight, bias: bias, epsilon: row.epsilon), floor: max(largest, 1))
      #expect(affine.error < 2e-6, "\(table.name), \(row): \(affine)")
    }
  }

  @Test(arguments: rows) func rmsNorm(_ row: Row) {
    var numbers = Numbers(15)
    let (x, n) = (row.x, row.x.count)
    let weight = numbers.array(n)
    for table in tables {
      var y = [Float](repeating: .nan, count: n), plain = y
      var inverse: [Float] = [.nan]
      table.rmsNorm(x, weight, row.epsilon, &y, &inverse, 1, n)
      table.rmsNorm(x, nil, row.epsilon, &plain, &inverse, 1, n)
      let root = Reference.inverseRoot(x, epsilon: row.epsilon)
      #expect(abs(Double(inverse[0]) / root - 1) < 1e-6 || ulps(inverse[0], root) < 2, "\(table.name), \(row)")
      let a = worstError(plain, Reference.rmsNorm(x, weight: nil, epsilon: row.epsilon), floor: 1e-30)
      let b = worstError(y, Reference.rmsNorm(x, weight: weight, epsilon: row.epsilon), floor: 1e-30)
      #expect(a.error < 2e-6 && b.error < 2e-6, "\(table.name), \(row): \(a), \(b)")
    }
  }

  @Test func nothingHidesNaN() {
    for table in tables {
      for width in [1, 5, 16, 33] {
        for bad: Float in [.nan, .infinity] {
          var x = [Float](repeating: 1, count: width)
          x[width / 2] = bad
          var (y, s, t) = (x, [Float(0)], [Float(0)])
          table.layerNorm(x, nil, nil, 1e-5, &y, &s, &t, 1, width)
          #expect(areNaN(y))
          table.rmsNorm(x, nil, 1e-5, &y, &s, 1, width)
          #expect(y[width / 2].isNaN)
        }
      }
    }
  }

  /// Gradients against the reference, which a central difference checks below; several rows add up in the weights.
  @Test(arguments: RowTests.widths) func gradients(_ width: Int) {
    var numbers = Numbers(16)
    let rows = 3
    let x = numbers.array(rows * width).map { $0 + 100 }
    let (dy, weight) = (numbers.array(rows * width), numbers.array(width))
    for table in tables {
      var y = x, mean = [Float](repeating: 0, count: rows), inverse = mean, root = mean
      table.layerNorm(x, weight, nil, 1e-3, &y, &mean, &inverse, rows, width)
      table.rmsNorm(x, weight, 1e-3, &y, &root, rows, width)
      for weight in [weight, nil] {
        var dx = [Float](repeating: .nan, count: x.count), rmsDx = dx, onlyDx = dx
        var dWeight = [Float](repeating: 1, count: width), dBias = dWeight, rmsDWeight = dWeight
        table.layerNormGradient(x, weight, mean, inverse, dy, &dx, &dWeight, &dBias, rows, width)
        table.layerNormGradient(x, weight, mean, inverse, dy, &onlyDx, nil, nil, rows, width)
        #expect(onlyDx == dx)
        table.rmsNormGradient(x, weight, root, dy, &rmsDx, &rmsDWeight, rows, width)
        var want = (weight: [Double](repeating: 1, count: width), bias: [Double](repeating: 1, count: width))
        var wantRMS = want.weight
        for row in 0..<rows {
          let span = row * width..<(row + 1) * width
          let (x, dy) = (Array(x[span]), Array(dy[span]))
          let norm = Reference.layerNormGradient(x, weight: weight, epsilon: 1e-3, dy)
          let rms = Reference.rmsNormGradient(x, weight: weight, epsilon: 1e-3, dy)
          for i in 0..<width {
            want.weight[i] += norm.dWeight[i]
            want.bias[i] += Double(dy[i])
            wantRMS[i] += rms.dWeight[i]
          }
          // The size of what is subtracted: one term of the sum, times the inverse deviation.
          let scale = Reference.moments(x, epsilon: 1e-3).inverseDeviation
          let a = worstError(Array(dx[span]), norm.dx, floor: scale)
          let b = worstError(Array(rmsDx[span]), rms.dx, floor: 0.01)
          #expect(a.error < 5e-6 && b.error < 1e-6, "\(table.name): \(a), \(b)")
        }
        let weights = worstError(dWeight, want.weight, floor: 1)
        let biases = worstError(dBias, want.bias, floor: 1)
        let rms = worstError(rmsDWeight, wantRMS, floor: 1)
        #expect(weights.error < 5e-6 && biases.error < 1e-6 && rms.error < 1e-6, "\(table.name): \(weights), \(rms)")
      }
    }
  }

  @Test func referenceGradients() {
    var numbers = Numbers(17)
    let (x, weight, dy) = (numbers.array(6, 2), numbers.array(6), numbers.array(6))
    func along(_ y: [Double]) -> Double { zip(y, dy).reduce(0) { $0 + $1.0 * Double($1.1) } }
    let norm = Reference.layerNormGradient(x, weight: weight, epsilon: 0.1, dy)
    let rms = Reference.rmsNormGradient(x, weight: weight, epsilon: 0.1, dy)
    for i in x.indices {
      let slopes = [
        difference(x, i) { along(Reference.layerNorm($0, weight: weight, bias: nil, epsilon: 0.1)) } - norm.dx[i],
        difference(weight, i) { along(Reference.layerNorm(x, weight: $0, bias: nil, epsilon: 0.1)) } - norm.dWeight[i],
        difference(x, i) { along(Reference.rmsNorm($0, weight: weight, epsilon: 0.1)) } - rms.dx[i],
        difference(weight, i) { along(Reference.rmsNorm(x, weight: $0, epsilon: 0.1)) } - rms.dWeight[i],
      ]
      let farthest = slopes.map { abs($0) }.max() ?? 1
      #expect(farthest < 1e-4, "\(i): \(slopes)")
    }
  }
}
