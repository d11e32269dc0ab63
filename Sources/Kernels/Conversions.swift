/// Between Float32 and the formats in which values are kept.
public enum Conversions {
  /// The body of `KernelTable.widen`.
  @export(implementation) @inline(always) public static func widen<V: FloatVector>(
    _: V.Type, _ format: StorageFormat, _ x: UnsafeRawPointer, _ y: Target, _ count: Int
  ) {
    let halves = x.assumingMemoryBound(to: UInt16.self)
    switch format {
    case .float32: Sweep.map(V.self, x.assumingMemoryBound(to: Float.self), y, count) { $0 }
    case .bfloat16:
      @inline(always) func body(_ chunk: Chunk<V>) {
        chunk.store(chunk.load(bfloat16: halves), to: y)
      }
      Sweep.each(V.self, count, body)
    case .float16:
      @inline(always) func body(_ chunk: Chunk<V>) {
        chunk.store(chunk.load(float16: halves), to: y)
      }
      Sweep.each(V.self, count, body)
    }
  }

  /// The body of `KernelTable.narrow`.
  @export(implementation) @inline(always) public static func narrow<V: FloatVector>(
    _: V.Type, _ format: StorageFormat, _ x: Source, _ y: UnsafeMutableRawPointer, _ count: Int
  ) {
    let halves = y.assumingMemoryBound(to: UInt16.self)
    switch format {
    case .float32:
      Sweep.map(V.self, x, y.assumingMemoryBound(to: Float.self), count) { $0 }
    case .bfloat16:
      @inline(always) func body(_ chunk: Chunk<V>) { chunk.store(bits16: bfloat16(chunk.load(x)), to: halves) }
      Sweep.each(V.self, count, body)
    case .float16:
      @inline(always) func body(_ chunk: Chunk<V>) { chunk.store(bits16: float16(chunk.load(x)), to: halves) }
      Sweep.each(V.self, count, body)
    }
  }

  /// The bits of the nearest bfloat16 values, ties to even.
  @export(implementation) @inline(always) static func bfloat16<V: FloatVector>(_ x: V) -> V {
    let odd = x.bitsShiftedRight(by: 16).bitsAnd(1)
    let rounded = x.bitsPlus(V(bits: 0x7fff)).bitsPlus(odd)
    let special = x.bitsOr(x.nanMask.bitsAnd(0x0040_0000))  // infinity, or NaN made quiet
    return V.select(x.magnitude, lessThan: V(repeating: .infinity), rounded, else: special).bitsShiftedRight(by: 16)
  }

  /// The bits of the nearest half-precision values, ties to even.
  @export(implementation) @inline(always) static func float16<V: FloatVector>(_ x: V) -> V {
    let a = x.magnitude.minimum(V(repeating: 65536))  // from 65520 on the rounding below carries into infinity
    let odd = a.bitsShiftedRight(by: 13).bitsAnd(1)
    let normal = a.bitsPlus(V(bits: 0x0fff)).bitsPlus(odd).bitsMinus(V(bits: 112 << 23)).bitsShiftedRight(by: 13)
    // The last bit of 0.5 is the smallest half-precision value: adding 0.5 rounds to a multiple of it.
    let subnormal = (a + V(repeating: 0.5)).bitsMinus(V(repeating: 0.5))
    let number = V.select(a, lessThan: V(repeating: 0x1p-14), subnormal, else: normal)
    let nan = x.bitsShiftedRight(by: 13).bitsAnd(0x3ff).bitsOr(V(bits: 0x7e00))
    return V.select(a, lessThan: V(repeating: 65537), number, else: nan)
      .bitsOr(x.bitsShiftedRight(by: 16).bitsAnd(0x8000))
  }
}
