/// Sums and maxima, in an order that the number of elements alone fixes.
public enum Reductions {
  /// The body of `KernelTable.sum`.
  @export(implementation) @inline(always) public static func sum<V: FloatVector>(_: V.Type, _ x: Source, _ count: Int)
    -> Float
  {
    @inline(always) func add(_ total: inout V, _ chunk: Chunk<V>) { total = total + chunk.kept(chunk.load(x)) }
    return Float(Sweep.sumQuickly(V.self, count, add))
  }

  /// The body of `KernelTable.dot`.
  @export(implementation) @inline(always) public static func dot<V: FloatVector>(
    _: V.Type, _ a: Source, _ b: Source, _ count: Int
  ) -> Float {
    @inline(always) func add(_ total: inout V, _ chunk: Chunk<V>) {
      total = total.adding(chunk.kept(chunk.load(a)), times: chunk.kept(chunk.load(b)))
    }
    return Float(Sweep.sumQuickly(V.self, count, add))
  }

  /// NaN if any element is NaN; -infinity of none.
  @export(implementation) @inline(always) public static func largest<V: FloatVector>(
    _: V.Type, _ x: Source, _ count: Int
  ) -> Float {
    var (a, b) = (V(repeating: -.infinity), V(repeating: -.infinity))
    var nan = V.zero
    var i = 0
    while i &+ V.width &* 2 <= count {
      let (p, q) = (V.load(x + i), V.load(x + (i &+ V.width)))
      a = a.maximum(p)
      b = b.maximum(q)
      nan = nan.bitsOr(p.nanMask).bitsOr(q.nanMask)
      i &+= V.width &* 2
    }
    if i &+ V.width <= count {
      let p = V.load(x + i)
      a = a.maximum(p)
      nan = nan.bitsOr(p.nanMask)
      i &+= V.width
    }
    if i < count {
      let p = Chunk<V>(after: i, of: count).load(x, padding: -.infinity)
      b = b.maximum(p)
      nan = nan.bitsOr(p.nanMask)
    }
    let isNaN = nan.sum()
    return isNaN == 0 ? a.maximum(b).largest() : .nan
  }

  /// The largest element of a row whose NaN will show in what follows: a NaN may be passed over.
  @export(implementation) @inline(always)
  static func largestNumber<V: FloatVector>(_: V.Type, _ x: Source, _ count: Int) -> Float {
    var (a, b) = (V(repeating: -.infinity), V(repeating: -.infinity))
    var i = 0
    while i &+ V.width &* 2 <= count {
      a = a.maximum(V.load(x + i))
      b = b.maximum(V.load(x + (i &+ V.width)))
      i &+= V.width &* 2
    }
    if i &+ V.width <= count {
      a = a.maximum(V.load(x + i))
      i &+= V.width
    }
    if i < count { b = b.maximum(Chunk<V>(after: i, of: count).load(x, padding: -.infinity)) }
    return a.maximum(b).largest()
  }

  /// Rows are added in blocks of 64, and the blocks with their rounding errors kept, so that the error does not grow
  /// with the number of rows.
  @export(implementation) @inline(always) public static func addRowSums<V: FloatVector>(
    _: V.Type, _ x: Source, _ rows: Int, _ width: Int, _ y: Target
  ) {
    @inline(always) func body(_ chunk: Chunk<V>) {
      var (total, lost) = (V.zero, V.zero)
      var row = 0
      while row < rows {
        let end = rows &- row < 64 ? rows : row &+ 64
        var block = V.zero
        while row < end {
          block = block + chunk.load(x + row &* width)
          row &+= 1
        }
        let sum = total + block
        let added = sum - total
        lost = lost + ((total - (sum - added)) + (block - added))
        total = sum
      }
      chunk.store(chunk.load(y) + (total + lost), to: y)
    }
    Sweep.each(V.self, width, body)
  }
}
