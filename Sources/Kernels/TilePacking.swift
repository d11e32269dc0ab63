#if arch(x86_64)
  public import _Builtin_intrinsics.intel

  /// Copies of matrix blocks in the order in which tile registers take them.
  ///
  /// A step of 32 depths is two tiles of 16 lines (rows of the left matrix, columns of the right one) for each part: first
  /// both of the largest parts, then both of the middle ones, then both of the smallest. Depths come in pairs, one of the
  /// first 16 and one of the last. A left tile holds, line after line, the 16 pairs; a right one holds, pair after pair,
  /// the 16 lines.
  public enum TilePacking {
    /// Bytes of a tile: 16 rows of 64.
    @usableFromInline static var tileBytes: Int { 1024 }
    /// Bytes of a row of a tile, the pairs of a line. Both tiles of a part are side by side: 32 lines.
    @usableFromInline static var lineBytes: Int { 64 }

    /// The body of `TileKernels.packLeft`.
    @export(implementation) @inline(always)
    public static func packLeft(
      _ layout: MatrixLayout, _ source: Source, _ stride: Int, _ rows: Int, _ depth: Int,
      _ target: UnsafeMutableRawPointer
    ) -> Float {
      switch layout {
      case .rowMajor:
        pack(KeptFloat32.self, TiledLines(alongDepth: source, 0, stride, rows, depth), target, parts: 3, turning: false)
      case .columnMajor, .panels:
        pack(
          KeptFloat32.self, TiledLines(acrossDepth: source, 0, stride, tileStep: 16, rows, depth), target, parts: 3,
          turning: true)
      }
    }

    /// The body of `TileKernels.packRight`.
    @export(implementation) @inline(always)
    public static func packRight(
      _ format: StorageFormat, _ layout: MatrixLayout, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int,
      _ columns: Int, _ depth: Int, _ target: UnsafeMutableRawPointer
    ) -> Float {
      switch format {
      case .float32:
        right(KeptFloat32.self, layout, source, start, stride, columns, depth, target, parts: 3)
      case .bfloat16:
        right(KeptBFloat16.self, layout, source, start, stride, columns, depth, target, parts: 1)
      case .float16:
        right(KeptFloat16.self, layout, source, start, stride, columns, depth, target, parts: 3)
      }
    }

    @export(implementation) @inline(always)
    static func right<K: KeptElement>(
      _ kept: K.Type, _ layout: MatrixLayout, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ columns: Int,
      _ depth: Int, _ target: UnsafeMutableRawPointer, parts: Int
    ) -> Float {
      if layout == .columnMajor {
        return pack(
          kept, TiledLines(alongDepth: source, start, stride, columns, depth), target, parts: parts, turning: true)
      }
      // Where columns of panels are missing there are zeros.
      let lines =
        layout == .rowMajor
        ? TiledLines(acrossDepth: source, start, stride, tileStep: 16, columns, depth)
        : TiledLines(acrossDepth: source, start, 16, tileStep: stride, columns > 16 ? 32 : 16, depth)
      return pack(kept, lines, target, parts: parts, turning: false)
    }

    /// Packs tile by tile: a whole one straight from the matrix, any other from a copy that zeros fill up.
    @export(implementation) @inline(always)
    static func pack<K: KeptElement>(
      _ kept: K.Type, _ lines: TiledLines, _ target: UnsafeMutableRawPointer, parts: Int, turning: Bool
    ) -> Float {
      var largest = TileParts.Largest()
      var p = 0, step = target
      while p < lines.depth {
        var tile = 0
        while tile < 2 {
          let first = lines.start &+ tile &* lines.tileStep &+ p &* lines.depthStep
          let place = step + tile &* tileBytes
          let linesHere = lines.count &- 16 &* tile, depthHere = lines.depth &- p
          if linesHere >= 16 && depthHere >= 32 {
            let low = lines.source + K.byteCount &* first, high = low + K.byteCount &* 16 &* lines.depthStep
            prefetchRows(low, high, K.byteCount &* lines.rowStep, ahead: K.byteCount &* 32 &* lines.depthStep)
            packTile(kept, low, high, lines.rowStep, place, parts: parts, turning: turning, &largest)
          } else {
            // On the stack: more at once would come from the heap.
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 256) { low in
              withUnsafeTemporaryAllocation(of: Float.self, capacity: 256) { high in
                guard let low = low.baseAddress, let high = high.baseAddress else { return }
                lines.copy(kept, first, linesHere, depthHere, to: low)
                lines.copy(kept, first &+ 16 &* lines.depthStep, linesHere, depthHere &- 16, to: high)
                packTile(KeptFloat32.self, low, high, 16, place, parts: parts, turning: turning, &largest)
              }
            }
          }
          tile &+= 1
        }
        p &+= 32
        step += parts &* 2 &* tileBytes
      }
      return largest.magnitude
    }

    /// Asks for the rows of this tile in the next step of depths.
    @export(implementation) @inline(always)
    static func prefetchRows(_ low: UnsafeRawPointer, _ high: UnsafeRawPointer, _ byteStep: Int, ahead: Int) {
      var row = 0
      while row < 16 {
        prefetch(low + (row &* byteStep &+ ahead))
        prefetch(high + (row &* byteStep &+ ahead))
        row &+= 1
      }
    }

    /// A tile for each part, two tiles' bytes apart, of a block of 16 by 16 values of the first 16 depths and one of the
    /// last 16. A row of a tile is a row of each, or a column where `turning`.
    @export(implementation) @inline(always)
    static func packTile<K: KeptElement>(
      _ kept: K.Type, _ low: UnsafeRawPointer, _ high: UnsafeRawPointer, _ stride: Int,
      _ target: UnsafeMutableRawPointer, parts: Int, turning: Bool, _ largest: inout TileParts.Largest
    ) {
      @inline(always) func put(_ row: Int, _ low: Lanes16, _ high: Lanes16) {
        let rows = TileParts.pairs(TileParts(low, &largest), TileParts(high, &largest))
        TilePacking.put(rows, target + lineBytes &* row, parts: parts)
      }
      if turning {
        var row = 0
        while row < 16 {
          let a: EightVectors<Lanes16> = K.turned(low, row, stride),
            b: EightVectors<Lanes16> = K.turned(high, row, stride)
          put(row, a.0, b.0)
          put(row &+ 1, a.1, b.1)
          put(row &+ 2, a.2, b.2)
          put(row &+ 3, a.3, b.3)
          put(row &+ 4, a.4, b.4)
          put(row &+ 5, a.5, b.5)
          put(row &+ 6, a.6, b.6)
          put(row &+ 7, a.7, b.7)
          row &+= 8
        }
      } else {
        var row = 0
        while row < 16 {
          put(row, K.vector(low, row &* stride), K.vector(high, row &* stride))
          row &+= 1
        }
      }
    }

    /// Writes a row of a tile for each part, two tiles' bytes apart.
    @export(implementation) @inline(always)
    static func put(_ rows: TileParts.Rows, _ target: UnsafeMutableRawPointer, parts: Int) {
      let target = target.assumingMemoryBound(to: Float.self)
      rows.0.store(target)
      if parts == 3 {
        rows.1.store(target + tileBytes / 2)
        rows.2.store(target + tileBytes)
      }
    }

    /// Writes a tile of Float32 from at most 16 rows and columns of a matrix, with zeros beyond.
    @export(implementation) @inline(always)
    public static func copyIn(
      _ c: Target, _ stride: Int, _ rows: Int, _ columns: Int, to tile: UnsafeMutableRawPointer
    ) {
      let tile = tile.assumingMemoryBound(to: Float.self)
      var row = 0
      while row < 16 {
        load(KeptFloat32.self, c, row &* stride, row < rows ? columns : 0).store(tile + row &* 16)
        row &+= 1
      }
    }

    /// Writes at most 16 rows and columns of a matrix from a tile of Float32.
    @export(implementation) @inline(always)
    public static func copyOut(
      _ tile: UnsafeRawPointer, _ rows: Int, _ columns: Int, to c: Target, _ stride: Int
    ) {
      let tile = tile.assumingMemoryBound(to: Float.self)
      var row = 0
      while row < Swift.min(rows, 16) {
        let from = tile + row &* 16, to = c + row &* stride
        if columns >= 16 {
          Lanes16.load(from).store(to)
        } else {
          var column = 0
          while column < columns {
            to[column] = from[column]
            column &+= 1
          }
        }
        row &+= 1
      }
    }

    /// 16 values from `index` on, zeros from `present` on.
    @export(implementation) @inline(always)
    static func load<K: KeptElement>(_ kept: K.Type, _ source: UnsafeRawPointer, _ index: Int, _ present: Int)
      -> Lanes16
    {
      if present >= 16 { return K.vector(source, index) }
      if present <= 0 { return Lanes16.zero }
      return withUnsafeTemporaryAllocation(of: Float.self, capacity: 16) { scratch in
        var i = 0
        while i < 16 {
          scratch[i] = i < present ? K.scalar(source, index &+ i) : 0
          i &+= 1
        }
        guard let scratch = scratch.baseAddress else { return Lanes16(repeating: 0) }
        return Lanes16.load(scratch)
      }
    }
  }

  /// Rows of a left matrix, or columns of a right one, as they lie in memory; steps and the start count elements.
  @usableFromInline struct TiledLines {
    @usableFromInline let source: UnsafeRawPointer
    @usableFromInline let start: Int
    /// From a line to the next, or from a depth to the next: whichever is not contiguous.
    @usableFromInline let rowStep: Int
    @usableFromInline let depthStep: Int
    /// From the first 16 lines to the next.
    @usableFromInline let tileStep: Int
    @usableFromInline let isAlongDepth: Bool
    @usableFromInline let count: Int
    @usableFromInline let depth: Int

    /// Lines that are contiguous over depth, `stride` apart.
    @export(implementation) @inline(always)
    init(alongDepth source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ count: Int, _ depth: Int) {
      (self.source, self.start, self.count, self.depth) = (source, start, count, depth)
      (rowStep, depthStep, tileStep, isAlongDepth) = (stride, 1, 16 &* stride, true)
    }

    /// Depths `stride` apart, each with 16 contiguous lines for the first tile, and from `tileStep` on for the second.
    @export(implementation) @inline(always)
    init(
      acrossDepth source: UnsafeRawPointer, _ start: Int, _ stride: Int, tileStep: Int, _ count: Int, _ depth: Int
    ) {
      (self.source, self.start, self.count, self.depth) = (source, start, count, depth)
      (rowStep, depthStep, self.tileStep, isAlongDepth) = (stride, stride, tileStep, false)
    }

    /// Copies a block of 16 by 16 values, as they lie, of which the first lines and depths are present; zeros beyond.
    @export(implementation) @inline(always)
    func copy<K: KeptElement>(
      _ kept: K.Type, _ first: Int, _ lines: Int, _ depth: Int, to block: UnsafeMutablePointer<Float>
    ) {
      let rows = isAlongDepth ? lines : depth, columns = isAlongDepth ? depth : lines
      var row = 0
      while row < 16 {
        let present = row < rows ? columns : 0
        TilePacking.load(kept, source, first &+ row &* rowStep, present).store(block + row &* 16)
        row &+= 1
      }
    }
  }

  /// Sixteen values as sums of three bfloat16 numbers, each in the upper half of its lane: to nearest, then what is left
  /// to nearest, then what is left.
  @usableFromInline struct TileParts {
    @usableFromInline let first: Lanes16
    @usableFromInline let second: Lanes16
    @usableFromInline let third: Lanes16

    /// The largest magnitudes so far.
    @usableFromInline struct Largest {
      @usableFromInline var bits = Lanes16(repeating: 0).bits
      @export(implementation) @inline(always) init() {}
      /// The largest of all; NaN, whose bits are above infinity's, is larger than any.
      @export(implementation) @inline(always) var magnitude: Float {
        Float(bitPattern: unsafeBitCast(bits, to: SIMD16<UInt32>.self).max())
      }
    }

    @export(implementation) @inline(always)
    init(_ values: Lanes16, _ largest: inout Largest) {
      largest.bits = _mm512_max_epu32(largest.bits, values.bitsAnd(0x7fff_ffff).bits)
      self.init(values)
    }

    @export(implementation) @inline(always)
    init(_ values: Lanes16) {
      first = TileParts.nearest(values)
      let rest = values - first
      second = TileParts.nearest(rest)
      third = rest - second
    }

    @export(implementation) @inline(always)
    static func nearest(_ x: Lanes16) -> Lanes16 {
      x.bitsPlus(Lanes16(_mm512_set1_epi32(0x8000))).bitsAnd(0xffff_0000)
    }

    /// A row of a tile for each part.
    @usableFromInline typealias Rows = (Lanes16, Lanes16, Lanes16)

    /// A row for each part: of each lane the upper half in `low`, then that in `high`.
    @export(implementation) @inline(always)
    static func pairs(_ low: TileParts, _ high: TileParts) -> Rows {
      (pair(low.first, high.first), pair(low.second, high.second), pair(low.third, high.third))
    }

    /// The lower halves are zeros but for the last part of numbers near the smallest ones, which the tiles take for zero.
    @export(implementation) @inline(always)
    static func pair(_ low: Lanes16, _ high: Lanes16) -> Lanes16 {
      Lanes16(_mm512_srli_epi32(low.bits, 16)).bitsOr(high.bitsAnd(0xffff_0000))
    }
  }
#endif
