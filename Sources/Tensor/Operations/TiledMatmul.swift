import Kernels

/// Large products in tile registers.
extension MatmulProblem {
  /// Whether packing into parts costs less than the tiles save: it does where each packed value is used by many.
  var paysInTiles: Bool { rows >= 128 && columns >= 128 && depth >= 64 }

  /// Computes the product with the crew: blocks of rows and columns are packed as parts, a chunk of depth at a time, and
  /// each task multiplies some strips by a group of panels that stays in a second-level cache.
  func run(in tiles: TileKernels, threads: Int) {
    // Chunks of equal steps, rather than a short one at the end.
    let side = TileKernels.side
    let chunks = (depth + TiledBlock.chunkDepth - 1) / TiledBlock.chunkDepth
    let chunkDepth = (depth + chunks * side - 1) / (chunks * side) * side
    let blockRows = min(rows, TiledBlock.side), blockColumns = min(columns, TiledBlock.side)
    let strips = TileKernels.blocks(of: blockRows), panels = TileKernels.blocks(of: blockColumns)
    let stripBytes = TileKernels.stripBytes(depth: chunkDepth)
    let left = Pool.shared.take(strips * stripBytes)
    let right = Pool.shared.take(panels * TileKernels.panelBytes(depth: chunkDepth, rightFormat))
    let largest = Pool.shared.take(2 * TileKernels.blocks(of: TiledBlock.side) * 4)
    for start in stride(from: 0, to: depth, by: chunkDepth) {
      for row in stride(from: 0, to: rows, by: TiledBlock.side) {
        for column in stride(from: 0, to: columns, by: TiledBlock.side) {
          var block = TiledBlock(
            problem: self, tiles: tiles, rows: row..<min(rows, row + TiledBlock.side),
            columns: column..<min(columns, column + TiledBlock.side), depth: start..<min(depth, start + chunkDepth),
            left: left.base, right: right.base, largest: largest.target)
          // What is there from the block before is not packed again.
          let packing = PackPartsWork(
            block: block, packsLeft: column == 0, packsRight: row == 0 || columns > TiledBlock.side)
          runInParallel(packing, tasks: packing.tasks, threads: threads)
          block.balance(threads: threads)
          runInParallel(block, tasks: block.tasks, threads: threads)
        }
      }
    }
    withExtendedLifetime((left, right, largest)) {}
  }
}

/// A block of a product and one chunk of its depth: a task is a group of panels and a range of strips.
private struct TiledBlock: ParallelWork {
  /// Rows and columns that are packed at once, so that each side takes 12 MB at most.
  static let side = 2048
  /// The most depth that is packed at once.
  static let chunkDepth = 1024
  /// Bytes of packed panels that a task goes through for each strip: they stay in the second-level cache.
  static let groupBytes = 800 << 10

  let problem: MatmulProblem
  let tiles: TileKernels
  let rows: Range<Int>
  let columns: Range<Int>
  let depth: Range<Int>
  let left: UnsafeMutableRawPointer
  let right: UnsafeMutableRawPointer
  /// The largest magnitude of each panel, and from `stripsStart` on of each strip.
  let largest: Target
  static let stripsStart = TileKernels.blocks(of: side)
  let strips: Int
  let panels: Int
  let stripBytes: Int
  let panelBytes: Int
  private var stripsPerTask = 1
  private var panelsPerTask = 1

  init(
    problem: MatmulProblem, tiles: TileKernels, rows: Range<Int>, columns: Range<Int>, depth: Range<Int>,
    left: UnsafeMutableRawPointer, right: UnsafeMutableRawPointer, largest: Target
  ) {
    (self.problem, self.tiles) = (problem, tiles)
    (self.rows, self.columns, self.depth) = (rows, columns, depth)
    (self.left, self.right, self.largest) = (left, right, largest)
    (strips, panels) = (TileKernels.blocks(of: rows.count), TileKernels.blocks(of: columns.count))
    stripBytes = TileKernels.stripBytes(depth: depth.count)
    panelBytes = TileKernels.panelBytes(depth: depth.count, problem.rightFormat)
  }

  /// Cuts the block into enough tasks for all threads. How does not reach the bits.
  mutating func balance(threads: Int) {
    let groups = max((panels * panelBytes + TiledBlock.groupBytes - 1) / TiledBlock.groupBytes, min(threads, panels))
    panelsPerTask = (panels + groups - 1) / groups
    let ranges = threads == 1 ? 1 : min(strips, (4 * threads + groups - 1) / groups)
    stripsPerTask = (strips + ranges - 1) / ranges
  }

  private var stripTasks: Int { (strips + stripsPerTask - 1) / stripsPerTask }
  var tasks: Int { (panels + panelsPerTask - 1) / panelsPerTask * stripTasks }
  var profileName: String { problem.profileName }
  var flops: Int { 2 * rows.count * columns.count * depth.count }

  func rows(ofStrip strip: Int) -> Range<Int> {
    let first = rows.lowerBound + strip * TileKernels.side
    return first..<min(rows.upperBound, first + TileKernels.side)
  }
  func columns(ofPanel panel: Int) -> Range<Int> {
    let first = columns.lowerBound + panel * TileKernels.side
    return first..<min(columns.upperBound, first + TileKernels.side)
  }

  func run(task: Int, worker: Int) {
    let (group, range) = task.quotientAndRemainder(dividingBy: stripTasks)
    let panels = group * panelsPerTask..<min(panels, (group + 1) * panelsPerTask)
    let columns = columns(ofPanel: panels.lowerBound).lowerBound..<columns(ofPanel: panels.upperBound - 1).upperBound
    for strip in range * stripsPerTask..<min(strips, (range + 1) * stripsPerTask) {
      let rows = rows(ofStrip: strip)
      // Each panel is asked alone, so that how they are grouped does not reach the bits.
      var first = panels.lowerBound
      while first < panels.upperBound {
        var end = first + 1
        if canMultiply(strip, first) {
          while end < panels.upperBound && canMultiply(strip, end) { end += 1 }
          multiply(strip, first..<end)
        } else {
          multiplyWithoutTiles(rows, self.columns(ofPanel: first))
        }
        first = end
      }
      if depth.upperBound == problem.depth { problem.finish(rows: rows, columns: columns) }
    }
  }

  private func canMultiply(_ strip: Int, _ panel: Int) -> Bool {
    TileKernels.canMultiply(largest[TiledBlock.stripsStart + strip], largest[panel])
  }

  private func multiply(_ strip: Int, _ panels: Range<Int>) {
    let rows = rows(ofStrip: strip), column = columns(ofPanel: panels.lowerBound).lowerBound
    tiles.multiply(
      left + strip * stripBytes, rows.count, right + panels.lowerBound * panelBytes, problem.rightFormat,
      columns(ofPanel: panels.upperBound - 1).upperBound - column, depth.count,
      problem.c + rows.lowerBound * problem.columns + column, problem.columns,
      problem.adds || depth.lowerBound > 0)
  }

  /// The same with the vector kernels, which know infinities and NaN.
  private func multiplyWithoutTiles(_ rows: Range<Int>, _ columns: Range<Int>) {
    let blocks = problem.blocks, depth = self.depth.count
    let paddedRows = (rows.count + blocks.tileRows - 1) / blocks.tileRows * blocks.tileRows
    let scratch = Pool.shared.take((paddedRows + blocks.panelWidth) * depth * 4)
    let left = scratch.target, panel = scratch.target + paddedRows * depth
    blocks.packLeft(
      problem.leftLayout, problem.left + problem.leftStart(rows.lowerBound, self.depth.lowerBound),
      problem.leftStride, rows.count, depth, left)
    blocks.packRight(
      problem.rightFormat, problem.rightLayout, problem.right,
      problem.rightStart(self.depth.lowerBound, columns.lowerBound), problem.rightStride, columns.count, depth,
      blocks.panelWidth, panel)
    blocks.multiply(
      blocks.packed(left, depth: depth), rows.count, blocks.packed(panel), columns.count, depth,
      problem.c + rows.lowerBound * problem.columns + columns.lowerBound, problem.columns,
      problem.adds || self.depth.lowerBound > 0)
    withExtendedLifetime(scratch) {}
  }
}

/// Packs a block: a task is a strip or a panel.
private struct PackPartsWork: ParallelWork {
  let block: TiledBlock
  let packsLeft: Bool
  let packsRight: Bool

  var tasks: Int { (packsLeft ? block.strips : 0) + (packsRight ? block.panels : 0) }
  var profileName: String { "\(block.problem.profileName), packing" }
  var flops: Int { 0 }

  func run(task: Int, worker: Int) {
    let problem = block.problem, p = block.depth.lowerBound, depth = block.depth.count
    let panel = packsLeft ? task - block.strips : task
    if panel < 0 {
      let rows = block.rows(ofStrip: task)
      block.largest[TiledBlock.stripsStart + task] = block.tiles.packLeft(
        problem.leftLayout, problem.left + problem.leftStart(rows.lowerBound, p), problem.leftStride, rows.count, depth,
        block.left + task * block.stripBytes)
    } else {
      let columns = block.columns(ofPanel: panel)
      block.largest[panel] = block.tiles.packRight(
        problem.rightFormat, problem.rightLayout, problem.right, problem.rightStart(p, columns.lowerBound),
        problem.rightStride, columns.count, depth, block.right + panel * block.panelBytes)
    }
  }
}
