#if arch(x86_64)
  /// Copies of matrix blocks in the order in which tile registers take them.
  ///
  /// A step of 32 depths is two tiles of 16 lines (rows of the left matrix, columns of the right one) for each part: first
  /// both of the largest parts, then both of the middle ones, then both of the smallest. A left tile holds, line after
  /// line, the 32 depths; a right one holds, pair of depths after pair, the 16 lines, each with both its depths.
  public enum TilePacking {
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
      var largest = TileParts.Largest()
      withTiles { scratch in
        var p = 0, step = target
        while p < depth {
          let count = Swift.min(32, depth &- p)
          var tile = 0
          while tile < 2 {
            let place = step + tile &* 1024
            var line = 0
            while line < 16 {
              let number = tile &* 16 &+ line
              let from = start &+ number &* stride &+ p, present = number < lines ? count : 0
              let low = TileParts(load(kept, source, from, present), &largest)
              let high = TileParts(load(kept, source, from &+ 16, present &- 16), &largest)
              let to = turning ? scratch : (place, place + 2048, place + 4096), at = line &* 64
              TileParts.store(low.first, thenAll: high.first, to.0 + at)
              if parts == 3 {
                TileParts.store(low.second, thenAll: high.second, to.1 + at)
                TileParts.store(low.third, thenAll: high.third, to.2 + at)
              }
              line &+= 1
            }
            if turning {
              turn(scratch.0, place)
              if parts == 3 {
                turn(scratch.1, place + 2048)
                turn(scratch.2, place + 4096)
              }
            }
            tile &+= 1
          }
          p &+= 32
          step += parts &* 2048
        }
      }
      return largest.magnitude
    }

    /// Depths `stride` apart, each with 16 contiguous lines for the first tile, and from `tileStep` on for the second.
    @inlinable @inline(always)
    static func acrossDepth<K: KeptElement>(
      _ kept: K.Type, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int, _ tileStep: Int, _ lines: Int,
      _ depth: Int, _ target: UnsafeMutableRawPointer, parts: Int, turning: Bool
    ) -> Float {
      var largest = TileParts.Largest()
      withTiles { scratch in
        var p = 0, step = target
        while p < depth {
          var tile = 0
          while tile < 2 {
            let place = step + tile &* 1024, from = start &+ tile &* tileStep, present = lines &- tile &* 16
            var pair = 0
            while pair < 16 {
              let depthOfPair = p &+ 2 &* pair, at = from &+ depthOfPair &* stride
              let even = TileParts(load(kept, source, at, depthOfPair < depth ? present : 0), &largest)
              let odd = TileParts(load(kept, source, at &+ stride, depthOfPair &+ 1 < depth ? present : 0), &largest)
              let to = turning ? scratch : (place, place + 2048, place + 4096), row = pair &* 64
              TileParts.store(even.first, withEach: odd.first, to.0 + row)
              if parts == 3 {
                TileParts.store(even.second, withEach: odd.second, to.1 + row)
                TileParts.store(even.third, withEach: odd.third, to.2 + row)
              }
              pair &+= 1
            }
            if turning {
              turn(scratch.0, place)
              if parts == 3 {
                turn(scratch.1, place + 2048)
                turn(scratch.2, place + 4096)
              }
            }
            tile &+= 1
          }
          p &+= 32
          step += parts &* 2048
        }
      }
      return largest.magnitude
    }

    /// Moves at most 16 rows of 16 sums to where they belong, or adds them there.
    @inlinable @inline(always)
    public static func unpack(
      _ sums: Source, _ rows: Int, _ columns: Int, _ c: Target, _ stride: Int, _ accumulating: Bool
    ) {
      var row = 0
      while row < Swift.min(rows, 16) {
        let from = sums + row &* 16, to = c + row &* stride
        if columns >= 16 {
          let sum = Lanes16.load(from)
          (accumulating ? Lanes16.load(to) + sum : sum).store(to)
        } else {
          var column = 0
          while column < columns {
            to[column] = accumulating ? to[column] + from[column] : from[column]
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

    @usableFromInline typealias ThreeTiles = (UnsafeMutableRawPointer, UnsafeMutableRawPointer, UnsafeMutableRawPointer)

    /// Lends three tiles, each by itself: no more than a kilobyte is lent on the stack.
    @inlinable @inline(always)
    static func withTiles(_ body: (ThreeTiles) -> Void) {
      withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 64) { first in
        withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 64) { second in
          withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 64) { third in
            guard let first = first.baseAddress, let second = second.baseAddress, let third = third.baseAddress
            else { return }
            body((first, second, third))
          }
        }
      }
    }

    /// A tile of 16 by 16 pairs, turned.
    @inlinable @inline(always)
    static func turn(_ tile: UnsafeMutableRawPointer, _ place: UnsafeMutableRawPointer) {
      var quad = 0
      while quad < 4 {
        let t = Lanes16.turned(tile + quad &* 16, byteStride: 64)
        let to = (place + quad &* 256).assumingMemoryBound(to: Float.self)
        t.0.store(to)
        t.1.store(to + 16)
        t.2.store(to + 32)
        t.3.store(to + 48)
        quad &+= 1
      }
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

    /// The upper halves of `low`, then those of `high`.
    @inlinable @inline(always)
    static func store(_ low: SIMD16<UInt32>, thenAll high: SIMD16<UInt32>, _ target: UnsafeMutableRawPointer) {
      var halves = SIMD32<UInt16>()
      halves.lowHalf = unsafeBitCast(low, to: SIMD32<UInt16>.self).oddHalf
      halves.highHalf = unsafeBitCast(high, to: SIMD32<UInt16>.self).oddHalf
      target.storeBytes(of: halves, as: SIMD32<UInt16>.self)
    }

    /// The upper halves in turn: one of `even`, one of `odd`.
    @inlinable @inline(always)
    static func store(_ even: SIMD16<UInt32>, withEach odd: SIMD16<UInt32>, _ target: UnsafeMutableRawPointer) {
      let upper = odd & SIMD16(repeating: 0xffff_0000)
      target.storeBytes(of: (even &>> SIMD16(repeating: 16)) | upper, as: SIMD16<UInt32>.self)
    }
  }
#endif
