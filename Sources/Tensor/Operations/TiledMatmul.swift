import Kernels

/// Large products in tile registers.
extension MatmulProblem {
  /// Whether packing into parts costs less than the tiles save: it does where each packed value is used by many.
  var paysInTiles: Bool { rows >= 128 && columns >= 128 && depth >= 64 }

  /// Computes the product with the crew, a chunk of depth at a time. The shorter side is packed first, for all; then each
  /// task packs some blocks of the longer one, which stay in its second-level cache, and multiplies them by all blocks of
  /// the shorter.
  func run(in tiles: TileKernels, threads: Int) {
    // Chunks of equal steps, rather than a short one at the end.
    let side = TileKernels.side
    let chunks = (depth + TiledBlock.chunkDepth - 1) / TiledBlock.chunkDepth
    let chunkDepth = (depth + chunks * side - 1) / (chunks * side) * side
    let lines = min(rows, columns)
    var memory: Storage?
    for start in stride(from: 0, to: depth, by: chunkDepth) {
      for line in stride(from: 0, to: lines, by: TiledBlock.sharedLines) {
        let block = TiledBlock(
          self, tiles, shared: line..<min(lines, line + TiledBlock.sharedLines),
          depth: start..<min(depth, start + chunkDepth), chunkDepth: chunkDepth, threads: threads)
        let scratch = memory ?? Pool.shared.take(block.bytes)
        // Only the shared lines can be fewer later: all chunks are cut as the first.
        precondition(block.bytes <= scratch.capacity, "matmul: blocks of \(block.bytes) bytes in \(scratch.capacity)")
        memory = scratch
        block.run(scratch.base)
      }
    }
    withExtendedLifetime(memory) {}
  }

  /// The product of a chunk of depth.
  fileprivate func product(_ tiles: TileKernels, _ chunk: Range<Int>) -> TiledProduct {
    TiledProduct(
      tiles: tiles, blocks: blocks,
      left: TiledOperand(
        source: left, layout: leftLayout, start: leftStart(0, chunk.lowerBound), stride: leftStride),
      right: TiledOperand(
        source: right, format: rightFormat, layout: rightLayout, start: rightStart(chunk.lowerBound, 0),
        stride: rightStride, panelWidth: blocks.vectorWidth),
      c: c, cStride: columns, depth: chunk.count, accumulates: adds || chunk.lowerBound > 0)
  }
}

/// Some lines of the shorter side of a product, all of the longer one, and a chunk of depth.
private struct TiledBlock {
  /// Lines that are packed at once for all tasks, so that they take 9 MB at most.
  static let sharedLines = 2048
  /// The most depth that is packed at once. Half the depth lets twice as many blocks stay in a cache; but then the result
  /// is read and written more often.
  static let chunkDepth = 768
  /// Bytes of packed blocks that a task keeps in the second-level cache.
  static let keptBytes = 960 << 10

  let problem: MatmulProblem
  let product: TiledProduct
  /// Whether this chunk of depth is the last.
  let isLast: Bool
  /// Whether it is the rows that are packed for all tasks.
  let sharesLeft: Bool
  let shared: PackedSide
  let kept: PackedSide
  let threads: Int
  /// How many blocks of the longer side, and of the shorter one, make a task. Neither reaches the bits.
  private let keptPerTask: Int
  private let sharedPerTask: Int

  init(
    _ problem: MatmulProblem, _ tiles: TileKernels, shared: Range<Int>, depth: Range<Int>, chunkDepth: Int,
    threads: Int
  ) {
    (self.problem, self.threads) = (problem, threads)
    isLast = depth.upperBound == problem.depth
    product = problem.product(tiles, depth)
    sharesLeft = problem.rows <= problem.columns
    // Of a whole chunk, also where this one, the last, has fewer depths.
    let rows = TileKernels.stripBytes(depth: chunkDepth)
    let columns = TileKernels.panelBytes(depth: chunkDepth, problem.rightFormat)
    let short = PackedSide(lines: shared, blockBytes: sharesLeft ? rows : columns)
    let long = PackedSide(
      lines: 0..<max(problem.rows, problem.columns), blockBytes: sharesLeft ? columns : rows)
    (self.shared, kept) = (short, long)
    // Eight blocks let a shared one be used eight times when it comes from afar. But each thread wants two tasks, and four
    // are better.
    let forBalance = (long.blocks + 4 * threads - 1) / (4 * threads)
    let forReuse = min(8, (long.blocks + 2 * threads - 1) / (2 * threads))
    let most = max(1, min(TiledBlock.keptBytes / long.blockBytes, max(forBalance, forReuse)))
    let groups = (long.blocks + most - 1) / most
    keptPerTask = (long.blocks + groups - 1) / groups
    let ranges = groups >= threads ? 1 : min(short.blocks, (2 * threads + groups - 1) / groups)
    sharedPerTask = (short.blocks + ranges - 1) / ranges
  }

  var ranges: Int { (shared.blocks + sharedPerTask - 1) / sharedPerTask }
  var groups: Int { (kept.blocks + keptPerTask - 1) / keptPerTask }

  /// Lines of the longer side and of the shorter one that a task multiplies.
  func lines(ofTask task: Int) -> (kept: Range<Int>, shared: Range<Int>) {
    let (group, range) = task.quotientAndRemainder(dividingBy: ranges)
    return (kept.lines(group, of: keptPerTask), shared.lines(range, of: sharedPerTask))
  }

  /// Memory for the shared side, then for what each worker keeps.
  var bytes: Int { sharedBytes + threads * workerBytes }
  private var sharedBytes: Int { PackedBlocks.bytes(shared.blocks, blockBytes: shared.blockBytes) }
  private var workerBytes: Int { PackedBlocks.bytes(keptPerTask, blockBytes: kept.blockBytes) }

  func run(_ memory: UnsafeMutableRawPointer) {
    let packed = PackedBlocks(memory, shared.blocks, blockBytes: shared.blockBytes)
    runInParallel(PackSharedWork(block: self, target: packed), tasks: shared.blocks, threads: threads)
    let products = MultiplyTilesWork(block: self, shared: packed, workers: memory + sharedBytes)
    runInParallel(products, tasks: groups * ranges, threads: threads)
  }

  /// What a worker keeps in its part of `memory`.
  func kept(by worker: Int, _ memory: UnsafeMutableRawPointer) -> PackedBlocks {
    PackedBlocks(memory + worker * workerBytes, keptPerTask, blockBytes: kept.blockBytes)
  }
}

/// The rows or the columns of a block, as strips or panels.
private struct PackedSide {
  let lines: Range<Int>
  let blockBytes: Int

  var blocks: Int { TileKernels.blocks(of: lines.count) }

  /// The lines of group `index` of groups of `size` blocks.
  func lines(_ index: Int, of size: Int) -> Range<Int> {
    let first = lines.lowerBound + index * size * TileKernels.side
    return first..<min(lines.upperBound, first + size * TileKernels.side)
  }
}

/// Packs the shared side: a task is a strip or a panel.
private struct PackSharedWork: ParallelWork {
  let block: TiledBlock
  let target: PackedBlocks

  var profileName: String { "\(block.problem.profileName), packing" }
  var flops: Int { 0 }

  func run(task: Int, worker: Int) {
    let lines = block.shared.lines(task, of: 1), target = target.from(task)
    if block.sharesLeft { block.product.packLeft(lines, target) } else { block.product.packRight(lines, target) }
  }
}

/// Packs and multiplies: a task is a group of blocks of the longer side and a range of those of the shared one.
private struct MultiplyTilesWork: ParallelWork {
  let block: TiledBlock
  let shared: PackedBlocks
  let workers: UnsafeMutableRawPointer

  var profileName: String { block.problem.profileName }
  var flops: Int { 2 * block.kept.lines.count * block.shared.lines.count * block.product.depth }

  func run(task: Int, worker: Int) {
    let product = block.product, (kept, range) = block.lines(ofTask: task)
    let packed = block.kept(by: worker, workers)
    if block.sharesLeft { product.packRight(kept, packed) } else { product.packLeft(kept, packed) }
    let firstBlock = (range.lowerBound - block.shared.lines.lowerBound) / TileKernels.side
    for index in 0..<TileKernels.blocks(of: range.count) {
      let first = range.lowerBound + index * TileKernels.side
      let lines = first..<min(range.upperBound, first + TileKernels.side)
      let other = shared.from(firstBlock + index), next = shared.from(firstBlock + index + 1).place
      let (rows, columns) = block.sharesLeft ? (lines, kept) : (kept, lines)
      product.multiply(
        rows, block.sharesLeft ? other : packed, columns, block.sharesLeft ? packed : other, next: next,
        nextBytes: block.shared.blockBytes)
      if block.isLast { block.problem.finish(rows: rows, columns: columns) }
    }
  }
}
