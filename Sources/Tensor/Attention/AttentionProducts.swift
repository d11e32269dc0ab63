import Kernels

/// The two products of attention for the queries of one head: with vectors, or in tile registers.
protocol AttentionProducts {
  /// Queries that meet a block of keys together begin at a multiple of this.
  var queryUnit: Int { get }
  /// How many meet it together at most.
  var queriesAtOnce: Int { get }
  /// The scores of such queries, then their probabilities: `[queries, keys of a block]`.
  var scores: Target { get }
  /// Packs the queries, as many as there are.
  func pack(queries: Int)
  /// Packs a block of keys and their values.
  func pack(_ block: KeyBlock)
  /// `scores = queries * keys^T`, for the first `visible` keys of the block.
  func score(_ queries: Range<Int>, _ block: KeyBlock, visible: Int)
  /// Makes probabilities of the scores: a step of the online softmax.
  func attend(_ queries: Range<Int>, visible: Int, scale: Float, _ softmax: OnlineSoftmax)
  /// `sums += scores * values` for the same; the sums are those of all queries.
  func addValues(_ queries: Range<Int>, _ block: KeyBlock, visible: Int, _ sums: Target)
}

/// Where the first query, key and value of one head of one batch row lie.
struct AttentionHead {
  let geometry: AttentionGeometry
  let query: Source
  let key: Source
  let value: Source
}

/// A block of keys of one batch row.
struct KeyBlock {
  let geometry: AttentionGeometry
  let row: Int
  let keys: Range<Int>

  var first: Int { keys.lowerBound }
  /// The padded ones, counted from the first.
  var padded: [Int] { geometry.padded(row: row, firstKey: first, count: keys.count) }
  /// How many are padded where those are the first; nil where others are.
  var leadingPadding: Int? { geometry.leadingPadding(row: row, firstKey: first, count: keys.count) }

  /// Copies the block's rows of keys or values side by side, zeros for the padded ones; nothing where none can be.
  func copyWithoutPadding(_ source: Source, stride: Int, to target: Target) {
    if !geometry.mask.hasPadding { return }
    let width = geometry.headWidth
    for (j, key) in keys.enumerated() { (target + j * width).update(from: source + key * stride, count: width) }
    for j in padded { (target + j * width).update(repeating: 0, count: width) }
  }

  /// The block's rows of keys or values, `stride` apart from `source` on; their copy where some may be padded.
  func operand(
    _ source: Source, stride: Int, withoutPadding copy: Target, _ layout: MatrixLayout
  ) -> TiledOperand {
    geometry.mask.hasPadding
      ? TiledOperand(source: copy, layout: layout, stride: geometry.headWidth)
      : TiledOperand(source: source, layout: layout, start: first * stride, stride: stride)
  }
}

/// Products with vectors: keys and values are packed panel by panel, for all queries at once.
struct VectorAttention: AttentionProducts {
  private let head: AttentionHead
  private let blocks: MatmulKernels
  private let panel: Target
  private let keysPerBlock: Int
  let scores: Target
  let queriesAtOnce: Int
  var queryUnit: Int { 8 }

  init(_ head: AttentionHead, _ blocks: MatmulKernels, queries: Int, _ scratch: inout ScratchMemory) {
    (self.head, self.blocks) = (head, blocks)
    keysPerBlock = AttentionForwardWork.keysPerBlock(blocks)
    queriesAtOnce = queries
    panel = scratch.take(max(keysPerBlock, head.geometry.headWidth) * blocks.panelWidth)
    scores = scratch.take(queries * keysPerBlock)
  }

  func pack(queries: Int) {}
  func pack(_ block: KeyBlock) {}

  func score(_ queries: Range<Int>, _ block: KeyBlock, visible: Int) {
    let g = head.geometry, stride = g.key.rowStride
    let left = blocks.rowMajor(head.query + queries.lowerBound * g.query.rowStride, stride: g.query.rowStride)
    for index in 0..<blocks.panelCount(of: visible) {
      let columns = blocks.panel(index, of: visible)
      blocks.packRight(
        .float32, .columnMajor, UnsafeRawPointer(head.key), (block.first + columns.lowerBound) * stride, stride,
        columns.count, g.headWidth, blocks.panelWidth, panel)
      blocks.multiply(
        left, queries.count, blocks.packed(panel), columns.count, g.headWidth, scores + columns.lowerBound,
        keysPerBlock, false)
    }
  }

  func attend(_ queries: Range<Int>, visible: Int, scale: Float, _ softmax: OnlineSoftmax) {
    softmax.attend(queries, scores, keysPerBlock, present: visible, scale: scale)
  }

  func addValues(_ queries: Range<Int>, _ block: KeyBlock, visible: Int, _ sums: Target) {
    let g = head.geometry, d = g.headWidth, width = blocks.panelWidth, padded = block.padded
    for index in 0..<blocks.panelCount(of: d) {
      let columns = blocks.panel(index, of: d)
      blocks.packRight(
        .float32, .rowMajor, UnsafeRawPointer(head.value), block.first * g.value.rowStride + columns.lowerBound,
        g.value.rowStride, columns.count, visible, width, panel)
      for j in padded where j < visible { (panel + j * width).update(repeating: 0, count: width) }
      blocks.multiply(
        blocks.rowMajor(scores, stride: keysPerBlock), queries.count, blocks.packed(panel), columns.count, visible,
        sums + queries.lowerBound * d + columns.lowerBound, d, true)
    }
  }
}

/// Products of one query: keys and values that are read once need no copy.
struct RowAttention: AttentionProducts {
  private let head: AttentionHead
  private let blocks: MatmulKernels
  private let others: VectorAttention
  private let products: Target
  var scores: Target { others.scores }
  var queriesAtOnce: Int { 1 }
  var queryUnit: Int { 1 }

  init(_ head: AttentionHead, _ blocks: MatmulKernels, _ scratch: inout ScratchMemory) {
    (self.head, self.blocks) = (head, blocks)
    others = VectorAttention(head, blocks, queries: 1, &scratch)
    products = scratch.take(head.geometry.headWidth)
  }

  func pack(queries: Int) {}
  func pack(_ block: KeyBlock) {}

  func score(_ queries: Range<Int>, _ block: KeyBlock, visible: Int) {
    let stride = head.geometry.key.rowStride
    blocks.multiplyRow(
      head.query, .float32, .columnMajor, UnsafeRawPointer(head.key), block.first * stride, stride, visible,
      head.geometry.headWidth, scores, nil)
  }

  func attend(_ queries: Range<Int>, visible: Int, scale: Float, _ softmax: OnlineSoftmax) {
    others.attend(queries, visible: visible, scale: scale, softmax)
  }

  func addValues(_ queries: Range<Int>, _ block: KeyBlock, visible: Int, _ sums: Target) {
    // Values between padded ones cannot be left out of one run over all.
    guard let padding = block.leadingPadding else {
      others.addValues(queries, block, visible: visible, sums)
      return
    }
    let stride = head.geometry.value.rowStride
    blocks.multiplyRow(
      scores + padding, .float32, .rowMajor, UnsafeRawPointer(head.value), (block.first + padding) * stride, stride,
      head.geometry.headWidth, visible - padding, sums, products)
  }
}

/// Products in tile registers: a strip of queries at a time, so that its scores stay in the nearest caches. Keys and
/// values are packed once for all strips.
struct TiledAttention: AttentionProducts {
  private let head: AttentionHead
  private let tiles: TileKernels
  private let blocks: MatmulKernels
  private let keysPerBlock: Int
  private let queryStrips: PackedBlocks
  private let keyPanels: PackedBlocks
  private let valuePanels: PackedBlocks
  private let probabilities: PackedBlocks
  /// Keys and values with zeros for those that are padded.
  private let keptKeys: Target
  private let keptValues: Target
  let scores: Target
  var queriesAtOnce: Int { TileKernels.side }
  var queryUnit: Int { TileKernels.side }

  init(
    _ head: AttentionHead, _ tiles: TileKernels, _ blocks: MatmulKernels, queries: Int,
    _ scratch: inout ScratchMemory
  ) {
    (self.head, self.tiles, self.blocks) = (head, tiles, blocks)
    let d = head.geometry.headWidth, keys = AttentionForwardWork.keysPerBlock(blocks), side = TileKernels.side
    keysPerBlock = keys
    let acrossWidth = TileKernels.stripBytes(depth: d), acrossKeys = TileKernels.stripBytes(depth: keys)
    queryStrips = scratch.takeBlocks(TileKernels.blocks(of: queries), blockBytes: acrossWidth)
    keyPanels = scratch.takeBlocks(TileKernels.blocks(of: keys), blockBytes: acrossWidth)
    valuePanels = scratch.takeBlocks(TileKernels.blocks(of: d), blockBytes: acrossKeys)
    probabilities = scratch.takeBlocks(1, blockBytes: acrossKeys)
    let copied = head.geometry.mask.hasPadding ? keys * d : 0
    (keptKeys, keptValues) = (scratch.take(copied), scratch.take(copied))
    scores = scratch.take(side * keys)
  }

  private var queries: TiledOperand {
    TiledOperand(source: head.query, layout: .rowMajor, stride: head.geometry.query.rowStride)
  }

  private func keys(_ block: KeyBlock) -> TiledOperand {
    block.operand(head.key, stride: head.geometry.key.rowStride, withoutPadding: keptKeys, .columnMajor)
  }

  private func values(_ block: KeyBlock) -> TiledOperand {
    block.operand(head.value, stride: head.geometry.value.rowStride, withoutPadding: keptValues, .rowMajor)
  }

  func pack(queries count: Int) {
    queries.packLeft(0..<count, depth: head.geometry.headWidth, tiles, queryStrips)
  }

  func pack(_ block: KeyBlock) {
    let d = head.geometry.headWidth, count = block.keys.count
    block.copyWithoutPadding(head.key, stride: head.geometry.key.rowStride, to: keptKeys)
    block.copyWithoutPadding(head.value, stride: head.geometry.value.rowStride, to: keptValues)
    keys(block).packRight(0..<count, depth: d, tiles, keyPanels)
    values(block).packRight(0..<d, depth: count, tiles, valuePanels)
  }

  func score(_ queries: Range<Int>, _ block: KeyBlock, visible: Int) {
    let product = TiledProduct(
      tiles: tiles, blocks: blocks, left: self.queries, right: keys(block),
      c: scores - queries.lowerBound * keysPerBlock, cStride: keysPerBlock, depth: head.geometry.headWidth,
      accumulates: false)
    let strip = queryStrips.from(queries.lowerBound / TileKernels.side)
    product.multiply(queries, strip, 0..<visible, keyPanels)
  }

  func attend(_ queries: Range<Int>, visible: Int, scale: Float, _ softmax: OnlineSoftmax) {
    softmax.attend(queries, scores, keysPerBlock, present: visible, scale: scale, tiles, probabilities)
  }

  func addValues(_ queries: Range<Int>, _ block: KeyBlock, visible: Int, _ sums: Target) {
    let d = head.geometry.headWidth
    let product = TiledProduct(
      tiles: tiles, blocks: blocks, left: TiledOperand(source: scores, layout: .rowMajor, stride: keysPerBlock),
      right: values(block), c: sums + queries.lowerBound * d, cStride: d, depth: visible, accumulates: true)
    product.multiply(0..<queries.count, probabilities, 0..<d, valuePanels)
  }
}
