#if arch(x86_64) && os(Linux)
  public import Kernels
  import KernelsAVX512

  /// The kernels for processors with AVX-512 and the tile registers of AMX, in a process that may use these; elsewhere,
  /// calling one is an illegal instruction. Large products of matrices are done in tile registers, all else as by
  /// `avx512Kernels`.
  public let amxKernels = avx512Kernels.multiplyingInTiles(
    TileKernels(
      packLeft: { TilePacking.packLeft($0, $1, $2, $3, $4, $5) },
      packRight: { TilePacking.packRight($0, $1, $2, $3, $4, $5, $6, $7) },
      multiply: { left, rows, right, format, columns, depth, c, cStride, accumulating in
        let panelBytes = TileKernels.panelBytes(depth: depth, format), steps = TileKernels.blocks(of: depth)
        Tiles.using {
          var column = 0
          var panel = right
          while column < columns {
            if format == .bfloat16 {
              sumOfOnePart(left, panel, steps)
            } else {
              sumOfThreeParts(left, panel, steps)
            }
            storeSums(c + column, cStride, rows, min(32, columns &- column), accumulating)
            column &+= 32
            panel += panelBytes
          }
        }
      }), name: "amx")

  /// A strip times a panel whose values are three parts each.
  @inline(__always)
  private func sumOfThreeParts(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ steps: Int) {
    var left = left, right = right, step = 0
    Tiles.clear()
    while step < steps {
      Tiles.loadRight(right + 4096)
      Tiles.loadLeft(left)
      Tiles.multiply()  // first by third
      Tiles.loadRight(right + 2048)
      Tiles.multiply()  // first by second
      Tiles.loadLeft(left + 2048)
      Tiles.multiply()  // second by second
      Tiles.loadRight(right)
      Tiles.multiply()  // second by first
      Tiles.loadLeft(left + 4096)
      Tiles.multiply()  // third by first
      Tiles.loadLeft(left)
      Tiles.multiply()  // first by first
      left += 6144
      right += 6144
      step &+= 1
    }
  }

  /// A strip times a panel whose values are one part each.
  @inline(__always)
  private func sumOfOnePart(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ steps: Int) {
    var left = left, right = right, step = 0
    Tiles.clear()
    while step < steps {
      Tiles.loadRight(right)
      Tiles.loadLeft(left + 4096)
      Tiles.multiply()
      Tiles.loadLeft(left + 2048)
      Tiles.multiply()
      Tiles.loadLeft(left)
      Tiles.multiply()
      left += 6144
      right += 2048
      step &+= 1
    }
  }

  /// The sums of 32 rows and columns, of which some may lie beyond the matrix.
  @inline(__always)
  private func storeSums(_ c: Target, _ stride: Int, _ rows: Int, _ columns: Int, _ accumulating: Bool) {
    if rows == 32 && columns == 32 && !accumulating {
      Tiles.storeSums(c, byteStride: 4 &* stride)
      return
    }
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 64) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      Tiles.storeSums(scratch, byteStride: 128)
      TilePacking.unpack(scratch.assumingMemoryBound(to: Float.self), rows, columns, c, stride, accumulating)
    }
  }
#endif
