/// Where a kernel body stands in its arrays: at `V.width` elements from `offset`.
///
/// A body is written once over chunks. Most are whole: plain vector loads and stores (the loops below make `isWhole` a
/// constant). The end of an array that is not a multiple of the width is one more vector, which reaches back over
/// elements already done: their lanes are computed for nothing, added to no sum, and written back as they were. An
/// array shorter than a vector goes through a padded vector on the stack. The arithmetic is the same in all three, so
/// that no result depends on an element's lane or on the length of the tail.
@frozen @usableFromInline struct Chunk<V: FloatVector> {
  @usableFromInline let offset: Int
  /// The lanes that count: `first..<end`.
  @usableFromInline let first: Int
  @usableFromInline let end: Int
  @usableFromInline let isWhole: Bool

  @export(implementation) @inline(always) init(whole offset: Int) {
    self.offset = offset
    first = 0
    end = V.width
    isWhole = true
  }

  /// What is left of `count` elements after `done` of them: more than none, fewer than a vector.
  @export(implementation) @inline(always) init(after done: Int, of count: Int) {
    let reachesBack = count >= V.width
    offset = reachesBack ? count &- V.width : 0
    first = reachesBack ? done &- (count &- V.width) : 0
    end = reachesBack ? V.width : count
    isWhole = false
  }

  /// `value` in the lanes that count, `other` in the rest.
  @export(implementation) @inline(always) func chosen(_ value: V, else other: V) -> V {
    let lanes = V.laneNumbers
    let upper = V.select(lanes, lessThan: V(repeating: Float(end)), value, else: other)
    return V.select(lanes, lessThan: V(repeating: Float(first)), other, else: upper)
  }

  /// The elements of `source` here; where there are fewer than a vector, the rest is `padding`.
  @export(implementation) @inline(always) func load(_ source: Source, padding: Float = 0) -> V {
    if isWhole || end == V.width { return V.load(source + offset) }
    var padded = V(repeating: padding)
    copy(to: &padded, from: source, bytes: end &* 4)
    return padded
  }

  @export(implementation) @inline(always) func store(_ value: V, to target: Target) {
    if isWhole { return value.store(target + offset) }
    if end == V.width { return chosen(value, else: V.load(target + offset)).store(target + offset) }
    var value = value
    copy(to: target, from: &value, bytes: end &* 4)
  }

  /// `value` with zero in the lanes that do not count: what may be added to a sum.
  @export(implementation) @inline(always) func kept(_ value: V) -> V {
    isWhole ? value : chosen(value, else: V.zero)
  }

  /// bfloat16 values, widened.
  @export(implementation) @inline(always) func load(bfloat16 source: UnsafePointer<UInt16>) -> V {
    if isWhole || end == V.width { return V.load(bfloat16: source + offset) }
    @inline(always) func widened(_ halves: UnsafeRawPointer) -> V {
      V.load(bfloat16: halves.assumingMemoryBound(to: UInt16.self))
    }
    var padded = V.zero
    copy(to: &padded, from: source, bytes: end &* 2)
    return widened(&padded)
  }

  /// Half-precision values, widened.
  @export(implementation) @inline(always) func load(float16 source: UnsafePointer<UInt16>) -> V {
    if isWhole || end == V.width { return V.load(float16: source + offset) }
    @inline(always) func widened(_ halves: UnsafeRawPointer) -> V {
      V.load(float16: halves.assumingMemoryBound(to: UInt16.self))
    }
    var padded = V.zero
    copy(to: &padded, from: source, bytes: end &* 2)
    return widened(&padded)
  }

  /// The low 16 bits of every lane.
  @export(implementation) @inline(always) func store(bits16 value: V, to target: UnsafeMutablePointer<UInt16>) {
    if isWhole { return value.store(bits16: target + offset) }
    if end == V.width {
      let kept = V.load(bfloat16: target + offset).bitsShiftedRight(by: 16)  // any 16 bits
      return chosen(value, else: kept).store(bits16: target + offset)
    }
    @inline(always) func pack(_ halves: UnsafeMutableRawPointer) {
      value.store(bits16: halves.assumingMemoryBound(to: UInt16.self))
    }
    var packed = V.zero
    pack(&packed)
    copy(to: target, from: &packed, bytes: end &* 2)
  }

  @export(implementation) @inline(always) func copy(
    to target: UnsafeMutableRawPointer, from source: UnsafeRawPointer, bytes: Int
  ) {
    target.copyMemory(from: source, byteCount: bytes)
  }
}

/// Loops over the chunks of `count` elements.
@usableFromInline enum Sweep {
  @export(implementation) @inline(always) static func each<V: FloatVector>(
    _: V.Type, _ count: Int, _ body: (Chunk<V>) -> Void
  ) {
    var i = 0
    while i &+ V.width <= count {
      body(Chunk(whole: i))
      i &+= V.width
    }
    if i < count { body(Chunk(after: i, of: count)) }
  }

  /// `y = f(x)`
  @export(implementation) @inline(always) static func map<V: FloatVector>(
    _: V.Type, _ x: Source, _ y: Target, _ count: Int, _ f: (V) -> V
  ) {
    @inline(always) func body(_ chunk: Chunk<V>) { chunk.store(f(chunk.load(x)), to: y) }
    each(V.self, count, body)
  }

  /// `y = f(a, b)`
  @export(implementation) @inline(always) static func map<V: FloatVector>(
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
  @export(implementation) @inline(always) static func sum<V: FloatVector>(
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
        add(&a, Chunk(after: i, of: count))
        i = end
      }
      total += Double(a.sum())
    }
    return total
  }

  /// As `sum`, in four accumulators and blocks of 128 vectors: for terms that a processor has at once.
  @export(implementation) @inline(always) static func sumQuickly<V: FloatVector>(
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
        add(&b, Chunk(after: i, of: count))
        i = end
      }
      total += Double(((a + b) + (c + d)).sum())
    }
    return total
  }

  /// Two sums in one sweep, as `sum`, with two accumulators each.
  @export(implementation) @inline(always) static func sums<V: FloatVector>(
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
        add(&b, &d, Chunk(after: i, of: count))
        i = end
      }
      first += Double((a + b).sum())
      second += Double((c + d).sum())
    }
    return (first, second)
  }
}
