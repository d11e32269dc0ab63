/// Where a kernel body stands in its arrays: `V.width` elements from `offset`, or the fewer that are left at the end.
///
/// A body is written once over chunks; the loops below make `isWhole` a constant, so whole chunks compile to plain
/// vector loads and stores. The last, partial chunk goes through a zero-padded vector on the stack and the very same
/// arithmetic: no result depends on an element's lane or on the length of the tail.
@frozen @usableFromInline struct Chunk<V: FloatVector> {
  @usableFromInline let offset: Int
  @usableFromInline let lanes: Int
  @usableFromInline let isWhole: Bool

  @inlinable @inline(always) init(whole offset: Int) {
    self.offset = offset
    lanes = V.width
    isWhole = true
  }

  @inlinable @inline(always) init(offset: Int, lanes: Int) {
    self.offset = offset
    self.lanes = lanes
    isWhole = false
  }

  /// The elements of `source` here; lanes past the end hold `padding`.
  @inlinable @inline(always) func load(_ source: Source, padding: Float = 0) -> V {
    if isWhole { return V.load(source + offset) }
    var padded = V(repeating: padding)
    copyFew(&padded, source + offset, bytes: lanes &* 4)
    return padded
  }

  @inlinable @inline(always) func store(_ value: V, to target: Target) {
    if isWhole { return value.store(target + offset) }
    var value = value
    copyFew(target + offset, &value, bytes: lanes &* 4)
  }

  /// `value` with zero in the lanes past the end: what may be added to a sum.
  @inlinable @inline(always) func kept(_ value: V) -> V {
    if isWhole { return value }
    var (value, padded) = (value, V.zero)
    copyFew(&padded, &value, bytes: lanes &* 4)
    return padded
  }

  /// bfloat16 values, widened.
  @inlinable @inline(always) func load(bfloat16 source: UnsafePointer<UInt16>) -> V {
    if isWhole { return V.load(bfloat16: source + offset) }
    @inline(always) func widened(_ halves: UnsafeRawPointer) -> V {
      V.load(bfloat16: halves.assumingMemoryBound(to: UInt16.self))
    }
    var padded = V.zero
    copyFew(&padded, source + offset, bytes: lanes &* 2)
    return widened(&padded)
  }

  /// Half-precision values, widened.
  @inlinable @inline(always) func load(float16 source: UnsafePointer<UInt16>) -> V {
    if isWhole { return V.load(float16: source + offset) }
    @inline(always) func widened(_ halves: UnsafeRawPointer) -> V {
      V.load(float16: halves.assumingMemoryBound(to: UInt16.self))
    }
    var padded = V.zero
    copyFew(&padded, source + offset, bytes: lanes &* 2)
    return widened(&padded)
  }

  /// The low 16 bits of every lane.
  @inlinable @inline(always) func store(bits16 value: V, to target: UnsafeMutablePointer<UInt16>) {
    if isWhole { return value.store(bits16: target + offset) }
    @inline(always) func pack(_ halves: UnsafeMutableRawPointer) {
      value.store(bits16: halves.assumingMemoryBound(to: UInt16.self))
    }
    var packed = V.zero
    pack(&packed)
    copyFew(target + offset, &packed, bytes: lanes &* 2)
  }
}

/// Copies fewer than 64 bytes, an even number, in at most five moves and without a call.
@inlinable @inline(always)
func copyFew(_ target: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, bytes: Int) {
  var i = 0
  if bytes & 32 != 0 {
    target.storeBytes(of: source.loadUnaligned(as: SIMD8<Float>.self), as: SIMD8<Float>.self)
    i = 32
  }
  if bytes & 16 != 0 {
    target.storeBytes(
      of: source.loadUnaligned(fromByteOffset: i, as: SIMD4<Float>.self), toByteOffset: i, as: SIMD4<Float>.self)
    i &+= 16
  }
  if bytes & 8 != 0 {
    target.storeBytes(of: source.loadUnaligned(fromByteOffset: i, as: UInt64.self), toByteOffset: i, as: UInt64.self)
    i &+= 8
  }
  if bytes & 4 != 0 {
    target.storeBytes(of: source.loadUnaligned(fromByteOffset: i, as: UInt32.self), toByteOffset: i, as: UInt32.self)
    i &+= 4
  }
  if bytes & 2 != 0 {
    target.storeBytes(of: source.loadUnaligned(fromByteOffset: i, as: UInt16.self), toByteOffset: i, as: UInt16.self)
  }
}

/// Loops over the chunks of `count` elements.
@usableFromInline enum Sweep {
  @inlinable @inline(always) static func each<V: FloatVector>(
    _: V.Type, _ count: Int, _ body: (Chunk<V>) -> Void
  ) {
    var i = 0
    while i &+ V.width <= count {
      body(Chunk(whole: i))
      i &+= V.width
    }
    if i < count { body(Chunk(offset: i, lanes: count &- i)) }
  }

  /// `y = f(x)`
  @inlinable @inline(always) static func map<V: FloatVector>(
    _: V.Type, _ x: Source, _ y: Target, _ count: Int, _ f: (V) -> V
  ) {
    @inline(always) func body(_ chunk: Chunk<V>) { chunk.store(f(chunk.load(x)), to: y) }
    each(V.self, count, body)
  }

  /// `y = f(a, b)`
  @inlinable @inline(always) static func map<V: FloatVector>(
    _: V.Type, _ a: Source, _ b: Source, _ y: Target, _ count: Int, _ f: (V, V) -> V
  ) {
    @inline(always) func body(_ chunk: Chunk<V>) { chunk.store(f(chunk.load(a), chunk.load(b)), to: y) }
    each(V.self, count, body)
  }

  /// The sum of what `add` adds to its accumulator, which must be nothing in lanes past the end.
  ///
  /// Blocks of 64 vectors are summed in Float32 and the blocks in Double, so that rounding does not grow with `count`;
  /// the order depends on `count` and the vector's width alone. One accumulator: for terms that take longer than an
  /// addition.
  @inlinable @inline(always) static func sum<V: FloatVector>(
    _: V.Type, _ count: Int, _ add: (inout V, Chunk<V>) -> Void
  ) -> Double {
    var total = 0.0
    var i = 0
    while i < count {
      let block = V.width &* 64
      let end = count &- i < block ? count : i &+ block
      var a = V.zero
      while i &+ V.width <= end {
        add(&a, Chunk(whole: i))
        i &+= V.width
      }
      if i < end {
        add(&a, Chunk(offset: i, lanes: end &- i))
        i = end
      }
      total += Double(a.sum())
    }
    return total
  }

  /// As `sum`, in four accumulators and blocks of 128 vectors: for terms that a processor has at once.
  @inlinable @inline(always) static func sumQuickly<V: FloatVector>(
    _: V.Type, _ count: Int, _ add: (inout V, Chunk<V>) -> Void
  ) -> Double {
    var total = 0.0
    var i = 0
    while i < count {
      let block = V.width &* 128
      let end = count &- i < block ? count : i &+ block
      var (a, b, c, d) = (V.zero, V.zero, V.zero, V.zero)
      while i &+ V.width &* 4 <= end {
        add(&a, Chunk(whole: i))
        add(&b, Chunk(whole: i &+ V.width))
        add(&c, Chunk(whole: i &+ V.width &* 2))
        add(&d, Chunk(whole: i &+ V.width &* 3))
        i &+= V.width &* 4
      }
      while i &+ V.width <= end {
        add(&a, Chunk(whole: i))
        i &+= V.width
      }
      if i < end {
        add(&b, Chunk(offset: i, lanes: end &- i))
        i = end
      }
      total += Double(((a + b) + (c + d)).sum())
    }
    return total
  }

  /// Two sums in one sweep, as `sum`, with two accumulators each.
  @inlinable @inline(always) static func sums<V: FloatVector>(
    _: V.Type, _ count: Int, _ add: (inout V, inout V, Chunk<V>) -> Void
  ) -> (Double, Double) {
    var (first, second) = (0.0, 0.0)
    var i = 0
    while i < count {
      let block = V.width &* 64
      let end = count &- i < block ? count : i &+ block
      var (a, b, c, d) = (V.zero, V.zero, V.zero, V.zero)
      while i &+ V.width &* 2 <= end {
        add(&a, &c, Chunk(whole: i))
        add(&b, &d, Chunk(whole: i &+ V.width))
        i &+= V.width &* 2
      }
      if i &+ V.width <= end {
        add(&a, &c, Chunk(whole: i))
        i &+= V.width
      }
      if i < end {
        add(&b, &d, Chunk(offset: i, lanes: end &- i))
        i = end
      }
      first += Double((a + b).sum())
      second += Double((c + d).sum())
    }
    return (first, second)
  }
}
