// The members are documented in FloatVector.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

#if arch(x86_64)
  public import _Builtin_intrinsics.intel
#endif

// The three vectors. The operators of Swift's SIMD types are loops over lanes, which the optimiser mostly but not always
// puts together again: so the wide vectors name their instructions, those at least that LLVM can translate for any
// processor. A build without optimisation translates all members for the baseline, though none is called there.

/// 4 lanes: SSE2 on x86-64, NEON on arm64.
@frozen public struct Lanes4: FloatVector {
  @usableFromInline var v: SIMD4<Float>
  @export(implementation) @inline(always) init(_ v: SIMD4<Float>) { self.v = v }
  @export(implementation) @inline(always) var bits: SIMD4<Int32> { unsafeBitCast(v, to: SIMD4<Int32>.self) }
  @export(implementation) @inline(always) init(integers: SIMD4<Int32>) {
    v = unsafeBitCast(integers, to: SIMD4<Float>.self)
  }

  @export(implementation) @inline(always) public static var width: Int { 4 }
  @export(implementation) @inline(always) public static var tileRows: Int {
    #if arch(arm64)
      return 8
    #else
      return 4
    #endif
  }
  @export(implementation) @inline(always) public init(repeating value: Float) { v = SIMD4(repeating: value) }
  @export(implementation) @inline(always) public static var laneNumbers: Self { Self(SIMD4(0, 1, 2, 3)) }
  @export(implementation) @inline(always) public static func load(_ source: UnsafePointer<Float>) -> Self {
    Self(UnsafeRawPointer(source).loadUnaligned(as: SIMD4<Float>.self))
  }
  @export(implementation) @inline(always) public static func load(bfloat16 source: UnsafePointer<UInt16>) -> Self {
    var wide = SIMD8<UInt16>()
    wide.oddHalf = UnsafeRawPointer(source).loadUnaligned(as: SIMD4<UInt16>.self)
    return Self(unsafeBitCast(wide, to: SIMD4<Float>.self))
  }
  @export(implementation) @inline(always) public static func load(float16 source: UnsafePointer<UInt16>) -> Self {
    var wide = SIMD8<UInt16>()
    wide.evenHalf = UnsafeRawPointer(source).loadUnaligned(as: SIMD4<UInt16>.self)
    return Self(unsafeBitCast(wide, to: SIMD4<Float>.self)).widenedHalves()
  }
  @export(implementation) @inline(always) public func store(_ target: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(target).storeBytes(of: v, as: SIMD4<Float>.self)
  }
  @export(implementation) @inline(always) public func store(bits16 target: UnsafeMutablePointer<UInt16>) {
    let low = unsafeBitCast(v, to: SIMD8<UInt16>.self).evenHalf
    UnsafeMutableRawPointer(target).storeBytes(of: low, as: SIMD4<UInt16>.self)
  }
  @export(implementation) @inline(always) public static func + (a: Self, b: Self) -> Self { Self(a.v + b.v) }
  @export(implementation) @inline(always) public static func - (a: Self, b: Self) -> Self { Self(a.v - b.v) }
  @export(implementation) @inline(always) public static func * (a: Self, b: Self) -> Self { Self(a.v * b.v) }
  @export(implementation) @inline(always) public static func / (a: Self, b: Self) -> Self { Self(a.v / b.v) }
  @export(implementation) @inline(always) public func adding(_ a: Self, times b: Self) -> Self {
    #if arch(arm64)
      return Self(v.addingProduct(a.v, b.v))
    #else
      return Self(v + a.v * b.v)  // a fused product would be a call to the C library here
    #endif
  }
  @export(implementation) @inline(always)
  public static func select(_ a: Self, lessThan b: Self, _ whenTrue: Self, else whenFalse: Self) -> Self {
    Self(whenFalse.v.replacing(with: whenTrue.v, where: a.v .< b.v))
  }
  @export(implementation) @inline(always) public func bitsAnd(_ mask: UInt32) -> Self {
    Self(integers: bits & SIMD4(repeating: Int32(bitPattern: mask)))
  }
  @export(implementation) @inline(always) public func bitsOr(_ other: Self) -> Self {
    Self(integers: bits | other.bits)
  }
  @export(implementation) @inline(always) public func bitsPlus(_ other: Self) -> Self {
    Self(integers: bits &+ other.bits)
  }
  @export(implementation) @inline(always) public func bitsMinus(_ other: Self) -> Self {
    Self(integers: bits &- other.bits)
  }
  @export(implementation) @inline(always) public func bitsShiftedLeft(by count: Int32) -> Self {
    Self(integers: bits &<< SIMD4(repeating: count))
  }
  @export(implementation) @inline(always) public func bitsShiftedRight(by count: Int32) -> Self {
    Self(integers: bits &>> SIMD4(repeating: count))
  }
  @export(implementation) @inline(always) public func sum() -> Float {
    return (v[0] + v[2]) + (v[1] + v[3])
  }
  @export(implementation) @inline(always) public func largest() -> Float {
    return Swift.max(Swift.max(v[0], v[2]), Swift.max(v[1], v[3]))
  }
  @export(implementation) @inline(always) public static func turned(_ runs: UnsafeRawPointer, byteStride: Int) -> (
    Self, Self, Self, Self
  ) {
    let a = runs.loadUnaligned(as: SIMD4<Float>.self)
    let b = (runs + byteStride).loadUnaligned(as: SIMD4<Float>.self)
    let c = (runs + 2 &* byteStride).loadUnaligned(as: SIMD4<Float>.self)
    let d = (runs + 3 &* byteStride).loadUnaligned(as: SIMD4<Float>.self)
    return (
      Self(SIMD4(a[0], b[0], c[0], d[0])), Self(SIMD4(a[1], b[1], c[1], d[1])),
      Self(SIMD4(a[2], b[2], c[2], d[2])), Self(SIMD4(a[3], b[3], c[3], d[3]))
    )
  }
}

#if arch(x86_64)

  /// 8 lanes: AVX2 with FMA.
  @frozen public struct Lanes8: FloatVector {
    @usableFromInline var v: SIMD8<Float>
    @export(implementation) @inline(always) init(_ v: SIMD8<Float>) { self.v = v }
    @export(implementation) @inline(always) var bits: SIMD4<Int64> { unsafeBitCast(v, to: SIMD4<Int64>.self) }
    @export(implementation) @inline(always) var integers: SIMD8<Int32> { unsafeBitCast(v, to: SIMD8<Int32>.self) }
    @export(implementation) @inline(always) init(_ bits: SIMD4<Int64>) {
      v = unsafeBitCast(bits, to: SIMD8<Float>.self)
    }

    @export(implementation) @inline(always) public static var width: Int { 8 }
    @export(implementation) @inline(always) public static var tileRows: Int { 4 }
    @export(implementation) @inline(always) public init(repeating value: Float) { v = SIMD8(repeating: value) }
    @export(implementation) @inline(always) public static var laneNumbers: Self { Self(SIMD8(0, 1, 2, 3, 4, 5, 6, 7)) }
    @export(implementation) @inline(always) public static func load(_ source: UnsafePointer<Float>) -> Self {
      Self(UnsafeRawPointer(source).loadUnaligned(as: SIMD8<Float>.self))
    }
    @export(implementation) @inline(always) public static func load(bfloat16 source: UnsafePointer<UInt16>) -> Self {
      let wide = _mm256_cvtepu16_epi32(UnsafeRawPointer(source).loadUnaligned(as: SIMD2<Int64>.self))
      return Self(wide).bitsShiftedLeft(by: 16)
    }
    @export(implementation) @inline(always) public static func load(float16 source: UnsafePointer<UInt16>) -> Self {
      Self(_mm256_cvtph_ps(UnsafeRawPointer(source).loadUnaligned(as: SIMD2<Int64>.self)))
    }
    @export(implementation) @inline(always) public func store(_ target: UnsafeMutablePointer<Float>) {
      UnsafeMutableRawPointer(target).storeBytes(of: v, as: SIMD8<Float>.self)
    }
    @export(implementation) @inline(always) public func store(bits16 target: UnsafeMutablePointer<UInt16>) {
      let low = unsafeBitCast(v, to: SIMD16<UInt16>.self).evenHalf
      UnsafeMutableRawPointer(target).storeBytes(of: low, as: SIMD8<UInt16>.self)
    }
    @export(implementation) @inline(always)
    public static func + (a: Self, b: Self) -> Self { Self(_mm256_add_ps(a.v, b.v)) }
    @export(implementation) @inline(always)
    public static func - (a: Self, b: Self) -> Self { Self(_mm256_sub_ps(a.v, b.v)) }
    @export(implementation) @inline(always)
    public static func * (a: Self, b: Self) -> Self { Self(_mm256_mul_ps(a.v, b.v)) }
    @export(implementation) @inline(always)
    public static func / (a: Self, b: Self) -> Self { Self(_mm256_div_ps(a.v, b.v)) }
    @export(implementation) @inline(always) public func adding(_ a: Self, times b: Self) -> Self {
      Self(_mm256_fmadd_ps(a.v, b.v, v))
    }
    @export(implementation) @inline(always)
    public static func select(_ a: Self, lessThan b: Self, _ whenTrue: Self, else whenFalse: Self) -> Self {
      Self(whenFalse.v.replacing(with: whenTrue.v, where: a.v .< b.v))
    }
    @export(implementation) @inline(always) public func bitsAnd(_ mask: UInt32) -> Self {
      Self(_mm256_and_si256(bits, _mm256_set1_epi32(Int32(bitPattern: mask))))
    }
    @export(implementation) @inline(always) public func bitsOr(_ other: Self) -> Self {
      Self(_mm256_or_si256(bits, other.bits))
    }
    @export(implementation) @inline(always) public func bitsPlus(_ other: Self) -> Self {
      Self(_mm256_add_epi32(bits, other.bits))
    }
    @export(implementation) @inline(always) public func bitsMinus(_ other: Self) -> Self {
      Self(_mm256_sub_epi32(bits, other.bits))
    }
    @export(implementation) @inline(always) public func bitsShiftedLeft(by count: Int32) -> Self {
      Self(unsafeBitCast(integers &<< SIMD8(repeating: count), to: SIMD4<Int64>.self))
    }
    @export(implementation) @inline(always) public func bitsShiftedRight(by count: Int32) -> Self {
      Self(unsafeBitCast(integers &>> SIMD8(repeating: count), to: SIMD4<Int64>.self))
    }
    @export(implementation) @inline(always) public func sum() -> Float {
      let h4 = _mm_add_ps(v.lowHalf, v.highHalf)
      return (h4[0] + h4[2]) + (h4[1] + h4[3])
    }
    @export(implementation) @inline(always) public func largest() -> Float {
      let h4 = v.lowHalf.replacing(with: v.highHalf, where: v.lowHalf .< v.highHalf)
      return Swift.max(Swift.max(h4[0], h4[2]), Swift.max(h4[1], h4[3]))
    }
    @export(implementation) @inline(always) public static func turned(_ runs: UnsafeRawPointer, byteStride: Int) -> (
      Self, Self, Self, Self
    ) {
      // Runs i, i + 4, ... side by side, in quads; then each four quads are turned within their 128 bits.
      @inline(always) func quads(_ first: Int) -> SIMD8<Float> {
        let run = runs + first &* byteStride
        return SIMD8(
          lowHalf: run.loadUnaligned(as: SIMD4<Float>.self),
          highHalf: (run + 4 &* byteStride).loadUnaligned(as: SIMD4<Float>.self))
      }
      @inline(always) func pairs(_ a: SIMD8<Float>) -> SIMD4<Double> { unsafeBitCast(a, to: SIMD4<Double>.self) }
      @inline(always) func lanes(_ a: SIMD4<Double>) -> Self { Self(unsafeBitCast(a, to: SIMD8<Float>.self)) }
      let a = quads(0), b = quads(1), c = quads(2), d = quads(3)
      let low = (pairs(_mm256_unpacklo_ps(a, b)), pairs(_mm256_unpacklo_ps(c, d)))
      let high = (pairs(_mm256_unpackhi_ps(a, b)), pairs(_mm256_unpackhi_ps(c, d)))
      return (
        lanes(_mm256_unpacklo_pd(low.0, low.1)), lanes(_mm256_unpackhi_pd(low.0, low.1)),
        lanes(_mm256_unpacklo_pd(high.0, high.1)), lanes(_mm256_unpackhi_pd(high.0, high.1))
      )
    }
  }

  /// 16 lanes: AVX-512.
  @frozen public struct Lanes16: FloatVector {
    @usableFromInline var v: SIMD16<Float>
    @export(implementation) @inline(always) init(_ v: SIMD16<Float>) { self.v = v }
    @export(implementation) @inline(always) var bits: SIMD8<Int64> { unsafeBitCast(v, to: SIMD8<Int64>.self) }
    @export(implementation) @inline(always) var integers: SIMD16<Int32> { unsafeBitCast(v, to: SIMD16<Int32>.self) }
    @export(implementation) @inline(always) init(_ bits: SIMD8<Int64>) {
      v = unsafeBitCast(bits, to: SIMD16<Float>.self)
    }

    @export(implementation) @inline(always) public static var width: Int { 16 }
    @export(implementation) @inline(always) public static var tileRows: Int { 8 }
    @export(implementation) @inline(always) public init(repeating value: Float) { v = SIMD16(repeating: value) }
    @export(implementation) @inline(always) public static var laneNumbers: Self {
      Self(SIMD16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
    }
    @export(implementation) @inline(always) public static func load(_ source: UnsafePointer<Float>) -> Self {
      Self(UnsafeRawPointer(source).loadUnaligned(as: SIMD16<Float>.self))
    }
    @export(implementation) @inline(always) public static func load(bfloat16 source: UnsafePointer<UInt16>) -> Self {
      let wide = _mm512_cvtepu16_epi32(UnsafeRawPointer(source).loadUnaligned(as: SIMD4<Int64>.self))
      return Self(wide).bitsShiftedLeft(by: 16)
    }
    @export(implementation) @inline(always) public static func load(float16 source: UnsafePointer<UInt16>) -> Self {
      Self(_mm512_cvtph_ps(UnsafeRawPointer(source).loadUnaligned(as: SIMD4<Int64>.self)))
    }
    @export(implementation) @inline(always) public func store(_ target: UnsafeMutablePointer<Float>) {
      UnsafeMutableRawPointer(target).storeBytes(of: v, as: SIMD16<Float>.self)
    }
    @export(implementation) @inline(always) public func store(bits16 target: UnsafeMutablePointer<UInt16>) {
      let low = unsafeBitCast(v, to: SIMD32<UInt16>.self).evenHalf
      UnsafeMutableRawPointer(target).storeBytes(of: low, as: SIMD16<UInt16>.self)
    }
    @export(implementation) @inline(always)
    public static func + (a: Self, b: Self) -> Self { Self(_mm512_add_ps(a.v, b.v)) }
    @export(implementation) @inline(always)
    public static func - (a: Self, b: Self) -> Self { Self(_mm512_sub_ps(a.v, b.v)) }
    @export(implementation) @inline(always)
    public static func * (a: Self, b: Self) -> Self { Self(_mm512_mul_ps(a.v, b.v)) }
    @export(implementation) @inline(always)
    public static func / (a: Self, b: Self) -> Self { Self(_mm512_div_ps(a.v, b.v)) }
    @export(implementation) @inline(always) public func adding(_ a: Self, times b: Self) -> Self {
      Self(_mm512_fmadd_ps(a.v, b.v, v))
    }
    @export(implementation) @inline(always)
    public static func select(_ a: Self, lessThan b: Self, _ whenTrue: Self, else whenFalse: Self) -> Self {
      Self(whenFalse.v.replacing(with: whenTrue.v, where: a.v .< b.v))
    }
    @export(implementation) @inline(always) public func bitsAnd(_ mask: UInt32) -> Self {
      Self(_mm512_and_si512(bits, _mm512_set1_epi32(Int32(bitPattern: mask))))
    }
    @export(implementation) @inline(always) public func bitsOr(_ other: Self) -> Self {
      Self(_mm512_or_si512(bits, other.bits))
    }
    @export(implementation) @inline(always) public func bitsPlus(_ other: Self) -> Self {
      Self(_mm512_add_epi32(bits, other.bits))
    }
    @export(implementation) @inline(always) public func bitsMinus(_ other: Self) -> Self {
      Self(_mm512_sub_epi32(bits, other.bits))
    }
    @export(implementation) @inline(always) public func bitsShiftedLeft(by count: Int32) -> Self {
      Self(unsafeBitCast(integers &<< SIMD16(repeating: count), to: SIMD8<Int64>.self))
    }
    @export(implementation) @inline(always) public func bitsShiftedRight(by count: Int32) -> Self {
      Self(unsafeBitCast(integers &>> SIMD16(repeating: count), to: SIMD8<Int64>.self))
    }
    @export(implementation) @inline(always) public func sum() -> Float {
      let h8 = _mm256_add_ps(v.lowHalf, v.highHalf)
      let h4 = _mm_add_ps(h8.lowHalf, h8.highHalf)
      return (h4[0] + h4[2]) + (h4[1] + h4[3])
    }
    @export(implementation) @inline(always) public func largest() -> Float {
      let h8 = v.lowHalf.replacing(with: v.highHalf, where: v.lowHalf .< v.highHalf)
      let h4 = h8.lowHalf.replacing(with: h8.highHalf, where: h8.lowHalf .< h8.highHalf)
      return Swift.max(Swift.max(h4[0], h4[2]), Swift.max(h4[1], h4[3]))
    }
    @export(implementation) @inline(always) public static func turned(_ runs: UnsafeRawPointer, byteStride: Int) -> (
      Self, Self, Self, Self
    ) {
      // Runs i, i + 4, ... side by side, in quads; then each four quads are turned within their 128 bits.
      @inline(always) func quads(_ first: Int) -> SIMD16<Float> {
        let run = runs + first &* byteStride
        return SIMD16(
          lowHalf: SIMD8(
            lowHalf: run.loadUnaligned(as: SIMD4<Float>.self),
            highHalf: (run + 4 &* byteStride).loadUnaligned(as: SIMD4<Float>.self)),
          highHalf: SIMD8(
            lowHalf: (run + 8 &* byteStride).loadUnaligned(as: SIMD4<Float>.self),
            highHalf: (run + 12 &* byteStride).loadUnaligned(as: SIMD4<Float>.self)))
      }
      @inline(always) func pairs(_ a: SIMD16<Float>) -> SIMD8<Double> { unsafeBitCast(a, to: SIMD8<Double>.self) }
      @inline(always) func lanes(_ a: SIMD8<Double>) -> Self { Self(unsafeBitCast(a, to: SIMD16<Float>.self)) }
      let a = quads(0), b = quads(1), c = quads(2), d = quads(3)
      let low = (pairs(_mm512_unpacklo_ps(a, b)), pairs(_mm512_unpacklo_ps(c, d)))
      let high = (pairs(_mm512_unpackhi_ps(a, b)), pairs(_mm512_unpackhi_ps(c, d)))
      return (
        lanes(_mm512_unpacklo_pd(low.0, low.1)), lanes(_mm512_unpackhi_pd(low.0, low.1)),
        lanes(_mm512_unpacklo_pd(high.0, high.1)), lanes(_mm512_unpackhi_pd(high.0, high.1))
      )
    }
  }

#endif
