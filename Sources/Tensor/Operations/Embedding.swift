import Kernels

private struct GatherWork: ParallelWork {
  let table: UnsafeRawPointer
  let format: StorageFormat
  let ids: UnsafePointer<Int32>
  let y: Target
  let count: Int
  let width: Int
  /// Where the table is packed for its scores: the rows of a panel.
  let panelWidth: Int?

  func run(task: Int, worker: Int) {
    let perTask = rowsPerTask(width: width), first = task * perTask
    for i in first..<min(first + perTask, count) {
      if let panelWidth {
        let id = Int(ids[i])
        let start = id / panelWidth * width * panelWidth + id % panelWidth
        unpack(table + format.byteCount(of: start), step: panelWidth, y + i * width)
        continue
      }
      let row = table + format.byteCount(of: Int(ids[i]) * width)
      if format == .float32 {
        (y + i * width).update(from: row.assumingMemoryBound(to: Float.self), count: width)
      } else {
        kernels.widen(format, row, y + i * width, width)
      }
    }
  }
}

extension GatherWork {
  /// One row whose elements lie `step` apart.
  private func unpack(_ row: UnsafeRawPointer, step: Int, _ y: Target) {
    if format == .float32 {
      let row = row.assumingMemoryBound(to: Float.self)
      for p in 0..<width { y[p] = row[p * step] }
      return
    }
    let bits = row.assumingMemoryBound(to: UInt16.self)
    withUnsafeTemporaryAllocation(of: UInt16.self, capacity: width) { scratch in
      guard let start = scratch.baseAddress else { return }
      for p in 0..<width { start[p] = bits[p * step] }
      kernels.widen(format, start, y, width)
    }
  }
}

/// Adds rows to the rows of a table: a task owns a range of columns, so the order of the sums is that of the ids.
private struct ScatterWork: ParallelWork {
  let dy: Source
  let ids: UnsafePointer<Int32>
  let table: Target
  let count: Int
  let width: Int
  static let columns = 64

  func run(task: Int, worker: Int) {
    let column = task * ScatterWork.columns, columns = min(ScatterWork.columns, width - column)
    for i in 0..<count {
      kernels.addScaled(1, dy + i * width + column, table + Int(ids[i]) * width + column, columns)
    }
  }
}

extension Tensor {
  /// Rows of this table `[rows, width]`: row `ids[i]` for each `i`.
  ///
  /// Ids are the caller's to check: one outside the table stops the program.
  /// - Returns: `[ids.count, width]`, Float32 whatever the table's format.
  public func rows(at ids: [Int32]) -> Tensor {
    precondition(rank == 2, "rows(at:): the table's shape is \(shape)")
    let rows = shape[0], width = shape[1]
    precondition(
      ids.allSatisfy { $0 >= 0 && Int($0) < rows },
      "rows(at:): ids from \(ids.min() ?? 0) to \(ids.max() ?? 0) in a table \(shape)")
    let result = Tensor(uninitialized: Shape(ids.count, width)), perTask = rowsPerTask(width: width)
    var table = self
    var panelWidth: Int?
    switch arrangement {
    case .panels(let width, transposed: true): panelWidth = width
    case .panels, .rowMajor: table = rowMajor
    }
    ids.withUnsafeBufferPointer { ids in
      guard let base = ids.baseAddress else { return }
      runInParallel(
        GatherWork(
          table: table.rawSource, format: format, ids: base, y: result.target, count: ids.count, width: width,
          panelWidth: panelWidth), tasks: (ids.count + perTask - 1) / perTask)
    }
    withExtendedLifetime(table) {}
    return result.recorded(self, .embedding(Link(self), ids: ids))
  }

  /// Adds row `i` of `dy` to row `ids[i]` of this table, in place: the pullback of `rows(at:)`.
  ///
  /// The table is Float32, `[rows, width]`; `dy` is Float32, `[ids.count, width]`.
  package mutating func addRows(_ dy: Tensor, at ids: [Int32]) {
    precondition(
      rank == 2 && format == .float32 && dy.format == .float32 && dy.shape == Shape(ids.count, shape[1]),
      "addRows: rows \(dy.shape) as \(dy.format) at \(ids.count) ids of a table \(shape) as \(format)")
    precondition(
      ids.allSatisfy { $0 >= 0 && Int($0) < shape[0] },
      "addRows: ids from \(ids.min() ?? 0) to \(ids.max() ?? 0) in a table \(shape)")
    makeExclusive()
    let width = shape[1]
    ids.withUnsafeBufferPointer { ids in
      guard let base = ids.baseAddress else { return }
      runInParallel(
        ScatterWork(dy: dy.source, ids: base, table: target, count: ids.count, width: width),
        tasks: (width + ScatterWork.columns - 1) / ScatterWork.columns)
    }
    withExtendedLifetime(dy) {}
  }
}

// MARK: - Rotary positions

private struct RotateWork: ParallelWork {
  let x: Source
  let cosines: Source
  let sines: Source
  let y: Target
  let rows: Int
  let time: Int
  let heads: Int
  let half: Int

  var perTask: Int { rowsPerTask(width: heads * 2 * half) }

  func run(task: Int, worker: Int) {
    let width = heads * 2 * half
    for row in task * perTask..<min((task + 1) * perTask, rows) {
      let angle = (row % time) * half
      kernels.rotateHalves(x + row * width, cosines + angle, sines + angle, y + row * width, heads, half)
    }
  }
}

extension Tensor {
  /// Rotates the pairs (i, i + headWidth / 2) of every head by the angle of its position (Su et al. 2021, in the
  /// half-split layout of Hugging Face).
  ///
  /// This tensor is `[batch, time, heads, headWidth]`; cosines and sines are `[time, headWidth / 2]` and constants.
  public func rotated(cosines: Tensor, sines: Tensor) -> Tensor {
    precondition(
      rank == 4 && shape[3] % 2 == 0 && cosines.shape == Shape(shape[1], shape[3] / 2)
        && sines.shape == cosines.shape,
      "rotated: x \(shape), cosines \(cosines.shape), sines \(sines.shape)")
    precondition(cosines.trace == nil && sines.trace == nil, "rotated: cosines and sines have no gradient")
    let x = widened, result = Tensor(uninitialized: shape)
    let work = RotateWork(
      x: x.source, cosines: cosines.source, sines: sines.source, y: result.target, rows: shape[0] * shape[1],
      time: shape[1], heads: shape[2], half: shape[3] / 2)
    runInParallel(work, tasks: (work.rows + work.perTask - 1) / work.perTask)
    withExtendedLifetime((x, cosines, sines)) {}
    return result.recorded(self, .rotate(Link(self), cosines: cosines, sines: sines))
  }
}

// MARK: - Dropout

extension Tensor {
  /// Sets each element to zero with `probability` and divides the others by what remains (Srivastava et al. 2014).
  ///
  /// Whether element `i` stays is a function of `random`'s key and `i`.
  public func dropout(probability: Float, random: Random) -> Tensor {
    precondition(0..<1 ~= probability, "dropout: a probability of \(probability)")
    if probability == 0 { return self }
    return withDropoutMask(probability, random)
      .recorded(self, .dropout(Link(self), probability: probability, random: random))
  }

  /// The elements that stay, scaled: the forward pass and the pullback of dropout alike.
  package func withDropoutMask(_ probability: Float, _ random: Random) -> Tensor {
    let x = widened, result = Tensor(uninitialized: shape), count = elementCount
    runInParallel(
      DropoutWork(x: x.source, y: result.target, count: count, probability: probability, random: random),
      tasks: elementTasks(count))
    withExtendedLifetime(x) {}
    return result
  }
}

private struct DropoutWork: ParallelWork {
  let x: Source
  let y: Target
  let count: Int
  let probability: Float
  let random: Random

  func run(task: Int, worker: Int) {
    let scale = 1 / (1 - probability), threshold = UInt32(probability * 0x1p24)
    let range = elements(ofTask: task, count: count)
    var i = range.lowerBound
    while i < range.upperBound {
      let words = random.bits(UInt64(i >> 2))
      for lane in 0..<min(4, range.upperBound - i) {
        y[i + lane] = words[lane] >> 8 < threshold ? 0 : x[i + lane] * scale
      }
      i += 4
    }
  }
}
