// The members are documented in FloatVector.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

// The three vectors. The bodies are the same but for the type: only concrete SIMD operators are single instructions.

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
  @export(implementation) @inline(always) public static func load(bits16 source: UnsafePointer<UInt16>) -> Self {
    var wide = SIMD8<UInt16>()
    wide.evenHalf = UnsafeRawPointer(source).loadUnaligned(as: SIMD4<UInt16>.self)
    return Self(unsafeBitCast(wide, to: SIMD4<Float>.self))
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
  @export(implementation) @inline(always) public static func interleaveLow(_ a: Self, _ b: Self) -> Self {
    var r = SIMD4<Float>()
    (r.evenHalf, r.oddHalf) = (a.v.lowHalf, b.v.lowHalf)
    return Self(r)
  }
  @export(implementation) @inline(always) public static func interleaveHigh(_ a: Self, _ b: Self) -> Self {
    var r = SIMD4<Float>()
    (r.evenHalf, r.oddHalf) = (a.v.highHalf, b.v.highHalf)
    return Self(r)
  }
}

/// 8 lanes: AVX2 with FMA.
@frozen public struct Lanes8: FloatVector {
  @usableFromInline var v: SIMD8<Float>
  @export(implementation) @inline(always) init(_ v: SIMD8<Float>) { self.v = v }
  @export(implementation) @inline(always) var bits: SIMD8<Int32> { unsafeBitCast(v, to: SIMD8<Int32>.self) }
  @export(implementation) @inline(always) init(integers: SIMD8<Int32>) {
    v = unsafeBitCast(integers, to: SIMD8<Float>.self)
  }

  @export(implementation) @inline(always) public static var width: Int { 8 }
  @export(implementation) @inline(always) public static var tileRows: Int { 4 }
  @export(implementation) @inline(always) public init(repeating value: Float) { v = SIMD8(repeating: value) }
  @export(implementation) @inline(always) public static var laneNumbers: Self { Self(SIMD8(0, 1, 2, 3, 4, 5, 6, 7)) }
  @export(implementation) @inline(always) public static func load(_ source: UnsafePointer<Float>) -> Self {
    Self(UnsafeRawPointer(source).loadUnaligned(as: SIMD8<Float>.self))
  }
  @export(implementation) @inline(always) public static func load(bfloat16 source: UnsafePointer<UInt16>) -> Self {
    var wide = SIMD16<UInt16>()
    wide.oddHalf = UnsafeRawPointer(source).loadUnaligned(as: SIMD8<UInt16>.self)
    return Self(unsafeBitCast(wide, to: SIMD8<Float>.self))
  }
  @export(implementation) @inline(always) public static func load(bits16 source: UnsafePointer<UInt16>) -> Self {
    var wide = SIMD16<UInt16>()
    wide.evenHalf = UnsafeRawPointer(source).loadUnaligned(as: SIMD8<UInt16>.self)
    return Self(unsafeBitCast(wide, to: SIMD8<Float>.self))
  }
  @export(implementation) @inline(always) public func store(_ target: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(target).storeBytes(of: v, as: SIMD8<Float>.self)
  }
  @export(implementation) @inline(always) public func store(bits16 target: UnsafeMutablePointer<UInt16>) {
    let low = unsafeBitCast(v, to: SIMD16<UInt16>.self).evenHalf
    UnsafeMutableRawPointer(target).storeBytes(of: low, as: SIMD8<UInt16>.self)
  }
  @export(implementation) @inline(always) public static func + (a: Self, b: Self) -> Self { Self(a.v + b.v) }
  @export(implementation) @inline(always) public static func - (a: Self, b: Self) -> Self { Self(a.v - b.v) }
  @export(implementation) @inline(always) public static func * (a: Self, b: Self) -> Self { Self(a.v * b.v) }
  @export(implementation) @inline(always) public static func / (a: Self, b: Self) -> Self { Self(a.v / b.v) }
  @export(implementation) @inline(always) public func adding(_ a: Self, times b: Self) -> Self {
    Self(v.addingProduct(a.v, b.v))
  }
  @export(implementation) @inline(always)
  public static func select(_ a: Self, lessThan b: Self, _ whenTrue: Self, else whenFalse: Self) -> Self {
    Self(whenFalse.v.replacing(with: whenTrue.v, where: a.v .< b.v))
  }
  @export(implementation) @inline(always) public func bitsAnd(_ mask: UInt32) -> Self {
    Self(integers: bits & SIMD8(repeating: Int32(bitPattern: mask)))
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
    Self(integers: bits &<< SIMD8(repeating: count))
  }
  @export(implementation) @inline(always) public func bitsShiftedRight(by count: Int32) -> Self {
    Self(integers: bits &>> SIMD8(repeating: count))
  }
  @export(implementation) @inline(always) public func sum() -> Float {
    let h4 = v.lowHalf + v.highHalf
    return (h4[0] + h4[2]) + (h4[1] + h4[3])
  }
  @export(implementation) @inline(always) public func largest() -> Float {
    let h4 = v.lowHalf.replacing(with: v.highHalf, where: v.lowHalf .< v.highHalf)
    return Swift.max(Swift.max(h4[0], h4[2]), Swift.max(h4[1], h4[3]))
  }
  @export(implementation) @inline(always) public static func interleaveLow(_ a: Self, _ b: Self) -> Self {
    var r = SIMD8<Float>()
    (r.evenHalf, r.oddHalf) = (a.v.lowHalf, b.v.lowHalf)
    return Self(r)
  }
  @export(implementation) @inline(always) public static func interleaveHigh(_ a: Self, _ b: Self) -> Self {
    var r = SIMD8<Float>()
    (r.evenHalf, r.oddHalf) = (a.v.highHalf, b.v.highHalf)
    return Self(r)
  }
}

/// 16 lanes: AVX-512.
@frozen public struct Lanes16: FloatVector {
  @usableFromInline var v: SIMD16<Float>
  @export(implementation) @inline(always) init(_ v: SIMD16<Float>) { self.v = v }
  @export(implementation) @inline(always) var bits: SIMD16<Int32> { unsafeBitCast(v, to: SIMD16<Int32>.self) }
  @export(implementation) @inline(always) init(integers: SIMD16<Int32>) {
    v = unsafeBitCast(integers, to: SIMD16<Float>.self)
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
    var wide = SIMD32<UInt16>()
    wide.oddHalf = UnsafeRawPointer(source).loadUnaligned(as: SIMD16<UInt16>.self)
    return Self(unsafeBitCast(wide, to: SIMD16<Float>.self))
  }
  @export(implementation) @inline(always) public static func load(bits16 source: UnsafePointer<UInt16>) -> Self {
    var wide = SIMD32<UInt16>()
    wide.evenHalf = UnsafeRawPointer(source).loadUnaligned(as: SIMD16<UInt16>.self)
    return Self(unsafeBitCast(wide, to: SIMD16<Float>.self))
  }
  @export(implementation) @inline(always) public func store(_ target: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(target).storeBytes(of: v, as: SIMD16<Float>.self)
  }
  @export(implementation) @inline(always) public func store(bits16 target: UnsafeMutablePointer<UInt16>) {
    let low = unsafeBitCast(v, to: SIMD32<UInt16>.self).evenHalf
    UnsafeMutableRawPointer(target).storeBytes(of: low, as: SIMD16<UInt16>.self)
  }
  @export(implementation) @inline(always) public static func + (a: Self, b: Self) -> Self { Self(a.v + b.v) }
  @export(implementation) @inline(always) public static func - (a: Self, b: Self) -> Self { Self(a.v - b.v) }
  @export(implementation) @inline(always) public static func * (a: Self, b: Self) -> Self { Self(a.v * b.v) }
  @export(implementation) @inline(always) public static func / (a: Self, b: Self) -> Self { Self(a.v / b.v) }
  @export(implementation) @inline(always) public func adding(_ a: Self, times b: Self) -> Self {
    Self(v.addingProduct(a.v, b.v))
  }
  @export(implementation) @inline(always)
  public static func select(_ a: Self, lessThan b: Self, _ whenTrue: Self, else whenFalse: Self) -> Self {
    Self(whenFalse.v.replacing(with: whenTrue.v, where: a.v .< b.v))
  }
  @export(implementation) @inline(always) public func bitsAnd(_ mask: UInt32) -> Self {
    Self(integers: bits & SIMD16(repeating: Int32(bitPattern: mask)))
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
    Self(integers: bits &<< SIMD16(repeating: count))
  }
  @export(implementation) @inline(always) public func bitsShiftedRight(by count: Int32) -> Self {
    Self(integers: bits &>> SIMD16(repeating: count))
  }
  @export(implementation) @inline(always) public func sum() -> Float {
    let h8 = v.lowHalf + v.highHalf
    let h4 = h8.lowHalf + h8.highHalf
    return (h4[0] + h4[2]) + (h4[1] + h4[3])
  }
  @export(implementation) @inline(always) public func largest() -> Float {
    let h8 = v.lowHalf.replacing(with: v.highHalf, where: v.lowHalf .< v.highHalf)
    let h4 = h8.lowHalf.replacing(with: h8.highHalf, where: h8.lowHalf .< h8.highHalf)
    return Swift.max(Swift.max(h4[0], h4[2]), Swift.max(h4[1], h4[3]))
  }
  @export(implementation) @inline(always) public static func interleaveLow(_ a: Self, _ b: Self) -> Self {
    var r = SIMD16<Float>()
    (r.evenHalf, r.oddHalf) = (a.v.lowHalf, b.v.lowHalf)
    return Self(r)
  }
  @export(implementation) @inline(always) public static func interleaveHigh(_ a: Self, _ b: Self) -> Self {
    var r = SIMD16<Float>()
    (r.evenHalf, r.oddHalf) = (a.v.highHalf, b.v.highHalf)
    return Self(r)
  }
}
