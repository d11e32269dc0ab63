import Kernels
import Testing

@Suite struct ElementwiseTests {
  /// Every pair of specials, and random numbers up to every awkward length.
  @Test(arguments: BinaryFunction.allCases) func binary(_ f: BinaryFunction) {
    var numbers = Numbers(3)
    let pairs = specials.flatMap { a in specials.map { (a, $0) } }
    let random = (0..<4099).map { _ in (numbers.uniform(100), numbers.uniform(100)) }
    for table in tables {
      for pairs in [pairs] + awkwardLengths.map({ Array(random.prefix($0)) }) {
        let (a, b) = (pairs.map(\.0), pairs.map(\.1))
        var y = [Float](repeating: 7, count: a.count + 1)
        table.binary(f, a, b, &y, a.count)
        #expect(y.last == 7, "wrote past the end")
        var worst = Worst()
        for (i, (a, b)) in pairs.enumerated() {
          worst.note(ulps(y[i], Reference.binary(f, Double(a), Double(b))), "\(a), \(b): \(y[i])")
        }
        #expect(worst.error <= 0.5, "\(table.name) \(f): \(worst)")
      }
      for s in specials {
        let a = specials + random.prefix(33).map(\.0)
        var y = [Float](repeating: 7, count: a.count)
        table.binaryScalar(f, a, s, &y, a.count)
        var worst = Worst()
        for (a, y) in zip(a, y) {
          worst.note(ulps(y, Reference.binary(f, Double(a), Double(s))), "\(a), scalar \(s): \(y)")
        }
        #expect(worst.error <= 0.5, "\(table.name) \(f): \(worst)")
      }
    }
  }

  @Test func accumulation() {
    var numbers = Numbers(4)
    for table in tables {
      for count in awkwardLengths {
        let (a, y) = (numbers.array(count), numbers.array(count))
        var scaled = y + [7]
        table.addScaled(-0.75, a, &scaled, count)
        #expect(scaled.removeLast() == 7, "wrote past the end")
        let worst = worstError(scaled, Reference.addScaled(-0.75, a, to: y), floor: 1)
        #expect(worst.error < 0x1p-23, "\(table.name) addScaled: \(worst)")
      }
    }
  }

  @Test func adamW() {
    var numbers = Numbers(5)
    let step = AdamWStep(
      learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, correction1: 10,
      correction2: 1000, gradientScale: 0.5)
    for table in tables {
      for count in awkwardLengths {
        let (g, w, m) = (numbers.array(count, 3), numbers.array(count), numbers.array(count, 0.1))
        let v = numbers.array(count, 0.1).map(\.magnitude)
        var (newW, newM, newV) = (w, m, v)
        table.adamW(step, g, &newW, &newM, &newV, count)
        let expected = w.indices.map {
          Reference.adamW(step, gradient: Double(g[$0]), w: Double(w[$0]), m: Double(m[$0]), v: Double(v[$0]))
        }
        for (got, want) in [(newW, expected.map(\.w)), (newM, expected.map(\.m)), (newV, expected.map(\.v))] {
          let worst = worstError(got, want, floor: 0.05)
          #expect(worst.error < 5e-7, "\(table.name) \(count): \(worst)")
        }
      }
      // A gradient whose square overflows still takes a finite step, and a NaN shows.
      var (w, m, v): ([Float], [Float], [Float]) = ([1, 1], [0, 0], [0, 0])
      table.adamW(step, [1e20, .nan], &w, &m, &v, 2)
      #expect(w[0].isFinite && w[1].isNaN && m[1].isNaN && v[1].isNaN)
    }
  }

  @Test func rotation() {
    var numbers = Numbers(6)
    for table in tables {
      for half in [1, 2, 4, 7, 8, 16, 17, 32, 33, 64] {
        let heads = 3
        let (x, c, s) = (numbers.array(heads * 2 * half), numbers.array(half), numbers.array(half))
        var y = [Float](repeating: .nan, count: x.count)
        table.rotateHalves(x, c, s, &y, heads, half)
        var expected: [Double] = []
        for head in 0..<heads {
          let span = head * 2 * half..<(head + 1) * 2 * half
          expected += Reference.rotateHalves(Array(x[span]), cosines: c, sines: s)
        }
        let worst = worstError(y, expected, floor: 1)
        #expect(worst.error < 0x1p-23, "\(table.name) \(half): \(worst)")
        var inPlace = x
        inPlace.withUnsafeMutableBufferPointer { x in
          guard let start = x.baseAddress else { return }
          table.rotateHalves(start, c, s, start, heads, half)
        }
        #expect(inPlace == y)
      }
    }
  }

  /// Bias and function over rows that lie apart: what `binary` and `unary` make of each row.
  @Test func finishedRows() {
    var numbers = Numbers(15)
    for table in tables {
      for (rows, width) in [(1, 1), (3, 7), (2, 16), (4, 49)] {
        let stride = width + 3, y = numbers.array(rows * stride, 3), bias = numbers.array(width)
        for f in UnaryFunction.allCases.map(Optional.some) + [nil] {
          for bias in [bias, nil] {
            var finished = y
            finished.withUnsafeMutableBufferPointer { target in
              guard let target = target.baseAddress else { return }
              guard let bias else { return table.finishRows(nil, f, target, stride, rows, width) }
              bias.withUnsafeBufferPointer { table.finishRows($0.baseAddress, f, target, stride, rows, width) }
            }
            var expected = y
            for row in 0..<rows {
              let cells = row * stride..<row * stride + width
              var values = Array(y[cells])
              if let bias { values = zip(values, bias).map { $0 + $1 } }
              if let f { values = table.unary(f, values) }
              expected.replaceSubrange(cells, with: values)
            }
            let same = zip(finished, expected).allSatisfy { $0.bitPattern == $1.bitPattern || ($0.isNaN && $1.isNaN) }
            #expect(same, "\(table.name) \(f.map { "\($0)" } ?? "none") \(rows) x \(width)")
          }
        }
      }
    }
  }
}
