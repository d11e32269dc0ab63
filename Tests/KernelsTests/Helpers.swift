import Kernels

/// A small generator (splitmix64), so that every run tests the same numbers.
struct Numbers {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func bits() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Uniform in -scale ..< scale.
  mutating func uniform(_ scale: Float = 1) -> Float {
    (Float(bits() >> 40) * 0x1p-23 - 1) * scale
  }

  mutating func array(_ count: Int, _ scale: Float = 1) -> [Float] {
    (0..<count).map { _ in uniform(scale) }
  }
}

/// Lengths around every multiple of a vector's width, primes, and more than a block of a sum.
let awkwardLengths = [
  0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97, 127, 129, 1000, 1031, 4099,
]

/// Values at which things go wrong.
let specials: [Float] = [
  0, -0.0, .infinity, -.infinity, .nan, -.nan, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude,
  -.leastNormalMagnitude, 0x1.fffffp-127, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1, -1, 0.5, -0.5, 1e-20,
  -1e-20, 1e20, -1e20, 88.7228, 88.72284, 88.7229, 89, -86.5, -87.3365, -87.4, -103.9, -103.98, -104, -105, 6, -6, 6.1,
  -6.1, 0.9, -0.9, 0.45, -0.45, 9.01, -9.01, 3.92, -3.92, 4, -4, 65504, 65519.99, 65520, 0x1p-14, 0x1p-24, 0x1p-25,
  0x1.8p-25, 16_777_218, 1 + Float.ulpOfOne, 1 - Float.ulpOfOne / 2, .signalingNaN,
]

/// How far `value` is from the exact `expected`, in units of the last place of the Float32 next to it.
///
/// Agreeing NaN, infinities and overflow count as 0; a disagreement about them is infinitely far.
func ulps(_ value: Float, _ expected: Double) -> Double {
  let nearest = Float(expected)
  if nearest.isNaN || value.isNaN { return nearest.isNaN && value.isNaN ? 0 : .infinity }
  if nearest.isInfinite || value.isInfinite { return nearest == value ? 0 : .infinity }
  return abs(Double(value) - expected) / Double(nearest.ulp)
}

/// Whether every element is NaN.
func areNaN(_ values: [Float]) -> Bool { values.allSatisfy { $0.isNaN } }

/// The largest error noted, and where.
struct Worst: CustomStringConvertible {
  var error = 0.0
  var place = "nowhere"

  mutating func note(_ error: Double, _ place: @autoclosure () -> String) {
    if error > self.error || error.isNaN { (self.error, self.place) = (error.isNaN ? .infinity : error, place()) }
  }

  var description: String { "\(error) at \(place)" }
}

/// The largest difference, relative to `floor` or the expected value's magnitude, whichever is larger.
func worstError(_ values: [Float], _ expected: [Double], floor: Double) -> Worst {
  var worst = Worst()
  if values.count != expected.count { worst.note(.infinity, "counts \(values.count) and \(expected.count)") }
  for (i, (value, e)) in zip(values, expected).enumerated() {
    if value.isNaN && e.isNaN { continue }
    if Double(value) == e || value == Float(e) { continue }
    worst.note(abs(Double(value) - e) / max(abs(e), floor), "element \(i): \(value), not \(e)")
  }
  return worst
}

extension KernelTable {
  /// `f` of every element, in a new array.
  func unary(_ f: UnaryFunction, _ x: [Float]) -> [Float] {
    var y = [Float](repeating: .nan, count: x.count)
    unary(f, x, &y, x.count)
    return y
  }

  /// The pullback of `f` for ones.
  func derivative(_ f: UnaryFunction, _ x: [Float]) -> [Float] {
    var y = [Float](repeating: .nan, count: x.count)
    unaryGradient(f, x, [Float](repeating: 1, count: x.count), &y, x.count)
    return y
  }
}
