import Foundation
import Kernels
import Testing

@Suite struct RowTests {
  static let widths = awkwardLengths.filter { $0 > 0 }

  @Test func sums() {
    var numbers = Numbers(7)
    for table in tables {
      for count in awkwardLengths + [100_003] {
        let (a, b) = (numbers.array(count), numbers.array(count))
        let magnitude = max(1, a.reduce(0) { $0 + Double($1.magnitude) })
        let (sum, dot) = (Reference.sum(a), Reference.dot(a, b))
        #expect(abs(Double(table.sum(a, count)) - sum) < 2e-7 * magnitude, "\(table.name) \(count)")
        #expect(abs(Double(table.dot(a, b, count)) - dot) < 2e-7 * magnitude, "\(table.name) \(count)")
        #expect(table.largest(a, count) == Reference.largest(a))
        for nan in [0, count / 2, count - 1] where count > 0 {
          var x = a
          x[nan] = .nan
          #expect(table.largest(x, count).isNaN && table.sum(x, count).isNaN && table.dot(x, b, count).isNaN)
          #expect(Reference.largest(x).isNaN && Reference.sum(x).isNaN && Reference.dot(x, b).isNaN)
          x[nan] = .infinity
          #expect(table.largest(x, count) == .infinity && table.sum(x, count) == .infinity)
          #expect(Reference.largest(x) == .infinity)
        }
      }
      // Rounding does not grow with the length: one accumulator would be off by a hundred times this.
      let tenths = [Float](repeating: 0.1, count: 1_000_000)
      #expect(abs(Double(table.sum(tenths, tenths.count)) / (Double(Float(0.1)) * 1e6) - 1) < 5e-7)
    }
  }

  @Test func addRowSums() {
    var numbers = Numbers(8)
    for table in tables {
      for (rows, width) in [(0, 5), (1, 1), (3, 17), (7, 64), (300, 33), (1025, 5)] {
        let (x, y) = (numbers.array(rows * width), numbers.array(width))
        var sums = y + [7]
        table.addRowSums(x, rows, width, &sums)
        #expect(sums.removeLast() == 7)
        let expected = Reference.addRowSums(x, rows: rows, to: y)
        let worst = worstError(sums, expected, floor: Double(max(1, rows)).squareRoot())
        #expect(worst.error < 1e-6, "\(table.name) \(rows) x \(width): \(worst)")
      }
      // Rounding does not grow with the number of rows either.
      var total: [Float] = [0, 0, 0]
      table.addRowSums([Float](repeating: 0.1, count: 300_000), 100_000, 3, &total)
      let farthest = total.map { abs(Double($0) / (Double(Float(0.1)) * 1e5) - 1) }.max() ?? 1
      #expect(farthest < 1e-6, "\(total)")
    }
  }

  @Test func softmax() {
    var numbers = Numbers(9)
    for table in tables {
      var worst = Worst(), worstLog = Worst(), worstSum = Worst()
      for width in Self.widths {
        let rows = 3
        let x = numbers.array(rows * width, 20)
        var y = [Float](repeating: .nan, count: x.count), log = y
        table.softmax(x, &y, rows, width)
        table.logSoftmax(x, &log, rows, width)
        for row in 0..<rows {
          let span = row * width..<(row + 1) * width
          let expected = Reference.softmax(Array(x[span]))
          // The rounding of `x - max` reaches the result in proportion to its size.
          let largest = Double(x[span].max() ?? 0)
          for (i, e) in zip(span, expected) {
            let allowance = (4 + largest - Double(x[i])) * 0x1p-24
            worst.note(abs(Double(y[i]) - e) / (e * allowance), "width \(width), element \(i)")
          }
          let l = worstError(Array(log[span]), Reference.logSoftmax(Array(x[span])), floor: 1)
          worstLog.note(l.error, "width \(width), \(l.place)")
          worstSum.note(abs(y[span].reduce(0) { $0 + Double($1) } - 1), "width \(width)")
        }
        // A row's bits do not depend on the other rows; in place too.
        var alone = Array(x[width..<2 * width])
        alone.withUnsafeMutableBufferPointer { alone in
          guard let start = alone.baseAddress else { return }
          table.softmax(start, start, 1, width)
        }
        #expect(alone == Array(y[width..<2 * width]))
      }
      #expect(worst.error < 1.25, "\(table.name) softmax: \(worst)")
      #expect(worstLog.error < 3e-7, "\(table.name) logSoftmax: \(worstLog)")
      #expect(worstSum.error < 2e-7, "\(table.name) sum: \(worstSum)")
      print("\(table.name) softmax \(worst.error) log \(worstLog.error) sum \(worstSum.error)")
    }
  }

  @Test func softmaxSpecialRows() {
    let huge = Float.greatestFiniteMagnitude
    for table in tables {
      func softmax(_ x: [Float]) -> [Float] {
        var y = x
        table.softmax(x, &y, 1, x.count)
        return y
      }
      func logSoftmax(_ x: [Float]) -> [Float] {
        var y = x
        table.logSoftmax(x, &y, 1, x.count)
        return y
      }
      for width in [1, 3, 16, 19, 40] {
        let nothing = [Float](repeating: -.infinity, count: width)
        #expect(areNaN(softmax(nothing)) && areNaN(logSoftmax(nothing)))
        for place in [0, width / 2, width - 1] {
          var x = nothing
          x[place] = -3
          #expect(softmax(x) == x.map { $0 == -3 ? 1 : 0 })
          #expect(logSoftmax(x) == x.map { $0 == -3 ? 0 : -.infinity })
          x = [Float](repeating: -huge, count: width)
          x[place] = huge
          #expect(softmax(x) == x.map { $0 == huge ? 1 : 0 })
          #expect(logSoftmax(x)[place] == 0)
          x = [Float](repeating: 1, count: width)
          x[place] = .nan
          #expect(areNaN(softmax(x)) && areNaN(logSoftmax(x)))
          x[place] = .infinity
          #expect(areNaN(softmax(x)))
        }
        let equal = softmax([Float](repeating: huge, count: width))
        let farthest = equal.map { abs($0 * Float(width) - 1) }.max() ?? 1
        #expect(farthest < 2e-7)
      }
    }
  }

  @Test func softmaxGradients() {
    var numbers = Numbers(10)
    for table in tables {
      for width in Self.widths {
        let (x, dy) = (numbers.array(2 * width, 3), numbers.array(2 * width))
        var y = x, log = x, dx = x, dLog = x
        table.softmax(x, &y, 2, width)
        table.logSoftmax(x, &log, 2, width)
        table.softmaxGradient(y, dy, &dx, 2, width)
        table.logSoftmaxGradient(log, dy, &dLog, 2, width)
        for span in [0..<width, width..<2 * width] {
          let (y, log, dy) = (Array(y[span]), Array(log[span]), Array(dy[span]))
          let a = worstError(Array(dx[span]), Reference.softmaxGradient(y, dy), floor: 0.1)
          let b = worstError(Array(dLog[span]), Reference.logSoftmaxGradient(log, dy), floor: 1)
          #expect(a.error < 1e-6 && b.error < 1e-6, "\(table.name) \(width): \(a), \(b)")
        }
      }
    }
    // The formulas, against differences of the function itself.
    let (x, dy) = (numbers.array(7, 2), numbers.array(7))
    for f in [Reference.softmax, Reference.logSoftmax] {
      let y = f(x).map { Float($0) }
      let isLog = y[0] < 0
      let expected = isLog ? Reference.logSoftmaxGradient(y, dy) : Reference.softmaxGradient(y, dy)
      for i in x.indices {
        let slope = difference(x, i) { zip(f($0), dy).reduce(0) { $0 + $1.0 * Double($1.1) } }
        #expect(abs(slope - expected[i]) < 1e-4, "\(i)")
      }
    }
  }

  /// Two steps of the online softmax against the softmax of all scores, in Double.
  @Test func attendedRows() {
    var numbers = Numbers(14)
    let (scale, width, rows) = (Float(0.3), 5, 3)
    for table in tables {
      for (first, second) in [(1, 0), (0, 1), (7, 16), (33, 2), (100, 65)] {
        // Room for whole vectors, and one element more.
        let present = max(first, second) + 1, stride = (present + 15) / 16 * 16 + 1
        // What a row does not see may be anything.
        let blocks = [first, second].map { seen in
          var scores = numbers.array(rows * stride, 40)
          for row in 0..<rows {
            for j in seen..<(stride - 1) { scores[row * stride + j] = j % 2 == 0 ? .nan : .infinity }
          }
          return scores
        }
        var largest = [Float](repeating: -.infinity, count: rows), total = [Float](repeating: 0, count: rows)
        var sums = [Float](repeating: 0, count: rows * width)
        var weights: [[Float]] = []
        for (block, seen) in zip(blocks, [first, second]) {
          var scores = block
          let seenByRow = [Int32](repeating: Int32(seen), count: rows)
          table.attendRows(&scores, stride, rows, seenByRow, present, scale, &largest, &total, &sums, width)
          for row in 0..<rows {  // what lies beyond the whole vectors is left alone
            #expect(scores[row * stride + stride - 1] == block[row * stride + stride - 1])
            #expect(scores[(row * stride + seen)..<(row * stride + present)].allSatisfy { $0 == 0 })
            let added = scores[(row * stride)..<(row * stride + seen)].reduce(0, +)
            for column in 0..<width { sums[row * width + column] += added }
          }
          weights.append(scores)
        }
        for row in 0..<rows {
          let all = [first, second].enumerated().flatMap { block, seen in
            blocks[block][(row * stride)..<(row * stride + seen)].map { Double($0) * Double(scale) }
          }
          let top = all.max() ?? -.infinity, expected = all.reduce(0) { $0 + exp($1 - top) }
          #expect(abs(Double(largest[row]) - top) <= 1e-6 * abs(top), "\(table.name) \(first) \(second)")
          #expect(abs(Double(total[row]) - expected) < 4e-6 * expected, "\(table.name) \(first) \(second)")
          for column in 0..<width {
            #expect(abs(Double(sums[row * width + column]) - expected) < 6e-6 * expected)
          }
          for j in 0..<second {
            let value = exp(all[first + j] - top)
            #expect(abs(Double(weights[1][row * stride + j]) - value) < 4e-6 * max(value, 1e-30))
          }
        }
      }
      // A row that sees nothing stays as it was, and NaN is not lost.
      let room = [Float](repeating: 7, count: 15)
      var scores = [.nan] + room + [1] + room
      var (largest, total, sums) = ([Float(2), 2], [Float(3), 3], [Float(4), 4])
      table.attendRows(&scores, 16, 1, [0], 1, 1, &largest, &total, &sums, 1)
      #expect(scores[0] == 0 && scores[16] == 1 && largest == [2, 2] && total == [3, 3] && sums == [4, 4])
      (scores[0], scores[16]) = (.nan, -.infinity)
      table.attendRows(&scores, 16, 2, [1, 1], 1, 1, &largest, &total, &sums, 1)
      #expect(total[0].isNaN && sums[0].isNaN && scores[16] == 0 && total[1] == 3 && largest[1] == 2)
      // Nothing but NaN and -infinity, in the first block.
      for row: [Float] in [[.nan], [-.infinity, .nan], [-.infinity] + [Float](repeating: .nan, count: 17)] {
        scores = row + [Float](repeating: 0, count: 32 - row.count)
        (largest, total, sums) = ([-.infinity], [0], [0])
        table.attendRows(&scores, 32, 1, [Int32(row.count)], row.count, 1, &largest, &total, &sums, 1)
        #expect(total[0].isNaN && largest[0].isNaN, "\(table.name) \(row.count)")
      }
      // Scores so large that the rounding of one is many times the scale on which exponentials change.
      scores = [3e12, 1e12, -5e12, 2.9999e12, 3e12] + [Float](repeating: 0, count: 11)
      (largest, total, sums) = ([-.infinity], [0], [0])
      table.attendRows(&scores, 16, 1, [5], 5, 0.3, &largest, &total, &sums, 1)
      #expect(scores[..<5] == [1, 0, 0, 0, 1] && total[0] == 2 && largest[0] == 0.3 * 3e12, "\(table.name)")
      // Rows together are as each alone, also where they see different numbers of keys.
      let firstSeen: [Int32] = [1, 0, 17, 40], secondSeen: [Int32] = [40, 16, 0, 3]
      func attended(_ rows: Range<Int>) -> [UInt32] {
        var (largest, total) = ([Float](repeating: -.infinity, count: 4), [Float](repeating: 0, count: 4))
        var sums = [Float](repeating: 1, count: 4), all: [Float] = []
        for seen in [firstSeen, secondSeen] {
          var scores = (0..<192).map { Float(($0 &* 37) % 23) - 11 }
          scores.withUnsafeMutableBufferPointer { scores in
            guard let scores = scores.baseAddress else { return }
            table.attendRows(
              scores + rows.lowerBound * 48, 48, rows.count, Array(seen[rows]), 40, 0.3, &largest[rows.lowerBound],
              &total[rows.lowerBound], &sums[rows.lowerBound], 1)
          }
          all += rows.flatMap { scores[($0 * 48)..<($0 * 48 + 40)] }
        }
        return (all + largest[rows] + total[rows] + sums[rows]).map(\.bitPattern)
      }
      let single = (0..<4).map { attended($0..<$0 + 1) }, together = attended(0..<4)
      for (row, bits) in single.enumerated() {
        #expect(bits[..<40] == together[(row * 40)..<(row * 40 + 40)], "\(table.name) \(row)")
        #expect(bits[40..<80] == together[(160 + row * 40)..<(200 + row * 40)], "\(table.name) \(row)")
        #expect(bits[80...] == [together[320 + row], together[324 + row], together[328 + row]], "\(table.name) \(row)")
      }
      // Rows that see different numbers of keys, and bits that do not depend on how many more there are.
      for seen in [1, 15, 16, 17, 40] {
        var bits: [UInt32] = []
        for present in [seen, seen + 5, 96] {
          var scores = (0..<192).map { Float($0 % 7) - 3 }
          (largest, total, sums) = ([-.infinity, -.infinity], [0, 0], [0, 0])
          table.attendRows(&scores, 96, 2, [Int32(seen), 1], present, 0.7, &largest, &total, &sums, 1)
          #expect(scores[97..<(96 + present)].allSatisfy { $0 == 0 } && total[1] == 1)
          bits.append(total[0].bitPattern)
        }
        #expect(Set(bits).count == 1, "\(table.name) \(seen)")
      }
    }
  }

  /// One row's probabilities and the gradients of its scores, and nothing beyond the count.
  @Test func attendGradient() {
    var numbers = Numbers(14)
    for table in tables {
      for count in Self.widths {
        let before = numbers.array(count + 1).map { 4 * $0 }, incoming = numbers.array(count + 1)
        var (scores, gradients) = (before, incoming)
        scores[0] = -.infinity
        let (scale, normalizer, delta, factor) = (Float(0.37), Float(0.9), Float(-0.21), Float(1.7))
        table.attendGradient(&scores, scale, normalizer, &gradients, delta, factor, count)
        #expect(scores[0] == 0 && gradients[0] == 0, "\(table.name) \(count)")
        for i in 1..<max(count, 1) {
          let probability = exp(Double(scale) * Double(before[i]) - Double(normalizer))
          let gradient = Double(factor) * probability * (Double(incoming[i]) - Double(delta))
          #expect(abs(Double(scores[i]) - probability) <= 1e-6 * probability, "\(table.name) \(count) \(i)")
          #expect(abs(Double(gradients[i]) - gradient) <= 2e-6 * probability, "\(table.name) \(count) \(i)")
        }
        #expect(scores[count] == before[count] && gradients[count] == incoming[count], "\(table.name) \(count)")
      }
      // Scores so large that the rounding of one is many times the scale on which exponentials change.
      var (scores, gradients): ([Float], [Float]) = ([3e12, 1e12, -5e12, 2.9999e12], [2, 2, 2, 2])
      table.attendGradient(&scores, 0.3, 0.3 * 3e12, &gradients, 0.5, 2, 4)
      #expect(scores == [1, 0, 0, 0] && gradients == [3, 0, 0, 0], "\(table.name)")
    }
  }

  @Test func crossEntropy() {
    var numbers = Numbers(12)
    for table in tables {
      for width in Self.widths {
        let targets: [Int32] = [0, -1, Int32(width - 1), Int32(width / 2)]
        let rows = targets.count
        let x = numbers.array(rows * width, 10)
        var loss = [Float](repeating: .nan, count: rows), lse = loss
        var dx = [Float](repeating: .nan, count: x.count)
        table.crossEntropy(x, targets, &loss, &lse, rows, width)
        table.crossEntropyGradient(x, targets, lse, 0.25, &dx, rows, width)
        for row in 0..<rows {
          let logits = Array(x[row * width..<(row + 1) * width])
          let target = Int(targets[row])
          #expect(abs(Double(lse[row]) - Reference.logSumExp(logits)) < 2e-6)
          #expect(abs(Double(loss[row]) - Reference.crossEntropy(logits, target: target)) < 2e-6)
          let expected = Reference.crossEntropyGradient(logits, target: target, scale: 0.25)
          let worst = worstError(Array(dx[row * width..<(row + 1) * width]), expected, floor: 0.25)
          #expect(worst.error < 3e-6, "\(table.name) \(width): \(worst)")
        }
        var inPlace = x
        inPlace.withUnsafeMutableBufferPointer { x in
          guard let start = x.baseAddress else { return }
          table.crossEntropyGradient(start, targets, lse, 0.25, start, rows, width)
        }
        #expect(inPlace == dx)
      }
      // Large logits: the loss does not drown in them.
      var (loss, lse): ([Float], [Float]) = ([0], [0])
      table.crossEntropy([20_000, 20_001], [0], &loss, &lse, 1, 2)
      #expect(abs(Double(loss[0]) - Reference.crossEntropy([20_000, 20_001], target: 0)) < 1e-6)
    }
    let x = numbers.array(6, 2)
    let expected = Reference.crossEntropyGradient(x, target: 2, scale: 1)
    for i in x.indices {
      #expect(abs(difference(x, i) { Reference.crossEntropy($0, target: 2) } - expected[i]) < 1e-4)
    }
  }
}

/// The central difference of `f` in element `i`, with a step that Float32 holds.
func difference(_ x: [Float], _ i: Int, _ f: ([Float]) -> Double) -> Double {
  var (above, below) = (x, x)
  above[i] += 0x1p-8
  below[i] -= 0x1p-8
  return (f(above) - f(below)) / (Double(above[i]) - Double(below[i]))
}
