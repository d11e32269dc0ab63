/// A storage format as the kernels read it: one element or one vector of them, widened to Float32.
@usableFromInline protocol KeptElement {
  static func scalar(_ source: UnsafeRawPointer, _ index: Int) -> Float
  static func vector<V: FloatVector>(_ source: UnsafeRawPointer, _ index: Int) -> V
}

@usableFromInline enum KeptFloat32: KeptElement {
  @export(implementation) @inline(always) static func scalar(_ source: UnsafeRawPointer, _ index: Int) -> Float {
    source.assumingMemoryBound(to: Float.self)[index]
  }
  @export(implementation) @inline(always) static func vector<V: FloatVector>(_ source: UnsafeRawPointer, _ index: Int)
    -> V
  {
    V.load(source.assumingMemoryBound(to: Float.self) + index)
  }
}

@usableFromInline enum KeptBFloat16: KeptElement {
  @export(implementation) @inline(always) static func scalar(_ source: UnsafeRawPointer, _ index: Int) -> Float {
    Float(bitPattern: UInt32(source.assumingMemoryBound(to: UInt16.self)[index]) << 16)
  }
  @export(implementation) @inline(always) static func vector<V: FloatVector>(_ source: UnsafeRawPointer, _ index: Int)
    -> V
  {
    V.load(bfloat16: source.assumingMemoryBound(to: UInt16.self) + index)
  }
}

@usableFromInline enum KeptFloat16: KeptElement {
  @export(implementation) @inline(always) static func scalar(_ source: UnsafeRawPointer, _ index: Int) -> Float {
    float16(source.assumingMemoryBound(to: UInt16.self)[index])
  }
  @export(implementation) @inline(always) static func vector<V: FloatVector>(_ source: UnsafeRawPointer, _ index: Int)
    -> V
  {
    V.load(float16: source.assumingMemoryBound(to: UInt16.self) + index)
  }
  /// The scalar form of `FloatVector.load(float16:)`.
  @export(implementation) @inline(always) static func float16(_ bits: UInt16) -> Float {
    let scaled = Float(bitPattern: UInt32(bits & 0x7fff) << 13) * Float(bitPattern: 0x7780_0000)
    let magnitude = scaled < 65536 ? scaled.bitPattern : scaled.bitPattern | 0x7f80_0000
    return Float(bitPattern: magnitude | UInt32(bits & 0x8000) << 16)
  }
}
