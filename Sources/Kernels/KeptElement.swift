/// A storage format as the kernels read it: one element or one vector of them, widened to Float32.
@usableFromInline protocol KeptElement {
  static var byteCount: Int { get }
  static func scalar(_ source: UnsafeRawPointer, _ index: Int) -> Float
  static func vector<V: FloatVector>(_ source: UnsafeRawPointer, _ index: Int) -> V
  /// Eight elements of each of `V.width` runs, turned: lane `j` of vector `p` is element `index + j * stride + p`.
  static func turned<V: FloatVector>(_ source: UnsafeRawPointer, _ index: Int, _ stride: Int) -> EightVectors<V>
}

@usableFromInline typealias EightVectors<V> = (V, V, V, V, V, V, V, V)

@usableFromInline enum KeptFloat32: KeptElement {
  @export(implementation) @inline(always) static var byteCount: Int { 4 }
  @export(implementation) @inline(always) static func scalar(_ source: UnsafeRawPointer, _ index: Int) -> Float {
    source.assumingMemoryBound(to: Float.self)[index]
  }
  @export(implementation) @inline(always) static func vector<V: FloatVector>(_ source: UnsafeRawPointer, _ index: Int)
    -> V
  {
    V.load(source.assumingMemoryBound(to: Float.self) + index)
  }
  @export(implementation) @inline(always) static func turned<V: FloatVector>(
    _ source: UnsafeRawPointer, _ index: Int, _ stride: Int
  ) -> EightVectors<V> {
    let a = V.turned(source + 4 &* index, byteStride: 4 &* stride)
    let b = V.turned(source + (4 &* index &+ 16), byteStride: 4 &* stride)
    return (a.0, a.1, a.2, a.3, b.0, b.1, b.2, b.3)
  }
}

@usableFromInline enum KeptBFloat16: KeptElement {
  @export(implementation) @inline(always) static var byteCount: Int { 2 }
  @export(implementation) @inline(always) static func scalar(_ source: UnsafeRawPointer, _ index: Int) -> Float {
    Float(bitPattern: UInt32(source.assumingMemoryBound(to: UInt16.self)[index]) << 16)
  }
  @export(implementation) @inline(always) static func vector<V: FloatVector>(_ source: UnsafeRawPointer, _ index: Int)
    -> V
  {
    V.load(bfloat16: source.assumingMemoryBound(to: UInt16.self) + index)
  }
  @export(implementation) @inline(always) static func turned<V: FloatVector>(
    _ source: UnsafeRawPointer, _ index: Int, _ stride: Int
  ) -> EightVectors<V> {
    let pairs: (V, V, V, V) = V.turned(source + 2 &* index, byteStride: 2 &* stride)  // of neighbours in a run
    @inline(always) func low(_ x: V) -> V { x.bitsShiftedLeft(by: 16) }
    @inline(always) func high(_ x: V) -> V { x.bitsAnd(0xffff_0000) }
    return (
      low(pairs.0), high(pairs.0), low(pairs.1), high(pairs.1), low(pairs.2), high(pairs.2), low(pairs.3), high(pairs.3)
    )
  }
}

@usableFromInline enum KeptFloat16: KeptElement {
  @export(implementation) @inline(always) static var byteCount: Int { 2 }
  @export(implementation) @inline(always) static func scalar(_ source: UnsafeRawPointer, _ index: Int) -> Float {
    float16(source.assumingMemoryBound(to: UInt16.self)[index])
  }
  @export(implementation) @inline(always) static func vector<V: FloatVector>(_ source: UnsafeRawPointer, _ index: Int)
    -> V
  {
    V.load(float16: source.assumingMemoryBound(to: UInt16.self) + index)
  }
  @export(implementation) @inline(always) static func turned<V: FloatVector>(
    _ source: UnsafeRawPointer, _ index: Int, _ stride: Int
  ) -> EightVectors<V> {
    let pairs: (V, V, V, V) = V.turned(source + 2 &* index, byteStride: 2 &* stride)  // of neighbours in a run
    @inline(always) func low(_ x: V) -> V { x.widenedHalves() }
    @inline(always) func high(_ x: V) -> V { x.bitsShiftedRight(by: 16).widenedHalves() }
    return (
      low(pairs.0), high(pairs.0), low(pairs.1), high(pairs.1), low(pairs.2), high(pairs.2), low(pairs.3), high(pairs.3)
    )
  }
  /// The scalar form of `FloatVector.widenedHalves`.
  @export(implementation) @inline(always) static func float16(_ bits: UInt16) -> Float {
    let scaled = Float(bitPattern: UInt32(bits & 0x7fff) << 13) * Float(bitPattern: 0x7780_0000)
    let magnitude = scaled < 65536 ? scaled.bitPattern : scaled.bitPattern | 0x7f80_0000
    return Float(bitPattern: magnitude | UInt32(bits & 0x8000) << 16)
  }
}
