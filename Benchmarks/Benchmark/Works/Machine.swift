import Formats
import Kernels
import Tensor

/// Multiplies packed blocks that stay in the first-level cache.
private struct CeilingWork: ParallelWork {
  let blocks: MatmulKernels
  let left: Source
  let right: Source
  let c: Target
  static let depth = 128
  static let rounds = 20_000

  func run(task: Int, worker: Int) {
    let size = blocks.tileRows * blocks.panelWidth
    for _ in 0..<CeilingWork.rounds {
      blocks.multiply(
        blocks.packed(left, depth: CeilingWork.depth), blocks.tileRows, blocks.packed(right), blocks.panelWidth,
        CeilingWork.depth, c + worker * size,
        blocks.panelWidth, false)
    }
  }
}

/// Multiplies packed tiles that stay in the second-level cache.
private struct TileCeilingWork: ParallelWork {
  let tiles: TileKernels
  let strip: UnsafeRawPointer
  let panel: UnsafeRawPointer
  let c: Target
  static let depth = 512
  static let panels = 8
  static let rounds = 50
  static var stripBytes: Int { TileKernels.stripBytes(depth: depth) }
  static var panelBytes: Int { TileKernels.panelBytes(depth: depth, .float32) }

  func run(task: Int, worker: Int) {
    let side = TileKernels.side, columns = TileCeilingWork.panels * side
    for _ in 0..<TileCeilingWork.rounds {
      tiles.multiply(
        strip, TileCeilingWork.stripBytes, side, panel, TileCeilingWork.panelBytes, .float32, columns,
        TileCeilingWork.depth, c + worker * side * columns, columns, false, strip, 0)
    }
  }
}

/// Reads in eight streams, which gets more out of a memory than one.
private struct ReadWork: ParallelWork {
  let blocks: MatmulKernels
  let ones: Source
  let x: Source
  let sums: Target
  static let rows = 64, width = 4096
  static let chunk = rows * width
  func run(task: Int, worker: Int) {
    blocks.multiplyRow(
      ones, .float32, .rowMajor, UnsafeRawPointer(x), task * ReadWork.chunk, ReadWork.width, ReadWork.width,
      ReadWork.rows, sums + worker * ReadWork.width, nil)
  }
}

private struct CopyWork: ParallelWork {
  let x: Source
  let y: Target
  func run(task: Int, worker: Int) {
    (y + task * ReadWork.chunk).update(from: x + task * ReadWork.chunk, count: ReadWork.chunk)
  }
}

extension Work {
  /// The micro-kernel alone: what no matmul on this machine can pass.
  static func ceiling() -> Work {
    let blocks = Runtime.kernels.matmul, threads = Runtime.threadCount
    let left = testTensor(Shape(blocks.tileRows, CeilingWork.depth))
    let right = testTensor(Shape(CeilingWork.depth, blocks.panelWidth))
    let tasks = threads * 8
    if let tiles = blocks.tiles { return ceiling(of: tiles, threads: threads, tasks: tasks) }
    let c = Tensor.zeros(Shape(threads, blocks.tileRows * blocks.panelWidth))
    var work = Work {
      runInParallel(
        CeilingWork(blocks: blocks, left: left.source, right: right.source, c: c.target), tasks: tasks)
    }
    work.flops = 2 * blocks.tileRows * blocks.panelWidth * CeilingWork.depth * CeilingWork.rounds * tasks
    return work
  }

  private static func ceiling(of tiles: TileKernels, threads: Int, tasks: Int) -> Work {
    let side = TileKernels.side, depth = TileCeilingWork.depth, panels = TileCeilingWork.panels
    let left = testTensor(Shape(side, depth)), right = testTensor(Shape(depth, side * panels))
    // Of tensors, whose memory begins at a line of the cache.
    let strip = Tensor.zeros(Shape(TileCeilingWork.stripBytes / 4))
    let panel = Tensor.zeros(Shape(panels * TileCeilingWork.panelBytes / 4))
    _ = tiles.packLeft(.rowMajor, left.source, depth, side, depth, UnsafeMutableRawPointer(strip.target))
    for i in 0..<panels {
      _ = tiles.packRight(
        .float32, .rowMajor, right.source, i * side, side * panels, side, depth,
        UnsafeMutableRawPointer(panel.target) + i * TileCeilingWork.panelBytes)
    }
    let c = Tensor.zeros(Shape(threads, side * side * panels))
    var work = Work {
      runInParallel(TileCeilingWork(tiles: tiles, strip: strip.target, panel: panel.target, c: c.target), tasks: tasks)
    }
    work.flops = 2 * side * side * panels * depth * TileCeilingWork.rounds * tasks
    return work
  }

  /// Reading, or reading and writing, memory that no cache holds.
  static func bandwidth(copying: Bool) -> Work {
    let tasks = 512, count = tasks * ReadWork.chunk
    let x = Tensor(repeating: 1, shape: Shape(count)), ones = Tensor.ones(Shape(ReadWork.rows))
    let y = Tensor(repeating: 0, shape: Shape(copying ? count : Runtime.threadCount * ReadWork.width))
    var work = Work {
      if copying {
        runInParallel(CopyWork(x: x.source, y: y.target), tasks: tasks)
      } else {
        runInParallel(
          ReadWork(blocks: Runtime.kernels.matmul, ones: ones.source, x: x.source, sums: y.target), tasks: tasks)
      }
    }
    work.bytes = count * 4 * (copying ? 2 : 1)
    return work
  }
}

/// Reproducible numbers between -1 and 1.
func testTensor(_ shape: Shape, seed: UInt64 = 1) -> Tensor {
  .uniform(shape, in: -1...1, random: Random(seed: seed))
}
