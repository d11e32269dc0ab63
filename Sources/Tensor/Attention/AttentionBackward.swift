import Kernels

/// The gradients of fused attention: a task is one key-value head, of one batch row or, where the gradient of a bias
/// sums over the rows, of all in turn. Scores are computed again from the kept log-sum-exp, block by block.
struct AttentionBackwardWork: ScratchWork {
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
  let blocks: MatmulKernels

  var tasks: Int { (dBias == nil ? geometry.batch : 1) * geometry.keyValueHeadCount }

  var scratchCount: Int {
    var scratch = ScratchMemory.counting
    if let tiles = blocks.tiles, geometry.paysInTiles {
      _ = TiledGradients(head(0, 0), tiles, blocks, &scratch)
    } else {
      _ = VectorGradients(head(0, 0), blocks, &scratch)
    }
    _ = scratch.take(geometry.queryCount * geometry.groupSize)
    return scratch.count
  }

  func run(task: Int, _ scratch: inout ScratchMemory) {
    let (row, shared) = task.quotientAndRemainder(dividingBy: geometry.keyValueHeadCount)
    for row in dBias == nil ? row..<row + 1 : 0..<geometry.batch {
      var scratch = scratch
      let head = head(row, shared)
      if let tiles = blocks.tiles, geometry.paysInTiles {
        let products = TiledGradients(head, tiles, blocks, &scratch)
        add(head, shared, products, scratch.take(geometry.queryCount * geometry.groupSize))
      } else {
        let products = VectorGradients(head, blocks, &scratch)
        add(head, shared, products, scratch.take(geometry.queryCount * geometry.groupSize))
      }
    }
  }

  private func head(_ row: Int, _ shared: Int) -> KeyValueHead {
    let g = geometry, key = g.key.start(row: row, head: shared), value = g.value.start(row: row, head: shared)
    return KeyValueHead(
      geometry: g, row: row, key: self.key + key, value: self.value + value, dKey: dKey + key, dValue: dValue + value)
  }

  /// Adds the gradients of all queries that share a key-value head. `delta` is memory for a number of each query.
  private func add(_ head: KeyValueHead, _ shared: Int, _ products: some GradientProducts, _ delta: Target) {
    let g = geometry, d = g.headWidth, width = g.headCount * d, row = head.row, size = products.queriesPerBlock
    func outputStart(_ h: Int, _ query: Int) -> Int { (row * g.queryCount + query) * width + h * d }
    for member in 0..<g.groupSize {
      let h = shared * g.groupSize + member
      for t in 0..<g.queryCount {
        let at = outputStart(h, t)
        delta[member * g.queryCount + t] = kernels.dot(dOutput + at, output + at, d)
      }
    }
    let end = g.lastKept(row)
    for from in stride(from: 0, to: end, by: products.keysPerBlock) {
      let block = KeyBlock(geometry: g, row: row, keys: from..<min(end, from + products.keysPerBlock))
      products.pack(block)
      let last = g.lastSeeing(key: block.keys.upperBound - 1)
      for member in 0..<g.groupSize {
        let h = shared * g.groupSize + member
        for first in stride(from: g.firstSeeing(key: from) / size * size, to: last, by: size) {
          let count = min(size, last - first)
          let visible = min(block.keys.count, g.keyLimit(query: first + count - 1, row: row) - from)
          if visible <= 0 { continue }
          let start = g.query.start(row: row, head: h) + first * g.query.rowStride
          let queries = QueryBlock(
            count: count, visible: visible, query: query + start, dOutput: dOutput + outputStart(h, first),
            dQuery: dQuery + start)
          products.score(queries, block)
          for i in 0..<count {
            gradient(
              h, first + i, block, visible, delta[member * g.queryCount + first + i],
              products.probabilities + i * products.keysPerBlock, products.dScores + i * products.keysPerBlock)
          }
          products.add(queries, block)
        }
      }
      products.finish(block)
    }
  }

  /// Makes probabilities of a query's scores, and the scores' gradients of those of the probabilities; zeros for keys
  /// that it does not see.
  private func gradient(
    _ h: Int, _ query: Int, _ block: KeyBlock, _ visible: Int, _ delta: Float, _ p: Target, _ ds: Target
  ) {
    let g = geometry, row = block.row
    let seen = min(visible, max(0, g.keyLimit(query: query, row: row) - block.first))
    let hidden = g.hidden(query: query, row: row, from: block.first, seen: seen)
    let normalizer = logSumExp[(row * g.headCount + h) * g.queryCount + query]
    if hidden == seen || normalizer == -.infinity {
      p.update(repeating: 0, count: visible)
      ds.update(repeating: 0, count: visible)
      return
    }
    let biasStart = g.biasStart(head: h, query: query, firstKey: block.first)
    if let bias { addBias(bias + biasStart, to: p, seen, scale: g.scale) }
    p.update(repeating: -.infinity, count: hidden)
    g.maskPadding(p, row: row, firstKey: block.first, count: seen)
    // The gradient of a bias is that of the scaled scores.
    kernels.attendGradient(p, bias == nil ? g.scale : 1, normalizer, ds, delta, dBias == nil ? g.scale : 1, seen)
    if let dBias {
      kernels.addScaled(1, ds, dBias + biasStart, seen)
      kernels.binaryScalar(.multiply, ds, g.scale, ds, seen)
    }
    (p + seen).update(repeating: 0, count: visible - seen)
    (ds + seen).update(repeating: 0, count: visible - seen)
  }
}
