import Kernels

/// A matrix as it lies in memory, from its first row, column and depth on.
struct TiledOperand {
  let source: UnsafeRawPointer
  var format = StorageFormat.float32
  let layout: MatrixLayout
  /// The element where it begins.
  var start = 0
  let stride: Int
  /// Columns of a panel, where it lies in panels.
  var panelWidth = 1

  /// The element of a left matrix where row `row` begins.
  func start(ofRow row: Int) -> Int { start + (layout == .rowMajor ? row * stride : row) }
  /// The element of a right matrix where column `column` begins.
  func start(ofColumn column: Int) -> Int {
    switch layout {
    case .rowMajor: start + column
    case .columnMajor: start + column * stride
    case .panels: start + column / panelWidth * stride
    }
  }

  /// A left matrix, which is Float32, from row `row` on.
  func left(_ row: Int) -> Source { source.assumingMemoryBound(to: Float.self) + start(ofRow: row) }

  /// Whether what lies `stride` apart is so far that the processor does not ask for it by itself.
  private var isWide: Bool { format.byteCount(of: stride) >= 2048 }

  /// Packs rows of a left matrix, a strip to a block.
  func packLeft(_ rows: Range<Int>, depth: Int, _ tiles: TileKernels, _ target: PackedBlocks) {
    let stepBytes = TileKernels.stripBytes(depth: TileKernels.side)
    target.each(of: rows, depth: depth, stepBytes: stepBytes, interleaved: layout == .columnMajor && isWide) {
      tiles.packLeft(layout, left($0.lowerBound) + $1.lowerBound * stride, stride, $0.count, $1.count, $2)
    }
  }

  /// Packs columns of a right matrix, a panel to a block.
  func packRight(_ columns: Range<Int>, depth: Int, _ tiles: TileKernels, _ target: PackedBlocks) {
    let stepBytes = TileKernels.panelBytes(depth: TileKernels.side, format)
    target.each(of: columns, depth: depth, stepBytes: stepBytes, interleaved: layout == .rowMajor && isWide) {
      tiles.packRight(
        format, layout, source, start(ofColumn: $0.lowerBound) + $1.lowerBound * stride, stride, $0.count, $1.count, $2)
    }
  }
}

/// A product in tile registers on the calling thread, of operands that are packed.
///
/// Blocks whose parts could reach infinity, or that hold it or NaN, are multiplied with the vector kernels, each pair of a
/// strip and a panel by itself: how they are grouped does not reach the bits.
struct TiledProduct {
  let tiles: TileKernels
  /// For what the tiles cannot multiply.
  let blocks: MatmulKernels
  let left: TiledOperand
  let right: TiledOperand
  let c: Target
  let cStride: Int
  let depth: Int
  /// Whether the product is added to what `c` holds.
  let accumulates: Bool

  func packLeft(_ rows: Range<Int>, _ target: PackedBlocks) { left.packLeft(rows, depth: depth, tiles, target) }
  func packRight(_ columns: Range<Int>, _ target: PackedBlocks) {
    right.packRight(columns, depth: depth, tiles, target)
  }

  /// Multiplies rows by columns, which `left` and `right` begin with, and brings `next` closer meanwhile.
  func multiply(
    _ rows: Range<Int>, _ left: PackedBlocks, _ columns: Range<Int>, _ right: PackedBlocks,
    next: UnsafeRawPointer? = nil, nextBytes: Int = 0
  ) {
    let side = TileKernels.side
    if TileKernels.canMultiply(left.largest(of: rows.count), right.largest(of: columns.count)) {
      tiles.multiply(
        left.place, left.blockBytes, rows.count, right.place, right.blockBytes, self.right.format, columns.count, depth,
        target(rows, columns), cStride, accumulates, next ?? UnsafeRawPointer(left.place), nextBytes)
      return
    }
    for row in stride(from: rows.lowerBound, to: rows.upperBound, by: side) {
      let strip = left.from((row - rows.lowerBound) / side)
      for column in stride(from: columns.lowerBound, to: columns.upperBound, by: side) {
        let panel = right.from((column - columns.lowerBound) / side)
        let rows = row..<min(rows.upperBound, row + side), columns = column..<min(columns.upperBound, column + side)
        if TileKernels.canMultiply(strip.largest(of: 1), panel.largest(of: 1)) {
          tiles.multiply(
            strip.place, strip.blockBytes, rows.count, panel.place, panel.blockBytes, self.right.format, columns.count,
            depth,
            target(rows, columns), cStride, accumulates, strip.place, 0)
        } else {
          multiplyWithoutTiles(rows, columns)
        }
      }
    }
  }

  private func target(_ rows: Range<Int>, _ columns: Range<Int>) -> Target {
    c + rows.lowerBound * cStride + columns.lowerBound
  }

  /// At most a strip and a panel, with the vector kernels, which know infinities and NaN.
  private func multiplyWithoutTiles(_ rows: Range<Int>, _ columns: Range<Int>) {
    let paddedRows = (rows.count + blocks.tileRows - 1) / blocks.tileRows * blocks.tileRows
    let scratch = Pool.shared.take((paddedRows + blocks.panelWidth) * depth * 4)
    let strip = scratch.target, panel = scratch.target + paddedRows * depth
    blocks.packLeft(left.layout, left.left(rows.lowerBound), left.stride, rows.count, depth, strip)
    blocks.packRight(
      right.format, right.layout, right.source, right.start(ofColumn: columns.lowerBound), right.stride, columns.count,
      depth, blocks.panelWidth, panel)
    blocks.multiply(
      blocks.packed(strip, depth: depth), rows.count, blocks.packed(panel), columns.count, depth,
      target(rows, columns), cStride, accumulates)
    withExtendedLifetime(scratch) {}
  }
}

/// Memory for strips or panels, one after the other, and for the largest magnitude of each.
struct PackedBlocks {
  let place: UnsafeMutableRawPointer
  let blockBytes: Int
  private let magnitudes: Target

  /// In `bytes(count, blockBytes)` bytes from `place` on.
  init(_ place: UnsafeMutableRawPointer, _ count: Int, blockBytes: Int) {
    self.place = place
    self.blockBytes = blockBytes
    magnitudes = (place + count * blockBytes).assumingMemoryBound(to: Float.self)
  }

  private init(place: UnsafeMutableRawPointer, blockBytes: Int, magnitudes: Target) {
    (self.place, self.blockBytes, self.magnitudes) = (place, blockBytes, magnitudes)
  }

  /// Bytes for `count` blocks, in whole lines of a cache.
  static func bytes(_ count: Int, blockBytes: Int) -> Int { count * blockBytes + (count + 15) / 16 * 64 }

  /// The blocks from `block` on.
  func from(_ block: Int) -> PackedBlocks {
    PackedBlocks(place: place + block * blockBytes, blockBytes: blockBytes, magnitudes: magnitudes + block)
  }

  /// The largest magnitude in the blocks of the first `lines` lines; NaN where there is one.
  func largest(of lines: Int) -> Float {
    var largest: Float = 0
    for block in 0..<TileKernels.blocks(of: lines) {
      let magnitude = magnitudes[block]
      if magnitude > largest || magnitude.isNaN { largest = magnitude }
    }
    return largest
  }

  /// The first `count` blocks hold nothing yet.
  func clear(_ count: Int) { magnitudes.update(repeating: 0, count: count) }

  /// Some of a block has this largest magnitude. A NaN stays.
  func raise(_ block: Int, to magnitude: Float) {
    if magnitude > magnitudes[block] || magnitude.isNaN { magnitudes[block] = magnitude }
  }

  /// Calls `pack` for the lines and the depths of each block, and keeps the largest magnitude that it returns.
  ///
  /// Where depths lie far apart, all blocks take a step of them before any takes the next: so memory is read in runs as
  /// long as the blocks are wide together.
  fileprivate func each(
    of lines: Range<Int>, depth: Int, stepBytes: Int, interleaved: Bool,
    _ pack: (_ lines: Range<Int>, _ depths: Range<Int>, UnsafeMutableRawPointer) -> Float
  ) {
    let side = TileKernels.side, blocks = TileKernels.blocks(of: lines.count)
    let size = interleaved && blocks > 1 ? side : max(depth, 1)
    clear(blocks)
    for p in stride(from: 0, to: depth, by: size) {
      let depths = p..<min(depth, p + size)
      for block in 0..<blocks {
        let first = lines.lowerBound + block * side
        let magnitude = pack(
          first..<min(lines.upperBound, first + side), depths, place + (block * blockBytes + p / side * stepBytes))
        raise(block, to: magnitude)
      }
    }
  }
}
