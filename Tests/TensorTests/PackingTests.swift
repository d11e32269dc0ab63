import Dispatch
import Kernels
import Synchronization
import Tensor
import Testing

/// Matrices that are laid out once for products: every operation sees the same numbers.
@Suite struct PackingTests {
  @Test func productsHaveTheSameBits() async {
    await #expect(processExitsWith: .success) {
      try withEveryKernelSet { set in
        let width = Runtime.kernels.matmul.vectorWidth
        for (n, k) in [(width, 1), (width + 1, 17), (5 * width - 1, 65), (3 * width, 1030), (1003, 513)] {
          for transposing in [false, true] {
            for format in StorageFormat.allCases {
              let b = fineTensor(transposing ? Shape(n, k) : Shape(k, n), seed: 2).kept(as: format)
              let packed = b.packedForProducts(transposed: transposing), bias = fineTensor(Shape(n), seed: 3)
              #expect(packed.shape == b.shape && packed.format == format && packed.byteCount >= b.byteCount)
              #expect(packed.byteCount < b.byteCount + b.format.byteCount(of: width * k))
              for m in [1, 2, 5, 70] {
                let a = fineTensor(Shape(m, k), seed: 1)
                let expected = matmul(a, b, transposingRight: transposing)
                let results = withThreadCounts { matmul(a, packed, transposingRight: transposing) }
                #expect(results.allSatisfy { sameBits($0, expected) }, "\(set) \(m) \(n) \(k) \(format)")
                #expect(
                  sameBits(
                    linear(a, packed, bias: bias, transposingWeight: transposing, activation: .relu),
                    linear(a, b, bias: bias, transposingWeight: transposing, activation: .relu)))
                // The other way round it is no right side in panels.
                let turned = fineTensor(Shape(m, n), seed: 4)
                #expect(
                  sameBits(
                    matmul(turned, packed, transposingRight: !transposing),
                    matmul(turned, b, transposingRight: !transposing)))
              }
            }
          }
        }
      }
    }
  }

  @Test func everyOperationSeesTheSameNumbers() {
    let width = Runtime.kernels.matmul.vectorWidth, rows = 2 * width + 3
    for format in StorageFormat.allCases {
      let b = fineTensor(Shape(rows, rows + 1), seed: 5).kept(as: format)
      for transposing in [false, true] {
        let packed = b.packedForProducts(transposed: transposing)
        #expect(packed.scalars == b.scalars)
        #expect(packed.withBytes { Array($0) } == b.withBytes { Array($0) })
        #expect(packed.reshaped(rows + 1, rows).scalars == b.scalars)
        #expect(packed.transposed().scalars == b.transposed().scalars)
        #expect((packed + 1).scalars == (b + 1).scalars)
        #expect(packed.slice(1..<3, axis: 0).scalars == b.slice(1..<3, axis: 0).scalars)
        let ids: [Int32] = [0, Int32(rows - 1), Int32(width), 1, 1]
        #expect(packed.rows(at: ids).scalars == b.rows(at: ids).scalars)
        #expect(packed.detached.scalars == b.scalars && packed.widened.scalars == b.widened.scalars)
        for other in StorageFormat.allCases {
          #expect(packed.kept(as: other).scalars == b.kept(as: other).scalars)
        }
        var changed = packed
        changed.withMutableScalars { $0[0] = 7 }
        #expect(changed.scalars == [7] + b.scalars.dropFirst() && packed.scalars == b.scalars)
      }
    }
  }

  @Test func packingTwiceOrForAnotherSideIsTheSame() {
    let width = Runtime.kernels.matmul.vectorWidth
    let b = fineTensor(Shape(2 * width, 3 * width), seed: 6)
    let once = b.packedForProducts(transposed: false)
    #expect(once.packedForProducts(transposed: false).scalars == b.scalars)
    #expect(once.packedForProducts(transposed: true).scalars == b.scalars)
    // Narrower than a panel: left as it is.
    let narrow = fineTensor(Shape(5, width - 1), seed: 7).packedForProducts(transposed: false)
    #expect(narrow.byteCount == 5 * (width - 1) * 4)
  }

  /// Another thread may choose other kernels at any time: an operation ends with those that it began with. Sums of whole
  /// numbers are exact, so every set gives the same.
  @Test func kernelsThatChangeMeanwhileDoNoHarm() async {
    await #expect(processExitsWith: .success) {
      Runtime.threadCount = 2
      let a = wholeTensor([5, 70], seed: 10), targets: [Int32] = [0, 199, 7, -1, 30]
      let right = [false, true].map { transposed in
        StorageFormat.allCases.map { wholeTensor(transposed ? [200, 70] : [70, 200], seed: 11).kept(as: $0) }
      }
      @Sendable func results(_ b: Tensor, _ transposed: Bool, packing: Bool) -> [Tensor] {
        let b = packing ? b.packedForProducts(transposed: transposed) : b
        return [
          b, matmul(a, b, transposingRight: transposed), matmul(a.rows(at: [1]), b, transposingRight: transposed),
          linear(a, b, bias: wholeTensor([200], seed: 12), transposingWeight: transposed, activation: .relu),
        ]
      }
      let expected = right.enumerated().map { side, formats in formats.map { results($0, side == 1, packing: false) } }
      let loss = linearCrossEntropy(a * 0.01, right[1][0], transposingWeight: true, targets: targets).scalar
      let isDone = Atomic<Bool>(false), wrong = Atomic<Int>(0)
      DispatchQueue.concurrentPerform(iterations: 3) { caller in
        if caller == 0 {
          while !isDone.load(ordering: .relaxed) { for set in Runtime.availableKernels { try? Runtime.use(set) } }
          return
        }
        for round in 0..<300 {
          let side = round % 2, format = round % 3
          let found = results(right[side][format], side == 1, packing: true)
          let isRight = zip(found, expected[side][format]).allSatisfy { $0.scalars == $1.scalars }
          let b = right[1][0].packedForProducts(transposed: true)
          let again = linearCrossEntropy(a * 0.01, b, transposingWeight: true, targets: targets).scalar
          if !isRight || abs(again - loss) > 1e-4 * loss { wrong.add(1, ordering: .relaxed) }
        }
        isDone.store(true, ordering: .relaxed)
      }
      #expect(wrong.load(ordering: .relaxed) == 0)
    }
  }

  /// Kernels of another width take the matrix as one that is not packed.
  @Test func otherKernelsReadIt() async {
    await #expect(processExitsWith: .success) {
      let b = fineTensor(Shape(65, 200), seed: 8), a = fineTensor(Shape(3, 65), seed: 9)
      for packing in Runtime.availableKernels {
        try Runtime.use(packing)
        let packed = b.packedForProducts(transposed: false)
        for set in Runtime.availableKernels {
          try Runtime.use(set)
          #expect(sameBits(matmul(a, packed), matmul(a, b)), "packed for \(packing), read by \(set)")
        }
      }
    }
  }
}
