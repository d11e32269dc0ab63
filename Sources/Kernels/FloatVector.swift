/// The vector of Float32 lanes that a kernel body is written over, once, for every instruction set.
///
/// Each requirement is implemented in an extension of a concrete `SIMD` type, never through the generic operators of
/// `SIMD` (those are scalar loops), and everything is inlined into the target that carries the instruction set's flags.
public protocol FloatVector: Sendable {
  /// Lanes: 4, 8 or 16.
  static var width: Int { get }
  /// Rows of the matmul tile: how many rows of accumulators, three vectors each, the registers hold.
  static var tileRows: Int { get }

  init(repeating value: Float)
  static func load(_ source: UnsafePointer<Float>) -> Self
  /// `width` bfloat16 values, widened.
  static func load(bfloat16 source: UnsafePointer<UInt16>) -> Self
  /// `width` IEEE half-precision values, widened.
  static func load(float16 source: UnsafePointer<UInt16>) -> Self
  func store(_ target: UnsafeMutablePointer<Float>)

  static func + (a: Self, b: Self) -> Self
  static func - (a: Self, b: Self) -> Self
  static func * (a: Self, b: Self) -> Self
  static func / (a: Self, b: Self) -> Self
  /// `self + a * b`, fused where the instruction set fuses.
  func adding(_ a: Self, times b: Self) -> Self
  /// The larger lane; NaN where either is NaN.
  func maximum(_ other: Self) -> Self
  /// The smaller lane; NaN where either is NaN.
  func minimum(_ other: Self) -> Self
  func squareRoot() -> Self
  var magnitude: Self { get }

  /// `whenTrue` where `a < b`, else `whenFalse` (also where either is NaN).
  static func select(_ a: Self, lessThan b: Self, _ whenTrue: Self, else whenFalse: Self) -> Self
  /// The lanes rounded to integers (ties to even), exact for magnitudes up to 2^22.
  func roundedSmall() -> Self
  /// `self * 2^n` for integral lanes `n` in -126...127, through the exponent bits.
  func scaledByPowerOfTwo(_ n: Self) -> Self
  /// For positive normal lanes: the exponent `e` and the fraction `m` in [sqrt(1/2), sqrt(2)), lane = m * 2^e.
  func splitExponent() -> (fraction: Self, exponent: Self)
  /// The magnitude of `self` with the sign of `other`.
  func withSign(of other: Self) -> Self

  /// The sum of the lanes, by halves: always the same order for one width.
  func sum() -> Float
  /// The largest lane.
  func max() -> Float
  /// Lanes of the first halves of `a` and `b`, in turn: a0 b0 a1 b1 ...
  static func interleaveLow(_ a: Self, _ b: Self) -> Self
  /// Lanes of the second halves of `a` and `b`, in turn.
  static func interleaveHigh(_ a: Self, _ b: Self) -> Self
}
