import Kernels

/// The five products of the gradients of attention for one key-value head: with vectors, or in tile registers.
protocol GradientProducts {
  var queriesPerBlock: Int { get }
  var keysPerBlock: Int { get }
  /// Scores of a block of queries and keys, then their probabilities, `[queries, keysPerBlock]`.
  var probabilities: Target { get }
  /// The gradients of the probabilities, then of the scores, as they lie.
  var dScores: Target { get }
  /// Packs a block of keys and their values.
  func pack(_ block: KeyBlock)
  /// `probabilities = queries * keys^T` and `dScores = dOutput * values^T`, for the keys that are visible.
  func score(_ queries: QueryBlock, _ block: KeyBlock)
  /// `dValue += probabilities^T * dOutput`, `dKey += dScores^T * queries` and `dQuery += dScores * keys`; the first two
  /// need not be there before `finish`.
  func add(_ queries: QueryBlock, _ block: KeyBlock)
  /// After all queries that see a block.
  func finish(_ block: KeyBlock)
}

/// Where the first key and value of a head of one batch row lie, and their gradients.
struct KeyValueHead {
  let geometry: AttentionGeometry
  let row: Int
  let key: Source
  let value: Source
  let dKey: Target
  let dValue: Target
}

/// A block of queries of one head: where its first one lies, the gradient of its output, and its own.
struct QueryBlock {
  let count: Int
  /// Keys of a block that the last query sees, or another before it.
  let visible: Int
  let query: Source
  let dOutput: Source
  let dQuery: Target
}

/// Products with vectors: panels are packed whole, left matrices read where they lie.
struct VectorGradients: GradientProducts {
  private let head: KeyValueHead
  private let blocks: MatmulKernels
  private let keyColumns: Target
  private let valueColumns: Target
  private let keyRows: Target
  private let panel: Target
  let probabilities: Target
  let dScores: Target
  let queriesPerBlock = 64
  let keysPerBlock: Int

  init(_ head: KeyValueHead, _ blocks: MatmulKernels, _ scratch: inout ScratchMemory) {
    (self.head, self.blocks) = (head, blocks)
    keysPerBlock = 4 * blocks.panelWidth
    let keys = keysPerBlock, d = head.geometry.headWidth, queries = queriesPerBlock
    let wide = VectorGradients.wide(d, blocks)
    (keyColumns, valueColumns) = (scratch.take(keys * d), scratch.take(keys * d))
    (keyRows, panel) = (scratch.take(wide * keys), scratch.take(wide * queries))
    (probabilities, dScores) = (scratch.take(queries * keys), scratch.take(queries * keys))
  }

  /// The head's width in whole panels.
  private static func wide(_ d: Int, _ blocks: MatmulKernels) -> Int {
    (d + blocks.panelWidth - 1) / blocks.panelWidth * blocks.panelWidth
  }

  func pack(_ block: KeyBlock) {
    let g = head.geometry, d = g.headWidth, present = block.keys.count, width = blocks.panelWidth
    let key = head.key + block.first * g.key.rowStride, value = head.value + block.first * g.value.rowStride
    pack(.columnMajor, key, g.key.rowStride, present, d, keyColumns)
    pack(.columnMajor, value, g.value.rowStride, present, d, valueColumns)
    pack(.rowMajor, key, g.key.rowStride, d, present, keyRows)
    let padded = block.padded
    for index in 0..<(padded.isEmpty ? 0 : blocks.panelCount(of: present)) {
      let columns = blocks.panel(index, of: present)
      for j in padded where columns.contains(j) {
        let lane = valueColumns + (index * d * width + j - columns.lowerBound)
        for p in 0..<d { lane[p * width] = 0 }
      }
    }
    for j in padded {
      for panel in 0..<VectorGradients.wide(d, blocks) / width {
        (keyRows + (panel * present + j) * width).update(repeating: 0, count: width)
      }
    }
  }

  func score(_ queries: QueryBlock, _ block: KeyBlock) {
    let g = head.geometry, d = g.headWidth, present = block.keys.count
    let left = blocks.rowMajor(queries.query, stride: g.query.rowStride)
    product(left, queries.count, keyColumns, present, d, probabilities, keysPerBlock, adding: false)
    let gradients = blocks.rowMajor(queries.dOutput, stride: g.headCount * d)
    product(gradients, queries.count, valueColumns, present, d, dScores, keysPerBlock, adding: false)
  }

  func add(_ queries: QueryBlock, _ block: KeyBlock) {
    let g = head.geometry, d = g.headWidth, count = queries.count, visible = queries.visible
    pack(.rowMajor, queries.dOutput, g.headCount * d, d, count, panel)
    product(
      blocks.columnMajor(probabilities, stride: keysPerBlock), visible, panel, d, count,
      head.dValue + block.first * g.value.rowStride, g.value.rowStride, adding: true)
    pack(.rowMajor, queries.query, g.query.rowStride, d, count, panel)
    product(
      blocks.columnMajor(dScores, stride: keysPerBlock), visible, panel, d, count,
      head.dKey + block.first * g.key.rowStride, g.key.rowStride, adding: true)
    for index in 0..<blocks.panelCount(of: d) {
      let columns = blocks.panel(index, of: d)
      blocks.multiply(
        blocks.rowMajor(dScores, stride: keysPerBlock), count,
        blocks.packed(keyRows + index * blocks.panelWidth * block.keys.count), columns.count, visible,
        queries.dQuery + columns.lowerBound, g.query.rowStride, true)
    }
  }

  func finish(_ block: KeyBlock) {}

  /// Multiplies rows by all panels of a right matrix, into `c`.
  private func product(
    _ left: LeftRows, _ rows: Int, _ right: Target, _ columns: Int, _ depth: Int, _ c: Target, _ stride: Int,
    adding: Bool
  ) {
    for index in 0..<blocks.panelCount(of: columns) {
      let panel = blocks.panel(index, of: columns)
      blocks.multiply(
        left, rows, blocks.packed(right + index * blocks.panelWidth * depth), panel.count, depth,
        c + panel.lowerBound, stride, adding)
    }
  }

  /// Packs all panels of a right matrix.
  private func pack(
    _ layout: MatrixLayout, _ source: Source, _ stride: Int, _ columns: Int, _ depth: Int, _ target: Target
  ) {
    for index in 0..<blocks.panelCount(of: columns) {
      let panel = blocks.panel(index, of: columns)
      blocks.packRight(
        .float32, layout, UnsafeRawPointer(source), panel.lowerBound * (layout == .rowMajor ? 1 : stride), stride,
        panel.count, depth, blocks.panelWidth, target + index * blocks.panelWidth * depth)
    }
  }
}

/// Products in tile registers: all operands are packed as parts.
struct TiledGradients: GradientProducts {
  private let head: KeyValueHead
  private let tiles: TileKernels
  private let blocks: MatmulKernels
  /// Keys and values with zeros for those that are padded.
  private let keptKeys: Target
  private let keptValues: Target
  private let keyColumns: PackedBlocks
  private let valueColumns: PackedBlocks
  private let keyRows: PackedBlocks
  /// Strips of queries or of gradients of outputs, and panels of either.
  private let strips: PackedBlocks
  private let panels: PackedBlocks
  /// Strips of probabilities or of gradients of scores: of keys, or in the same memory of queries.
  private let keyStrips: PackedBlocks
  private let queryStrips: PackedBlocks
  /// The gradients of a block's keys and values, side by side: where they belong, in a wide projection, each row is on a page of its own.
  private let dKeys: Target
  private let dValues: Target
  let probabilities: Target
  let dScores: Target
  static let queriesPerBlock = 128
  static let keysPerBlock = 256
  var queriesPerBlock: Int { TiledGradients.queriesPerBlock }
  var keysPerBlock: Int { TiledGradients.keysPerBlock }

  init(
    _ head: KeyValueHead, _ tiles: TileKernels, _ blocks: MatmulKernels, _ scratch: inout ScratchMemory
  ) {
    (self.head, self.tiles, self.blocks) = (head, tiles, blocks)
    let d = head.geometry.headWidth, keys = TiledGradients.keysPerBlock, queries = TiledGradients.queriesPerBlock
    let hasPadding = head.geometry.mask.hasPadding
    func blockCount(_ lines: Int) -> Int { TileKernels.blocks(of: lines) }
    func blockBytes(_ depth: Int) -> Int { TileKernels.stripBytes(depth: depth) }
    (keptKeys, keptValues) = (scratch.take(hasPadding ? keys * d : 0), scratch.take(hasPadding ? keys * d : 0))
    keyColumns = scratch.takeBlocks(blockCount(keys), blockBytes: blockBytes(d))
    valueColumns = scratch.takeBlocks(blockCount(keys), blockBytes: blockBytes(d))
    keyRows = scratch.takeBlocks(blockCount(d), blockBytes: blockBytes(keys))
    strips = scratch.takeBlocks(blockCount(queries), blockBytes: blockBytes(d))
    panels = scratch.takeBlocks(blockCount(d), blockBytes: blockBytes(queries))
    keyStrips = scratch.takeBlocks(blockCount(keys), blockBytes: blockBytes(queries))
    queryStrips = PackedBlocks(keyStrips.place, blockCount(queries), blockBytes: blockBytes(keys))
    (probabilities, dScores) = (scratch.take(queries * keys), scratch.take(queries * keys))
    (dKeys, dValues) = (scratch.take(keys * d), scratch.take(keys * d))
  }

  private func keys(_ block: KeyBlock, _ layout: MatrixLayout) -> TiledOperand {
    block.operand(head.key, stride: head.geometry.key.rowStride, withoutPadding: keptKeys, layout)
  }

  private func values(_ block: KeyBlock) -> TiledOperand {
    block.operand(head.value, stride: head.geometry.value.rowStride, withoutPadding: keptValues, .columnMajor)
  }

  func pack(_ block: KeyBlock) {
    let g = head.geometry, d = g.headWidth, count = block.keys.count
    block.copyWithoutPadding(head.key, stride: g.key.rowStride, to: keptKeys)
    block.copyWithoutPadding(head.value, stride: g.value.rowStride, to: keptValues)
    keys(block, .columnMajor).packRight(0..<count, depth: d, tiles, keyColumns)
    values(block).packRight(0..<count, depth: d, tiles, valueColumns)
    keys(block, .rowMajor).packRight(0..<d, depth: count, tiles, keyRows)
    dKeys.update(repeating: 0, count: count * d)
    dValues.update(repeating: 0, count: count * d)
  }

  func score(_ queries: QueryBlock, _ block: KeyBlock) {
    let g = head.geometry
    func score(_ left: Source, _ stride: Int, _ right: TiledOperand, _ panels: PackedBlocks, _ c: Target) {
      let product = TiledProduct(
        tiles: tiles, blocks: blocks, left: TiledOperand(source: left, layout: .rowMajor, stride: stride),
        right: right, c: c, cStride: keysPerBlock, depth: g.headWidth, accumulates: false)
      product.packLeft(0..<queries.count, strips)
      product.multiply(0..<queries.count, strips, 0..<queries.visible, panels)
    }
    score(queries.query, g.query.rowStride, keys(block, .columnMajor), keyColumns, probabilities)
    score(queries.dOutput, g.headCount * g.headWidth, values(block), valueColumns, dScores)
  }

  func add(_ queries: QueryBlock, _ block: KeyBlock) {
    let g = head.geometry, d = g.headWidth
    func addToKeys(_ left: Target, _ right: Source, _ rightStride: Int, _ c: Target) {
      let product = TiledProduct(
        tiles: tiles, blocks: blocks, left: TiledOperand(source: left, layout: .columnMajor, stride: keysPerBlock),
        right: TiledOperand(source: right, layout: .rowMajor, stride: rightStride), c: c, cStride: d,
        depth: queries.count, accumulates: true)
      product.packLeft(0..<queries.visible, keyStrips)
      product.packRight(0..<d, panels)
      product.multiply(0..<queries.visible, keyStrips, 0..<d, panels)
    }
    addToKeys(probabilities, queries.dOutput, g.headCount * d, dValues)
    addToKeys(dScores, queries.query, g.query.rowStride, dKeys)
    let product = TiledProduct(
      tiles: tiles, blocks: blocks, left: TiledOperand(source: dScores, layout: .rowMajor, stride: keysPerBlock),
      right: keys(block, .rowMajor), c: queries.dQuery, cStride: g.query.rowStride, depth: queries.visible,
      accumulates: true)
    product.packLeft(0..<queries.count, queryStrips)
    product.multiply(0..<queries.count, queryStrips, 0..<d, keyRows)
  }

  func finish(_ block: KeyBlock) {
    let g = head.geometry, d = g.headWidth
    for (j, key) in block.keys.enumerated() {
      kernels.addScaled(1, dKeys + j * d, head.dKey + key * g.key.rowStride, d)
      kernels.addScaled(1, dValues + j * d, head.dValue + key * g.value.rowStride, d)
    }
  }
}
