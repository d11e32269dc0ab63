/// The vector of Float32 lanes that a kernel body is written over, once, for every instruction set.
///
/// The conforming types wrap one concrete `SIMD` type each. A kernel must never reach the generic operators of `SIMD`
/// (those are scalar loops that leave weak symbols behind), and everything is inlined into the target that carries the
/// instruction set's flags.
public protocol FloatVector: Sendable, BitwiseCopyable {
  /// Lanes: 4, 8 or 16.
  static var width: Int { get }
  /// Rows of the matmul tile: how many rows of accumulators, three vectors each, the registers hold (4 or 8).
  static var tileRows: Int { get }

  init(repeating value: Float)
  /// 0, 1, 2 ...
  static var laneNumbers: Self { get }
  static func load(_ source: UnsafePointer<Float>) -> Self
  /// `width` bfloat16 values, widened exactly.
  static func load(bfloat16 source: UnsafePointer<UInt16>) -> Self
  /// `width` IEEE half-precision values, widened exactly (subnormals, infinities and NaN too).
  static func load(float16 source: UnsafePointer<UInt16>) -> Self
  func store(_ target: UnsafeMutablePointer<Float>)
  /// The low 16 bits of every lane.
  func store(bits16 target: UnsafeMutablePointer<UInt16>)

  static func + (a: Self, b: Self) -> Self
  static func - (a: Self, b: Self) -> Self
  static func * (a: Self, b: Self) -> Self
  static func / (a: Self, b: Self) -> Self
  /// `self + a * b`: fused with AVX2, AVX-512 and arm64, rounded twice on baseline x86-64.
  func adding(_ a: Self, times b: Self) -> Self
  /// `whenTrue` where `a < b`, else `whenFalse` (also where either is NaN).
  static func select(_ a: Self, lessThan b: Self, _ whenTrue: Self, else whenFalse: Self) -> Self

  /// The lanes' bits: each lane is taken as a 32-bit integer and put back.
  func bitsAnd(_ mask: UInt32) -> Self
  func bitsOr(_ other: Self) -> Self
  func bitsPlus(_ other: Self) -> Self
  func bitsMinus(_ other: Self) -> Self
  func bitsShiftedLeft(by count: Int32) -> Self
  /// Arithmetic: the sign is copied in.
  func bitsShiftedRight(by count: Int32) -> Self

  /// The sum of the lanes, by halves: always the same order for one width.
  func sum() -> Float
  /// The largest lane; a NaN lane may be passed over.
  func largest() -> Float
  /// Four values of each of `width` runs that lie `byteStride` apart, turned: lane `j` of vector `p` is value `p` of run
  /// `j`. The values are moved as they are, whatever their bits mean.
  static func turned(_ runs: UnsafeRawPointer, byteStride: Int) -> (Self, Self, Self, Self)
}

extension FloatVector {
  /// Zero in every lane.
  @export(implementation) @inline(always) public static var zero: Self { Self(repeating: 0) }

  /// Every lane's bits set to `pattern`.
  @export(implementation) @inline(always) public init(bits pattern: UInt32) {
    self.init(repeating: Float(bitPattern: pattern))
  }

  /// The lanes without their signs.
  @export(implementation) @inline(always) public var magnitude: Self { bitsAnd(0x7fff_ffff) }

  /// The sign flipped, of zeros and NaN too.
  @export(implementation) @inline(always) public static prefix func - (a: Self) -> Self {
    a.bitsPlus(Self(bits: 0x8000_0000))
  }

  /// `self * x + c`: one step of Horner's rule.
  @export(implementation) @inline(always) public func times(_ x: Self, plus c: Float) -> Self {
    Self(repeating: c).adding(self, times: x)
  }

  /// All bits set (a NaN) in the lanes that are NaN, none in the others.
  @export(implementation) @inline(always) public var nanMask: Self {
    Self(bits: 0x7f80_0000).bitsMinus(magnitude).bitsShiftedRight(by: 31)
  }

  /// The first 12 bits of the significand: a product of two such values is exact.
  @export(implementation) @inline(always) public var leadingBits: Self { bitsAnd(0xffff_f000) }

  /// Lane 0.
  @export(implementation) @inline(always) public var first: Float {
    @inline(always) func read(_ lanes: UnsafeRawPointer) -> Float { lanes.loadUnaligned(as: Float.self) }
    var lanes = self
    return read(&lanes)
  }

  /// The magnitude of `self` with the sign of `other`.
  @export(implementation) @inline(always) public func withSign(of other: Self) -> Self {
    magnitude.bitsOr(other.bitsAnd(0x8000_0000))
  }

  /// The larger lane; a NaN in `self` stays.
  @export(implementation) @inline(always) public func maximum(_ other: Self) -> Self {
    Self.select(self, lessThan: other, other, else: self)
  }

  /// The smaller lane; a NaN in `self` stays.
  @export(implementation) @inline(always) public func minimum(_ other: Self) -> Self {
    Self.select(other, lessThan: self, other, else: self)
  }

  /// The nearest integers, ties to even, for magnitudes up to 2^22.
  @export(implementation) @inline(always) public func roundedSmall() -> Self {
    let magic = Self(repeating: 12_582_912)  // 1.5 * 2^23: adding it leaves no room for a fraction
    return (self + magic) - magic
  }

  /// `self * 2^n` for integral lanes `n` in -126...127.
  @export(implementation) @inline(always) public func scaledByPowerOfTwo(_ n: Self) -> Self {
    self * (n + Self(repeating: 12_582_912 + 127)).bitsShiftedLeft(by: 23)
  }

  /// For positive normal lanes: the fraction in [sqrt(1/2), sqrt(2)) and the exponent, lane = fraction * 2^exponent.
  @export(implementation) @inline(always) public func splitExponent() -> (fraction: Self, exponent: Self) {
    let shifted = bitsMinus(Self(bits: 0x3f35_04f3)).bitsShiftedRight(by: 23)
    let exponent = shifted.bitsPlus(Self(bits: 0x4b40_0000)) - Self(repeating: 12_582_912)
    return (bitsMinus(shifted.bitsShiftedLeft(by: 23)), exponent)
  }

  /// The square root of lanes that are zero or positive and normal, within 1 ULP; subnormal lanes give about zero.
  ///
  /// The standard library's square root of a vector is a loop of calls, so this takes Newton steps from the bits.
  @export(implementation) @inline(always) public func squareRoot() -> Self {
    var r = Self(bits: 0x5f37_59df).bitsMinus(bitsShiftedRight(by: 1))
    let half = self * Self(repeating: 0.5), threeHalves = Self(repeating: 1.5)
    r = r * (threeHalves - half * r * r)
    r = r * (threeHalves - half * r * r)
    r = r * (threeHalves - half * r * r)
    let s = self * r
    return s.adding(r * Self(repeating: 0.5), times: self - s * s)
  }

  /// Half-precision values, given by the low 16 bits of every lane, widened exactly (subnormals, infinities and NaN
  /// too).
  @export(implementation) @inline(always) public func widenedHalves() -> Self {
    let sign = bitsAnd(0x8000).bitsShiftedLeft(by: 16)
    let magnitude = bitsAnd(0x7fff).bitsShiftedLeft(by: 13)
    let scaled = magnitude * Self(bits: 0x7780_0000)  // 2^112, the distance between the two exponent biases
    let special = scaled.bitsOr(Self(bits: 0x7f80_0000))
    return Self.select(scaled, lessThan: Self(repeating: 65536), scaled, else: special).bitsOr(sign)
  }
}
