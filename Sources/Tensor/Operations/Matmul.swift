import Kernels

/// One matrix product: `c (+)= left * right`, then the bias and the activation.
struct MatmulProblem {
  /// The kernels of the whole product. Another thread may choose others meanwhile, which cut matrices otherwise.
  let blocks: MatmulKernels
  var left: Source
  var leftLayout: MatrixLayout
  var leftStride: Int
  var right: UnsafeRawPointer
  var rightFormat: StorageFormat
  var rightLayout: MatrixLayout
  var rightStride: Int
  var c: Target
  var rows: Int
  var columns: Int
  var depth: Int
  var bias: Source?
  var activation: UnaryFunction?
  /// Whether the product is added to what `c` holds; one without bias and activation.
  var adds = false

  /// The element of the right matrix where row `p` of the panel at `column` begins.
  func rightStart(_ p: Int, _ column: Int) -> Int {
    switch rightLayout {
    case .rowMajor: p * rightStride + column
    case .columnMajor: column * rightStride + p
    case .panels: column * depth + p * blocks.vectorWidth
    }
  }

  /// The element of the left matrix at (`row`, `p`).
  func leftStart(_ row: Int, _ p: Int) -> Int {
    leftLayout == .rowMajor ? row * leftStride + p : p * leftStride + row
  }

  /// The product of operands that lie row-major, transposed or not; the right one may be in panels of these kernels.
  init(
    _ blocks: MatmulKernels, _ left: Source, transposed leftIsTransposed: Bool, stride leftStride: Int,
    _ right: Tensor, transposed rightIsTransposed: Bool, _ c: Target, rows: Int, columns: Int, depth: Int
  ) {
    self.blocks = blocks
    (self.left, self.leftLayout, self.leftStride) = (left, leftIsTransposed ? .columnMajor : .rowMajor, leftStride)
    (self.right, rightFormat) = (right.rawSource, right.format)
    if case .panels(let width, _) = right.arrangement {
      (rightLayout, rightStride) = (.panels, width * depth)
    } else {
      (rightLayout, rightStride) = (rightIsTransposed ? .columnMajor : .rowMajor, right.shape[-1])
    }
    (self.c, self.rows, self.columns, self.depth) = (c, rows, columns, depth)
  }

  /// Products below this size are done by the calling thread: a region would cost more than it saves.
  static let smallest = 1 << 18

  /// Computes the product with the crew.
  ///
  /// One row runs along a right matrix that is read where it lies. Otherwise a left matrix that is column-major or read
  /// often is packed first, a chunk of depth at a time; then each task takes a panel of columns and a group of rows, packs
  /// the panel where that pays, and multiplies. How rows and columns are grouped does not reach the bits.
  func run() {
    if rows == 0 || columns == 0 { return }
    if depth == 0 {
      if !adds { c.update(repeating: 0, count: rows * columns) }
      finish(rows: 0..<rows, columns: 0..<columns)
      return
    }
    let threads = rows * columns * depth < MatmulProblem.smallest ? 1 : Crew.shared.threads
    if rows == 1 && leftLayout == .rowMajor && !adds {
      let sums = Pool.shared.take(depth > blocks.depthBlock ? columns * 4 : 0)
      let work = MultiplyRowWork(problem: self, sums: sums.target, threads: threads)
      runInParallel(work, tasks: work.tasks, threads: threads)
      withExtendedLifetime(sums) {}
      return
    }
    if let tiles = blocks.tiles, paysInTiles {
      run(in: tiles, threads: threads)
      return
    }
    let panel = Pool.shared.take(threads * min(depth, blocks.depthBlock) * blocks.panelWidth * 4)
    if !packsLeft {
      let products = MultiplyWork(
        problem: self, chunk: 0..<depth, packed: nil, panel: panel.target, threads: threads)
      runInParallel(products, tasks: products.tasks, threads: threads)
    } else {
      // Depth is packed in chunks that keep the packed left matrix within about 4 MB.
      let depthBlock = min(depth, blocks.depthBlock)
      let chunkDepth = depthBlock * max(1, (1 << 20) / max(1, paddedRows * depthBlock))
      let left = Pool.shared.take(min(depth, chunkDepth) * paddedRows * 4)
      var start = 0
      while start < depth {
        let chunk = start..<min(depth, start + chunkDepth)
        let packing = PackLeftWork(problem: self, chunk: chunk, packed: left.target)
        runInParallel(packing, tasks: packing.tasks, threads: threads)
        let products = MultiplyWork(
          problem: self, chunk: chunk, packed: left.target, panel: panel.target, threads: threads)
        runInParallel(products, tasks: products.tasks, threads: threads)
        start = chunk.upperBound
      }
      withExtendedLifetime(left) {}
    }
    withExtendedLifetime(panel) {}
  }

  /// Whether the left matrix is packed: strips in one stream come faster than rows side by side, which pays where many
  /// panels read them.
  private var packsLeft: Bool { leftLayout == .columnMajor || rows >= 64 && columns >= 1536 && depth >= 64 }

  /// The rows of whole strips.
  fileprivate var paddedRows: Int { (rows + blocks.tileRows - 1) / blocks.tileRows * blocks.tileRows }

  /// Where the depth block `block` of the packed left matrix begins.
  fileprivate func packedStart(_ block: Int) -> Int { block * blocks.depthBlock * paddedRows }

  /// As `matmul nt 512x768x3072 bfloat16`: rows, depth, columns; `p` for a right matrix in panels.
  var profileName: String {
    func letter(_ layout: MatrixLayout) -> String {
      switch layout {
      case .rowMajor: "n"
      case .columnMajor: "t"
      case .panels: "p"
      }
    }
    return "matmul \(letter(leftLayout))\(letter(rightLayout)) \(rows)x\(depth)x\(columns)"
      + (rightFormat == .float32 ? "" : " \(rightFormat)")
  }

  /// Bias and activation over a finished block of `c`.
  func finish(rows: Range<Int>, columns: Range<Int>) {
    if bias == nil && activation == nil { return }
    kernels.finishRows(
      bias.map { $0 + columns.lowerBound }, activation, c + rows.lowerBound * self.columns + columns.lowerBound,
      self.columns, rows.count, columns.count)
  }
}

extension Storage {
  /// Scratch memory for kernels.
  var target: Target { base.assumingMemoryBound(to: Float.self) }
}

/// Packs a left matrix: a task is a group of strips of one depth block.
private struct PackLeftWork: ParallelWork {
  let problem: MatmulProblem
  let chunk: Range<Int>
  let packed: Target

  static let stripsPerTask = 8
  var rowsPerTask: Int { PackLeftWork.stripsPerTask * problem.blocks.tileRows }
  var rowTasks: Int { (problem.rows + rowsPerTask - 1) / rowsPerTask }
  var depthBlocks: Int { (chunk.count + problem.blocks.depthBlock - 1) / problem.blocks.depthBlock }
  var tasks: Int { rowTasks * depthBlocks }

  func run(task: Int, worker: Int) {
    let blocks = problem.blocks
    let (block, group) = task.quotientAndRemainder(dividingBy: rowTasks)
    let p = chunk.lowerBound + block * blocks.depthBlock
    let depth = min(blocks.depthBlock, chunk.upperBound - p)
    let row = group * rowsPerTask
    let target = packed + problem.packedStart(block) + row * depth
    blocks.packLeft(
      problem.leftLayout, problem.left + problem.leftStart(row, p), problem.leftStride,
      min(rowsPerTask, problem.rows - row), depth, target)
  }
}

/// Multiplies: a task is one panel of columns and one group of rows.
private struct MultiplyWork: ParallelWork {
  let problem: MatmulProblem
  let chunk: Range<Int>
  /// The packed left matrix; a row-major one is read where it lies.
  let packed: Target?
  let panel: Target
  let panels: Int
  let rowsPerGroup: Int

  init(problem: MatmulProblem, chunk: Range<Int>, packed: Target?, panel: Target, threads: Int) {
    (self.problem, self.chunk, self.packed, self.panel) = (problem, chunk, packed, panel)
    let blocks = problem.blocks
    panels = blocks.panelCount(of: problem.columns)
    // Row groups balance the load where panels are few, and keep a thread with its rows where the left matrix is the
    // large one; each group packs its panels again.
    let strips = problem.paddedRows / blocks.tileRows
    let fewest = problem.rows >= problem.columns ? threads : 1
    let groups = threads == 1 ? 1 : max(fewest, (threads * 3 + panels - 1) / panels)
    rowsPerGroup = max((strips + groups - 1) / groups, min(strips, 8)) * blocks.tileRows
  }

  var tasks: Int { panels * ((problem.rows + rowsPerGroup - 1) / rowsPerGroup) }
  var profileName: String { problem.profileName }
  var flops: Int { 2 * problem.rows * problem.columns * chunk.count }

  private func left(_ row: Int, _ p: Int, _ block: Int, _ depth: Int) -> LeftRows {
    guard let packed else {
      return problem.blocks.rowMajor(problem.left + row * problem.leftStride + p, stride: problem.leftStride)
    }
    return problem.blocks.packed(packed + problem.packedStart(block) + row * depth, depth: depth)
  }

  func run(task: Int, worker: Int) {
    let blocks = problem.blocks
    let (group, index) = task.quotientAndRemainder(dividingBy: panels)
    let place = blocks.panel(index, of: problem.columns)
    let column = place.lowerBound, columns = place.count
    let row = group * rowsPerGroup
    let rows = min(rowsPerGroup, problem.rows - row)
    let c = problem.c + row * problem.columns + column
    let scratch = panel + worker * min(problem.depth, blocks.depthBlock) * blocks.panelWidth
    // Packed panels are read where they lie. Whole vectors of a row-major matrix lie well as they are, too. Packing pays
    // when many rows read them, or when rows so far apart that they share few places of the cache are read more than
    // once.
    let rowsInPlace = problem.rightStride <= 1024 && problem.rightStride % 512 != 0 ? 16 : 2
    let inPlace =
      problem.rightFormat == .float32
      && (problem.rightLayout == .panels
        || rows <= rowsInPlace * blocks.tileRows && problem.rightLayout == .rowMajor
          && columns % blocks.vectorWidth == 0)
    var p = chunk.lowerBound
    var block = 0
    while p < chunk.upperBound {
      let depth = min(blocks.depthBlock, chunk.upperBound - p)
      let left = left(row, p, block, depth)
      let start = problem.rightStart(p, column), accumulates = problem.adds || p > 0
      if inPlace {
        let base = problem.right.assumingMemoryBound(to: Float.self) + start, stride = problem.rightStride
        let right =
          problem.rightLayout == .panels ? blocks.panels(base, step: stride) : blocks.columns(base, stride: stride)
        blocks.multiply(left, rows, right, columns, depth, c, problem.columns, accumulates)
      } else {
        blocks.packRight(
          problem.rightFormat, problem.rightLayout, problem.right, start, problem.rightStride, columns, depth,
          blocks.panelWidth, scratch)
        blocks.multiply(left, rows, blocks.packed(scratch), columns, depth, c, problem.columns, accumulates)
      }
      p += depth
      block += 1
    }
    if p == problem.depth { problem.finish(rows: row..<row + rows, columns: column..<column + columns) }
  }
}

/// One row times a matrix, which is read once: a task is a range of columns.
private struct MultiplyRowWork: ParallelWork {
  let problem: MatmulProblem
  /// Scratch memory for every column.
  let sums: Target
  let columnsPerTask: Int

  init(problem: MatmulProblem, sums: Target, threads: Int) {
    (self.problem, self.sums) = (problem, sums)
    // Rows are read in long pieces; columns and panels are whole streams, and more tasks balance the load.
    let (share, unit) =
      switch problem.rightLayout {
      case .rowMajor: (threads, 16)
      case .columnMajor: (8 * threads, 16)
      case .panels: (64 * threads, 8 * problem.blocks.vectorWidth)
      }
    columnsPerTask =
      threads == 1 ? problem.columns : ((problem.columns + share - 1) / share + unit - 1) / unit * unit
  }

  var tasks: Int { (problem.columns + columnsPerTask - 1) / columnsPerTask }
  var profileName: String { problem.profileName }
  var flops: Int { 2 * problem.columns * problem.depth }

  func run(task: Int, worker: Int) {
    let blocks = problem.blocks
    let column = task * columnsPerTask, columns = min(columnsPerTask, problem.columns - column)
    var p = 0
    while p < problem.depth {
      let depth = min(blocks.depthBlock, problem.depth - p)
      blocks.multiplyRow(
        problem.left + p, problem.rightFormat, problem.rightLayout, problem.right, problem.rightStart(p, column),
        problem.rightStride, columns, depth, problem.c + column, p > 0 ? sums + column : nil)
      p += depth
    }
    problem.finish(rows: 0..<1, columns: column..<column + columns)
  }
}

/// Many small products, each done by one thread.
private struct BatchedMatmulWork: ParallelWork {
  let first: MatmulProblem
  let leftStep: Int
  let rightStep: Int
  let cStep: Int
  let packed: Target
  let packedStep: Int
  let panel: Target
  let panelStep: Int
  let count: Int
  var profileName: String { "batched \(first.profileName)" }
  var flops: Int { 2 * count * first.rows * first.columns * first.depth }

  func run(task: Int, worker: Int) {
    var problem = first
    problem.left += task * leftStep
    problem.right += task * problem.rightFormat.byteCount(of: rightStep)
    problem.c += task * cStep
    let isPacked = problem.leftLayout == .columnMajor
    let packed = packed + worker * packedStep, panel = panel + worker * panelStep
    if isPacked {
      let packing = PackLeftWork(problem: problem, chunk: 0..<problem.depth, packed: packed)
      for task in 0..<packing.tasks { packing.run(task: task, worker: 0) }
    }
    let products = MultiplyWork(
      problem: problem, chunk: 0..<problem.depth, packed: isPacked ? packed : nil, panel: panel,
      threads: 1)
    for task in 0..<products.tasks { products.run(task: task, worker: 0) }
  }
}

/// The matrix product over the two innermost axes.
///
/// `a` is `[..., m, k]` (`[..., k, m]` where transposed) and `b` is `[..., k, n]` (`[..., n, k]` where transposed); the
/// result is `[..., m, n]`. The outer axes of both are equal, or `b` has none. `b` may be kept in any format and is read
/// as it lies. Each element is a sum over `k` in an order that `k` alone fixes; but with the `amx` kernels products whose
/// `m` and `n` are 128 or more, and `k` 64 or more, are computed in tiles, where all sums have another order; 32 rows or
/// columns that hold what could reach infinity are not.
public func matmul(
  _ a: Tensor, _ b: Tensor, transposingLeft: Bool = false, transposingRight: Bool = false
) -> Tensor {
  precondition(a.rank >= 2 && b.rank >= 2, "matmul: shapes \(a.shape) and \(b.shape) need two axes or more")
  let (m, k) = transposingLeft ? (a.shape[-1], a.shape[-2]) : (a.shape[-2], a.shape[-1])
  let (depth, n) = transposingRight ? (b.shape[-1], b.shape[-2]) : (b.shape[-2], b.shape[-1])
  let outer = a.rank - 2
  precondition(
    k == depth && (b.rank == 2 || (b.rank == a.rank && (0..<outer).allSatisfy { a.shape[$0] == b.shape[$0] })),
    "matmul: shapes \(a.shape)\(transposingLeft ? " transposed" : "") and \(b.shape)\(transposingRight ? " transposed" : "") do not fit"
  )
  var shape = a.shape
  shape[-2] = m
  shape[-1] = n
  let result = Tensor(uninitialized: shape)
  let blocks = kernels.matmul
  let left = a.widened, right = b.rightSide(of: blocks, transposed: transposingRight)
  var problem = MatmulProblem(
    blocks, left.source, transposed: transposingLeft, stride: a.shape[-1], right, transposed: transposingRight,
    result.target,
    rows: m, columns: n, depth: k)
  let count = a.shape.product(0..<outer)
  if b.rank == 2 && !transposingLeft {
    problem.rows = m * count
    problem.run()
  } else if count == 1 {
    problem.run()
  } else if count > 0 {
    runBatch(problem, count: count, rightIsShared: b.rank == 2)
  }
  withExtendedLifetime((left, right)) {}
  return result.recorded(
    a, b,
    .matmul(Operand(a), Operand(b), transposingLeft: transposingLeft, transposingRight: transposingRight))
}

private func runBatch(_ problem: MatmulProblem, count: Int, rightIsShared: Bool) {
  let (m, n, k) = (problem.rows, problem.columns, problem.depth)
  let packedStep = problem.leftLayout == .rowMajor ? 0 : problem.paddedRows * k
  // Large ones are cut up themselves, and those for tile registers. So are few rows of great depth: packed whole, they are padded to many times their
  // size, for every thread.
  let isTiled = problem.blocks.tiles != nil && problem.paysInTiles
  if isTiled || m * n * k >= 1 << 24 || m * n * k == 0 || packedStep > 1 << 20 {
    for index in 0..<count {
      var one = problem
      one.left += index * m * k
      one.right += problem.rightFormat.byteCount(of: rightIsShared ? 0 : index * k * n)
      one.c += index * m * n
      one.run()
    }
    return
  }
  let panelStep = min(k, problem.blocks.depthBlock) * problem.blocks.panelWidth
  let threads = Crew.shared.threads
  let scratch = Pool.shared.take(threads * (packedStep + panelStep) * 4)
  let work = BatchedMatmulWork(
    first: problem, leftStep: m * k, rightStep: rightIsShared ? 0 : k * n, cStep: m * n,
    packed: scratch.target,
    packedStep: packedStep, panel: scratch.target + threads * packedStep, panelStep: panelStep,
    count: count)
  runInParallel(work, tasks: count, threads: threads)
  withExtendedLifetime(scratch) {}
}

/// A linear map of the innermost axis: `x @ weight + bias`, then the activation.
///
/// `x` is `[..., in]`, `weight` is `[in, out]`, or `[out, in]` where transposed (as Hugging Face keeps it), `bias` is
/// `[out]`. The weight may be kept in any format and is read as it lies.
public func linear(
  _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, transposingWeight: Bool = false,
  activation: UnaryFunction? = nil
) -> Tensor {
  let (inner, outer) =
    weight.rank == 2
    ? (transposingWeight ? (weight.shape[1], weight.shape[0]) : (weight.shape[0], weight.shape[1])) : (-1, -1)
  precondition(
    x.rank >= 1 && x.shape[-1] == inner && (bias.map { $0.shape == Shape(outer) } ?? true),
    "linear: x \(x.shape), weight \(weight.shape)\(transposingWeight ? " transposed" : ""), bias \(bias?.shape.description ?? "none") do not fit"
  )
  var shape = x.shape
  shape[-1] = outer
  let isRecorded = x.trace != nil || weight.trace != nil || bias?.trace != nil
  let result = Tensor(uninitialized: shape)
  let blocks = kernels.matmul
  let left = x.widened, offsets = bias?.widened, right = weight.rightSide(of: blocks, transposed: transposingWeight)
  var problem = MatmulProblem(
    blocks, left.source, transposed: false, stride: inner, right, transposed: transposingWeight, result.target,
    rows: x.shape.rowCount, columns: outer, depth: inner)
  (problem.bias, problem.activation) = (offsets?.source, isRecorded ? nil : activation)
  problem.run()
  withExtendedLifetime((left, offsets, right)) {}
  guard isRecorded else { return result }
  let output = result.recorded(
    x, weight, bias,
    .linear(
      input: Operand(x), weight: Operand(weight), bias: bias.map(Link.init), transposingWeight: transposingWeight))
  // On a tape the activation is an operation of its own, with the same bits: its derivative needs its input.
  return activation.map { output.applying($0) } ?? output
}
