#if arch(x86_64) && os(Linux)
  import Builtin
  public import Kernels

  // The instructions of the tile registers, by LLVM's names for them. Those that name no memory are the compiler's own
  // built-in functions, whose register numbers must be literals; those that do are not built in, and are declared.

  @_silgen_name("llvm.x86.ldtilecfg") private func loadConfiguration(_ place: UnsafeRawPointer)
  @_silgen_name("llvm.x86.tilerelease") private func release()
  @_silgen_name("llvm.x86.tileloadd64")
  private func load(_ tile: UInt8, _ place: UnsafeRawPointer, _ stride: Int)
  @_silgen_name("llvm.x86.tilestored64")
  private func store(_ tile: UInt8, _ place: UnsafeMutableRawPointer, _ stride: Int)

  // The tile registers of this thread: 0 to 3 hold the sums of two strips by two panels of 16, 4 and 5 the left
  // operands, 6 and 7 the right ones.

  /// Runs `body` with eight tiles of 16 rows of 64 bytes, and gives the registers back, so that they need not be saved
  /// for this thread.
  @inline(__always) private func usingTiles(_ body: () -> Void) {
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 16) { place in
      guard let configuration = place.baseAddress else { return }
      _ = configuration.initializeMemory(as: UInt8.self, repeating: 0, count: 64)
      configuration.storeBytes(of: 1, as: UInt8.self)  // the palette
      for tile in 0..<8 {
        configuration.storeBytes(of: 64, toByteOffset: 16 + 2 * tile, as: UInt16.self)
        configuration.storeBytes(of: 16, toByteOffset: 48 + tile, as: UInt8.self)
      }
      loadConfiguration(configuration)
      body()
      release()
    }
  }

  /// Sets the sums to zero.
  @inline(__always) private func clearSums() {
    Builtin.int_x86_tilezero((0 as UInt8)._value)
    Builtin.int_x86_tilezero((1 as UInt8)._value)
    Builtin.int_x86_tilezero((2 as UInt8)._value)
    Builtin.int_x86_tilezero((3 as UInt8)._value)
  }

  /// Both left operands, from two kilobytes.
  @inline(__always) private func loadLeft(_ place: UnsafeRawPointer) {
    load(4, place, 64)
    load(5, place + 1024, 64)
  }

  /// Both right operands, from two kilobytes.
  @inline(__always) private func loadRight(_ place: UnsafeRawPointer) {
    load(6, place, 64)
    load(7, place + 1024, 64)
  }

  /// Adds the products of the operands: 32 rows by 32 columns by 32 depths.
  @inline(__always) private func addProducts() {
    Builtin.int_x86_tdpbf16ps((0 as UInt8)._value, (4 as UInt8)._value, (6 as UInt8)._value)
    Builtin.int_x86_tdpbf16ps((1 as UInt8)._value, (4 as UInt8)._value, (7 as UInt8)._value)
    Builtin.int_x86_tdpbf16ps((2 as UInt8)._value, (5 as UInt8)._value, (6 as UInt8)._value)
    Builtin.int_x86_tdpbf16ps((3 as UInt8)._value, (5 as UInt8)._value, (7 as UInt8)._value)
  }

  /// Reads the sums from 32 rows of 32 values, `byteStride` apart.
  @inline(__always) private func loadSums(_ place: UnsafeRawPointer, byteStride: Int) {
    load(0, place, byteStride)
    load(1, place + 64, byteStride)
    load(2, place + 16 &* byteStride, byteStride)
    load(3, place + (16 &* byteStride &+ 64), byteStride)
  }

  /// Reads the sums one tile of 16 by 16 values after the other, each after `body` has written it; `body` gets the row
  /// and the column where it begins.
  @inline(__always) private func loadSums(
    byTile place: UnsafeRawPointer, _ body: (_ row: Int, _ column: Int) -> Void
  ) {
    body(0, 0)
    load(0, place, 64)
    body(0, 16)
    load(1, place, 64)
    body(16, 0)
    load(2, place, 64)
    body(16, 16)
    load(3, place, 64)
  }

  /// Writes the sums one tile of 16 by 16 values after the other, and calls `body` with the row and the column where
  /// each begins.
  @inline(__always) private func storeSums(
    byTile place: UnsafeMutableRawPointer, _ body: (_ row: Int, _ column: Int) -> Void
  ) {
    store(0, place, 64)
    body(0, 0)
    store(1, place, 64)
    body(0, 16)
    store(2, place, 64)
    body(16, 0)
    store(3, place, 64)
    body(16, 16)
  }

  /// Writes the sums as 32 rows of 32 values, `byteStride` apart.
  @inline(__always) private func storeSums(_ place: UnsafeMutableRawPointer, byteStride: Int) {
    store(0, place, byteStride)
    store(1, place + 64, byteStride)
    store(2, place + 16 &* byteStride, byteStride)
    store(3, place + (16 &* byteStride &+ 64), byteStride)
  }

  /// The kernels for tile registers, for processors with AVX-512 and AMX in a process that may use these; elsewhere,
  /// calling one is an illegal instruction.
  public let amxTiles =
    TileKernels(
      packLeft: { TilePacking.packLeft($0, $1, $2, $3, $4, $5) },
      packRight: { TilePacking.packRight($0, $1, $2, $3, $4, $5, $6, $7) },
      multiply: {
        left, stripBytes, rows, right, panelBytes, format, columns, depth, c, cStride, accumulating, next, nextBytes in
        let steps = TileKernels.blocks(of: depth)
        let blocks = TileKernels.blocks(of: rows) &* TileKernels.blocks(of: columns)
        var ahead = Ahead(next, lines: (nextBytes &+ 64 &* blocks &* steps &- 1) / (64 &* blocks &* steps))
        usingTiles {
          var row = 0
          var strip = left
          while row < rows {
            let rowsHere = min(32, rows &- row)
            var column = 0
            var panel = right
            while column < columns {
              let target = c + (row &* cStride &+ column)
              // Few steps are too short for this, and mostly their targets are close.
              if steps > 2 {
                let isLast = column &+ 32 >= columns
                ahead.begin(
                  isLast ? c + (row &+ 32) &* cStride : target + 32, cStride,
                  isLast ? max(0, min(32, rows &- row &- 32)) : rowsHere, steps)
              }
              beginSums(target, cStride, rowsHere, min(32, columns &- column), accumulating)
              if format == .bfloat16 {
                sumOfOnePart(strip, panel, steps, &ahead)
              } else {
                sumOfThreeParts(strip, panel, steps, &ahead)
              }
              storeSums(target, cStride, rowsHere, min(32, columns &- column))
              column &+= 32
              panel += panelBytes
            }
            row &+= 32
            strip += stripBytes
          }
        }
      },
      attendRows: { TileAttention.attendRows($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10) })

  /// A strip times a panel whose values are three parts each.
  @inline(__always)
  private func sumOfThreeParts(
    _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ steps: Int, _ ahead: inout Ahead
  ) {
    var left = left, right = right, step = 0
    while step < steps {
      loadRight(right + 4096)
      loadLeft(left)
      addProducts()  // first by third
      ahead.prefetch()
      loadRight(right + 2048)
      addProducts()  // first by second
      loadLeft(left + 2048)
      addProducts()  // second by second
      loadRight(right)
      addProducts()  // second by first
      loadLeft(left + 4096)
      addProducts()  // third by first
      loadLeft(left)
      addProducts()  // first by first
      left += 6144
      right += 6144
      step &+= 1
    }
  }

  /// A strip times a panel whose values are one part each.
  @inline(__always)
  private func sumOfOnePart(
    _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ steps: Int, _ ahead: inout Ahead
  ) {
    var left = left, right = right, step = 0
    while step < steps {
      loadRight(right)
      loadLeft(left + 4096)
      addProducts()
      ahead.prefetch()
      loadLeft(left + 2048)
      addProducts()
      loadLeft(left)
      addProducts()
      left += 6144
      right += 2048
      step &+= 1
    }
  }

  /// What is brought closer step by step: some lines of what is multiplied next, and, once `begin` is called, some rows of
  /// the block whose sums come next.
  private struct Ahead {
    private var operand: UnsafeRawPointer
    private let lines: Int
    private var target: UnsafeRawPointer
    private var byteStride = 0
    private var rowsPerStep = 0
    private var rowsLeft = 0

    @inline(__always) init(_ operand: UnsafeRawPointer, lines: Int) {
      (self.operand, self.lines, target) = (operand, lines, operand)
    }

    @inline(__always) mutating func begin(_ target: Target, _ stride: Int, _ rows: Int, _ steps: Int) {
      self.target = UnsafeRawPointer(target)
      (byteStride, rowsLeft) = (4 &* stride, rows)
      rowsPerStep = (32 &+ steps &- 1) / steps
    }

    @inline(__always) mutating func prefetch() {
      var line = 0
      while line < lines {
        prefetchFar(operand)
        operand += 64
        line &+= 1
      }
      var row = min(rowsPerStep, rowsLeft)
      rowsLeft &-= row
      while row > 0 {
        prefetchForWriting(target)
        prefetchForWriting(target + 64)
        target += byteStride
        row &-= 1
      }
    }
  }

  /// Sets the sums of 32 rows and columns to zero, or to what the target holds; some may lie beyond it.
  @inline(__always)
  private func beginSums(_ c: Target, _ stride: Int, _ rows: Int, _ columns: Int, _ accumulating: Bool) {
    if !accumulating {
      clearSums()
    } else if rows == 32 && columns == 32 {
      loadSums(c, byteStride: 4 &* stride)
    } else {
      withTile { scratch in
        loadSums(byTile: scratch) { row, column in
          TilePacking.copyIn(c + (row &* stride &+ column), stride, rows &- row, columns &- column, to: scratch)
        }
      }
    }
  }

  /// Writes the sums of 32 rows and columns, of which some may lie beyond the target.
  @inline(__always) private func storeSums(_ c: Target, _ stride: Int, _ rows: Int, _ columns: Int) {
    if rows == 32 && columns == 32 {
      storeSums(c, byteStride: 4 &* stride)
    } else {
      withTile { scratch in
        storeSums(byTile: scratch) { row, column in
          TilePacking.copyOut(scratch, rows &- row, columns &- column, to: c + (row &* stride &+ column), stride)
        }
      }
    }
  }

  /// Lends memory for a tile on the stack: of a larger alignment it would come from the heap.
  @inline(__always) private func withTile(_ body: (UnsafeMutableRawPointer) -> Void) {
    withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 16) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      body(scratch)
    }
  }
#endif
