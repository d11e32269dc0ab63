#if arch(x86_64)
  /// The softmax of attention, whose results go from registers into the order of tile registers, and to memory for what the
  /// tiles cannot multiply.
  public enum TileAttention {
    /// The body of `TileKernels.attendRows`: with the bits of `Softmax.attendRows`.
    @export(implementation) @inline(always)
    public static func attendRows(
      _ scores: Target, _ stride: Int, _ rows: Int, _ seen: UnsafePointer<Int32>, _ present: Int, _ scale: Float,
      _ largest: Target, _ total: Target, _ sums: Target, _ width: Int, _ strip: UnsafeMutableRawPointer
    ) -> Float {
      // No exponential is above 1.
      var magnitude: Float = 1
      Softmax.attendRows(Lanes16.self, scores, stride, rows, seen, scale, largest, total, sums, width) {
        row, scores, peak, seen in
        let sum = attend(scores, scale, peak, seen, present, strip + TilePacking.lineBytes &* row)
        if sum.isNaN { magnitude = sum }
        return sum
      }
      return magnitude
    }

    /// As `Softmax.attend` for the first `seen` scores, and zeros until whole steps cover `present`; `target` is the
    /// row's line in the first step.
    @export(implementation) @inline(always)
    static func attend(
      _ x: Target, _ scale: Float, _ peak: Float, _ seen: Int, _ present: Int, _ target: UnsafeMutableRawPointer
    ) -> Float {
      let (scale, peak) = (Lanes16(repeating: scale), Lanes16(repeating: peak))
      var total = Lanes16.zero
      var i = 0, place = target
      @inline(always) func put(_ low: Lanes16, _ high: Lanes16) {
        low.store(x + i)
        high.store(x + (i &+ 16))
        total = total + low
        total = total + high
        TilePacking.put(TileParts.pairs(TileParts(low), TileParts(high)), place, parts: 3)
        i &+= 32
        place += 6 &* TilePacking.tileBytes
      }
      while i &+ 32 <= seen {
        put(
          Softmax.exponential(Lanes16.load(x + i), scale, peak),
          Softmax.exponential(Lanes16.load(x + (i &+ 16)), scale, peak))
      }
      if i < seen {
        let low = Softmax.exponential(Lanes16.load(x + i), scale, peak)
        let high = Softmax.exponential(Lanes16.load(x + (i &+ 16)), scale, peak)
        put(
          Softmax.firstLanes(seen &- i, low, else: Lanes16.zero),
          Softmax.firstLanes(seen &- i &- 16, high, else: Lanes16.zero))
      }
      while i < present { put(Lanes16.zero, Lanes16.zero) }
      return total.sum()
    }
  }
#endif
