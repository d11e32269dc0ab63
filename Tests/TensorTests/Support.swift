import Foundation
import Tensor

/// Numbers from a linear congruence: reproducible, and fast where tests are not optimised.
struct QuickNumbers {
  var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15 | 1 }

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 33
  }
}

/// Numbers between -1 and 1 that bfloat16 and float16 hold exactly.
func quickTensor(_ shape: Shape, seed: Int) -> Tensor { filled(shape, seed) { Float(Int($0 & 255) - 128) / 128 } }

/// Whole numbers from -3 to 3: sums of their products are exact.
func wholeTensor(_ shape: Shape, seed: Int) -> Tensor { filled(shape, seed) { Float(Int($0 % 7) - 3) } }

/// Numbers with all bits of a significand.
func fineTensor(_ shape: Shape, seed: Int) -> Tensor {
  filled(shape, seed) { Float(Int($0 & 0xff_ffff) - 0x80_0000) / 0x80_0000 }
}

private func filled(_ shape: Shape, _ seed: Int, _ number: (UInt64) -> Float) -> Tensor {
  var numbers = QuickNumbers(seed)
  var result = Tensor.zeros(shape)
  result.withMutableScalars { scalars in
    var i = 0
    while i < scalars.count {
      scalars[i] = number(numbers.next())
      i += 1
    }
  }
  return result
}

/// Whether two tensors hold the same bits.
func sameBits(_ a: Tensor, _ b: Tensor) -> Bool {
  guard a.shape == b.shape, a.format == b.format else { return false }
  return a.withBytes { left in
    b.withBytes { right in
      left.count == 0 || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0
    }
  }
}

/// Runs `body` with each kernel set that this processor has. The set is the process's: call it in a process of its own.
func withEveryKernelSet(_ body: (KernelSet) throws -> Void) throws {
  let before = Runtime.kernelSet
  for set in Runtime.availableKernels {
    try Runtime.use(set)
    try body(set)
  }
  try Runtime.use(before)
}

/// The results of `body` with 1, 2, 3 and 8 threads.
func withThreadCounts(_ body: () -> Tensor) -> [Tensor] {
  let before = Runtime.threadCount
  defer { Runtime.threadCount = before }
  return [1, 2, 3, 8].map {
    Runtime.threadCount = $0
    return body()
  }
}

/// The position in row-major order of an index.
func position(_ index: [Int], _ shape: Shape) -> Int {
  zip(index, shape.array).reduce(0) { $0 * $1.1 + $1.0 }
}

/// All indices of a shape in row-major order.
func indices(_ shape: Shape) -> [[Int]] {
  shape.array.reduce([[]]) { partial, size in partial.flatMap { index in (0..<size).map { index + [$0] } } }
}
