import Foundation
import Kernels

/// Scaled dot-product attention with an online softmax (Milakov and Gimelshein 2018; Dao et al. 2022): a task is one
/// head and one block of queries, which meets the keys in blocks. The score matrix never exists as a whole.
///
/// Key blocks begin at fixed positions, so a query's bits depend neither on the queries beside it nor on (finite) keys
/// that it may not see.
struct AttentionForwardWork: ParallelWork {
  let geometry: AttentionGeometry
  let query: Source
  let key: Source
  let value: Source
  let bias: Source?
  let output: Target
  let logSumExp: Target
  let scratch: Target
  let blocks: MatmulKernels

  /// Queries of a task.
  let queriesPerBlock: Int
  /// Long blocks pack the keys less often; short ones make enough tasks for the threads.
  static func queriesPerBlock(_ g: AttentionGeometry, threads: Int) -> Int {
    g.batch * g.headCount * ((g.queryCount + 511) / 512) >= 4 * threads ? 512 : 256
  }
  var keysPerBlock: Int { AttentionForwardWork.keysPerBlock(blocks) }
  static func keysPerBlock(_ blocks: MatmulKernels) -> Int { 8 * blocks.panelWidth }
  var queryBlocks: Int {
    (geometry.queryCount + queriesPerBlock - 1) / queriesPerBlock
  }
  var tasks: Int { geometry.batch * geometry.headCount * queryBlocks }

  /// Floats of scratch memory for each worker: packed panel, scores, output, statistics.
  static func scratchCount(_ geometry: AttentionGeometry, _ blocks: MatmulKernels, queriesPerBlock: Int) -> Int {
    let keys = keysPerBlock(blocks), d = geometry.headWidth, q = min(queriesPerBlock, geometry.queryCount)
    return max(keys, d) * blocks.panelWidth + q * keys + q * d + 2 * q
  }

  func run(task: Int, worker: Int) {
    let g = geometry, d = g.headWidth, keys = keysPerBlock, panelWidth = blocks.panelWidth
    let (head, block) = task.quotientAndRemainder(dividingBy: queryBlocks)
    let (row, h) = head.quotientAndRemainder(dividingBy: g.headCount)
    let first = block * queriesPerBlock
    let count = min(queriesPerBlock, g.queryCount - first)
    var next = scratch + worker * AttentionForwardWork.scratchCount(g, blocks, queriesPerBlock: queriesPerBlock)
    func take(_ count: Int) -> Target {
      defer { next += count }
      return next
    }
    let q = min(queriesPerBlock, g.queryCount)
    let panel = take(max(keys, d) * panelWidth), scores = take(q * keys)
    let sums = take(q * d), largest = take(q), total = take(q)
    let queryStart =
      query + g.query.start + row * g.query.batchStride + first * g.query.rowStride
      + h * g.query.headStride
    let shared = h / g.groupSize
    let keyStart = g.key.start + row * g.key.batchStride + shared * g.key.headStride
    let valueStart = g.value.start + row * g.value.batchStride + shared * g.value.headStride
    sums.update(repeating: 0, count: count * d)
    largest.update(repeating: -.infinity, count: count)
    total.update(repeating: 0, count: count)

    let end = g.keyLimit(query: first + count - 1, row: row)
    // Blocks of keys before the first query's window, and before the row's first key, are left out.
    var from = g.firstKey(query: first, row: row) / keys * keys
    while from < end {
      let present = min(keys, end - from)
      // The queries before `start` see none of these keys.
      let start = max(0, g.firstSeeing(key: from) - first) / 8 * 8, seeing = count - start
      let queries = blocks.rowMajor(queryStart + start * g.query.rowStride, stride: g.query.rowStride)
      if g.queryCount == 1 {  // keys that are read once need no copy
        blocks.multiplyRow(
          queryStart, .float32, .columnMajor, UnsafeRawPointer(key), keyStart + from * g.key.rowStride,
          g.key.rowStride, present, d, scores, nil)
      } else {
        for index in 0..<blocks.panelCount(of: present) {
          let columns = blocks.panel(index, of: present)
          blocks.packRight(
            .float32, .columnMajor, UnsafeRawPointer(key), keyStart + (from + columns.lowerBound) * g.key.rowStride,
            g.key.rowStride, columns.count, d, panelWidth, panel)
          let c = scores + start * keys + columns.lowerBound
          blocks.multiply(queries, seeing, blocks.packed(panel), columns.count, d, c, keys, false)
        }
      }
      // Rows that see equally many keys go through the softmax together; biased scores are scaled before.
      let scale = bias == nil ? g.scale : 1
      var groupStart = start, groupSeen = 0
      func softmax(upTo end: Int) {
        kernels.attendRows(
          scores + groupStart * keys, keys, end - groupStart, groupSeen, present, scale, largest + groupStart,
          total + groupStart, sums + groupStart * d, d)
      }
      for i in start..<count {
        let s = scores + i * keys
        let seen = min(present, max(0, g.keyLimit(query: first + i, row: row) - from))
        if let bias {
          addBias(bias + g.biasStart(head: h, query: first + i, firstKey: from), to: s, seen, scale: g.scale)
        }
        let hidden = g.hidden(query: first + i, row: row, from: from, seen: seen)
        s.update(repeating: -.infinity, count: hidden)
        g.maskPadding(s, row: row, firstKey: from, count: seen)
        let used = hidden == seen ? 0 : seen
        if used != groupSeen {
          softmax(upTo: i)
          (groupStart, groupSeen) = (i, used)
        }
      }
      softmax(upTo: count)
      if g.queryCount == 1, let padding = g.leadingPadding(row: row, firstKey: from, count: present) {
        blocks.multiplyRow(
          scores + padding, .float32, .rowMajor, UnsafeRawPointer(value),
          valueStart + (from + padding) * g.value.rowStride, g.value.rowStride, d, present - padding, sums, panel)
        from += present
        continue
      }
      let padded = g.padded(row: row, firstKey: from, count: present)
      for index in 0..<blocks.panelCount(of: d) {
        let columns = blocks.panel(index, of: d)
        blocks.packRight(
          .float32, .rowMajor, UnsafeRawPointer(value), valueStart + from * g.value.rowStride + columns.lowerBound,
          g.value.rowStride, columns.count, present, panelWidth, panel)
        for j in padded { (panel + j * panelWidth).update(repeating: 0, count: panelWidth) }
        blocks.multiply(
          blocks.rowMajor(scores + start * keys, stride: keys), seeing, blocks.packed(panel), columns.count,
          present, sums + start * d + columns.lowerBound, d, true)
      }
      from += present
    }
    let width = g.headCount * d
    for i in 0..<count {
      let y = output + (row * g.queryCount + first + i) * width + h * d
      let factor = total[i] == 0 ? 0 : 1 / total[i]
      kernels.binaryScalar(.multiply, sums + i * d, factor, y, d)
      logSumExp[(row * g.headCount + h) * g.queryCount + first + i] = largest[i] + log(total[i])
    }
  }
}

/// Scores become scaled and biased: `scale * scores + bias`.
private func addBias(_ bias: Source, to scores: Target, _ count: Int, scale: Float) {
  if scale != 1 { kernels.binaryScalar(.multiply, scores, scale, scores, count) }
  kernels.binary(.add, scores, bias, scores, count)
}

/// The gradients of fused attention: a task is one key-value head, of one batch row or, where the gradient of a bias
/// sums over the rows, of all in turn. Scores are computed again from the kept log-sum-exp, block by block.
struct AttentionBackwardWork: ParallelWork {
  let geometry: AttentionGeometry
  let query: Source
  let key: Source
  let value: Source
  let bias: Source?
  let output: Source
  let logSumExp: Source
  let dOutput: Source
  // Gradients lie as their operands do, and begin as zeros.
  let dQuery: Target
  let dKey: Target
  let dValue: Target
  let dBias: Target?
  let scratch: Target
  let blocks: MatmulKernels

  var tasks: Int { (dBias == nil ? geometry.batch : 1) * geometry.keyValueHeadCount }
  static let queriesPerBlock = 64
  static func keysPerBlock(_ blocks: MatmulKernels) -> Int { 4 * blocks.panelWidth }

  static func scratchCount(_ geometry: AttentionGeometry, _ blocks: MatmulKernels) -> Int {
    let keys = AttentionBackwardWork.keysPerBlock(blocks), d = geometry.headWidth, q = queriesPerBlock
    let keyPanels = (keys / blocks.panelWidth) * d * blocks.panelWidth
    let widePanels = (d + blocks.panelWidth - 1) / blocks.panelWidth * blocks.panelWidth
    return 2 * keyPanels + widePanels * keys + widePanels * q + 2 * q * keys
      + geometry.queryCount * geometry.groupSize
  }

  func run(task: Int, worker: Int) {
    let (row, shared) = task.quotientAndRemainder(dividingBy: geometry.keyValueHeadCount)
    for row in dBias == nil ? row..<row + 1 : 0..<geometry.batch { run(row: row, shared: shared, worker: worker) }
  }

  private func run(row: Int, shared: Int, worker: Int) {
    let g = geometry, d = g.headWidth, keys = AttentionBackwardWork.keysPerBlock(blocks)
    let panelWidth = blocks.panelWidth, q = AttentionBackwardWork.queriesPerBlock
    let keyPanels = (keys / panelWidth) * d * panelWidth
    let widePanels = (d + panelWidth - 1) / panelWidth * panelWidth
    var next = scratch + worker * AttentionBackwardWork.scratchCount(g, blocks)
    func take(_ count: Int) -> Target {
      defer { next += count }
      return next
    }
    let keyColumns = take(keyPanels), valueColumns = take(keyPanels), keyRows = take(widePanels * keys)
    let panel = take(widePanels * q), probabilities = take(q * keys), dScores = take(q * keys)
    let delta = take(g.queryCount * g.groupSize)
    let outputWidth = g.headCount * d

    /// Multiplies rows by all panels of a right matrix, into `c`.
    func product(
      _ left: LeftRows, _ rows: Int, _ right: Target, _ columns: Int, _ depth: Int, _ c: Target, _ stride: Int,
      adding: Bool
    ) {
      for index in 0..<blocks.panelCount(of: columns) {
        let panel = blocks.panel(index, of: columns)
        blocks.multiply(
          left, rows, blocks.packed(right + index * panelWidth * depth), panel.count, depth, c + panel.lowerBound,
          stride, adding)
      }
    }
    /// Packs all panels of a right matrix.
    func pack(_ layout: MatrixLayout, _ source: Source, _ stride: Int, _ columns: Int, _ depth: Int, _ to: Target) {
      for index in 0..<blocks.panelCount(of: columns) {
        let panel = blocks.panel(index, of: columns)
        blocks.packRight(
          .float32, layout, UnsafeRawPointer(source), panel.lowerBound * (layout == .rowMajor ? 1 : stride), stride,
          panel.count, depth, panelWidth, to + index * panelWidth * depth)
      }
    }

    for member in 0..<g.groupSize {
      let h = shared * g.groupSize + member
      for t in 0..<g.queryCount {
        let at = (row * g.queryCount + t) * outputWidth + h * d
        delta[member * g.queryCount + t] = kernels.dot(dOutput + at, output + at, d)
      }
    }
    let keyStart = g.key.start + row * g.key.batchStride + shared * g.key.headStride
    let valueStart = g.value.start + row * g.value.batchStride + shared * g.value.headStride
    let end = g.lastKept(row)
    var from = 0
    while from < end {
      let present = min(keys, end - from)
      let k = key + keyStart + from * g.key.rowStride, v = value + valueStart + from * g.value.rowStride
      pack(.columnMajor, k, g.key.rowStride, present, d, keyColumns)
      pack(.columnMajor, v, g.value.rowStride, present, d, valueColumns)
      pack(.rowMajor, k, g.key.rowStride, d, present, keyRows)
      let padded = g.padded(row: row, firstKey: from, count: present)
      for index in 0..<(padded.isEmpty ? 0 : blocks.panelCount(of: present)) {
        let columns = blocks.panel(index, of: present)
        for j in padded where columns.contains(j) {
          let lane = valueColumns + (index * d * panelWidth + j - columns.lowerBound)
          for p in 0..<d { lane[p * panelWidth] = 0 }
        }
      }
      for j in padded {
        for panel in 0..<widePanels / panelWidth {
          (keyRows + (panel * present + j) * panelWidth).update(repeating: 0, count: panelWidth)
        }
      }
      for member in 0..<g.groupSize {
        let h = shared * g.groupSize + member
        var first = g.firstSeeing(key: from) / q * q
        let last = g.lastSeeing(key: from + present - 1)
        while first < last {
          let count = min(q, last - first)
          let queryStart =
            g.query.start + row * g.query.batchStride + first * g.query.rowStride + h * g.query.headStride
          let outputStart = (row * g.queryCount + first) * outputWidth + h * d
          let queries = blocks.rowMajor(query + queryStart, stride: g.query.rowStride)
          product(queries, count, keyColumns, present, d, probabilities, keys, adding: false)
          let gradients = blocks.rowMajor(dOutput + outputStart, stride: outputWidth)
          product(gradients, count, valueColumns, present, d, dScores, keys, adding: false)
          for i in 0..<count {
            let p = probabilities + i * keys, ds = dScores + i * keys
            let seen = min(present, max(0, g.keyLimit(query: first + i, row: row) - from))
            let hidden = g.hidden(query: first + i, row: row, from: from, seen: seen)
            let normalizer = logSumExp[(row * g.headCount + h) * g.queryCount + first + i]
            if hidden == seen || normalizer == -.infinity {
              p.update(repeating: 0, count: present)
              ds.update(repeating: 0, count: present)
              continue
            }
            let biasStart = g.biasStart(head: h, query: first + i, firstKey: from)
            if let bias { addBias(bias + biasStart, to: p, seen, scale: g.scale) }
            p.update(repeating: -.infinity, count: hidden)
            g.maskPadding(p, row: row, firstKey: from, count: seen)
            _ = kernels.exponentials(p, bias == nil ? g.scale : 1, normalizer, p, seen)
            kernels.binaryScalar(.subtract, ds, delta[member * g.queryCount + first + i], ds, seen)
            kernels.binary(.multiply, ds, p, ds, seen)
            if let dBias { kernels.addScaled(1, ds, dBias + biasStart, seen) }
            kernels.binaryScalar(.multiply, ds, g.scale, ds, seen)
            (p + seen).update(repeating: 0, count: present - seen)
            (ds + seen).update(repeating: 0, count: present - seen)
          }
          // dValue += P^T dOutput
          pack(.rowMajor, dOutput + outputStart, outputWidth, d, count, panel)
          product(
            blocks.columnMajor(probabilities, stride: keys), present, panel, d, count,
            dValue + valueStart + from * g.value.rowStride, g.value.rowStride,
            adding: true)
          // dKey += dS^T Q
          pack(.rowMajor, query + queryStart, g.query.rowStride, d, count, panel)
          product(
            blocks.columnMajor(dScores, stride: keys), present, panel, d, count,
            dKey + keyStart + from * g.key.rowStride, g.key.rowStride,
            adding: true)
          // dQuery += dS K
          product(
            blocks.rowMajor(dScores, stride: keys), count, keyRows, d, present, dQuery + queryStart,
            g.query.rowStride, adding: true)
          first += count
        }
      }
      from += present
    }
  }
}
