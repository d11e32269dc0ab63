import Foundation
import Kernels
import Tensor
import Testing

/// Matrix products. What depends on the kernels or the threads runs in a process of its own: both are settings of the
/// whole process.
@Suite struct MatmulTests {
  @Test func productsOfWholeNumbersAreExact() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        for m in smallSizes { for n in smallSizes { for k in smallSizes { checkExact(m, n, k, set) } } }
        for (m, n, k) in largeSizes + tiledSizes { checkExact(m, n, k, set) }
      }
    }
  }

  @Test func roundingStaysWithinItsBound() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        var worst = 0.0
        for (m, n, k) in largeSizes + tiledSizes + [(1, 1, 4097), (70, 50, 257), (9, 48, 2000)] {
          worst = max(worst, checkRounding(m, n, k, set))
        }
        print("matmul, \(set): worst error / bound of 2 sqrt(k) 2^-24 sum |a||b| = \(worst)")
      }
    }
  }

  @Test func threadsDoNotReachTheBits() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        for (m, n, k) in [(1, 513, 1025), (70, 1025, 100), (513, 97, 513), (1025, 100, 1025), (8, 4000, 64)]
          + tiledSizes
        {
          let a = fineTensor(Shape(m, k), seed: 1), b = fineTensor(Shape(k, n), seed: 2)
          let results = withThreadCounts { matmul(a, b) }
          #expect(results.allSatisfy { sameBits($0, results[0]) }, "\(set) \(m) \(n) \(k)")
        }
        for (n, k) in [(1003, 700), (513, 1029)] {  // one row, on several threads
          for transposing in [false, true] {
            for format in StorageFormat.allCases {
              let a = fineTensor(Shape(2, k), seed: 5)
              let b = fineTensor(transposing ? Shape(n, k) : Shape(k, n), seed: 6).kept(as: format)
              let expected = matmul(a, b, transposingRight: transposing).slice(0..<1, axis: 0)
              let row = a.slice(0..<1, axis: 0)
              let results = withThreadCounts { matmul(row, b, transposingRight: transposing) }
              #expect(results.allSatisfy { sameBits($0, expected) }, "\(set) \(n) \(k) \(transposing) \(format)")
            }
          }
        }
        let a = fineTensor(Shape(13, 33, 65), seed: 3), b = fineTensor(Shape(13, 65, 49), seed: 4)
        let results = withThreadCounts { matmul(a, b) }
        #expect(results.allSatisfy { sameBits($0, results[0]) }, "\(set), batched")
      }
    }
  }

  /// Depths of several chunks, of which the last is shorter, on either side and for every way to cut tasks.
  @Test func lastChunksOfDepthFitTheirMemory() async {
    await #expect(processExitsWith: .success) {
      for (m, n, k) in [(128, 1280, 1600), (1280, 128, 1600), (130, 1700, 800)] {
        let a = wholeTensor(Shape(m, k), seed: 1), b = wholeTensor(Shape(k, n), seed: 2)
        try Runtime.use(.baseline)
        let expected = matmul(a, b)
        try withEveryKernelSet { set in
          for threads in [1, 2, 8] {
            Runtime.threadCount = threads
            for format in StorageFormat.allCases {
              #expect(sameBits(matmul(a, b.kept(as: format)), expected), "\(set) \(m) \(n) \(k) \(threads) \(format)")
            }
          }
        }
      }
    }
  }

  @Test func aRowDoesNotKnowItsBatch() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        for (n, k) in [(1, 1), (15, 17), (17, 513), (47, 3), (48, 1025), (49, 512), (100, 600), (144, 65)] {
          for transposing in [false, true] {
            for format in StorageFormat.allCases { checkRows(n, k, transposing, format, set) }
          }
        }
      }
    }
  }

  /// Products of 128 rows and more may be computed otherwise than smaller ones, but all of them alike.
  @Test func aRowOfALargeProductDoesNotKnowItsBatch() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        for (n, k) in [(128, 64), (150, 1100), (2100, 70)] {
          let a = fineTensor(Shape(2200, k), seed: k), b = fineTensor(Shape(k, n), seed: n)
          let whole = matmul(a, b)
          for rows in [0..<128, 1..<130, 31..<300, 2040..<2200] {
            #expect(
              sameBits(matmul(a.slice(rows, axis: 0), b), whole.slice(rows, axis: 0)), "\(set) \(rows) \(n) \(k)")
          }
        }
      }
    }
  }

  /// Packing takes wide matrices in steps of depth: what is not finite is found in each of them.
  @Test(arguments: [3, 40, 99]) func whatIsNotFiniteIsFoundAtEveryDepth(_ depth: Int) async {
    await #expect(processExitsWith: .success) { [depth = depth as Int] in
      try withEveryKernelSet { set in
        let (m, n, k) = (130, 600, 100)
        for value in [Float.infinity, .nan] {
          let narrow = fineTensor(Shape(k, m), seed: 1)
          var wide = fineTensor(Shape(k, n), seed: 2)
          let right = matmul(narrow, wide, transposingLeft: true).scalars
          let left = matmul(wide, narrow, transposingLeft: true).scalars
          wide.withMutableScalars { $0[depth * n + 100] = value }
          let spoiltRight = matmul(narrow, wide, transposingLeft: true).scalars
          let spoiltLeft = matmul(wide, narrow, transposingLeft: true).scalars
          for (before, after, isSpoilt) in [
            (right, spoiltRight, { $0 % n == 100 }), (left, spoiltLeft, { $0 / m == 100 }),
          ] as [([Float], [Float], (Int) -> Bool)] {
            for index in after.indices {
              if isSpoilt(index) {
                #expect(!after[index].isFinite, "\(set) \(value) \(index)")
              } else {
                #expect(abs(after[index] - before[index]) < 1e-5, "\(set) \(value) \(index)")
              }
            }
          }
        }
      }
    }
  }

  /// What Float32 arithmetic makes of infinities, NaN and overflow, in products of every size.
  @Test func whatIsNotFiniteStaysInItsRowAndColumn() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        let (m, n, k) = (131, 140, 70)
        for (value, other) in [
          (Float.infinity, Float(2)), (-.infinity, 0), (.nan, 1), (.infinity, -.infinity),
          (.greatestFiniteMagnitude, 4),
          (1e30, 1e30), (1e25, -1e25), (0x1.01p64, 0x1.fdp63),
        ] {
          var (a, b) = (fineTensor(Shape(m, k), seed: 1), fineTensor(Shape(k, n), seed: 2))
          let before = matmul(a, b).scalars
          a.withMutableScalars { $0[40 * k + 3] = value }
          b.withMutableScalars { $0[3 * n + 100] = other }
          let (left, right, found) = (a.scalars, b.scalars, matmul(a, b).scalars)
          for index in found.indices {
            let (row, column) = index.quotientAndRemainder(dividingBy: n)
            if row != 40 && column != 100 {
              #expect(abs(found[index] - before[index]) < 1e-5, "\(set) \(value) \(row) \(column)")
              continue
            }
            let exact = (0..<k).reduce(0.0) { $0 + Double(left[row * k + $1]) * Double(right[$1 * n + column]) }
            if exact.isNaN {
              #expect(found[index].isNaN, "\(set) \(value) \(other) \(row) \(column)")
            } else if !Float(exact).isFinite {
              #expect(found[index] == Float(exact), "\(set) \(value) \(other) \(row) \(column)")
            } else {
              let error = abs(Double(found[index]) - exact)
              #expect(error <= 1e-5 * max(1, abs(exact)), "\(set) \(value) \(other) \(row) \(column)")
            }
          }
        }
      }
    }
  }

  /// Infinities keep to their 32 rows and columns, whatever is computed together with them.
  @Test func threadsDoNotReachTheBitsBesideInfinities() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        for (m, n, k) in tiledSizes {
          var (a, b) = (fineTensor(Shape(m, k), seed: 1), fineTensor(Shape(k, n), seed: 2))
          a.withMutableScalars { $0[70 * k + 3] = .infinity }
          b.withMutableScalars { $0[5 * n + 100] = .infinity }
          let bits = withThreadCounts { matmul(a, b) }.map { $0.scalars.map { $0.isNaN ? 0 : $0.bitPattern } }
          #expect(bits.allSatisfy { $0 == bits[0] }, "\(set) \(m) \(n) \(k)")
        }
      }
    }
  }

  /// Packed weights, biases and batches of sizes that go to tile registers, where there are any.
  @Test func largeProductsOfEveryKind() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        for (m, n, k) in tiledSizes {
          let a = wholeTensor(Shape(m, k), seed: 1), bias = wholeTensor(Shape(n), seed: 3), offsets = bias.scalars
          for format in StorageFormat.allCases {
            let b = wholeTensor(Shape(n, k), seed: 2).kept(as: format)
            let expected = matmul(a, b, transposingRight: true)
            let packed = b.packedForProducts(transposed: true)
            #expect(sameBits(matmul(a, packed, transposingRight: true), expected), "\(set) \(m) \(n) \(k) \(format)")
            let found = linear(a, packed, bias: bias, transposingWeight: true, activation: .relu)
            let sums = expected.scalars.enumerated().map { max(0, $1 + offsets[$0 % n]) }
            #expect(found.scalars == sums, "\(set) \(m) \(n) \(k) \(format)")
          }
        }
        let (a, b) = (fineTensor(Shape(3, 130, 70), seed: 1), fineTensor(Shape(3, 70, 140), seed: 2))
        let whole = matmul(a, b)
        for index in 0..<3 {
          let one = matmul(a.slice(index..<index + 1, axis: 0), b.slice(index..<index + 1, axis: 0))
          #expect(sameBits(one, whole.slice(index..<index + 1, axis: 0)), "\(set), product \(index) of a batch")
        }
      }
    }
  }

  /// A right matrix is packed or read in place by the numbers of its rows and columns: the bits are the same.
  @Test func packingDoesNotReachTheBits() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        let tiles = Runtime.kernels.matmul.tileRows
        for n in [64, 512, 1024, 1040] {
          let b = fineTensor(Shape(65, n), seed: 2), turned = b.transposed()
          for m in [2 * tiles - 1, 2 * tiles, 2 * tiles + 1, 16 * tiles, 16 * tiles + 1] {
            let a = fineTensor(Shape(m, 65), seed: 1)
            #expect(sameBits(matmul(a, b), matmul(a, turned, transposingRight: true)), "\(set) \(m) \(n)")
          }
        }
      }
    }
  }

  /// A left matrix that many panels read is packed: its rows have the bits that they have alone.
  @Test func packedRowsHaveTheBitsOfRowsAlone() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        for (m, n, k) in [(64, 1536, 64), (67, 1537, 1030), (80, 1543, 77)] {
          let a = fineTensor(Shape(m, k), seed: 1), b = fineTensor(Shape(k, n), seed: 2)
          let whole = matmul(a, b)
          for row in [0, 1, 7, 8, 31, m - 2, m - 1] {
            #expect(
              sameBits(matmul(a.slice(row..<row + 1, axis: 0), b), whole.slice(row..<row + 1, axis: 0)),
              "\(set) \(m) \(n) \(k), row \(row)")
          }
        }
      }
    }
  }

  @Test func batchesAreTheirProducts() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        for (m, n, k) in [(1, 1, 1), (7, 49, 17), (16, 48, 8), (3, 100, 65), (257, 257, 257)] {
          for variant in 0..<8 {
            if m == 257 && variant & 3 != 1 { continue }
            checkBatch(m, n, k, variant & 1 > 0, variant & 2 > 0, sharesRight: variant & 4 > 0, set)
          }
        }
      }
    }
  }

  // In a process of its own: the peak is the whole process's.
  @Test func fewRowsOfGreatDepthTakeNoPaddedCopy() async {
    await #expect(processExitsWith: .success) {
      let depth = 1 << 20
      let (a, b) = (Tensor.ones([3, depth, 1]), Tensor.ones([3, depth, 2]))
      let before = Memory.peakBytes
      #expect(matmul(a, b, transposingLeft: true).scalars == Array(repeating: Float(depth), count: 6))
      #expect(Memory.peakBytes - before < 16 << 20)
    }
  }

  @Test func linearIsProductBiasAndActivation() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        for (rows, inner, outer) in [
          (1, 1, 1), (3, 17, 49), (8, 48, 48), (70, 65, 100), (9, 513, 97), (200, 64, 150), (1, 513, 1003),
          (1, 1029, 513),
        ] {
          for transposing in [false, true] { checkLinear(rows, inner, outer, transposing, set) }
        }
      }
    }
  }

  @Test func emptyProducts() {
    #expect(matmul(.ones([0, 3]), .ones([3, 4])).shape == [0, 4])
    #expect(matmul(.ones([2, 3]), .ones([3, 0])).shape == [2, 0])
    #expect(matmul(.ones([2, 0]), .ones([0, 3])).scalars == [Float](repeating: 0, count: 6))
    #expect(matmul(.ones([2, 2, 0]), .ones([2, 0, 1])).scalars == [0, 0, 0, 0])
    #expect(matmul(.ones([0, 2, 3]), .ones([0, 3, 1])).shape == [0, 2, 1])
    let bias = Tensor([1, -2])
    #expect(linear(.ones([3, 0]), .ones([0, 2]), bias: bias).scalars == [1, -2, 1, -2, 1, -2])
    #expect(linear(.ones([3, 0]), .ones([0, 2]), bias: bias, activation: .relu).scalars == [1, 0, 1, 0, 1, 0])
  }

  @Test func nanAndInfinityCome() {
    let a = Tensor([1, .nan, 0, 2, 0, .infinity, 1, 1], shape: [4, 2])
    let result = matmul(a, Tensor([1, 0, 0, 1], shape: [2, 2])).scalars
    #expect(result[0].isNaN && result[1].isNaN && result[2] == 0 && result[3] == 2)
    #expect(result[4].isNaN && result[5] == .infinity && result[6] == 1 && result[7] == 1)
  }
}

private let smallSizes = [1, 2, 3, 7, 8, 9, 15, 16, 17, 47, 48, 49]

private let largeSizes = [
  (65, 97, 100), (1, 1025, 513), (1025, 1, 97), (513, 17, 65), (100, 100, 513), (7, 513, 1025), (97, 65, 1025),
  (16, 1025, 48), (1025, 49, 1025), (70, 144, 512), (64, 192, 511),
]

/// Sizes that are multiplied in tile registers, where there are any: whole tiles and not, several chunks of depth,
/// several blocks of rows or columns.
private let tiledSizes = [(128, 128, 64), (129, 161, 65), (200, 150, 1100), (130, 2100, 70), (2085, 128, 66)]

/// Whole numbers: every element is exact, whatever the order of its sum.
private func checkExact(_ m: Int, _ n: Int, _ k: Int, _ set: KernelSet) {
  let a = wholeTensor(Shape(m, k), seed: m &* 31 &+ k), b = wholeTensor(Shape(k, n), seed: n &* 17 &+ k)
  let variant = (m + n * 3 + k * 5) % 3
  let format = StorageFormat.allCases[variant]
  let (left, right) = (a.transposed(), b.transposed())
  let results = [
    matmul(a, b), matmul(left, b.kept(as: format), transposingLeft: true),
    matmul(a, right.kept(as: format), transposingRight: true),
    matmul(left, right, transposingLeft: true, transposingRight: true), matmul(a, b.kept(as: format)),
  ]
  let expected = Reference.matmul(a.scalars, b.scalars, rows: m, depth: k, columns: n).values
  #expect(results[0].scalars == expected.map { Float($0) }, "\(set) \(m) \(n) \(k)")
  for result in results { #expect(sameBits(result, results[0]), "\(set) \(m) \(n) \(k) \(format)") }
}

/// Checks every element against Double; returns the worst error in units of the bound.
private func checkRounding(_ m: Int, _ n: Int, _ k: Int, _ set: KernelSet) -> Double {
  let a = fineTensor(Shape(m, k), seed: m), b = fineTensor(Shape(k, n), seed: n + 1)
  let expected = Reference.matmul(a.scalars, b.scalars, rows: m, depth: k, columns: n)
  var worst = 0.0
  for (found, (value, magnitude)) in zip(matmul(a, b).scalars, zip(expected.values, expected.magnitudes)) {
    let error = abs(Double(found) - value)
    // An exact element may be a sum of zeros, which has no scale.
    worst = error == 0 ? worst : max(worst, error / (2 * Double(k).squareRoot() * 0x1p-24 * magnitude))
    if error.isNaN { worst = .infinity }
  }
  #expect(worst <= 1, "\(set) \(m) \(n) \(k)")
  return worst
}

/// A row alone, and in batches of several sizes.
private func checkRows(_ n: Int, _ k: Int, _ transposing: Bool, _ format: StorageFormat, _ set: KernelSet) {
  let a = fineTensor(Shape(70, k), seed: k)
  let b = fineTensor(transposing ? Shape(n, k) : Shape(k, n), seed: n).kept(as: format)
  let whole = matmul(a, b, transposingRight: transposing)
  var start = 0
  for count in [1, 1, 2, 3, 5, 7, 8, 9, 15, 16, 1, 1, 1] {
    let part = matmul(a.slice(start..<start + count, axis: 0), b, transposingRight: transposing)
    #expect(
      sameBits(part, whole.slice(start..<start + count, axis: 0)),
      "\(set) \(count) rows at \(start), \(n) columns, depth \(k), \(format), transposing \(transposing)")
    start += count
  }
  #expect(start == 70)
}

private func checkBatch(
  _ m: Int, _ n: Int, _ k: Int, _ transposingLeft: Bool, _ transposingRight: Bool, sharesRight: Bool, _ set: KernelSet
) {
  let a = fineTensor(transposingLeft ? Shape(2, 3, k, m) : Shape(2, 3, m, k), seed: m)
  let b =
    sharesRight
    ? fineTensor(transposingRight ? Shape(n, k) : Shape(k, n), seed: n)
    : fineTensor(transposingRight ? Shape(2, 3, n, k) : Shape(2, 3, k, n), seed: n)
  for format in StorageFormat.allCases {
    let right = b.kept(as: format)
    let whole = matmul(a, right, transposingLeft: transposingLeft, transposingRight: transposingRight)
    #expect(whole.shape == Shape(2, 3, m, n))
    for outer in 0..<2 {
      for inner in 0..<3 {
        func part(_ t: Tensor) -> Tensor {
          let matrix = t.slice(outer..<outer + 1, axis: 0).slice(inner..<inner + 1, axis: 1)
          return matrix.reshaped(t.shape[2], t.shape[3])
        }
        let one = matmul(
          part(a), sharesRight ? right : part(right).kept(as: format), transposingLeft: transposingLeft,
          transposingRight: transposingRight)
        #expect(sameBits(part(whole), one), "\(set) \(m) \(n) \(k) \(transposingLeft) \(transposingRight) \(format)")
      }
    }
    if m == 257 { break }
  }
}

private func checkLinear(_ rows: Int, _ inner: Int, _ outer: Int, _ transposing: Bool, _ set: KernelSet) {
  let x = fineTensor(Shape(rows, inner), seed: rows), bias = fineTensor(Shape(outer), seed: 5)
  for format in StorageFormat.allCases {
    let weight = fineTensor(transposing ? Shape(outer, inner) : Shape(inner, outer), seed: 6).kept(as: format)
    let product = matmul(x, weight, transposingRight: transposing)
    func check(_ found: Tensor, _ expected: Tensor, _ what: String) {
      #expect(sameBits(found, expected), "\(set) \(rows) \(inner) \(outer) \(transposing) \(format) \(what)")
    }
    check(linear(x, weight, transposingWeight: transposing), product, "plain")
    check(linear(x, weight, bias: bias, transposingWeight: transposing), product + bias, "bias")
    check(
      linear(x, weight, bias: bias.kept(as: .bfloat16), transposingWeight: transposing),
      product + bias.kept(as: .bfloat16), "kept bias")
    for f in UnaryFunction.allCases where f != .log && f != .squareRoot {
      check(
        linear(x, weight, bias: bias, transposingWeight: transposing, activation: f), (product + bias).applying(f),
        "\(f)")
    }
    check(
      linear(x, weight, transposingWeight: transposing, activation: .relu), product.applying(.relu), "no bias, relu")
    let deep = linear(x.reshaped(rows, 1, 1, inner), weight, bias: bias, transposingWeight: transposing)
    check(deep.reshaped(rows, outer), product + bias, "four axes")
  }
}
