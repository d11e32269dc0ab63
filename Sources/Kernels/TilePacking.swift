#if arch(x86_64)
  /// Copies of matrix blocks in the order in which tile registers take them.
  ///
  /// A step of 32 depths is two tiles of 16 lines (rows of the left matrix, columns of the right one) for each part: first
  /// both of the largest parts, then both of the middle ones, then both of the smallest. Depths come in pairs, one of the
  /// first 16 and one of the last. A left tile holds, line after line, the 16 pairs; a right one holds, pair after pair,
  /// the 16 lines.
  public enum TilePacking {
    /// Bytes of a tile: 16 rows of 64.
    @usableFromInline static var tileBytes: Int { 1024 }

    /// The body of `TileKernels.packLeft`.
    @inlinable @inline(always)
    public static func packLeft(
      _ layout: MatrixLayout, _ source: Source, _ stride: Int, _ rows: Int, _ depth: Int,
      _ target: UnsafeMutableRawPointer
    ) -> Float {
      switch layout {
      case .rowMajor:
        alongDepth(KeptFloat32.self, source, 0, stride, rows, depth, target, parts: 3, turning: false)
      case .columnMajor, .panels:
        acrossDepth(KeptFloat32.self, source, 0, stride, 16, rows, depth, target, parts: 3, turning: true)
      }
    }

    /// The body of `TileKernels.packRight`.
    @inlinable @inline(always)
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

    @inlinable @inline(always)
    static func right<K: KeptElement>(
      _ kept: K.Type, _ layout: MatrixLayout, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ columns: Int,
      _ depth: Int, _ target: UnsafeMutableRawPointer, parts: Int
    ) -> Float {
      switch layout {
      case .rowMajor:
        acrossDepth(kept, source, start, stride, 16, columns, depth, target, parts: parts, turning: false)
      case .columnMajor:
        alongDepth(kept, source, start, stride, columns, depth, target, parts: parts, turning: true)
      case .panels:
        // Where columns are missing there are zeros.
        acrossDepth(
          kept, source, start, 16, stride, columns > 16 ? 32 : 16, depth, target, parts: parts, turning: false)
      }
    }

    /// Lines that are contiguous over depth, `stride` apart.
    @inlinable @inline(always)
    static func alongDepth<K: KeptElement>(
      _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ lines: Int, _ depth: Int,
      _ target: UnsafeMutableRawPointer, parts: Int, turning: Bool
    ) -> Float {
      pack(depth, target, parts: parts, turning: turning) { p, tile, line, largest in
        let number = tile &* 16 &+ line, from = start &+ number &* stride &+ p
        let present = number < lines ? depth &- p : 0
        prefetch(source + (from &+ 64) &* K.byteCount)
        let low = TileParts(load(kept, source, from, present), &largest)
        let high = TileParts(load(kept, source, from &+ 16, present &- 16), &largest)
        return TileParts.pairs(low, high)
      }
    }

    /// Depths `stride` apart, each with 16 contiguous lines for the first tile, and from `tileStep` on for the second.
    @inlinable @inline(always)
    static func acrossDepth<K: KeptElement>(
      _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ tileStep: Int, _ lines: Int,
      _ depth: Int, _ target: UnsafeMutableRawPointer, parts: Int, turning: Bool
    ) -> Float {
      pack(depth, target, parts: parts, turning: turning) { p, tile, pair, largest in
        let first = p &+ pair, second = first &+ 16
        let at = start &+ tile &* tileStep &+ first &* stride, present = lines &- tile &* 16
        prefetch(source + (at &+ 32 &* stride) &* K.byteCount)
        prefetch(source + (at &+ 48 &* stride) &* K.byteCount)
        let low = TileParts(load(kept, source, at, first < depth ? present : 0), &largest)
        let high = TileParts(load(kept, source, at &+ 16 &* stride, second < depth ? present : 0), &largest)
        return TileParts.pairs(low, high)
      }
    }

    /// Packs tile by tile, from what `rowParts` makes of each row: its parts, and the largest magnitude so far.
    @inlinable @inline(always)
    static func pack(
      _ depth: Int, _ target: UnsafeMutableRawPointer, parts: Int, turning: Bool,
      _ rowParts: (_ p: Int, _ tile: Int, _ row: Int, inout TileParts.Largest) -> TileParts.Rows
    ) -> Float {
      var largest = TileParts.Largest()
      var p = 0, step = target
      while p < depth {
        var tile = 0
        while tile < 2 {
          let first = step + tile &* tileBytes, second = first + 2 &* tileBytes, third = second + 2 &* tileBytes
          var row = 0
          while row < 16 {
            let rows = rowParts(p, tile, row, &largest), at = row &* 64
            (first + at).storeBytes(of: rows.0, as: SIMD16<UInt32>.self)
            if parts == 3 {
              (second + at).storeBytes(of: rows.1, as: SIMD16<UInt32>.self)
              (third + at).storeBytes(of: rows.2, as: SIMD16<UInt32>.self)
            }
            row &+= 1
          }
          if turning {
            turn(first)
            if parts == 3 {
              turn(second)
              turn(third)
            }
          }
          tile &+= 1
        }
        p &+= 32
        step += parts &* 2 &* tileBytes
      }
      return largest.magnitude
    }

    /// Writes a tile of Float32 from at most 16 rows and columns of a matrix, with zeros beyond.
    @inlinable @inline(always)
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
    @inlinable @inline(always)
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
    @inlinable @inline(always)
    static func load<K: KeptElement>(_ kept: K.Type, _ source: UnsafeRawPointer, _ index: Int, _ present: Int)
      -> Lanes16
    {
      if present >= 16 { return K.vector(source, index) }
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

    /// A tile of 16 by 16 pairs, turned in place.
    @inlinable @inline(always)
    static func turn(_ tile: UnsafeMutableRawPointer) {
      let a = Lanes16.turned(tile, byteStride: 64), b = Lanes16.turned(tile + 16, byteStride: 64)
      let c = Lanes16.turned(tile + 32, byteStride: 64), d = Lanes16.turned(tile + 48, byteStride: 64)
      let to = tile.assumingMemoryBound(to: Float.self)
      @inline(always) func store(_ rows: (Lanes16, Lanes16, Lanes16, Lanes16), _ first: Int) {
        rows.0.store(to + first &* 16)
        rows.1.store(to + (first &+ 1) &* 16)
        rows.2.store(to + (first &+ 2) &* 16)
        rows.3.store(to + (first &+ 3) &* 16)
      }
      store(a, 0)
      store(b, 4)
      store(c, 8)
      store(d, 12)
    }
  }

  /// Sixteen values as sums of three bfloat16 numbers, each in the upper half of its lane: to nearest, then what is left
  /// to nearest, then what is left.
  @usableFromInline struct TileParts {
    @usableFromInline let first: SIMD16<UInt32>
    @usableFromInline let second: SIMD16<UInt32>
    @usableFromInline let third: SIMD16<UInt32>

    /// The largest magnitudes so far.
    @usableFromInline struct Largest {
      @usableFromInline var bits = SIMD16<UInt32>(repeating: 0)
      @inlinable @inline(always) init() {}
      /// The largest of all; NaN, whose bits are above infinity's, is larger than any.
      @inlinable @inline(always) var magnitude: Float { Float(bitPattern: bits.max()) }
    }

    @inlinable @inline(always)
    init(_ values: Lanes16, _ largest: inout Largest) {
      let x = values.v, bits = unsafeBitCast(x, to: SIMD16<UInt32>.self)
      let magnitude = bits & SIMD16(repeating: 0x7fff_ffff)
      largest.bits.replace(with: magnitude, where: magnitude .> largest.bits)
      first = TileParts.nearest(bits)
      let rest = x - unsafeBitCast(first, to: SIMD16<Float>.self)
      second = TileParts.nearest(unsafeBitCast(rest, to: SIMD16<UInt32>.self))
      let last = rest - unsafeBitCast(second, to: SIMD16<Float>.self)
      third = unsafeBitCast(last, to: SIMD16<UInt32>.self)
    }

    @inlinable @inline(always)
    static func nearest(_ bits: SIMD16<UInt32>) -> SIMD16<UInt32> {
      (bits &+ SIMD16(repeating: 0x8000)) & SIMD16(repeating: 0xffff_0000)
    }

    /// A row of a tile for each part.
    @usableFromInline typealias Rows = (SIMD16<UInt32>, SIMD16<UInt32>, SIMD16<UInt32>)

    /// A row for each part: of each lane the upper half in `low`, then that in `high`.
    @inlinable @inline(always)
    static func pairs(_ low: TileParts, _ high: TileParts) -> Rows {
      (pairs(low.first, high.first), pairs(low.second, high.second), pairs(low.third, high.third))
    }

    @inlinable @inline(always)
    static func pairs(_ low: SIMD16<UInt32>, _ high: SIMD16<UInt32>) -> SIMD16<UInt32> {
      (low &>> SIMD16(repeating: 16)) | (high & SIMD16(repeating: 0xffff_0000))
    }
  }
#endif
